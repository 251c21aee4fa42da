use chancery_acme::port::{AttemptFailed, Proof, Validator};
use chancery_acme::{ChallengeType, ProblemType};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::rdata::CNAME;
use hickory_resolver::proto::rr::{RData, RecordType};

use super::account_label;
use crate::testing::*;

const NAME: &str = "www.example.com";
const OWNER: &str = "_acme-challenge.www.example.com";
/// The Base64url of the SHA-256 of [`KEY_AUTHORIZATION`].
const VALUE: &str = "lCM7cZyQXcVHK2nnW3jjAhNT3Fvm18UN-kWZZknKoYM";

async fn look(dns: &Dns, challenge: ChallengeType) -> Result<Proof, AttemptFailed> {
    prober(&config(dns)).validate(&attempt(challenge, NAME)).await
}

#[tokio::test]
async fn rfc8555_8_4_the_digest_is_found() {
    let dns = Dns::start(|name, kind, _| match (name, kind) {
        (OWNER, RecordType::TXT) => Says::Data(vec![text(&["another"]), text(&[&VALUE[..20], &VALUE[20..]])]),
        _ => no_name(),
    })
    .await;
    assert_eq!(look(&dns, ChallengeType::Dns01).await.unwrap(), Proof::default());
    // A wildcard is proved at the same name.
    let wildcard = chancery_acme::port::Attempt { wildcard: true, ..attempt(ChallengeType::Dns01, NAME) };
    prober(&config(&dns)).validate(&wildcard).await.unwrap();
    assert_eq!(dns.asked(OWNER, RecordType::TXT), 2);
}

#[tokio::test]
async fn rfc8555_8_4_aliases_are_followed() {
    // One resolver gives the whole chain, another only its first step.
    for whole in [true, false] {
        let dns = Dns::start(move |name, kind, _| {
            let alias = |to: &str| (name.to_owned(), RData::CNAME(CNAME(fqdn(to))));
            match (name, kind) {
                (OWNER, RecordType::TXT) if whole => {
                    Says::Of(vec![alias("x.auth.example"), ("x.auth.example".to_owned(), text(&[VALUE]))])
                }
                (OWNER, RecordType::TXT) => Says::Of(vec![alias("x.auth.example")]),
                ("x.auth.example", RecordType::TXT) => Says::Data(vec![text(&[VALUE])]),
                _ => no_name(),
            }
        })
        .await;
        look(&dns, ChallengeType::Dns01).await.unwrap();
    }
    let endless = Dns::start(|name, _, _| Says::Of(vec![(name.to_owned(), RData::CNAME(CNAME(fqdn(name))))])).await;
    assert!(look(&endless, ChallengeType::Dns01).await.is_err());
    let longer = Dns::start(|name, _, nth| {
        Says::Of(vec![(
            name.to_owned(),
            RData::CNAME(CNAME(fqdn(&format!("n{nth}.{}", name.replace("_acme-challenge.", ""))))),
        )])
    })
    .await;
    assert!(look(&longer, ChallengeType::Dns01).await.is_err());
}

#[tokio::test]
async fn an_answer_too_long_for_udp_comes_over_tcp() {
    let dns = Dns::start(|_, _, _| {
        let mut texts: Vec<RData> = (0..60).map(|number| text(&[&format!("{number:0>40}")])).collect();
        texts.push(text(&[VALUE]));
        Says::OverTcp(texts)
    })
    .await;
    look(&dns, ChallengeType::Dns01).await.unwrap();
}

#[tokio::test]
async fn what_is_not_there_may_come() {
    for (says, kind) in [
        ((|| no_name()) as fn() -> Says, ProblemType::Dns),
        (|| Says::Data(Vec::new()), ProblemType::Dns),
        (|| Says::Code(ResponseCode::ServFail), ProblemType::Dns),
        (
            || Says::Data(vec![text(&["wrong"]), text(&[&VALUE[1..]]), text(&[&format!("\"{VALUE}\"")])]),
            ProblemType::IncorrectResponse,
        ),
        (|| Says::Data(vec![text(&[&VALUE.to_ascii_lowercase()])]), ProblemType::IncorrectResponse),
    ] {
        let dns = Dns::start(move |_, _, _| says()).await;
        let failed = look(&dns, ChallengeType::Dns01).await.unwrap_err();
        assert_eq!((failed.problem.kind, failed.worth_retrying), (kind, true), "{}", failed.problem.detail);
        assert!(failed.problem.detail.contains(OWNER), "{}", failed.problem.detail);
        assert!(!failed.problem.detail.contains("wrong"));
    }
}

#[tokio::test]
async fn rfc8738_7_an_address_is_not_proved_by_dns() {
    let dns = Dns::start(|name, _, _| panic!("{name} was asked for")).await;
    for challenge in [ChallengeType::Dns01, ChallengeType::DnsAccount01, ChallengeType::DnsPersist01] {
        let failed = prober(&config(&dns)).validate(&attempt(challenge, "127.0.0.1")).await.unwrap_err();
        assert_eq!((failed.problem.kind, failed.worth_retrying), (ProblemType::UnsupportedIdentifier, false));
    }
}

/// The example of draft-ietf-acme-dns-account-label section 3.2.
#[test]
fn the_account_has_its_label() {
    assert_eq!(account_label("https://example.com/acme/acct/ExampleAccount"), "ujmmovf2vn55tgye");
}

#[tokio::test]
async fn dns_account_01_is_found_at_the_accounts_own_label() {
    let owner = format!("_{}.{OWNER}", account_label(ACCOUNT));
    let here = owner.clone();
    let dns =
        Dns::start(move |name, _, _| if name == owner { Says::Data(vec![text(&[VALUE])]) } else { no_name() }).await;
    look(&dns, ChallengeType::DnsAccount01).await.unwrap();
    assert_eq!((dns.asked(&here, RecordType::TXT), dns.asked(OWNER, RecordType::TXT)), (1, 0));
    // Another account's label proves nothing.
    let mut other = attempt(ChallengeType::DnsAccount01, NAME);
    other.account_url += "2";
    let failed = prober(&config(&dns)).validate(&other).await.unwrap_err();
    assert_eq!(failed.problem.kind, ProblemType::Dns);
}
