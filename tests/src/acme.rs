//! The ACME door as a client sees it: a small client that can also send what no client would.
//!
//! Every answer is checked for what every answer must have (RFC 8555 sections 6.5, 6.7 and 7.1).

mod key;
mod lab;

use std::sync::Mutex;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::Request;
use crate::api::trusting;
use crate::server::Ready;

pub use key::{AcmeKey, mac};
pub use lab::{Challenges, Lab};

/// The prefix of every error type (RFC 8555 section 6.7).
const ERROR: &str = "urn:ietf:params:acme:error:";
/// The registered error types (the IANA registry "ACME Error Types") that this server has a use for.
const TYPES: &[&str] = &[
    "accountDoesNotExist",
    "alreadyReplaced",
    "alreadyRevoked",
    "badAttestationStatement",
    "badCSR",
    "badNonce",
    "badPublicKey",
    "badRevocationReason",
    "badSignatureAlgorithm",
    "caa",
    "compound",
    "connection",
    "dns",
    "externalAccountRequired",
    "incorrectResponse",
    "invalidContact",
    "invalidProfile",
    "malformed",
    "orderNotReady",
    "rateLimited",
    "rejectedIdentifier",
    "serverInternal",
    "tls",
    "unauthorized",
    "unsupportedContact",
    "unsupportedIdentifier",
    "userActionRequired",
];

/// Base64url without padding.
pub fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A client of one directory with one key.
pub struct AcmeClient {
    http: Client,
    directory_url: String,
    directory: Value,
    nonce: Mutex<Option<String>>,
    /// Its key.
    pub key: AcmeKey,
    /// Its account's URL, once it has one.
    pub kid: Option<String>,
}

/// An answer, read whole.
#[derive(Clone, Debug)]
pub struct AcmeAnswer {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: reqwest::header::HeaderMap,
    /// Body.
    pub body: Vec<u8>,
}

impl AcmeAnswer {
    /// The body of an answer with this status.
    #[track_caller]
    pub fn json(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }

    /// The problem of a refusal with this status and this type, without its prefix.
    #[track_caller]
    pub fn problem(&self, status: u16, kind: &str) -> Value {
        let problem = self.json(status);
        assert_eq!(problem["type"], format!("{ERROR}{kind}"), "{problem}");
        problem
    }

    /// The type of the problem, without its prefix; empty when the answer is none.
    pub fn kind(&self) -> String {
        let problem = serde_json::from_slice::<Value>(&self.body).unwrap_or_default();
        problem["type"].as_str().and_then(|kind| kind.strip_prefix(ERROR)).unwrap_or_default().to_owned()
    }

    /// A header's text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The header Location.
    #[track_caller]
    pub fn location(&self) -> String {
        self.header("location").unwrap_or_else(|| panic!("no Location: {} {}", self.status, self.text())).to_owned()
    }

    /// The targets of all links of a relation.
    pub fn links(&self, relation: &str) -> Vec<String> {
        let values = self.headers.get_all("link").into_iter().filter_map(|value| value.to_str().ok());
        let with = values.filter(|value| value.contains(&format!("rel=\"{relation}\"")));
        with.filter_map(|value| Some(value.split_once('<')?.1.split_once('>')?.0.to_owned())).collect()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// What every answer has.
    #[track_caller]
    fn check(&self, method: &Method, url: &str, directory: &str) {
        let what = format!("{method} {url}: {} {}", self.status, self.text());
        let nonce = self.header("replay-nonce").unwrap_or_else(|| panic!("no Replay-Nonce: {what}"));
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        assert!(!nonce.is_empty() && nonce.bytes().all(plain), "RFC 8555 section 6.5.1: {nonce:?}: {what}");
        assert_eq!(self.header("cache-control"), Some("no-store"), "{what}");
        assert_eq!(self.header("access-control-allow-origin"), Some("*"), "{what}");
        for exposed in ["Link", "Location", "Replay-Nonce", "Retry-After"] {
            let headers = self.header("access-control-expose-headers").unwrap_or_default();
            assert!(headers.contains(exposed), "{exposed} is not exposed: {what}");
        }
        assert!(self.headers.contains_key("x-request-id"), "{what}");
        if self.status < 400 && url != directory {
            assert_eq!(self.links("index"), [directory], "{what}");
        }
        if self.status < 400 {
            return;
        }
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{what}");
        let problem: Value = serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {what}"));
        check_problem(&problem, &what);
        assert_eq!(problem["status"], self.status, "{what}");
        // RFC 8555 section 6.7.1: at the top level there is no identifier.
        assert!(problem.get("identifier").is_none(), "{what}");
        if self.status == 429 || self.status == 503 {
            assert!(self.headers.contains_key("retry-after"), "no Retry-After: {what}");
        }
    }
}

#[track_caller]
fn check_problem(problem: &Value, what: &str) {
    let kind = problem["type"].as_str().and_then(|kind| kind.strip_prefix(ERROR)).unwrap_or_default();
    assert!(TYPES.contains(&kind), "{kind:?} is no registered type: {what}");
    assert!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "no detail: {what}");
    // Clients trip over null where a list may be (certbot over OpenBao).
    if let Some(subproblems) = problem.get("subproblems") {
        let subproblems = subproblems.as_array().unwrap_or_else(|| panic!("subproblems: {what}"));
        assert!(!subproblems.is_empty(), "{what}");
        for subproblem in subproblems {
            check_problem(subproblem, what);
        }
    }
}

