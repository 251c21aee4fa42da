use chancery_core::Role;
use josekit::jwk::Jwk;
use josekit::jwk::alg::ec::EcCurve;
use josekit::jws::{ES256, HS256, JwsHeader, JwsSigner, RS256};
use josekit::jwt::{self, JwtPayload};
use serde_json::{Value, json};
use time::macros::datetime;

use super::*;
use crate::config::{OidcRule, Span};

const NOW: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);
const ISSUER: &str = "https://id.example";

fn ec_key(id: &str) -> Jwk {
    let mut key = Jwk::generate_ec_key(EcCurve::P256).unwrap();
    key.set_key_id(id);
    key
}

/// The public half under the same name.
fn public(key: &Jwk) -> Jwk {
    let mut public = key.to_public_key().unwrap();
    public.set_key_id(key.key_id().unwrap());
    public
}

/// An issuer with these public keys.
async fn issuers(keys: &[Jwk]) -> Arc<Issuers> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("jwks.json");
    let public: Vec<_> = keys.iter().map(public).collect();
    std::fs::write(&file, json!({ "keys": public }).to_string()).unwrap();
    let rule = |claim: &str, value: &str, role, profiles: &[&str]| OidcRule {
        claim: claim.into(),
        value: value.into(),
        role,
        profiles: profiles.iter().map(|&profile| profile.into()).collect(),
    };
    let settings = OidcIssuer {
        issuer: ISSUER.into(),
        audience: "chancery".into(),
        jwks_file: file.display().to_string().parse().ok(),
        clock_skew: Span(Duration::from_secs(60)),
        map: vec![
            rule("groups", "web", Role::Requester, &["tls-server"]),
            rule("realm_access.roles", "ra-admin", Role::Administrator, &[]),
        ],
        ..OidcIssuer::default()
    };
    let issuers = Issuers::new(&[settings]).unwrap();
    issuers.refresh().await;
    issuers
}

fn claims() -> Value {
    let now = NOW.unix_timestamp();
    json!({
        "iss": ISSUER, "aud": ["other", "chancery"], "sub": "4711", "iat": now, "nbf": now, "exp": now + 300,
        "groups": ["staff", "web"],
    })
}

fn header(values: Value) -> JwsHeader {
    JwsHeader::from_map(values.as_object().unwrap().clone()).unwrap()
}

fn sign(header: &JwsHeader, claims: &Value, signer: &dyn JwsSigner) -> String {
    let payload = JwtPayload::from_map(claims.as_object().unwrap().clone()).unwrap();
    jwt::encode_with_signer(&payload, header, signer).unwrap()
}

/// With one claim set otherwise; null takes it away.
fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    match value {
        Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
        value => claims[name] = value,
    }
    claims
}

/// RFC 7519 section 7.2.
#[tokio::test]
async fn a_good_token_speaks_of_its_subject_and_is_worth_what_its_claims_are_mapped_to() {
    let key = ec_key("a");
    let issuers = issuers(&[key.clone(), ec_key("b")]).await;
    let signer = ES256.signer_from_jwk(&key).unwrap();
    let header = header(json!({"typ": "JWT", "kid": "a"}));
    let identified = issuers.identify(&sign(&header, &claims(), &signer), NOW).await.unwrap();
    assert_eq!(identified.subject, chancery_core::OidcSubject { issuer: ISSUER.into(), subject: "4711".into() });
    let grant = identified.grant.unwrap();
    assert_eq!((grant.role, grant.profiles), (Role::Requester, Some(["tls-server".to_owned()].into())));

    let mut nested = with("groups", json!("none of them"));
    nested["realm_access"] = json!({"roles": ["ra-admin"]});
    let grant = issuers.identify(&sign(&header, &nested, &signer), NOW).await.unwrap().grant.unwrap();
    assert_eq!((grant.role, grant.profiles), (Role::Administrator, None));
    let nothing = issuers.identify(&sign(&header, &with("groups", Value::Null), &signer), NOW).await.unwrap();
    assert_eq!(nothing.grant, None, "nothing mapped is no access");
}

/// RFC 7519 sections 4.1.1 to 4.1.6.
#[tokio::test]
async fn claims_that_do_not_fit_are_refused() {
    let key = ec_key("a");
    let issuers = issuers(std::slice::from_ref(&key)).await;
    let signer = ES256.signer_from_jwk(&key).unwrap();
    let header = header(json!({"kid": "a"}));
    let now = NOW.unix_timestamp();
    for (name, value, why) in [
        ("iss", Value::Null, "without an issuer"),
        ("iss", json!("https://elsewhere.example"), "unknown issuer"),
        ("aud", Value::Null, "another audience"),
        ("aud", json!("other"), "another audience"),
        ("aud", json!(["chancery2", "Chancery"]), "another audience"),
        ("exp", Value::Null, "without an end"),
        ("exp", json!(now - 61), "expired"),
        ("nbf", json!(now + 61), "not valid yet"),
        ("iat", json!(now + 61), "not valid yet"),
        ("sub", Value::Null, "without a subject"),
        ("sub", json!(""), "without a subject"),
        ("sub", json!("a\nb"), "without a subject"),
    ] {
        let refused = issuers.identify(&sign(&header, &with(name, value.clone()), &signer), NOW).await.unwrap_err();
        assert!(refused.contains(why), "{name} {value}: {refused}");
    }
    // Within the skew of clocks.
    for (name, value) in [("exp", json!(now - 59)), ("nbf", json!(now + 59))] {
        issuers.identify(&sign(&header, &with(name, value), &signer), NOW).await.unwrap();
    }
}

