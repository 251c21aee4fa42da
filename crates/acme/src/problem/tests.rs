use std::time::Duration;

use super::*;

fn name(name: &str) -> Rejection {
    Rejection::Name { name: name.into(), why: "it is not allowed".into() }
}

#[test]
fn every_fault_of_the_domain_has_its_answer() {
    for (error, kind, status) in [
        (Error::Malformed("x".into()), ProblemType::Malformed, 400),
        (Error::Unauthenticated, ProblemType::Unauthorized, 401),
        (Error::Forbidden("x".into()), ProblemType::Unauthorized, 403),
        (Error::not_found("order", "1"), ProblemType::Malformed, 404),
        (Error::Conflict("x".into()), ProblemType::Malformed, 409),
        (Error::Throttled { retry_after: Duration::from_secs(7) }, ProblemType::RateLimited, 429),
        (Error::unavailable("the database is away"), ProblemType::ServerInternal, 503),
        (Error::internal("secret"), ProblemType::ServerInternal, 500),
        (Error::rejected(Rejection::Proof("x".into())), ProblemType::BadCsr, 400),
        (Error::rejected(Rejection::Key("x".into())), ProblemType::BadCsr, 400),
        (Error::rejected(Rejection::Validity("x".into())), ProblemType::Malformed, 400),
        (Error::rejected(Rejection::State("x".into())), ProblemType::Unauthorized, 403),
        (Error::rejected(name("dns:a.example")), ProblemType::RejectedIdentifier, 400),
    ] {
        let problem = Problem::from(error);
        assert_eq!((problem.kind, problem.status), (kind, status), "{problem}");
        assert_eq!(problem.retry_after.is_some(), matches!(status, 429 | 503));
        assert!(!problem.detail.is_empty() && !problem.detail.contains("secret"));
    }
}

#[test]
fn names_are_told_one_by_one() {
    let problem = Problem::from(Error::Rejected(vec![name("dns:a.example"), name("ip:10.0.0.1")]));
    assert_eq!(problem.kind, ProblemType::RejectedIdentifier);
    assert_eq!(problem.identifier, None);
    let of: Vec<_> = problem.subproblems.iter().filter_map(|problem| problem.identifier.clone()).collect();
    assert_eq!(of, [Identifier::Dns("a.example".into()), Identifier::Ip("10.0.0.1".parse().unwrap())]);
}

#[test]
fn several_kinds_are_a_compound() {
    let problem = Problem::from(Error::Rejected(vec![name("dns:a.example"), Rejection::Proof("x".into())]));
    let kinds: Vec<_> = problem.subproblems.iter().map(|problem| problem.kind).collect();
    assert_eq!(problem.kind, ProblemType::Compound);
    assert_eq!(kinds, [ProblemType::RejectedIdentifier, ProblemType::BadCsr]);
}

#[test]
fn what_is_absent_is_not_written() {
    let text = serde_json::to_string(&Problem::new(ProblemType::BadNonce, "x")).unwrap();
    assert_eq!(text, r#"{"type":"urn:ietf:params:acme:error:badNonce","detail":"x","status":400}"#);
}

#[test]
fn foreign_text_is_shown_short_and_plain() {
    assert_eq!(shown("a\n\u{1b}[0mb"), "a\u{fffd}\u{fffd}[0mb");
    assert_eq!(shown(&"ü".repeat(300)).chars().count(), 201);
}
