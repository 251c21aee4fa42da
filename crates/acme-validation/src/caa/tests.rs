use chancery_acme::port::Validator;
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::rdata::{CAA, CNAME};
use hickory_resolver::proto::rr::{RData, RecordType};

use super::*;
use crate::testing::*;

fn record(critical: bool, tag: &str, value: &str) -> CaaRecord {
    CaaRecord { critical, tag: tag.to_owned(), value: value.as_bytes().to_vec() }
}

fn issue(value: &str) -> CaaRecord {
    record(false, "issue", value)
}

/// For `*.www.example.com` or `www.example.com`, over http-01.
fn verdict(wildcard: bool, records: &[CaaRecord]) -> Result<(), String> {
    judge(records, &CaaQuestion { wildcard, ..caa_question("www.example.com") })
}

#[test]
fn rfc8659_4_2_issue() {
    verdict(false, &[issue("ca.example")]).unwrap();
    verdict(false, &[issue("other.example"), issue("CA.EXAMPLE")]).unwrap();
    verdict(false, &[issue(";"), issue("ca.example; note=1")]).unwrap();
    verdict(false, &[record(false, "ISSUE", "ca.example")]).unwrap();
    verdict(true, &[issue("ca.example")]).unwrap();
    for value in ["other.example", ";", "", "ca.example.org", "example", "sub.ca.example"] {
        let refused = verdict(false, &[issue(value)]).unwrap_err();
        assert!(refused.contains("no issue property names ca.example"), "{value:?}: {refused}");
    }
    for value in ["ca_.example", "ca.example; x", "ca.example;;", "%%%"] {
        assert!(verdict(false, &[issue(value)]).unwrap_err().contains("understood"), "{value:?}");
    }
    let nobody = CaaQuestion { issuer_domains: Vec::new(), ..caa_question("www.example.com") };
    assert!(judge(&[issue("ca.example")], &nobody).unwrap_err().contains("no issuer domain name of its own"));
}

#[test]
fn rfc8659_4_3_issuewild() {
    let wild = |value| record(false, "issuewild", value);
    verdict(true, &[wild("ca.example"), issue("other.example")]).unwrap();
    verdict(false, &[wild("other.example"), issue("ca.example")]).unwrap();
    // Alone it restricts nothing but wildcards.
    verdict(false, &[wild(";")]).unwrap();
    assert!(verdict(true, &[wild(";")]).unwrap_err().contains("issuewild"));
    assert!(verdict(true, &[wild("other.example"), issue("ca.example")]).is_err());
    assert!(verdict(false, &[wild("ca.example"), issue("other.example")]).is_err());
}

#[test]
fn rfc8659_4_1_a_critical_property_must_be_known() {
    verdict(false, &[record(false, "tbs", "x")]).unwrap();
    verdict(false, &[record(true, "issue", "ca.example"), record(true, "iodef", "mailto:a@example")]).unwrap();
    let refused = verdict(false, &[issue("ca.example"), record(true, "tbs", "x")]).unwrap_err();
    assert!(refused.contains("critical"), "{refused}");
    // Properties that restrict nothing here.
    verdict(false, &[record(false, "iodef", "mailto:a@example"), record(false, "issuemail", ";")]).unwrap();
}

#[test]
fn rfc8657_3_accounturi() {
    verdict(false, &[issue(&format!("ca.example; accounturi={ACCOUNT}"))]).unwrap();
    verdict(false, &[issue(&format!("ca.example; AccountURI={ACCOUNT}"))]).unwrap();
    for value in [
        format!("ca.example; accounturi={ACCOUNT}2"),
        "ca.example; accounturi=".to_owned(),
        format!("ca.example; accounturi={}", ACCOUNT.to_ascii_uppercase()),
        format!("ca.example; accounturi={ACCOUNT}; accounturi={ACCOUNT}"),
    ] {
        assert!(verdict(false, &[issue(&value)]).unwrap_err().contains("accounturi"), "{value}");
    }
    // Any record that allows it is enough.
    verdict(false, &[issue("ca.example; accounturi=https://x"), issue("ca.example")]).unwrap();
}

