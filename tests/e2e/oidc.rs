//! Callers by signed tokens of an OIDC issuer.

use std::net::TcpListener;

use chancery_core::{Clock, SystemClock};
use chancery_tests::Server;
use josekit::jwk::Jwk;
use josekit::jwk::alg::ec::EcCurve;
use josekit::jws::{ES256, JwsHeader};
use josekit::jwt::{self, JwtPayload};
use serde_json::{Value, json};

const ISSUER: &str = "https://id.example";

fn key() -> Jwk {
    let mut key = Jwk::generate_ec_key(EcCurve::P256).unwrap();
    key.set_key_id("a");
    key
}

fn public(key: &Jwk) -> Jwk {
    let mut public = key.to_public_key().unwrap();
    public.set_key_id("a");
    public
}

fn token(key: &Jwk, more_header: &Value, more_claims: &Value) -> String {
    let now = SystemClock.now().unix_timestamp();
    let mut header = json!({"typ": "JWT", "kid": "a"});
    let mut claims = json!({"iss": ISSUER, "aud": "chancery", "sub": "4711", "iat": now, "exp": now + 300});
    for (whole, more) in [(&mut header, more_header), (&mut claims, more_claims)] {
        for (name, value) in more.as_object().unwrap() {
            whole[name] = value.clone();
        }
    }
    let header = JwsHeader::from_map(header.as_object().unwrap().clone()).unwrap();
    let payload = JwtPayload::from_map(claims.as_object().unwrap().clone()).unwrap();
    // A signer with a name writes its own.
    let mut nameless = key.as_ref().clone();
    nameless.remove("kid");
    let signer = ES256.signer_from_jwk(&Jwk::from_map(nameless).unwrap()).unwrap();
    jwt::encode_with_signer(&payload, &header, &signer).unwrap()
}

/// A server that believes the issuer with this key.
fn believing(key: &Jwk) -> Server {
    let builder = crate::server();
    let data = builder.data();
    std::fs::create_dir_all(&data).unwrap();
    let jwks = data.parent().unwrap().join("jwks.json");
    std::fs::write(&jwks, json!({"keys": [public(key)]}).to_string()).unwrap();
    let config = format!(
        "[[oidc]]\nissuer = '{ISSUER}'\naudience = 'chancery'\njwks_file = '{}'\n\
         [[oidc.map]]\nclaim = 'groups'\nvalue = 'web'\nrole = 'requester'\nprofiles = ['tls-server']\n",
        jwks.display()
    );
    std::fs::write(data.join("chancery.toml"), config).unwrap();
    builder.start()
}

#[tokio::test]
async fn a_signed_token_is_worth_what_its_claims_are_mapped_to() {
    let key = key();
    let server = believing(&key);
    let web = server.api_as(&token(&key, &json!({}), &json!({"groups": ["web"]})));
    let me = web.get("/api/v1/auth/profile").await.json(200);
    assert_eq!((&me["username"], &me["roles"][0]["name"]), (&"oidc:4711".into(), &"requester".into()));
    web.issue("tls-server", &chancery_tests::Request::host("web.example")).await;
    let client = server.api().operations("tls-client").await;
    let body = json!({"request": chancery_tests::Request::host("b.example").pem(), "attributes": []});
    assert_eq!(web.post(&format!("{client}/certificates"), &body).await.status, 404);

    // Nothing mapped, no access; until the subject is a user.
    let nobody = server.api_as(&token(&key, &json!({}), &json!({})));
    nobody.get("/api/v1/auth/profile").await.empty(401);
    server.cli(["user", "add", "alice", "--role", "auditor", "--oidc-subject", ISSUER, "4711"]).ok();
    let me = nobody.get("/api/v1/auth/profile").await.json(200);
    assert_eq!((&me["username"], &me["roles"][0]["name"]), (&"alice".into(), &"auditor".into()));
    server.cli(["user", "disable", "alice"]).ok();
    web.get("/api/v1/auth/profile").await.empty(401);
}

#[tokio::test]
async fn a_bad_token_is_refused_and_nobody_is_called() {
    let key = key();
    let server = believing(&key);
    let evil = TcpListener::bind("127.0.0.1:0").unwrap();
    evil.set_nonblocking(true).unwrap();
    let url = format!("http://{}/jwks", evil.local_addr().unwrap());
    let good = json!({"groups": ["web"]});
    let claims = |name: &str, value: Value| json!({"groups": ["web"], name: value});
    let unsigned = token(&key, &json!({}), &good).rsplit_once('.').unwrap().0.to_owned();
    for (what, bad) in [
        ("jku", token(&key, &json!({"jku": url}), &good)),
        ("x5u", token(&key, &json!({"x5u": url}), &good)),
        ("jwk", token(&key, &json!({"jwk": public(&key)}), &good)),
        ("unknown kid", token(&key, &json!({"kid": "b"}), &good)),
        ("another's key", token(&self::key(), &json!({}), &good)),
        ("audience", token(&key, &json!({}), &claims("aud", json!("other")))),
        ("issuer", token(&key, &json!({}), &claims("iss", json!(url)))),
        ("expired", token(&key, &json!({}), &claims("exp", json!(1)))),
        ("not yet valid", token(&key, &json!({}), &claims("nbf", json!(4_000_000_000_u64)))),
        ("no signature", format!("{unsigned}.")),
    ] {
        let answer = server.api_as(&bad).get("/api/v1/raProfiles").await;
        assert_eq!(answer.status, 401, "{what}");
    }
    assert_eq!(evil.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "the server called somebody");
    assert_eq!(server.api_as(&token(&key, &json!({}), &good)).get("/api/v1/raProfiles").await.status, 200);
    let trail = server.cli(["audit", "list", "--json"]).ok();
    for why in ["brings its own key", "unknown key", "wrong signature", "another audience", "expired", "not valid yet"]
    {
        assert!(trail.contains(why), "{why} is not in the trail");
    }
}