impl AcmeClient {
    /// A client of this directory (`/acme/tls-server/directory`), with a new key and no account.
    pub async fn new(ready: &Ready, directory: &str) -> Self {
        let mut client = Self {
            http: http(ready),
            directory_url: format!("{}{directory}", ready.base_url),
            directory: Value::Null,
            nonce: Mutex::new(None),
            key: AcmeKey::new(),
            kid: None,
        };
        client.directory = client.get(&client.directory_url).await.json(200);
        client
    }

    /// Make a new connection for each request: where several nodes stand behind one address, each is another's.
    pub fn fresh_connections(&mut self, ready: &Ready) {
        self.http = client(ready).pool_max_idle_per_host(0).build().expect("a client");
    }

    /// Forget the connections to a server that was restarted.
    pub fn reconnect(&mut self, ready: &Ready) {
        self.http = http(ready);
    }

    /// The same with an account.
    pub async fn registered(ready: &Ready, directory: &str) -> Self {
        let mut client = Self::new(ready, directory).await;
        client.register().await;
        client
    }

    /// The directory's URL.
    pub fn directory_url(&self) -> &str {
        &self.directory_url
    }

    /// The directory's document.
    pub fn directory(&self) -> &Value {
        &self.directory
    }

    /// A URL of the directory: `newOrder` and so on.
    #[track_caller]
    pub fn url(&self, name: &str) -> String {
        self.directory[name].as_str().unwrap_or_else(|| panic!("no {name} in {}", self.directory)).to_owned()
    }

    /// A request, its answer checked.
    pub async fn send(&self, request: reqwest::RequestBuilder) -> AcmeAnswer {
        let request = request.build().expect("a request");
        let (method, url) = (request.method().clone(), request.url().to_string());
        let answer = self.http.execute(request).await.unwrap_or_else(|e| panic!("{method} {url}: {e}"));
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let answer = AcmeAnswer { status, headers, body: answer.bytes().await.expect("a body").to_vec() };
        answer.check(&method, &url, &self.directory_url);
        *self.nonce.lock().expect("no holder panics") = answer.header("replay-nonce").map(ToOwned::to_owned);
        answer
    }

    /// A request of one's own.
    pub fn request(&self, method: Method, url: &str) -> reqwest::RequestBuilder {
        self.http.request(method, url)
    }

    /// GET, without a signature.
    pub async fn get(&self, url: &str) -> AcmeAnswer {
        self.send(self.request(Method::GET, url)).await
    }

    /// A nonce nobody has used.
    pub async fn nonce(&self) -> String {
        let kept = self.nonce.lock().expect("no holder panics").take();
        if let Some(nonce) = kept {
            return nonce;
        }
        let answer = self.send(self.request(Method::HEAD, &self.url("newNonce"))).await;
        assert_eq!(answer.status, 200);
        self.nonce.lock().expect("no holder panics").take().expect("newNonce gives one")
    }

    /// The protected header of a request to `url`: by the account, or by the key while there is none.
    pub async fn protected(&self, url: &str) -> Value {
        let nonce = self.nonce().await;
        match &self.kid {
            Some(kid) => json!({"alg": "ES256", "kid": kid, "nonce": nonce, "url": url}),
            None => json!({"alg": "ES256", "jwk": self.key.jwk(), "nonce": nonce, "url": url}),
        }
    }

    /// Send a body as it is, as application/jose+json.
    pub async fn post_body(&self, url: &str, body: impl Into<reqwest::Body>) -> AcmeAnswer {
        let request = self.request(Method::POST, url).header("content-type", "application/jose+json");
        self.send(request.body(body)).await
    }

    /// Sign this payload under this protected header and send it.
    pub async fn post_signed(&self, url: &str, protected: &Value, payload: &str) -> AcmeAnswer {
        self.post_body(url, self.key.sign(protected, payload).to_string()).await
    }

