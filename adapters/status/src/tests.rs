use actix_web::App;
use actix_web::body::to_bytes;
use actix_web::http::{Method, StatusCode};
use actix_web::test::{TestRequest, call_service, init_service};
use chancery_core::ManualClock;
use chancery_pki::{CertificateTemplate, Issuer, KeyType, Name, PrivateKey, SerialNumber, Validity};
use time::OffsetDateTime;
use time::macros::datetime;

use super::*;

const NOW: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);
const ISSUER: Uuid = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001);

struct One {
    crl: Arc<CrlRecord>,
    certificate: Certificate,
}

impl Published for One {
    fn crl(&self, issuer: Uuid) -> Option<Arc<CrlRecord>> {
        (issuer == ISSUER).then(|| self.crl.clone())
    }

    fn certificate(&self, issuer: Uuid) -> Option<Certificate> {
        (issuer == ISSUER).then(|| self.certificate.clone())
    }
}

fn published() -> Arc<One> {
    let key = PrivateKey::generate(KeyType::P256).unwrap();
    let template = CertificateTemplate {
        subject: "CN=Test".parse::<Name>().unwrap(),
        validity: Validity { not_before: NOW - Duration::days(1), not_after: NOW + Duration::days(1) },
        subject_alt_names: Vec::new(),
        public_key: key.public_key().clone(),
        serial: SerialNumber::from_random([7; 16]),
        key_usage: None,
        extended_key_usage: Vec::new(),
        basic_constraints: None,
        crl_distribution_points: Vec::new(),
        aia_issuers: Vec::new(),
        aia_ocsp: Vec::new(),
        policies: Vec::new(),
        must_staple: false,
    };
    let issuer = Issuer { name: &template.subject, key_id: &key.public_key().key_id() };
    let crl = CrlRecord {
        issuer: ISSUER,
        number: 7,
        this_update: NOW - Duration::hours(1) + Duration::milliseconds(300),
        next_update: NOW + Duration::days(7),
        revocations: 0,
        der: vec![0x30, 0],
    };
    Arc::new(One { crl: Arc::new(crl), certificate: template.sign(&issuer, &key).unwrap() })
}

/// Status, the headers named, and the body.
async fn ask(request: TestRequest) -> (StatusCode, Vec<(String, String)>, Vec<u8>) {
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(NOW));
    let app = init_service(App::new().configure(routes(published(), clock))).await;
    let response = call_service(&app, request.to_request()).await;
    let headers =
        response.headers().iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
    let status = response.status();
    (status, headers, to_bytes(response.into_body()).await.unwrap().to_vec())
}

fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
}

#[actix_web::test]
async fn a_crl_comes_with_all_that_caches_need() {
    let (status, headers, body) = ask(TestRequest::get().uri(&format!("/crl/{ISSUER}.crl"))).await;
    assert_eq!((status, &body[..]), (StatusCode::OK, &[0x30, 0][..]));
    for (name, value) in [
        ("content-type", "application/pkix-crl"),
        ("etag", "\"01900000000070008000000000000001-7\""),
        ("last-modified", "Sun, 01 Mar 2026 11:00:00 GMT"),
        ("cache-control", "public, max-age=600"),
    ] {
        assert_eq!(header(&headers, name), Some(value), "{name}");
    }
}

#[actix_web::test]
async fn a_certificate_comes_as_der_and_as_pem() {
    let (status, headers, body) = ask(TestRequest::get().uri(&format!("/ca/{ISSUER}.cer"))).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(header(&headers, "content-type"), Some("application/pkix-cert"));
    Certificate::from_der(&body).unwrap();
    let (status, _, body) = ask(TestRequest::get().uri(&format!("/ca/{ISSUER}.pem"))).await;
    assert_eq!(status, StatusCode::OK);
    assert!(body.starts_with(b"-----BEGIN CERTIFICATE-----"));
}

#[actix_web::test]
async fn a_client_that_has_it_is_told_so() {
    let uri = format!("/crl/{ISSUER}.crl");
    let etag = "\"01900000000070008000000000000001-7\"";
    for (name, value, status) in [
        ("if-none-match", etag.to_owned(), 304),
        ("if-none-match", format!("\"x\", W/{etag}"), 304),
        ("if-none-match", "*".to_owned(), 304),
        ("if-none-match", "\"x\"".to_owned(), 200),
        ("if-modified-since", "Sun, 01 Mar 2026 11:00:00 GMT".to_owned(), 304),
        ("if-modified-since", "Sun, 01 Mar 2026 10:59:59 GMT".to_owned(), 200),
        ("if-modified-since", "yesterday".to_owned(), 200),
        ("range", "bytes=0-0".to_owned(), 200),
    ] {
        let (got, headers, body) = ask(TestRequest::get().uri(&uri).insert_header((name, value.as_str()))).await;
        assert_eq!(got.as_u16(), status, "{name}: {value}");
        assert_eq!(header(&headers, "etag"), Some(etag));
        assert_eq!(body.is_empty(), status == 304);
    }
    // If-None-Match is asked first.
    let both = TestRequest::get()
        .uri(&uri)
        .insert_header(("if-none-match", "\"x\""))
        .insert_header(("if-modified-since", "Sun, 01 Mar 2026 11:00:00 GMT"));
    assert_eq!(ask(both).await.0, StatusCode::OK);
}

#[actix_web::test]
async fn what_is_not_there_is_404_and_soon_forgotten() {
    let other = Uuid::from_u128(9);
    for uri in [format!("/crl/{other}.crl"), format!("/ca/{other}.cer"), "/crl/x.crl".into(), "/ca/..%2f.cer".into()] {
        let (status, headers, _) = ask(TestRequest::get().uri(&uri)).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{uri}");
        assert_eq!(header(&headers, "cache-control"), Some("public, max-age=60"), "{uri}");
    }
    for uri in ["/crl", "/crl/", "/ca/x"] {
        assert_eq!(ask(TestRequest::get().uri(uri)).await.0, StatusCode::NOT_FOUND, "{uri}");
    }
}

#[actix_web::test]
async fn nothing_but_reading_is_answered() {
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
        let request = TestRequest::default().method(method.clone()).uri(&format!("/crl/{ISSUER}.crl"));
        let (status, headers, _) = ask(request).await;
        assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED, "{method}");
        assert_eq!(header(&headers, "allow"), Some("GET, HEAD"));
    }
    let head = TestRequest::default().method(Method::HEAD).uri(&format!("/crl/{ISSUER}.crl"));
    assert_eq!(ask(head).await.0, StatusCode::OK);
}
