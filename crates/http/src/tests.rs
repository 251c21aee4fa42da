use std::net::IpAddr;
use std::sync::Arc;

use actix_web::http::header::{AUTHORIZATION, COOKIE, HeaderMap, HeaderName, HeaderValue};
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::{App, HttpRequest, HttpResponse, web};
use chancery_core::{Door, ManualClock, Rng};
use ipnet::IpNet;
use time::macros::datetime;

use crate::bearer::{LONGEST, token};
use crate::context::is_sane;
use crate::{Frame, Metrics, Proxies, REQUEST_ID};

struct Zeros;

impl Rng for Zeros {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
}

fn frame(metrics: &Metrics) -> Frame {
    let clock = ManualClock::at(datetime!(2027-01-01 00:00 UTC));
    Frame::new(Arc::new(clock), Arc::new(Zeros), metrics.clone(), Proxies::default())
}

async fn whole() -> &'static str {
    "whole"
}

async fn broken() -> HttpResponse {
    panic!("a secret that stays in the log")
}

async fn told(request: HttpRequest) -> String {
    let origin = crate::origin(&request, Door::Rest);
    format!("{} {}", origin.request_id, origin.address.map(|a| a.to_string()).unwrap_or_default())
}

macro_rules! app {
    ($metrics:expr) => {
        init_service(
            App::new()
                .route("/whole", web::get().to(whole))
                .route("/broken", web::get().to(broken))
                .route("/acme/broken", web::get().to(broken))
                .route("/api/told", web::get().to(told))
                .wrap(frame($metrics)),
        )
        .await
    };
}

fn own_id() -> String {
    chancery_core::new_id(&ManualClock::at(datetime!(2027-01-01 00:00 UTC)), &Zeros).to_string()
}

#[actix_web::test]
async fn every_answer_carries_a_request_id() {
    let app = app!(&Metrics::new().unwrap());
    for path in ["/whole", "/unknown"] {
        let answer = call_service(&app, TestRequest::get().uri(path).to_request()).await;
        assert_eq!(answer.headers().get(REQUEST_ID).unwrap(), own_id().as_str(), "{path}");
    }
}

#[actix_web::test]
async fn a_sane_request_id_of_the_client_is_kept_and_another_is_not() {
    let app = app!(&Metrics::new().unwrap());
    let ask = |id: &str| TestRequest::get().uri("/api/told").insert_header((REQUEST_ID, id)).to_request();
    let answer = call_service(&app, ask("trace-1.A_b")).await;
    assert_eq!(answer.headers().get(REQUEST_ID).unwrap(), "trace-1.A_b");
    assert!(read_body(answer).await.starts_with(b"trace-1.A_b "));
    for insane in ["", "a b", "<script>", &"x".repeat(65)] {
        let answer = call_service(&app, ask(insane)).await;
        assert_eq!(answer.headers().get(REQUEST_ID).unwrap(), own_id().as_str(), "{insane}");
    }
    let twice = TestRequest::get().uri("/whole").append_header((REQUEST_ID, "a")).append_header((REQUEST_ID, "b"));
    let answer = call_service(&app, twice.to_request()).await;
    assert_eq!(answer.headers().get(REQUEST_ID).unwrap(), own_id().as_str());
    assert!(is_sane("a") && !is_sane("a\u{e9}"));
}

