//! Which settings of an ACME profile make sense.

use chancery_core::Rejection;
use url::Url;

use crate::{AcmeSettings, ChallengeType};

/// What a client is told to wait at most: some give up when it is longer.
const LONGEST_WAIT: u32 = 600;
const LONGEST_URL: usize = 2048;
const DAY: u32 = 86_400;

/// Every setting that does not make sense, with what would.
pub(super) fn faults(settings: &AcmeSettings) -> Vec<Rejection> {
    let mut faults = Vec::new();
    let mut fault = |setting: &str, why: String| faults.push(Rejection::State(format!("{setting}: {why}")));
    let urls = [
        ("termsOfService", &settings.terms_of_service),
        ("website", &settings.website),
        ("termsChangedUrl", &settings.terms_changed_url),
    ];
    for (setting, url) in urls {
        if let Some(why) = url.as_deref().and_then(wrong_url) {
            fault(setting, why);
        }
    }
    if settings.require_terms_agreement && settings.terms_of_service.is_none() {
        fault("requireTermsAgreement", "clients cannot agree to terms that termsOfService does not name".into());
    }
    if settings.terms_changed && settings.terms_of_service.is_none() && settings.terms_changed_url.is_none() {
        fault("termsChanged", "say in termsChangedUrl where the changed terms are agreed to".into());
    }
    if settings.challenges.is_empty() {
        fault("challenges", "without any, nothing can be proved: name at least one challenge type".into());
    }
    for identity in &settings.caa_identities {
        if let Some(why) = wrong_domain(identity) {
            fault("caaIdentities", why);
        }
    }
    let persist = settings.challenges.contains(&ChallengeType::DnsPersist01);
    if (settings.caa || persist) && settings.caa_identities.is_empty() {
        fault("caaIdentities", "CAA and dns-persist-01 need the domain name by which records name this CA".into());
    }
    if settings.resolver.is_some_and(|resolver| resolver.port() == 0) {
        fault("resolver", "port 0 is no port; DNS servers listen on 53".into());
    }
    let ranges = [
        ("orderLifetime", settings.order_lifetime, 60, 30 * DAY),
        ("authorizationLifetime", settings.authorization_lifetime, 60, 398 * DAY),
        ("retryAfter", settings.retry_after, 1, LONGEST_WAIT),
        ("mostIdentifiers", settings.most_identifiers, 1, 1_000),
        ("mostOpenOrders", settings.most_open_orders, 1, 1_000_000),
        ("mostPendingAuthorizations", settings.most_pending_authorizations, 1, 1_000_000),
        ("mostContacts", settings.most_contacts, u32::from(settings.require_contact), 100),
    ];
    for (setting, value, least, most) in ranges {
        if !(least..=most).contains(&value) {
            fault(setting, format!("{value} is not from {least} to {most}"));
        }
    }
    faults
}

fn wrong_url(text: &str) -> Option<String> {
    if text.len() > LONGEST_URL {
        return Some(format!("the URL has more than {LONGEST_URL} characters"));
    }
    match Url::parse(text) {
        Ok(url) if ["http", "https"].contains(&url.scheme()) && url.has_host() => None,
        Ok(_) => Some(format!("{text:?} is no http or https URL")),
        Err(why) => Some(format!("{text:?} is no URL: {why}")),
    }
}

/// RFC 8659 section 4.2: an issuer-domain-name.
fn wrong_domain(text: &str) -> Option<String> {
    // A pattern of one name takes exactly the names that a certificate can have.
    match format!("={text}").parse::<chancery_core::policy::DomainPattern>() {
        Ok(pattern) if pattern.contains(text) => None,
        Ok(_) => Some(format!("{text:?} is not in lower case")),
        Err(why) => Some(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(change: impl FnOnce(&mut AcmeSettings)) -> String {
        let mut settings = AcmeSettings::default();
        change(&mut settings);
        faults(&settings).iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn takes_the_defaults() {
        assert_eq!(told(|_| {}), "");
    }

    #[test]
    fn tells_every_setting_that_makes_no_sense() {
        assert_eq!(
            told(|s| {
                s.retry_after = 0;
                s.most_identifiers = 1_001;
            }),
            "retryAfter: 0 is not from 1 to 600; mostIdentifiers: 1001 is not from 1 to 1000"
        );
        for (change, setting) in [
            ((|s| s.website = Some("javascript:alert(1)".into())) as fn(&mut AcmeSettings), "website"),
            (|s| s.terms_of_service = Some("terms.html".into()), "termsOfService"),
            (|s| s.terms_changed_url = Some(format!("https://a.example/{}", "x".repeat(2048))), "termsChangedUrl"),
            (|s| s.require_terms_agreement = true, "requireTermsAgreement"),
            (|s| s.terms_changed = true, "termsChanged"),
            (|s| s.challenges.clear(), "challenges"),
            (|s| s.caa = true, "caaIdentities"),
            (|s| s.caa_identities = vec!["CA.example".into()], "caaIdentities"),
            (|s| s.caa_identities = vec!["*.example".into()], "caaIdentities"),
            (|s| s.challenges = [ChallengeType::DnsPersist01].into(), "caaIdentities"),
            (|s| s.resolver = Some(([192, 0, 2, 1], 0).into()), "resolver"),
            (|s| s.order_lifetime = 0, "orderLifetime"),
            (|s| s.authorization_lifetime = u32::MAX, "authorizationLifetime"),
            (|s| s.most_open_orders = 0, "mostOpenOrders"),
            (|s| s.most_pending_authorizations = 0, "mostPendingAuthorizations"),
            (
                |s| {
                    s.require_contact = true;
                    s.most_contacts = 0;
                },
                "mostContacts",
            ),
        ] {
            let mut settings = AcmeSettings::default();
            change(&mut settings);
            let faults = faults(&settings);
            assert_eq!(faults.len(), 1, "{setting}: {faults:?}");
            assert!(faults[0].to_string().starts_with(&format!("{setting}: ")), "{faults:?}");
        }
    }
}
