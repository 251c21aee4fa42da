use std::time::Duration;

use actix_web::body::to_bytes;
use actix_web::http::ConnectionType;
use actix_web::http::header::HeaderName;
use chancery_core::{Error as Domain, Rejection};

use super::Error;

/// Status, content type and body as they go over the wire.
async fn wire(error: impl Into<Error>) -> (u16, String, String) {
    let answer = error.into().respond("id-1");
    let kind = answer.headers().get("content-type").map(|v| v.to_str().unwrap().to_owned()).unwrap_or_default();
    let status = answer.status().as_u16();
    let body = to_bytes(answer.into_body()).await.unwrap();
    (status, kind, String::from_utf8(body.to_vec()).unwrap())
}

fn header(error: Domain, name: &'static str) -> String {
    let answer = Error::from(error).respond("id-1");
    answer.headers().get(HeaderName::from_static(name)).unwrap().to_str().unwrap().to_owned()
}

fn golden(status: u16, body: &str) -> (u16, String, String) {
    (status, "application/json".into(), body.into())
}

#[actix_web::test]
async fn each_error_has_its_published_shape() {
    assert_eq!(wire(Domain::Malformed("a \"b\"".into())).await, golden(400, r#"{"message":"a \"b\""}"#));
    assert_eq!(wire(Domain::Unauthenticated).await, (401, String::new(), String::new()));
    assert_eq!(
        wire(Domain::not_found("certificate", "x")).await,
        golden(404, r#"{"message":"certificate x was not found"}"#)
    );
    assert_eq!(
        wire(Domain::Conflict("an RA profile with this name already exists".into())).await,
        golden(409, r#"{"message":"an RA profile with this name already exists"}"#)
    );
    let faults = vec![
        Rejection::Key("RSA-1024 is too small".into()),
        Rejection::Name { name: "dns:a".into(), why: "single label".into() },
    ];
    assert_eq!(
        wire(Domain::Rejected(faults)).await,
        golden(422, r#"["public key: RSA-1024 is too small","name dns:a: single label"]"#)
    );
    assert_eq!(wire(Error::TooLarge { limit: 9 }).await.0, 413);
    assert_eq!(wire(Error::Slow).await.0, 408);
    assert_eq!(Error::Slow.respond("id-1").head().connection_type(), ConnectionType::Close);
    assert_eq!(wire(Error::MediaType("text/xml".into())).await.0, 415);
    assert_eq!(wire(Error::PreconditionFailed("RA profile")).await.0, 412);
}

#[actix_web::test]
async fn forbidden_is_a_problem_document() {
    let (status, kind, body) = wire(Domain::Forbidden("no".into())).await;
    assert_eq!((status, &*kind), (403, "application/problem+json"));
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body, serde_json::json!({ "statusCode": 403, "code": "ACCESS_DENIED", "message": "no" }));
}

#[actix_web::test]
async fn an_internal_error_shows_the_request_id_alone() {
    let secret = Domain::internal("password=hunter2 at /etc/shadow");
    assert_eq!(wire(secret).await, golden(500, r#"{"message":"Internal server error. Request id id-1"}"#));
}

#[test]
fn who_must_wait_is_told_how_long() {
    assert_eq!(header(Domain::unavailable("the database is not available"), "retry-after"), "5");
    assert_eq!(header(Domain::Throttled { retry_after: Duration::from_millis(1500) }, "retry-after"), "2");
    assert_eq!(header(Domain::Throttled { retry_after: Duration::ZERO }, "retry-after"), "1");
    assert_eq!(header(Domain::Unauthenticated, "www-authenticate"), "Bearer");
}
