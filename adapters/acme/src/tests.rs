use std::time::Duration;

use actix_web::FromRequest;
use actix_web::body::to_bytes;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use actix_web::test::TestRequest;
use chancery_acme::Identifier;

use super::*;

const JOSE: &str = "application/jose+json";

fn refused(request: TestRequest) -> Option<(u16, String)> {
    let refusal = body::check_headers(&request.to_http_request()).err()?;
    Some((refusal.status(), refusal.detail().to_owned()))
}

#[test]
fn rfc8555_6_2_the_content_type_is_application_jose_json() {
    for kind in [JOSE, "Application/Jose+JSON", "application/jose+json; charset=utf-8", " application/jose+json "] {
        assert_eq!(refused(TestRequest::post().insert_header((CONTENT_TYPE, kind))), None, "{kind}");
    }
    for kind in ["application/json", "application/jose", "application/jose+jsonx", "", ";"] {
        let (status, detail) = refused(TestRequest::post().insert_header((CONTENT_TYPE, kind))).unwrap();
        assert_eq!(status, 415, "{kind}");
        assert!(detail.contains(JOSE), "{detail}");
    }
    assert_eq!(refused(TestRequest::post()).unwrap().0, 415);
    let twice = TestRequest::post().append_header((CONTENT_TYPE, JOSE)).append_header((CONTENT_TYPE, JOSE));
    assert_eq!(refused(twice).unwrap().0, 415);
}

#[test]
fn a_compressed_body_is_refused() {
    let with =
        |coding| TestRequest::post().insert_header((CONTENT_TYPE, JOSE)).insert_header((CONTENT_ENCODING, coding));
    assert_eq!(refused(with("identity")), None);
    for coding in ["gzip", "br", "gzip, identity", "x"] {
        assert_eq!(refused(with(coding)).unwrap().0, 415, "{coding}");
    }
}

async fn read(length: usize) -> Result<usize, u16> {
    let (request, mut payload) = TestRequest::post().set_payload(vec![b'x'; length]).to_http_parts();
    let payload = Payload::from_request(&request, &mut payload).await.unwrap();
    body::read(&request, payload).await.map(|bytes| bytes.len()).map_err(|refusal| refusal.status())
}

#[actix_web::test]
async fn a_body_has_at_most_64_kib() {
    for length in [0, 1, body::LIMIT] {
        assert_eq!(read(length).await, Ok(length));
    }
    assert_eq!(read(body::LIMIT + 1).await, Err(413));
    assert_eq!(read(10 * 1024 * 1024).await, Err(413));
}

#[actix_web::test]
async fn a_reply_becomes_an_answer() {
    let reply = Reply {
        status: 201,
        body: Body::Json(b"{}".to_vec()),
        location: Some("https://ra.example/acme/a/order/1".into()),
        links: vec![("https://ra.example/a".into(), "up"), ("https://ra.example/b".into(), "alternate")],
        retry_after: Some(Duration::from_millis(2500)),
    };
    let answer = answer::of_reply(reply);
    assert_eq!(answer.status(), 201);
    let header =
        |name: &str| answer.headers().get_all(name).map(|it| it.to_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(header("content-type"), ["application/json"]);
    assert_eq!(header("location"), ["https://ra.example/acme/a/order/1"]);
    assert_eq!(header("link"), ["<https://ra.example/a>;rel=\"up\"", "<https://ra.example/b>;rel=\"alternate\""]);
    assert_eq!(header("retry-after"), ["3"], "rounded up");
    assert_eq!(to_bytes(answer.into_body()).await.unwrap(), "{}");
}

#[actix_web::test]
async fn rfc8555_6_7_a_problem_becomes_a_problem_document() {
    let mut problem = Problem::new(ProblemType::RejectedIdentifier, "one name cannot be had");
    let identifier = Identifier::Dns("a.example".into());
    problem.subproblems.push(Problem::new(ProblemType::RejectedIdentifier, "it is not ours").of(identifier));
    problem.location = Some("https://ra.example/account/1".into());
    problem.retry_after = Some(Duration::from_secs(60));
    let answer = answer::of_refusal(problem.into(), "r-1");
    assert_eq!(answer.status(), 400);
    let header = |name: &str| answer.headers().get(name).unwrap().to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "application/problem+json");
    assert_eq!((header("location"), header("retry-after")), ("https://ra.example/account/1".into(), "60".into()));
    let body: serde_json::Value = serde_json::from_slice(&to_bytes(answer.into_body()).await.unwrap()).unwrap();
    assert_eq!(body["type"], "urn:ietf:params:acme:error:rejectedIdentifier");
    assert_eq!(body["subproblems"][0]["identifier"]["value"], "a.example");
    for absent in ["identifier", "algorithms", "instance"] {
        assert!(body.get(absent).is_none(), "{body}");
    }
}

/// A client learns the request id and nothing else.
#[actix_web::test]
async fn a_fault_of_ours_says_the_request_id_alone() {
    let mut problem = Problem::new(ProblemType::ServerInternal, "internal error");
    problem.cause = Some(std::sync::Arc::new(std::io::Error::other("the secret place")));
    let answer = answer::of_refusal(problem.into(), "r-2");
    let body = to_bytes(answer.into_body()).await.unwrap();
    let body = String::from_utf8(body.to_vec()).unwrap();
    assert!(body.contains("r-2") && !body.contains("secret"), "{body}");
}

#[test]
fn rfc8555_6_3_a_wrong_method_says_which_are_right() {
    for (resource, allow) in
        [("/new-nonce", "GET, HEAD, POST"), ("/new-order", "POST"), ("/directory", "GET, HEAD, POST")]
    {
        let refusal = Refusal::wrong_method(&Method::PUT, &Resource::parse(resource).unwrap());
        let answer = answer::of_refusal(refusal, "");
        assert_eq!(answer.status(), 405);
        assert_eq!(answer.headers().get("allow").unwrap(), allow);
    }
}