    /// POST a JSON payload.
    pub async fn post(&self, url: &str, payload: &Value) -> AcmeAnswer {
        let protected = self.protected(url).await;
        self.post_signed(url, &protected, &payload.to_string()).await
    }

    /// POST-as-GET.
    pub async fn read(&self, url: &str) -> AcmeAnswer {
        let protected = self.protected(url).await;
        self.post_signed(url, &protected, "").await
    }

    /// Make the account.
    pub async fn register(&mut self) -> Value {
        self.kid = None;
        let answer = self.post(&self.url("newAccount"), &json!({"termsOfServiceAgreed": true})).await;
        assert!([200, 201].contains(&answer.status), "{}", answer.text());
        self.kid = Some(answer.location());
        serde_json::from_slice(&answer.body).expect("an account")
    }

    /// The signed binding of this client's key by an EAB key (RFC 8555 section 7.3.4).
    pub fn binding(&self, kid: &str, key: &str) -> Value {
        let secret = URL_SAFE_NO_PAD.decode(key).expect("an EAB key is base64url");
        let protected = json!({"alg": "HS256", "kid": kid, "url": self.url("newAccount")});
        mac(&secret, &protected, &self.key.jwk().to_string())
    }

    /// Order DNS names: the order's URL and the order.
    pub async fn order(&self, names: &[&str]) -> (String, Value) {
        let identifiers: Vec<_> = names.iter().map(|name| json!({"type": "dns", "value": name})).collect();
        let answer = self.post(&self.url("newOrder"), &json!({"identifiers": identifiers})).await;
        (answer.location(), answer.json(201))
    }

    /// Answer a challenge type for every pending authorization of an order, and wait until they are settled.
    pub async fn authorize(&self, order: &Value, kind: &str, challenges: &Challenges) {
        for url in order["authorizations"].as_array().expect("authorizations") {
            let url = url.as_str().expect("a URL");
            let authorization = self.read(url).await.json(200);
            if authorization["status"] == "valid" {
                continue;
            }
            let challenge = challenge(&authorization, kind);
            let token = challenge["token"].as_str().expect("a token");
            challenges.put(token, &self.key.authorization(token));
            self.post(challenge["url"].as_str().expect("a URL"), &json!({})).await.json(200);
            let settled = self.settled(url).await;
            assert_eq!(settled["status"], "valid", "{settled}");
        }
    }

    /// The authorization at `url` when it is pending no more.
    pub async fn settled(&self, url: &str) -> Value {
        crate::eventually("the authorization is settled", std::time::Duration::from_secs(30), || async {
            Some(self.read(url).await.json(200)).filter(|authorization| authorization["status"] != "pending")
        })
        .await
    }

    /// Finalize an order.
    pub async fn finalize(&self, order: &Value, request: &Request) -> AcmeAnswer {
        let url = order["finalize"].as_str().expect("a URL");
        self.post(url, &json!({"csr": base64url(request.der())})).await
    }

    /// A whole order by http-01: the order's URL, the finished order and the PEM chain.
    pub async fn issue(&self, names: &[&str], request: &Request, challenges: &Challenges) -> (String, Value, String) {
        let (url, order) = self.order(names).await;
        self.authorize(&order, "http-01", challenges).await;
        let answer = self.finalize(&order, request).await;
        answer.json(200);
        assert_eq!(answer.location(), url, "clients look for the order's URL");
        let order = crate::eventually("the order is done", std::time::Duration::from_secs(30), || async {
            Some(self.read(&url).await.json(200)).filter(|order| order["status"] != "processing")
        })
        .await;
        assert_eq!(order["status"], "valid", "{order}");
        let chain = self.read(order["certificate"].as_str().expect("a URL")).await;
        assert_eq!(chain.status, 200, "{}", chain.text());
        assert_eq!(chain.header("content-type"), Some("application/pem-certificate-chain"));
        (url, order, chain.text())
    }
}

fn http(ready: &Ready) -> Client {
    client(ready).build().expect("a client")
}

fn client(ready: &Ready) -> reqwest::ClientBuilder {
    Client::builder()
        .tls_backend_preconfigured(trusting(ready))
        .no_proxy()
        // A connection that the server is about to close for its idleness is not used again.
        .pool_idle_timeout(std::time::Duration::from_secs(1))
        .timeout(std::time::Duration::from_secs(60))
}

/// The challenge of this type.
#[track_caller]
pub fn challenge(authorization: &Value, kind: &str) -> Value {
    let offered = authorization["challenges"].as_array().expect("challenges");
    let found = offered.iter().find(|challenge| challenge["type"] == kind);
    found.unwrap_or_else(|| panic!("no {kind} in {authorization}")).clone()
}
