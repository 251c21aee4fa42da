//! Which settings of an EST profile make sense.

use chancery_core::Rejection;
use chancery_pki::Fingerprint;

use crate::endpoint::anchor_of;
use crate::{AnchorNames, EstSettings};

/// What a client is told to wait at most: some give up when it is longer.
const LONGEST_WAIT: u32 = 3_600;
/// For how long a request is known again at most.
const LONGEST_REPEAT: u32 = 30 * 86_400;
/// Most anchors of a profile.
const MOST_ANCHORS: usize = 100;

/// Every setting that does not make sense, with what would.
pub(super) fn faults(settings: &EstSettings) -> Vec<Rejection> {
    let mut faults = Vec::new();
    let mut fault = |setting: &str, why: String| faults.push(Rejection::State(format!("{setting}: {why}")));
    if !matches!(settings.line_length, 0 | 64 | 76) {
        fault("lineLength", format!("{} is neither 0 (one line) nor 64 nor 76", settings.line_length));
    }
    if !(1..=LONGEST_WAIT).contains(&settings.retry_after) {
        fault("retryAfter", format!("{} is not from 1 to {LONGEST_WAIT}", settings.retry_after));
    }
    if settings.repeat_for > LONGEST_REPEAT {
        fault("repeatFor", format!("{} is more than {LONGEST_REPEAT}", settings.repeat_for));
    }
    let by_certificate = settings.certificates || !settings.anchors.is_empty();
    if !by_certificate && !settings.takes_credentials() {
        fault("certificates", "with passwords, codes, tokens and certificates off nobody could enrol".into());
    }
    if settings.certificate_and_credential && !(by_certificate && settings.takes_credentials()) {
        fault("certificateAndCredential", "both are demanded, and one of them is switched off".into());
    }
    if settings.server_key_generation {
        fault("serverKeyGeneration", "keys made here are not built yet; leave it off".into());
    }
    for registrar in &settings.registrars {
        if Fingerprint::from_hex(registrar).is_err() {
            fault("registrars", format!("{registrar:?} is no SHA-256 fingerprint (64 hexadecimal digits)"));
        }
    }
    if settings.anchors.len() > MOST_ANCHORS {
        fault("anchors", format!("{} are more than {MOST_ANCHORS}", settings.anchors.len()));
    }
    for anchor in &settings.anchors {
        if let Err(why) = anchor_of(&anchor.certificate) {
            fault("anchors", format!("{:?}: certificate: {why}", anchor.name));
        }
        if let Err(why) = AnchorNames::parse(&anchor.names) {
            fault("anchors", format!("{:?}: names: {why}", anchor.name));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Anchor;

    fn told(change: impl FnOnce(&mut EstSettings)) -> String {
        let mut settings = EstSettings::default();
        change(&mut settings);
        faults(&settings).iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn takes_the_defaults() {
        assert_eq!(told(|_| {}), "");
        assert_eq!(told(|s| s.registrars = vec!["AB:".repeat(31) + "AB"]), "");
    }

    #[test]
    fn tells_every_setting_that_makes_no_sense() {
        let nobody = |s: &mut EstSettings| {
            (s.certificates, s.passwords, s.codes, s.tokens) = (false, false, false, false);
        };
        for (change, setting) in [
            ((|s| s.line_length = 60) as fn(&mut EstSettings), "lineLength"),
            (|s| s.retry_after = 0, "retryAfter"),
            (|s| s.repeat_for = u32::MAX, "repeatFor"),
            (nobody, "certificates"),
            (
                |s| {
                    s.certificate_and_credential = true;
                    s.certificates = false;
                },
                "certificateAndCredential",
            ),
            (|s| s.registrars = vec!["AB:CD".into()], "registrars"),
            (|s| s.server_key_generation = true, "serverKeyGeneration"),
        ] {
            let told = told(change);
            assert!(told.starts_with(&format!("{setting}: ")), "{setting}: {told}");
        }
        let wrong = Anchor { name: "maker".into(), certificate: "no PEM".into(), names: vec![] };
        let told = told(|s| s.anchors = vec![wrong]);
        assert!(told.contains("certificate: ") && told.contains("names: "), "{told}");
    }
}
