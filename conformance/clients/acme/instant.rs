//! instant-acme, a Rust client: its account, its orders, its polling; the answers to challenges are made here.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chancery_pki::{Certificate, KeyType};
use chancery_tests::{Key, trusting};
use http_body_util::BodyExt;
use instant_acme::{
    Account, AccountCredentials, AuthorizationStatus, BodyWrapper, BytesResponse, CertificateIdentifier, ChallengeType,
    Error, ExternalAccountKey, HttpClient, Identifier, KeyAuthorization, NewAccount, NewOrder, OrderStatus, Problem,
    RetryPolicy, RevocationReason, RevocationRequest,
};
use rcgen::{CertificateParams, CustomExtension, KeyPair};
use rustls::pki_types::{CertificateDer, Der, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::lab::Lab;

const POLLING: RetryPolicy =
    RetryPolicy::new().initial_delay(Duration::from_millis(50)).backoff(1.5).timeout(Duration::from_secs(30));

/// HTTP/1.1 over rustls, with the server's root alone.
#[derive(Clone)]
struct Http(reqwest::Client);

impl HttpClient for Http {
    fn request(
        &self,
        request: http::Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let client = self.0.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await.map_or_else(|never| match never {}, |body| body.to_bytes());
            let request = reqwest::Request::try_from(http::Request::from_parts(parts, reqwest::Body::from(body)))
                .map_err(|e| Error::Other(Box::new(e)))?;
            let answer = client.execute(request).await.map_err(|e| Error::Other(Box::new(e)))?;
            let (parts, body) = http::Response::from(answer).into_parts();
            let body = body.collect().await.map_err(|e| Error::Other(Box::new(e)))?.to_bytes();
            Ok(BytesResponse { parts, body: Box::new(body) })
        })
    }
}

fn http(lab: &Lab) -> Box<Http> {
    let client = reqwest::Client::builder().tls_backend_preconfigured(trusting(lab.server.ready())).no_proxy();
    Box::new(Http(client.build().expect("a client")))
}

async fn account(lab: &Lab, bound: Option<&ExternalAccountKey>) -> Result<(Account, AccountCredentials), Error> {
    let new =
        NewAccount { contact: &["mailto:admin@lab.test"], terms_of_service_agreed: true, only_return_existing: false };
    Account::builder_with_http(http(lab)).create(&new, lab.directory(), bound).await
}

fn names(names: &[&str]) -> Vec<Identifier> {
    let identifier = |name: &&str| name.parse().map_or_else(|_| Identifier::Dns((*name).to_owned()), Identifier::Ip);
    names.iter().map(identifier).collect()
}

/// The leaf of a chain.
fn leaf(chain: &str) -> Certificate {
    Certificate::all_from_pem(chain).expect("certificates").swap_remove(0)
}

/// By what renewal information and `replaces` call a certificate (RFC 9773 section 4.1).
fn renewal_id(certificate: &Certificate) -> CertificateIdentifier<'static> {
    let authority = certificate.authority_key_id().expect("it names its issuer's key");
    let magnitude = certificate.serial().as_bytes();
    // As in the certificate: positive, so with a zero before a high bit.
    let sign: &[u8] = if magnitude.first().is_some_and(|byte| byte & 0x80 != 0) { &[0] } else { &[] };
    let serial = [sign, magnitude].concat();
    CertificateIdentifier::new(Der::from_slice(authority), Der::from_slice(&serial)).into_owned()
}

