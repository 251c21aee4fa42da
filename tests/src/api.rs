//! The native REST API as a client sees it. Every answer is checked for what every answer must have.

use std::sync::{Arc, Once};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chancery_pki::Certificate;
use reqwest::{Client, Method};
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};

use crate::request::{Key, Request};
use crate::server::Ready;

/// A client with one identity.
#[derive(Clone)]
pub struct Api {
    client: Client,
    base: String,
    token: Option<String>,
}

/// An answer, read whole.
#[derive(Clone, Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: reqwest::header::HeaderMap,
    /// Body.
    pub body: Vec<u8>,
}

impl Api {
    /// A client that trusts the server's own root and nobody else.
    pub fn new(ready: &Ready, token: Option<&str>) -> Self {
        let client = Client::builder()
            .tls_backend_preconfigured(trusting(ready))
            .no_proxy()
            // A connection that the server is about to close for its idleness is not used again.
            .pool_idle_timeout(Duration::from_secs(1))
            .timeout(Duration::from_secs(60))
            .build()
            .expect("a client");
        Self { client, base: format!("https://{}", ready.https), token: token.map(str::to_owned) }
    }

    /// A client of the `mtls` listener that shows these certificates, its own first, when there are any.
    ///
    /// # Panics
    /// When the server has no such listener, or the key is not the first certificate's.
    pub fn mutual(ready: &Ready, token: Option<&str>, identity: Option<(&[Vec<u8>], &Key)>) -> Self {
        let client = Client::builder()
            .tls_backend_preconfigured(showing(ready, identity))
            .no_proxy()
            .pool_idle_timeout(Duration::from_secs(1))
            .timeout(Duration::from_secs(60))
            .build()
            .expect("a client");
        let address = ready.mtls.expect("an mtls listener");
        Self { client, base: format!("https://{address}"), token: token.map(str::to_owned) }
    }

    /// Send a request. `path` begins with a slash.
    ///
    /// # Errors
    /// When no whole answer came.
    pub async fn try_send(&self, method: Method, path: &str, body: Option<&Value>) -> reqwest::Result<Answer> {
        let mut request = self.client.request(method, format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        Self::read(request).await
    }

    /// A request that is not made yet, with this client's identity.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.base));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Send a request made by hand.
    ///
    /// # Errors
    /// When no whole answer came.
    pub async fn read(request: reqwest::RequestBuilder) -> reqwest::Result<Answer> {
        let answer = request.send().await?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let body = answer.bytes().await?.to_vec();
        assert!(headers.contains_key("x-request-id"), "status {status} without X-Request-Id");
        let answer = Answer { status, headers, body };
        answer.check_shape();
        Ok(answer)
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.try_send(Method::GET, path, None).await.expect("an answer")
    }

    /// POST.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.try_send(Method::POST, path, Some(body)).await.expect("an answer")
    }

    /// POST without a body.
    pub async fn post_nothing(&self, path: &str) -> Answer {
        self.try_send(Method::POST, path, None).await.expect("an answer")
    }

    /// PUT.
    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        self.try_send(Method::PUT, path, Some(body)).await.expect("an answer")
    }

    /// PATCH without a body.
    pub async fn patch(&self, path: &str) -> Answer {
        self.try_send(Method::PATCH, path, None).await.expect("an answer")
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Answer {
        self.try_send(Method::DELETE, path, None).await.expect("an answer")
    }

    /// An RA profile as the list has it.
    pub async fn profile(&self, name: &str) -> Value {
        let profiles = self.get("/api/v1/raProfiles").await.json(200);
        let found = profiles.as_array().expect("a list").iter().find(|profile| profile["name"] == name);
        found.unwrap_or_else(|| panic!("no RA profile {name} in {profiles}")).clone()
    }

    /// The prefix of the operations of an RA profile.
    pub async fn operations(&self, profile: &str) -> String {
        let profile = self.profile(profile).await;
        format!(
            "/api/v2/operations/authorities/{}/raProfiles/{}",
            profile["authorityInstanceUuid"].as_str().expect("an authority"),
            profile["uuid"].as_str().expect("a uuid")
        )
    }

    /// Issue by an RA profile: the object's uuid and the certificate.
    pub async fn issue(&self, profile: &str, request: &Request) -> (String, Certificate) {
        let path = format!("{}/certificates", self.operations(profile).await);
        self.post(&path, &json!({"request": request.pem(), "attributes": []})).await.issued()
    }

    /// A certificate object.
    pub async fn certificate(&self, uuid: &str) -> Value {
        self.get(&format!("/api/v1/certificates/{uuid}")).await.json(200)
    }
}

