use std::sync::OnceLock;

use chancery_acme::port::{Attempt, CaaQuestion};
use chancery_acme::{ChallengeType, Identifier};
use hickory_resolver::proto::op::Message;
use hickory_resolver::proto::rr::RData;
use time::OffsetDateTime;

use crate::attest::{self, Asked, Roots};

const KEY_AUTHORIZATION: &str = "token.thumbprint";
const ACCOUNT: &str = "https://ca.example/acme/default/account/1";

/// What tls-alpn-01 says of a peer's certificate.
pub fn tls_alpn_certificate(der: &[u8]) {
    let identifiers = [Identifier::Dns("www.example.com".to_owned()), Identifier::Ip([192, 0, 2, 1].into())];
    for identifier in identifiers {
        let _ = crate::tls_alpn_01::check(der, &identifier, KEY_AUTHORIZATION);
    }
}

/// What the DNS challenges and CAA say of a resolver's answer.
pub fn dns_answer(message: &[u8]) {
    let Ok(message) = Message::from_vec(message) else { return };
    let records: Vec<RData> = message.answers.iter().map(|record| record.data.clone()).collect();
    let issuer_domains = vec!["ca.example".to_owned()];
    for wildcard in [false, true] {
        let question = CaaQuestion {
            name: "www.example.com".to_owned(),
            wildcard,
            issuer_domains: issuer_domains.clone(),
            account_url: ACCOUNT.to_owned(),
            method: ChallengeType::Dns01,
            resolver: None,
        };
        let _ = crate::caa::judge(&crate::resolver::caa_records(&records), &question);
        let attempt = Attempt {
            identifier: Identifier::Dns(question.name),
            wildcard,
            challenge: ChallengeType::DnsPersist01,
            token: "token".to_owned(),
            key_authorization: KEY_AUTHORIZATION.to_owned(),
            account_url: ACCOUNT.to_owned(),
            issuer_domains: issuer_domains.clone(),
            payload: None,
            resolver: None,
        };
        let texts = crate::resolver::texts(&records);
        let _ = crate::dns_persist_01::judge(&texts, &attempt, OffsetDateTime::UNIX_EPOCH);
    }
}

/// What device-attest-01 says of an attestation object.
pub fn attestation(object: &[u8]) {
    static ROOTS: OnceLock<Roots> = OnceLock::new();
    let roots = ROOTS.get_or_init(|| Roots::load(&attest::AttestationConfig::default()).expect("the built-in roots"));
    let asked = Asked { token: "token", key_authorization: KEY_AUTHORIZATION, now: OffsetDateTime::UNIX_EPOCH };
    assert!(attest::judge(roots, object, asked).is_err(), "nobody but the makers can make a good one");
}

/// What stands inside of attestations behind signatures that a fuzzer cannot make: the first octet says which part it is.
pub fn attestation_part(part: &[u8]) {
    if let Some((kind, part)) = part.split_first() {
        attest::fuzz_part(*kind, part, KEY_AUTHORIZATION);
    }
}