/// Answer one challenge where the server looks for it.
async fn answer(lab: &Lab, kind: &ChallengeType, token: &str, name: &str, authorization: &KeyAuthorization) {
    match kind {
        ChallengeType::Http01 => std::fs::write(lab.webroot().join(token), authorization.as_str()).expect("a file"),
        ChallengeType::Dns01 => lab.dns.txt(&format!("_acme-challenge.{name}"), &authorization.dns_value()),
        ChallengeType::TlsAlpn01 => {
            let mut parameters = CertificateParams::new([name.to_owned()]).expect("a name");
            let digest = authorization.digest();
            parameters.custom_extensions = vec![CustomExtension::new_acme_identifier(digest.as_ref())];
            let key = KeyPair::generate().expect("a key");
            let certificate = parameters.self_signed(&key).expect("a certificate");
            let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
            let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(&key).expect("a signing key");
            // Not checked against the key: rustls does not know the extension, which is critical.
            let shown = CertifiedKey::new(vec![certificate.der().clone()], key);
            let mut config =
                rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
                    .with_safe_default_protocol_versions()
                    .expect("protocol versions")
                    .with_no_client_auth()
                    .with_cert_resolver(Arc::new(SingleCertAndKey::from(shown)));
            config.alpn_protocols = vec![b"acme-tls/1".to_vec()];
            let listener =
                TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], lab.tls_port))).await.expect("the port is free");
            let acceptor = TlsAcceptor::from(Arc::new(config));
            tokio::spawn(async move {
                while let Ok((stream, _)) = listener.accept().await {
                    let acceptor = acceptor.clone();
                    tokio::spawn(async move { acceptor.accept(stream).await });
                }
            });
        }
        other => panic!("no answer to {other:?} is made here"),
    }
}

/// From an order to the chain.
async fn issue(lab: &Lab, account: &Account, order: &NewOrder<'_>, kind: ChallengeType) -> Result<String, Error> {
    let wanted: Vec<String> = order
        .identifiers()
        .iter()
        .map(|identifier| match identifier {
            Identifier::Dns(name) => format!("dns:{name}"),
            Identifier::Ip(address) => format!("ip:{address}"),
            other => panic!("{other:?} is not asked for here"),
        })
        .collect();
    let mut order = account.new_order(order).await?;
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization?;
        if authorization.status == AuthorizationStatus::Valid {
            continue;
        }
        let mut challenge = authorization.challenge(kind.clone()).expect("the challenge is offered");
        let name = match challenge.identifier().identifier {
            Identifier::Dns(name) => name.clone(),
            Identifier::Ip(address) => address.to_string(),
            other => panic!("{other:?} is not asked for here"),
        };
        let token = challenge.token.clone();
        answer(lab, &kind, &token, &name, &challenge.key_authorization()).await;
        challenge.set_ready().await?;
    }
    let status = order.poll_ready(&POLLING).await?;
    assert_eq!(status, OrderStatus::Ready, "{:?}", order.state());
    let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
    order.finalize_csr(Key::new(KeyType::P256).request("", &wanted).der()).await?;
    order.poll_certificate(&POLLING).await
}

/// The problem that it must have failed with.
#[track_caller]
fn problem<T>(result: Result<T, Error>) -> Problem {
    match result {
        Err(Error::Api(problem)) => problem,
        Err(other) => panic!("no problem document: {other}"),
        Ok(_) => panic!("was to fail"),
    }
}

fn keep(lab: &Lab, name: &str, chain: &str) -> String {
    std::fs::write(lab.folder().join(name), chain).expect("a file");
    name.to_owned()
}

#[tokio::test]
async fn instant_acme_issues_by_each_challenge() {
    let lab = Lab::with_web();
    let (account, _) = account(&lab, None).await.unwrap();
    let cases: [(&[&str], ChallengeType); 4] = [
        (&["one.lab.test"], ChallengeType::Http01),
        (&["two.lab.test", "three.lab.test", "127.0.0.1"], ChallengeType::Http01),
        (&["*.wild.lab.test", "wild.lab.test"], ChallengeType::Dns01),
        (&["alpn.lab.test"], ChallengeType::TlsAlpn01),
    ];
    for (number, (wanted, kind)) in cases.into_iter().enumerate() {
        let identifiers = names(wanted);
        let chain = issue(&lab, &account, &NewOrder::new(&identifiers), kind).await.unwrap();
        lab.verify(&keep(&lab, &format!("{number}.pem"), &chain), wanted);
    }
}