impl Answer {
    /// The body of an answer with this status.
    #[track_caller]
    pub fn json(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }

    /// An answer with this status and no body.
    #[track_caller]
    pub fn empty(&self, status: u16) {
        assert_eq!(self.status, status, "{}", self.text());
        assert!(self.body.is_empty(), "{}", self.text());
    }

    /// A refusal with 422: its texts, at least one.
    #[track_caller]
    pub fn faults(&self) -> Vec<String> {
        serde_json::from_value(self.json(422)).expect("a bare array of strings")
    }

    /// A header's text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The uuid and the certificate of an operation that issued.
    #[track_caller]
    pub fn issued(&self) -> (String, Certificate) {
        let body = self.json(200);
        let der = STANDARD.decode(body["certificateData"].as_str().expect("certificateData")).expect("Base64");
        (body["uuid"].as_str().expect("uuid").to_owned(), Certificate::from_der(&der).expect("a certificate"))
    }

    /// Errors have exactly the published shapes (rest-api 0.2).
    #[track_caller]
    fn check_shape(&self) {
        let text = self.text();
        let body =
            || serde_json::from_slice::<Value>(&self.body).unwrap_or_else(|e| panic!("{}: {e}: {text}", self.status));
        let kind = self.header("content-type").unwrap_or("").split(';').next().unwrap_or("").trim().to_owned();
        match self.status {
            401 => {
                assert!(self.body.is_empty(), "401 with a body: {text}");
                assert!(self.headers.contains_key("www-authenticate"), "401 without WWW-Authenticate");
            }
            403 => {
                assert_eq!(kind, "application/problem+json");
                let body = body();
                assert_eq!(body["statusCode"], 403, "{text}");
                assert_eq!(body["code"], "ACCESS_DENIED", "{text}");
                assert!(body["message"].is_string(), "{text}");
            }
            422 => {
                assert_eq!(kind, "application/json");
                let faults: Vec<String> = serde_json::from_value(body()).unwrap_or_else(|e| panic!("422: {e}: {text}"));
                assert!(!faults.is_empty() && faults.iter().all(|fault| !fault.is_empty()), "{text}");
            }
            400.. if !(self.body.is_empty() && kind.is_empty()) => {
                assert_eq!(kind, "application/json", "{}: {text}", self.status);
                assert!(body()["message"].is_string(), "{}: {text}", self.status);
            }
            _ => {}
        }
        if self.status == 503 {
            assert!(self.headers.contains_key("retry-after"), "503 without Retry-After");
        }
    }
}

/// GET by plain HTTP, as a relying party fetches a CRL or an issuer's certificate.
pub async fn fetch(url: &str) -> Answer {
    // Nothing is trusted: this client is not to speak TLS.
    let client = Client::builder().tls_backend_preconfigured(trusting_nobody()).no_proxy().build().expect("a client");
    let answer = client.get(url).send().await.unwrap_or_else(|e| panic!("{url}: {e}"));
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    assert!(headers.contains_key("x-request-id"), "{url}: status {status} without X-Request-Id");
    Answer { status, headers, body: answer.bytes().await.expect("a body").to_vec() }
}

/// TLS that trusts the server's own root and nobody else.
pub fn trusting(ready: &Ready) -> rustls::ClientConfig {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(&ready.root_pem).expect("the root's file") {
        roots.add(certificate.expect("PEM")).expect("a root certificate");
    }
    tls(roots)
}

/// TLS that trusts the server's own root and shows these certificates, its own first.
pub fn showing(ready: &Ready, identity: Option<(&[Vec<u8>], &Key)>) -> rustls::ClientConfig {
    let mut config = trusting(ready);
    if let Some((chain, key)) = identity {
        let chain = chain.iter().map(|der| CertificateDer::from(der.clone())).collect();
        let key = PrivateKeyDer::Pkcs8(key.pkcs8().into());
        let signing = rustls::crypto::aws_lc_rs::sign::any_supported_type(&key).expect("a key");
        let certified = rustls::sign::CertifiedKey::new(chain, signing);
        config.client_auth_cert_resolver = Arc::new(rustls::sign::SingleCertAndKey::from(certified));
    }
    config
}

fn trusting_nobody() -> rustls::ClientConfig {
    tls(RootCertStore::empty())
}

fn tls(roots: RootCertStore) -> rustls::ClientConfig {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    });
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider has TLS 1.2 and 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth()
}
