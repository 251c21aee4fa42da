use chancery_acme::ChallengeType;
use chancery_acme::port::Validator;
use hickory_resolver::proto::op::ResponseCode;
use proptest::prelude::*;

use super::*;
use crate::testing::{ACCOUNT, Dns, Says, attempt, config, no_name, now, prober, text};

fn asked(wildcard: bool) -> Attempt {
    Attempt { wildcard, ..attempt(ChallengeType::DnsPersist01, "example.com") }
}

fn verdict(wildcard: bool, texts: &[&str]) -> Result<Proof, &'static str> {
    let texts: Vec<Vec<u8>> = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    judge(&texts, &asked(wildcard), now())
}

fn proof(until: Option<i64>, wildcard: bool) -> Result<Proof, &'static str> {
    let until = until.map(|seconds| OffsetDateTime::from_unix_timestamp(seconds).unwrap());
    Ok(Proof { until, wildcard, attested_key: None })
}

#[test]
fn a_record_for_the_account_is_a_proof() {
    let plain = format!("ca.example; accounturi={ACCOUNT}");
    assert_eq!(verdict(false, &[&plain]), proof(None, false));
    assert_eq!(verdict(false, &["v=spf1 -all", "other.example; accounturi=x", &plain]), proof(None, false));
    assert_eq!(verdict(false, &[&format!("CA.example;AccountURI={ACCOUNT};future=1")]), proof(None, false));
    let wildcard = format!("{plain}; policy=Wildcard");
    assert_eq!(verdict(false, &[&wildcard]), proof(None, true));
    assert_eq!(verdict(true, &[&wildcard]), proof(None, true));
    assert_eq!(verdict(false, &[&format!("{plain}; policy=other")]), proof(None, false));
}

#[test]
fn persist_until_ends_it() {
    let until = |seconds: i64| format!("ca.example; accounturi={ACCOUNT}; persistUntil={seconds}");
    let at = now().unix_timestamp();
    assert_eq!(verdict(false, &[&until(at)]), proof(Some(at), false));
    assert_eq!(verdict(false, &[&until(at - 1)]), Err("persistUntil is over"));
    // The record that holds longest counts, in whatever order.
    assert_eq!(verdict(false, &[&until(at + 5), &until(at + 9), &until(at + 7)]), proof(Some(at + 9), false));
    let endless = format!("ca.example; accounturi={ACCOUNT}");
    assert_eq!(verdict(false, &[&endless, &until(at + 9)]), proof(None, false));
    assert_eq!(verdict(false, &[&until(at + 9), &endless]), proof(None, false));
    for odd in ["", "soon", "-1", "+1", "1e9", "99999999999999999999", "999999999999999999"] {
        let record = format!("{endless}; persistUntil={odd}");
        assert_eq!(verdict(false, &[&record]), Err("persistUntil is no time in seconds since 1970"), "{odd}");
    }
}

#[test]
fn other_records_are_no_proof() {
    for (wildcard, record, why) in [
        (false, "ca.example".to_owned(), "accounturi is missing"),
        (false, "ca.example; accounturi=".to_owned(), "another account"),
        (false, format!("ca.example; accounturi={ACCOUNT}/"), "another account"),
        (false, format!("ca.example; accounturi={ACCOUNT}; accounturi={ACCOUNT}"), "twice"),
        (false, format!("ca.example; accounturi={ACCOUNT}; policy=wildcard; policy=wildcard"), "twice"),
        (true, format!("ca.example; accounturi={ACCOUNT}"), "policy=wildcard"),
        (true, format!("ca.example; accounturi={ACCOUNT}; policy=wild"), "policy=wildcard"),
        (false, format!("other.example; accounturi={ACCOUNT}"), "none names"),
        (false, format!("; accounturi={ACCOUNT}"), "none names"),
        (false, format!("ca.example accounturi={ACCOUNT}"), "none names"),
        (false, format!("ca.example; accounturi={ACCOUNT};"), "none names"),
    ] {
        let refused = verdict(wildcard, &[&record]).unwrap_err();
        assert!(refused.contains(why), "{record}: {refused}");
    }
}

#[tokio::test]
async fn it_is_looked_for_at_its_own_name() {
    let record = format!("ca.example; accounturi={ACCOUNT}");
    let dns = Dns::start(move |name, _, _| match name {
        "_validation-persist.example.com" => Says::Data(vec![text(&["x"]), text(&[&record[..9], &record[9..]])]),
        "_validation-persist.broken.com" => Says::Code(ResponseCode::ServFail),
        _ => no_name(),
    })
    .await;
    let prober = prober(&config(&dns));
    assert_eq!(prober.validate(&asked(false)).await.unwrap(), Proof::default());
    let failed = prober.validate(&asked(true)).await.unwrap_err();
    assert_eq!((failed.problem.kind, failed.worth_retrying), (ProblemType::IncorrectResponse, true));
    for name in ["broken.com", "none.com"] {
        let failed = prober.validate(&attempt(ChallengeType::DnsPersist01, name)).await.unwrap_err();
        assert_eq!((failed.problem.kind, failed.worth_retrying), (ProblemType::Dns, true));
    }
    let nobody = Attempt { issuer_domains: Vec::new(), ..asked(false) };
    assert_eq!(prober.validate(&nobody).await.unwrap_err().problem.kind, ProblemType::ServerInternal);
}

proptest! {
    #[test]
    fn no_record_panics(record in "(ca\\.example)?(; ?(accounturi|policy|persistUntil)=[!-~]{0,12}){0,4}", wildcard: bool) {
        let _ = verdict(wildcard, &[&record]);
    }
}