#[tokio::test]
async fn instant_acme_renews_by_renewal_information_and_replaces() {
    let lab = Lab::with_web();
    let (account, _) = account(&lab, None).await.unwrap();
    let identifiers = names(&["one.lab.test"]);
    let chain = issue(&lab, &account, &NewOrder::new(&identifiers), ChallengeType::Http01).await.unwrap();
    let first = leaf(&chain);
    let id = renewal_id(&first);
    let (information, again) = account.renewal_info(&id).await.unwrap();
    let window = information.suggested_window;
    assert!(window.start < window.end && again >= Duration::from_secs(60), "{window:?} {again:?}");
    assert!(first.validity().not_before < window.start && window.end < first.validity().not_after, "{window:?}");

    let certificate = CertificateDer::from(first.der().to_vec());
    let revocation = RevocationRequest { certificate: &certificate, reason: Some(RevocationReason::Superseded) };
    account.revoke(&revocation).await.unwrap();
    lab.revoked(&keep(&lab, "one.pem", &chain), "Superseded");
    assert_eq!(problem(account.revoke(&revocation).await).r#type.unwrap(), "urn:ietf:params:acme:error:alreadyRevoked");
    let (information, _) = account.renewal_info(&id).await.unwrap();
    assert!(information.suggested_window.end < window.start, "the window has not moved to the past");

    let replacing = NewOrder::new(&identifiers).replaces(id.clone());
    let chain = issue(&lab, &account, &replacing, ChallengeType::Http01).await.unwrap();
    lab.verify(&keep(&lab, "renewed.pem", &chain), &["one.lab.test"]);
    let again = problem(account.new_order(&replacing).await.map(|_| ()));
    assert_eq!(again.r#type.unwrap(), "urn:ietf:params:acme:error:alreadyReplaced");
}

#[tokio::test]
async fn instant_acme_changes_its_key_updates_and_deactivates() {
    let lab = Lab::with_web();
    let (mut account, _) = account(&lab, None).await.unwrap();
    let id = account.id().to_owned();
    let old = account.clone();
    let credentials = account.update_key().await.unwrap();
    problem(old.update_contacts(&["mailto:old@lab.test"]).await);
    let account = Account::builder_with_http(http(&lab)).from_credentials(credentials).await.unwrap();
    assert_eq!(account.id(), id);
    account.update_contacts(&["mailto:new@lab.test", "mailto:other@lab.test"]).await.unwrap();
    account.update_contacts(&[]).await.unwrap();
    let identifiers = names(&["one.lab.test"]);
    let chain = issue(&lab, &account, &NewOrder::new(&identifiers), ChallengeType::Http01).await.unwrap();
    lab.verify(&keep(&lab, "one.pem", &chain), &["one.lab.test"]);

    // An authorization that is given up takes its order with it.
    let identifiers = names(&["other.lab.test"]);
    let mut order = account.new_order(&NewOrder::new(&identifiers)).await.unwrap();
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        authorization.unwrap().deactivate().await.unwrap();
    }
    assert_eq!(order.refresh().await.unwrap().status, OrderStatus::Invalid);

    account.clone().deactivate().await.unwrap();
    let refused = problem(account.new_order(&NewOrder::new(&identifiers)).await.map(|_| ()));
    assert_eq!(refused.r#type.unwrap(), "urn:ietf:params:acme:error:unauthorized");
    assert_eq!(refused.status, Some(401));
}

#[tokio::test]
async fn instant_acme_binds_its_account_to_an_external_one() {
    let lab = Lab::with_web();
    let (kid, key) = lab.eab();
    let key = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, key).unwrap();
    let wrong = account(&lab, Some(&ExternalAccountKey::new(kid.clone(), &[7; 32]))).await.map(|_| ());
    assert!(problem(wrong).r#type.unwrap().starts_with("urn:ietf:params:acme:error:"));
    let (account, _) = account(&lab, Some(&ExternalAccountKey::new(kid, &key))).await.unwrap();
    let identifiers = names(&["one.lab.test"]);
    let chain = issue(&lab, &account, &NewOrder::new(&identifiers), ChallengeType::Http01).await.unwrap();
    lab.verify(&keep(&lab, "one.pem", &chain), &["one.lab.test"]);
}

#[tokio::test]
async fn instant_acme_hears_per_name_what_is_refused() {
    let lab = Lab::with_web();
    let (account, _) = account(&lab, None).await.unwrap();
    let identifiers = names(&["good.lab.test", "not_a_host_name.lab.test", "*.*.lab.test"]);
    let refused = problem(account.new_order(&NewOrder::new(&identifiers)).await.map(|_| ()));
    let named: Vec<_> = refused.subproblems.iter().filter_map(|problem| problem.identifier.clone()).collect();
    assert!(named.contains(&identifiers[2]) && !named.contains(&identifiers[0]), "{refused:?}");
}