#[actix_web::test]
async fn a_panic_ends_its_own_request_only_and_says_nothing() {
    let metrics = Metrics::new().unwrap();
    let app = app!(&metrics);
    let error = actix_web::test::try_call_service(&app, TestRequest::get().uri("/broken").to_request())
        .await
        .expect_err("the panic comes out as an error");
    let answer = error.error_response();
    assert_eq!(answer.status(), 500);
    assert_eq!(answer.headers().get(REQUEST_ID).unwrap(), own_id().as_str());
    let body = actix_web::body::to_bytes(answer.into_body()).await.unwrap();
    let body = String::from_utf8(body.to_vec()).unwrap();
    assert!(body.contains(&own_id()) && !body.contains("secret"), "{body}");

    let answer = call_service(&app, TestRequest::get().uri("/whole").to_request()).await;
    assert_eq!(answer.status(), 200);
    let text = metrics.render().unwrap();
    assert!(text.contains("chancery_http_panics_total 1"), "{text}");
    assert!(text.contains(r#"chancery_http_requests_total{door="none",method="GET",status="500"} 1"#), "{text}");
}

#[actix_web::test]
async fn invented_methods_make_no_new_series() {
    let metrics = Metrics::new().unwrap();
    let app = app!(&metrics);
    for method in ["BREW", "PROPFIND"] {
        let request = TestRequest::default().method(method.parse().unwrap()).uri("/api/told").to_request();
        call_service(&app, request).await;
    }
    let text = metrics.render().unwrap();
    assert!(text.contains(r#"{door="rest",method="other",status="404"} 2"#), "{text}");
}

#[actix_web::test]
async fn long_targets_and_large_headers_are_refused() {
    let app = app!(&Metrics::new().unwrap());
    let long = format!("/whole?{}", "a".repeat(9000));
    let answer = call_service(&app, TestRequest::get().uri(&long).to_request()).await;
    assert_eq!(answer.status(), 414);
    let mut request = TestRequest::get().uri("/whole");
    for n in 0..40 {
        request = request.insert_header((format!("x-{n}"), "a".repeat(1000)));
    }
    let answer = call_service(&app, request.to_request()).await;
    assert_eq!(answer.status(), 431);
    assert!(answer.headers().contains_key(REQUEST_ID));
}

#[actix_web::test]
async fn of_the_acme_door_problem_documents_are_said() {
    let app = app!(&Metrics::new().unwrap());
    let problem = async |answer: HttpResponse, status: u16, kind: &str| {
        assert_eq!(answer.status(), status);
        assert!(answer.headers().contains_key(REQUEST_ID));
        assert_eq!(answer.headers().get("content-type").unwrap(), "application/problem+json");
        let body = actix_web::body::to_bytes(answer.into_body()).await.ok().unwrap();
        let problem: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(problem["type"], format!("urn:ietf:params:acme:error:{kind}"));
        assert_eq!(problem["status"], status);
        assert!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()));
        problem["detail"].to_string()
    };
    let long = format!("/acme/a/directory?{}", "a".repeat(9000));
    let answer = call_service(&app, TestRequest::get().uri(&long).to_request()).await;
    problem(answer.into_parts().1.map_into_boxed_body(), 414, "malformed").await;
    let large = TestRequest::get().uri("/acme/a/directory");
    let large = (0..40).fold(large, |request, n| request.insert_header((format!("x-{n}"), "a".repeat(1000))));
    let answer = call_service(&app, large.to_request()).await;
    problem(answer.into_parts().1.map_into_boxed_body(), 431, "malformed").await;
    let request = TestRequest::get().uri("/acme/broken").to_request();
    let error = actix_web::test::try_call_service(&app, request).await.expect_err("the panic comes out as an error");
    let detail = problem(error.error_response(), 500, "serverInternal").await;
    assert!(detail.contains(&own_id()) && !detail.contains("secret"), "{detail}");
}

#[test]
fn only_a_listed_proxy_is_believed() {
    let address = |text: &str| text.parse::<IpAddr>().unwrap();
    let headers = |chain: &str| {
        let mut headers = HeaderMap::new();
        headers.insert(HeaderName::from_static("x-forwarded-for"), HeaderValue::from_str(chain).unwrap());
        headers.insert(HeaderName::from_static("x-forwarded-host"), HeaderValue::from_static("evil.example"));
        headers
    };
    let network = |text: &str| text.parse::<IpNet>().unwrap();
    let proxies = Proxies::new(["10.0.0.1/32", "10.0.0.2/32", "10.1.0.0/16", "::ffff:10.2.0.0/112"].map(network));

    let mut spoofed = headers("192.0.2.7");
    assert_eq!(proxies.client(Some(address("198.51.100.9")), &mut spoofed), Some(address("198.51.100.9")));
    assert!(spoofed.is_empty(), "the stranger's headers are gone");

    // The leftmost entry is the client's own invention.
    let mut chain = headers("203.0.113.1, 192.0.2.7, 10.0.0.2");
    assert_eq!(proxies.client(Some(address("::ffff:10.0.0.1")), &mut chain), Some(address("192.0.2.7")));
    for peer in ["10.1.255.9", "::ffff:10.1.0.1", "10.2.3.4"] {
        let mut chain = headers("203.0.113.1, 192.0.2.7, 10.1.2.3");
        assert_eq!(proxies.client(Some(address(peer)), &mut chain), Some(address("192.0.2.7")), "{peer}");
    }
    for stranger in ["10.3.0.1", "::a01:1"] {
        let mut chain = headers("192.0.2.7");
        assert_eq!(proxies.client(Some(address(stranger)), &mut chain), Some(address(stranger)));
    }
    let mut garbage = headers("192.0.2.7, nonsense");
    assert_eq!(proxies.client(Some(address("10.0.0.1")), &mut garbage), Some(address("10.0.0.1")));
    assert_eq!(proxies.client(None, &mut headers("192.0.2.7")), None);
}

#[test]
fn one_bearer_token_and_nothing_else() {
    let with = |values: &[&str]| {
        let mut request = TestRequest::default();
        for value in values {
            request = request.append_header((AUTHORIZATION, *value));
        }
        token(&request.to_http_request()).map(str::to_owned)
    };
    assert_eq!(with(&["Bearer abc.DEF-_~+/="]), Ok("abc.DEF-_~+/=".into()));
    assert_eq!(with(&["bearer abc"]), Ok("abc".into()));
    for wrong in [
        &[][..],
        &[""],
        &["Bearer"],
        &["Bearer "],
        &["Bearer  abc"],
        &["Bearer a b"],
        &["Bearer a=b"],
        &["Bearer ="],
        &["Basic YWxhZGRpbjpvcGVuc2VzYW1l"],
        &["Bearer abc", "Bearer abc"],
        &[&format!("Bearer {}", "a".repeat(LONGEST + 1))],
    ] {
        assert!(with(wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn an_error_is_told_with_its_causes_once() {
    #[derive(Debug, thiserror::Error)]
    #[error("the page is torn")]
    struct Torn;
    #[derive(Debug, thiserror::Error)]
    #[error("cannot read: {0}")]
    struct Repeating(#[source] Torn);
    assert_eq!(crate::chain(&chancery_core::Error::internal(Torn)), "internal error: the page is torn");
    assert_eq!(crate::chain(&Repeating(Torn)), "cannot read: the page is torn");
}

#[actix_web::test]
async fn the_plain_listener_refuses_a_credential_and_passes_over_a_cookie() {
    let app = init_service(
        App::new()
            .route("/crl", web::get().to(whole))
            .wrap(actix_web::middleware::from_fn(crate::refuse_credentials))
            .wrap(frame(&Metrics::new().unwrap())),
    )
    .await;
    let cookie = TestRequest::get().uri("/crl").insert_header((COOKIE, "session=of-another-service"));
    assert_eq!(call_service(&app, cookie.to_request()).await.status(), 200);
    let token = TestRequest::get().uri("/crl").insert_header((AUTHORIZATION, "Bearer abc"));
    assert_eq!(call_service(&app, token.to_request()).await.status(), 403);
}