#[test]
fn rfc8657_4_validationmethods() {
    verdict(false, &[issue("ca.example; validationmethods=http-01")]).unwrap();
    verdict(false, &[issue("ca.example; validationmethods=dns-01,http-01")]).unwrap();
    for value in ["dns-01", "", "HTTP-01", "http-011", "xhttp-01", "ca-x,dns-01"] {
        let refused = verdict(false, &[issue(&format!("ca.example; validationmethods={value}"))]).unwrap_err();
        assert!(refused.contains("validationmethods"), "{value}: {refused}");
    }
    let twice = "ca.example; validationmethods=http-01; validationmethods=http-01";
    assert!(verdict(false, &[issue(twice)]).is_err());
    let both = format!("ca.example; accounturi={ACCOUNT}; validationmethods=dns-01");
    assert!(verdict(false, &[issue(&both)]).unwrap_err().contains("validationmethods"));
}

fn caa(value: &str) -> RData {
    let mut caa = CAA::new_issue(false, None, Vec::new());
    caa.value = value.as_bytes().to_vec();
    RData::CAA(caa)
}

async fn asked(dns: &Dns, name: &str) -> Result<(), AttemptFailed> {
    prober(&config(dns)).caa(&caa_question(name)).await
}

#[tokio::test]
async fn rfc8659_3_the_tree_is_climbed_to_the_first_records() {
    let dns = Dns::start(|name, _, _| match name {
        "www.example.com" => Says::Data(Vec::new()),
        "example.com" => Says::Data(vec![caa("ca.example")]),
        "com" => Says::Data(vec![caa(";")]),
        "a.closed.org" => Says::Data(vec![caa("ca.example")]),
        "closed.org" => Says::Data(vec![caa("other.example")]),
        _ => no_name(),
    })
    .await;
    asked(&dns, "www.example.com").await.unwrap();
    assert_eq!(dns.asked("com", RecordType::CAA), 0);
    asked(&dns, "b.a.closed.org").await.unwrap();
    let failed = asked(&dns, "b.closed.org").await.unwrap_err();
    assert_eq!((failed.problem.kind, failed.worth_retrying), (ProblemType::Caa, false));
    assert!(failed.problem.detail.contains("records of closed.org"), "{}", failed.problem.detail);
    assert!(asked(&dns, "x.com").await.is_err());
    // Nowhere any: allowed. The root is not asked.
    asked(&dns, "www.example.net").await.unwrap();
    assert_eq!((dns.asked("net", RecordType::CAA), dns.asked("", RecordType::CAA)), (1, 0));
}

/// The tree of the name is climbed, not that of what it is an alias of.
#[tokio::test]
async fn rfc8659_3_aliases_are_followed_but_not_climbed() {
    let dns = Dns::start(|name, _, _| match name {
        "www.example.com" => Says::Of(vec![
            (name.to_owned(), RData::CNAME(CNAME(fqdn("host.other.org")))),
            ("host.other.org".to_owned(), caa("ca.example")),
        ]),
        "ftp.example.com" => Says::Of(vec![(name.to_owned(), RData::CNAME(CNAME(fqdn("bare.other.org"))))]),
        "other.org" => Says::Data(vec![caa("ca.example")]),
        "example.com" => Says::Data(vec![caa(";")]),
        _ => no_name(),
    })
    .await;
    asked(&dns, "www.example.com").await.unwrap();
    assert_eq!(asked(&dns, "ftp.example.com").await.unwrap_err().problem.kind, ProblemType::Caa);
}

/// What cannot be read may forbid.
#[tokio::test]
async fn rfc8659_5_a_question_without_an_answer_forbids() {
    for (says, at) in [
        ((|| Says::Code(ResponseCode::ServFail)) as fn() -> Says, "www.example.com"),
        (|| Says::Code(ResponseCode::Refused), "example.com"),
        (|| Says::Nothing, "example.com"),
    ] {
        let dns = Dns::start(move |name, _, _| if name == at { says() } else { no_name() }).await;
        let mut config = config(&dns);
        config.dns_timeout = std::time::Duration::from_millis(200);
        let failed = prober(&config).caa(&caa_question("www.example.com")).await.unwrap_err();
        assert_eq!((failed.problem.kind, failed.worth_retrying), (ProblemType::Dns, true), "{at}");
        assert!(failed.problem.detail.contains(at), "{}", failed.problem.detail);
    }
}