/// RFC 8725 sections 3.1 and 3.10.
#[tokio::test]
async fn a_token_does_not_choose_its_key_nor_its_algorithm() {
    let key = ec_key("a");
    let mut rsa = Jwk::generate_rsa_key(2048).unwrap();
    rsa.set_key_id("r");
    let issuers = issuers(&[key.clone(), rsa.clone()]).await;
    let signer = ES256.signer_from_jwk(&key).unwrap();
    // The signer writes its key's name by itself.
    let mut map = key.as_ref().clone();
    map.remove("kid");
    let nameless = ES256.signer_from_jwk(&Jwk::from_map(map).unwrap()).unwrap();
    let own = ES256.signer_from_jwk(&ec_key("a")).unwrap();
    let rs256 = RS256.signer_from_jwk(&rsa).unwrap();
    issuers.identify(&sign(&header(json!({"kid": "r"})), &claims(), &rs256), NOW).await.unwrap();

    let kid = || header(json!({"kid": "a"}));
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let none = format!("{}.{}.", part(&json!({"alg": "none", "kid": "a"})), part(&claims()));
    let public = key.to_public_key().unwrap();
    let hmac = |bytes: &[u8]| {
        let signer = HS256.signer_from_bytes(bytes).unwrap();
        sign(&kid(), &claims(), &signer)
    };
    let pem = josekit::jwk::KeyPair::to_pem_public_key(&josekit::jwk::alg::ec::EcKeyPair::from_jwk(&key).unwrap());
    let good = sign(&kid(), &claims(), &signer);
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let head = signed.split_once('.').unwrap().0;
    let other = format!("{head}.{}.{signature}", part(&with("groups", json!("ra-admin"))));
    for (token, why) in [
        (none.clone(), "another algorithm"),
        (none + "AAAA", "another algorithm"),
        (hmac(&pem), "another algorithm"),
        (hmac(public.to_string().as_bytes()), "another algorithm"),
        (sign(&kid(), &claims(), &own), "wrong signature"),
        (other, "wrong signature"),
        (format!("{signed}."), "wrong signature"),
        (sign(&header(json!({"kid": "z"})), &claims(), &nameless), "unknown key"),
        (sign(&header(json!({})), &claims(), &nameless), "unknown key"),
        (sign(&header(json!({"kid": "r"})), &claims(), &nameless), "another algorithm"),
        (sign(&header(json!({"kid": "a", "jku": "https://evil.example"})), &claims(), &signer), "its own key"),
        (sign(&header(json!({"kid": "a", "x5u": "https://evil.example"})), &claims(), &signer), "its own key"),
        (sign(&header(json!({"kid": "a", "crit": ["exp"], "exp": 1})), &claims(), &signer), "critical"),
        (sign(&header(json!({"kid": "a", "typ": "logout+jwt"})), &claims(), &signer), "another type"),
        ("a.b".into(), "malformed"),
        ("a.b.c.d".into(), "malformed"),
        ("..".into(), "malformed"),
        (format!("{good}."), "malformed"),
    ] {
        let refused = issuers.identify(&token, NOW).await.unwrap_err();
        assert!(refused.contains(why), "{token}: {refused}");
    }
}

#[tokio::test]
async fn keys_that_cannot_be_read_leave_those_from_before() {
    let key = ec_key("a");
    let token = sign(&header(json!({"kid": "a"})), &claims(), &ES256.signer_from_jwk(&key).unwrap());
    // Its folder is gone by now.
    let issuers = issuers(std::slice::from_ref(&key)).await;
    issuers.refresh().await;
    issuers.identify(&token, NOW).await.unwrap();

    let symmetric = Jwk::generate_oct_key(32).unwrap();
    for text in ["", "{}", "{\"keys\":[]}", &json!({ "keys": [symmetric] }).to_string()] {
        assert!(keys::read(text.as_bytes()).is_err(), "{text}");
    }
}

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

#[tokio::test]
async fn keys_are_fetched_from_the_issuer_and_a_redirect_is_not_followed() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let key = ec_key("a");
    let set = json!({ "keys": [public(&key)] }).to_string();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/jwks", listener.local_addr().unwrap());
    let answers = [
        format!("HTTP/1.1 302 Found\r\nLocation: {url}2\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{set}", set.len()),
        "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_owned(),
    ];
    let served = tokio::spawn(async move {
        for answer in answers {
            let mut stream = listener.accept().await.unwrap().0;
            let mut request = [0; 4096];
            let length = stream.read(&mut request).await.unwrap();
            assert!(request[..length].starts_with(b"GET /jwks HTTP/1.1\r\n"));
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    let settings = OidcIssuer {
        issuer: ISSUER.into(),
        audience: "chancery".into(),
        jwks_url: url.parse().ok(),
        ..OidcIssuer::default()
    };
    let issuers = Issuers::new(&[settings]).unwrap();
    let token = sign(&header(json!({"kid": "a"})), &claims(), &ES256.signer_from_jwk(&key).unwrap());
    issuers.refresh().await;
    assert!(issuers.identify(&token, NOW).await.unwrap_err().contains("unknown key"), "not by a redirect");
    for _ in 0..2 {
        issuers.refresh().await;
        issuers.identify(&token, NOW).await.unwrap();
    }
    served.await.unwrap();
}
