//! dns-persist-01: draft-ietf-acme-dns-persist. A record that stays names the issuer and the account.

use chancery_acme::ProblemType;
use chancery_acme::port::{Attempt, AttemptFailed, Proof};
use time::OffsetDateTime;

use crate::dns_01::dns_name;
use crate::issue_value::IssueValue;
use crate::resolver::Resolver;
use crate::{final_failure, passing_failure};

/// Look for a record that speaks of this account.
pub(crate) async fn validate(
    resolver: &Resolver,
    attempt: &Attempt,
    now: OffsetDateTime,
) -> Result<Proof, AttemptFailed> {
    let owner = format!("_validation-persist.{}", dns_name(attempt)?);
    if attempt.issuer_domains.is_empty() {
        let detail = "dns-persist-01 needs an issuer domain name: the ACME profile has no caaIdentities";
        return Err(final_failure(ProblemType::ServerInternal, detail));
    }
    let texts = resolver
        .texts(&owner)
        .await
        .map_err(|why| passing_failure(ProblemType::Dns, format!("no TXT records of {owner}: {why}")))?;
    if texts.is_empty() {
        return Err(passing_failure(ProblemType::Dns, format!("{owner} has no TXT record")));
    }
    judge(&texts, attempt, now).map_err(|why| {
        let detail = format!("no TXT record of {owner} allows this account: {why}");
        passing_failure(ProblemType::IncorrectResponse, detail)
    })
}

/// The proof by the record that holds longest; or why none does.
pub(crate) fn judge(texts: &[Vec<u8>], attempt: &Attempt, now: OffsetDateTime) -> Result<Proof, &'static str> {
    let mut proof: Option<Proof> = None;
    let mut why = "none names an issuer domain name of this server";
    for text in texts {
        match read(text, attempt, now) {
            // No end is the longest.
            Ok(found) if proof.as_ref().is_none_or(|best| later(&found, best)) => proof = Some(found),
            Ok(_) | Err(None) => {}
            Err(Some(refusal)) => why = refusal,
        }
    }
    proof.ok_or(why)
}

fn later(one: &Proof, other: &Proof) -> bool {
    other.until.is_some_and(|other| one.until.is_none_or(|one| one > other))
}

/// One record; no reason is given for one that speaks to somebody else.
fn read(text: &[u8], attempt: &Attempt, now: OffsetDateTime) -> Result<Proof, Option<&'static str>> {
    let value = IssueValue::parse(text).map_err(|_| None)?;
    if !value.names(&attempt.issuer_domains) {
        return Err(None);
    }
    let once = |tag| value.parameter(tag).map_err(|_| Some("a parameter comes twice"));
    let account = once("accounturi")?.ok_or("accounturi is missing").map_err(Some)?;
    if account != attempt.account_url {
        return Err(Some("accounturi is another account's"));
    }
    // Another policy is as none.
    let wildcard = once("policy")?.is_some_and(|policy| policy.eq_ignore_ascii_case("wildcard"));
    if attempt.wildcard && !wildcard {
        return Err(Some("a wildcard needs policy=wildcard"));
    }
    let until = match once("persistuntil")? {
        None => None,
        Some(text) => {
            let digits = text.bytes().all(|octet| octet.is_ascii_digit());
            let seconds = text.parse().ok().filter(|_| digits);
            let until = seconds.and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
            Some(until.ok_or("persistUntil is no time in seconds since 1970").map_err(Some)?)
        }
    };
    if until.is_some_and(|until| until < now) {
        return Err(Some("persistUntil is over"));
    }
    Ok(Proof { until, wildcard, attested_key: None })
}

#[cfg(test)]
mod tests;
