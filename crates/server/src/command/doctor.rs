//! `chancery doctor`: what is wrong with this installation, and how to mend it.

use chancery_core::port::AuthorityInstance;
use chancery_core::{Action, Error, Role};
use chancery_pki::Certificate;
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use super::{Asked, Failure};
use crate::instant;

/// A CA that ends sooner than this should have a successor in the making.
const CA_WARNING: Duration = Duration::days(90);
/// A clock may lag this far behind another node's entries in the trail.
const CLOCK_TOLERANCE: Duration = Duration::minutes(2);

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Grade {
    /// As it should be.
    Ok,
    /// It works now, and will not always, or not for everybody.
    Warning,
    /// It does not work.
    Wrong,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What was looked at.
    pub check: String,
    /// How bad.
    pub grade: Grade,
    /// What was found.
    pub found: String,
    /// How to mend it; empty when nothing is to be mended.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub mend: String,
}

/// Everything that was looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// In the order in which it was looked at.
    pub findings: Vec<Finding>,
}

impl Diagnosis {
    /// As it should be.
    pub fn ok(&mut self, check: &str, found: impl Into<String>) {
        self.add(check, Grade::Ok, found.into(), String::new());
    }

    /// It works now.
    pub fn warning(&mut self, check: &str, found: impl Into<String>, mend: impl Into<String>) {
        self.add(check, Grade::Warning, found.into(), mend.into());
    }

    /// It does not work.
    pub fn wrong(&mut self, check: &str, found: impl Into<String>, mend: impl Into<String>) {
        self.add(check, Grade::Wrong, found.into(), mend.into());
    }

    fn add(&mut self, check: &str, grade: Grade, found: String, mend: String) {
        self.findings.push(Finding { check: check.to_owned(), grade, found, mend });
    }

    /// Whether anything does not work.
    pub fn is_wrong(&self) -> bool {
        self.findings.iter().any(|finding| finding.grade == Grade::Wrong)
    }

    /// For people.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let width = self.findings.iter().map(|finding| finding.check.len()).max().unwrap_or(0);
        for Finding { check, grade, found, mend } in &self.findings {
            let word = match grade {
                Grade::Ok => "ok     ",
                Grade::Warning => "warning",
                Grade::Wrong => "WRONG  ",
            };
            text += &format!("{word}  {check:<width$}  {found}\n");
            if !mend.is_empty() {
                text += &format!("{:indent$}-> {mend}\n", "", indent = 11 + width);
            }
        }
        let count = |grade| self.findings.iter().filter(|finding| finding.grade == grade).count();
        text += &match (count(Grade::Wrong), count(Grade::Warning)) {
            (0, 0) => "nothing is wrong\n".to_owned(),
            (0, warnings) => format!("nothing is wrong, {warnings} to think of\n"),
            (wrong, warnings) => format!("{wrong} wrong, {warnings} to think of\n"),
        };
        text
    }
}

/// Look at everything that a node with open keys sees.
pub(super) async fn examine(asked: Asked<'_>) -> Result<Diagnosis, Failure> {
    if !asked.actor.may(Action::ReadAudit) {
        return Err(Failure::new("you may not look at the whole installation"));
    }
    let node = asked.node;
    let ports = node.ra.ports();
    let now = ports.clock.now();
    let mut diagnosis = Diagnosis::default();

    match node.ra.health().state().await {
        Ok(()) => diagnosis.ok("database", format!("{} answers and takes writes", node.database)),
        Err(unwell) => diagnosis.wrong(
            "database",
            format!("{}: {unwell}", node.database),
            "see that it runs, that its disk has room and that this user may write",
        ),
    }
    let latest = ports.audit.latest(1).await.map_err(|error| Failure::from(Error::from(error)))?;
    match latest.first().map(|entry| entry.time) {
        Some(last) if last > now + CLOCK_TOLERANCE => diagnosis.wrong(
            "clock",
            format!("it is {} here, and the trail has an entry of {}", instant(now), instant(last)),
            "set this machine's clock: what is signed now begins, ends and is revoked at wrong times",
        ),
        _ => diagnosis.ok("clock", format!("{}, not behind the trail", instant(now))),
    }
    for instance in ports.authority.instances() {
        authority(&mut diagnosis, &instance, now);
        crls(&mut diagnosis, asked, &instance, now);
    }
    profiles(&mut diagnosis, asked, now).await?;
    let tokens = ports.tokens.tokens().await.map_err(|error| Failure::from(Error::from(error)))?;
    let administrators = tokens.iter().filter(|token| token.role == Role::Administrator && token.is_valid(now)).count();
    if administrators == 0 {
        diagnosis.warning(
            "administrators",
            "no token of an administrator is valid",
            "`chancery token create --role administrator` makes one on this machine",
        );
    } else {
        diagnosis.ok("administrators", format!("{administrators} valid token(s)"));
    }
    for (check, key, url) in
        [("status address", "status_url", &node.status_url), ("base address", "base_url", &node.base_url)]
    {
        if crate::serve::is_loopback(url) {
            let mend = format!("set {key} to an address that clients reach, before certificates leave this machine");
            diagnosis.warning(check, format!("{url} is reachable from this machine alone"), mend);
        } else {
            diagnosis.ok(check, url.clone());
        }
    }
    Ok(diagnosis)
}

