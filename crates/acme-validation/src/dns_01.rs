//! dns-01 (RFC 8555 section 8.4) and dns-account-01 (draft-ietf-acme-dns-account-label).

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chancery_acme::port::{Attempt, AttemptFailed, Proof};
use chancery_acme::{Identifier, ProblemType};

use crate::resolver::Resolver;
use crate::{final_failure, passing_failure};

/// dns-01: at `_acme-challenge`.
pub(crate) async fn validate(resolver: &Resolver, attempt: &Attempt) -> Result<Proof, AttemptFailed> {
    let owner = format!("_acme-challenge.{}", dns_name(attempt)?);
    look(resolver, &owner, &attempt.key_authorization).await
}

/// dns-account-01: at a label of the account's own below it.
pub(crate) async fn validate_account(resolver: &Resolver, attempt: &Attempt) -> Result<Proof, AttemptFailed> {
    let owner = format!("_{}._acme-challenge.{}", account_label(&attempt.account_url), dns_name(attempt)?);
    look(resolver, &owner, &attempt.key_authorization).await
}

/// The name that a DNS challenge is about.
pub(crate) fn dns_name(attempt: &Attempt) -> Result<&str, AttemptFailed> {
    match &attempt.identifier {
        Identifier::Dns(name) => Ok(name),
        // RFC 8738 section 7.
        other => {
            let detail = format!("{} cannot prove an identifier of type {}", attempt.challenge, other.kind());
            Err(final_failure(ProblemType::UnsupportedIdentifier, detail))
        }
    }
}

async fn look(resolver: &Resolver, owner: &str, key_authorization: &str) -> Result<Proof, AttemptFailed> {
    let texts = resolver
        .texts(owner)
        .await
        .map_err(|why| passing_failure(ProblemType::Dns, format!("no TXT records of {owner}: {why}")))?;
    let expected = URL_SAFE_NO_PAD.encode(digest(&SHA256, key_authorization.as_bytes()));
    if texts.iter().any(|text| text == expected.as_bytes()) {
        return Ok(Proof::default());
    }
    // Records take their time to reach every server.
    Err(if texts.is_empty() {
        passing_failure(ProblemType::Dns, format!("{owner} has no TXT record: it should be {expected}"))
    } else {
        let count = texts.len();
        let detail = format!("none of the {count} TXT records of {owner} is {expected}");
        passing_failure(ProblemType::IncorrectResponse, detail)
    })
}

/// The first ten octets of the SHA-256 of the account's URL, in Base32 (RFC 4648 section 6), in lower case.
fn account_label(account_url: &str) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let hash = digest(&SHA256, account_url.as_bytes());
    let bits = hash.as_ref()[..10].iter().fold(0_u128, |bits, octet| bits << 8 | u128::from(*octet));
    (0..16).rev().map(|at| char::from(ALPHABET[(bits >> (5 * at) & 31) as usize])).collect()
}

#[cfg(test)]
mod tests;