fn authority(diagnosis: &mut Diagnosis, instance: &AuthorityInstance, now: OffsetDateTime) {
    let check = format!("authority {}", instance.name);
    let mut good = true;
    for (_, certificate) in &instance.chain {
        let (subject, end) = (certificate.subject(), certificate.validity().not_after);
        if end <= now {
            good = false;
            diagnosis.wrong(
                &check,
                format!("the CA certificate {subject} ended on {}", instant(end)),
                "make a new authority with `chancery ca create` and give its root to the clients",
            );
        } else if end < now + CA_WARNING {
            good = false;
            diagnosis.warning(
                &check,
                format!("the CA certificate {subject} ends on {}", instant(end)),
                "make its successor now with `chancery ca create`, and move the RA profiles to it",
            );
        }
    }
    if good {
        let end = instance.issuer().1.validity().not_after;
        diagnosis.ok(&check, format!("{} until {}", instance.issuer().1.subject(), instant(end)));
    }
}

fn crls(diagnosis: &mut Diagnosis, asked: Asked<'_>, instance: &AuthorityInstance, now: OffsetDateTime) {
    let Some(authority) = &asked.node.authority else { return };
    let check = format!("CRL {}", instance.name);
    let (id, issuer) = instance.issuer();
    match authority.current_crl(*id) {
        Some(crl) if crl.next_update <= now => diagnosis.wrong(
            &check,
            format!("the newest list of {} was good until {}", issuer.subject(), instant(crl.next_update)),
            "have a server run on this installation: it makes the next one by itself",
        ),
        Some(crl) => diagnosis.ok(&check, format!("number {}, good until {}", crl.number, instant(crl.next_update))),
        None => diagnosis.warning(
            &check,
            format!("{} has no list yet", issuer.subject()),
            "have a server run on this installation: it makes the first one by itself",
        ),
    }
}

async fn profiles(diagnosis: &mut Diagnosis, asked: Asked<'_>, now: OffsetDateTime) -> Result<(), Failure> {
    let profiles = asked.node.ra.profiles(asked.actor, asked.origin).await?;
    let enabled: Vec<_> = profiles.iter().filter(|profile| profile.enabled).collect();
    if enabled.is_empty() {
        diagnosis.warning("RA profiles", "none is enabled", "`chancery profile enable NAME` enables one");
        return Ok(());
    }
    let mut good = true;
    for profile in &enabled {
        if ends_before_issuing(asked, profile.authority, now) {
            good = false;
            diagnosis.wrong(
                &format!("RA profile {}", profile.name),
                "its authority is not there, or its CA certificate has ended: it can issue nothing",
                "give it another authority, or disable it",
            );
        }
    }
    if good {
        let names: Vec<_> = enabled.iter().map(|profile| &*profile.name).collect();
        diagnosis.ok("RA profiles", format!("enabled: {}", names.join(", ")));
    }
    Ok(())
}

fn ends_before_issuing(asked: Asked<'_>, authority: uuid::Uuid, now: OffsetDateTime) -> bool {
    let ended = |certificate: &Certificate| certificate.validity().not_after <= now;
    asked.node.ra.ports().authority.instance(authority).is_none_or(|instance| ended(&instance.issuer().1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_and_how_to_mend_it_and_counts() {
        let mut diagnosis = Diagnosis::default();
        diagnosis.ok("clock", "right");
        assert!(diagnosis.text().ends_with("nothing is wrong\n"));
        diagnosis.warning("status address", "loopback", "set status_url");
        assert!(!diagnosis.is_wrong());
        diagnosis.wrong("CRL default", "old", "run a server");
        assert!(diagnosis.is_wrong());
        assert_eq!(
            diagnosis.text(),
            "ok       clock           right\n\
             warning  status address  loopback\n                         -> set status_url\n\
             WRONG    CRL default     old\n                         -> run a server\n\
             1 wrong, 1 to think of\n"
        );
    }
}
