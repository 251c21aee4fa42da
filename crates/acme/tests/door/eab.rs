//! RFC 8555 section 7.3.4.

use aws_lc_rs::hmac;
use chancery_acme::{EabPolicy, MadeEabKey, NewEabKey, ProblemType, Resource};
use chancery_core::ProfileRef;
use serde_json::{Value, json};
use time::Duration;

use crate::house::{Client, House, binding, encode, object, origin, system};

fn new(ra_profile: &str) -> NewEabKey {
    NewEabKey {
        ra_profile: ProfileRef::Name(ra_profile.into()),
        acme_profile: None,
        description: "for tests".into(),
        names: None,
        uses: None,
        quota: None,
        expires_at: None,
    }
}

async fn make(house: &House, new: NewEabKey) -> MadeEabKey {
    house.acme.create_eab_key(&system(), &origin(), new).await.unwrap()
}

fn url() -> &'static str {
    "https://ca.example/acme/tls-server/new-account"
}

fn bound(client: &Client<'_>, key: &MadeEabKey) -> Value {
    let header = json!({ "alg": "HS256", "kid": key.key.id.to_string(), "url": url() });
    binding(hmac::HMAC_SHA256, &key.secret, &header, &client.jwk())
}

async fn register(client: &Client<'_>, binding: &Value) -> Result<chancery_acme::Reply, chancery_acme::Problem> {
    client.ask(Resource::NewAccount, Some(json!({ "externalAccountBinding": binding }))).await
}

#[tokio::test]
async fn rfc8555_7_3_4_a_binding_that_verifies_is_shown_again() {
    let house = House::new().await;
    house.set(|settings| settings.eab = EabPolicy::Required).await;
    let key = make(&house, new("tls-server")).await;
    assert_eq!(key.secret.len(), 43);
    for (name, algorithm) in [("HS256", hmac::HMAC_SHA256), ("HS384", hmac::HMAC_SHA384), ("HS512", hmac::HMAC_SHA512)]
    {
        let client = house.client();
        let header = json!({ "alg": name, "kid": key.key.id.to_string(), "url": url() });
        // Another spelling of the same key.
        let mut jwk = client.jwk();
        jwk["kid"] = json!("mine");
        let binding = binding(algorithm, &key.secret, &header, &jwk);
        let reply = register(&client, &binding).await.unwrap();
        assert_eq!((reply.status, &object(&reply)["externalAccountBinding"]), (201, &binding), "{name}");
    }
    let keys = house.acme.eab_keys(&system(), &origin()).await.unwrap();
    assert_eq!((keys.len(), keys[0].used), (1, 3));
    assert!(!house.told("acme.eab.create").await[0].contains(&*key.secret));
}

#[tokio::test]
async fn rfc8555_7_3_4_required_and_missing() {
    let house = House::new().await;
    house.set(|settings| settings.eab = EabPolicy::Required).await;
    for new in [json!({}), json!({ "externalAccountBinding": null })] {
        let problem = house.client().ask(Resource::NewAccount, Some(new)).await.unwrap_err();
        assert_eq!((problem.kind, problem.status), (ProblemType::ExternalAccountRequired, 403));
    }
}

#[tokio::test]
async fn rfc8555_7_3_4_each_check_of_the_binding() {
    let house = House::new().await;
    let key = make(&house, NewEabKey { uses: Some(1), ..new("tls-server") }).await;
    let foreign = make(&house, new("tls-client")).await;
    let client = house.client();
    let header = json!({ "alg": "HS256", "kid": key.key.id.to_string(), "url": url() });
    let with = |member: &str, value: Value| {
        let mut header = header.clone();
        header[member] = value;
        header
    };
    let without = |member: &str| {
        let mut header = header.clone();
        header.as_object_mut().unwrap().remove(member);
        header
    };
    let made = |header: &Value| binding(hmac::HMAC_SHA256, &key.secret, header, &client.jwk());
    let other = house.client().jwk();
    let mut unprotected = made(&header);
    unprotected["header"] = json!({ "kid": "x" });
    let mut padded = made(&header);
    padded["signature"] = json!(format!("{}=", padded["signature"].as_str().unwrap()));
    let mut truncated = made(&header);
    truncated["signature"] = json!(truncated["signature"].as_str().unwrap()[..20]);
    let mut empty = made(&header);
    empty["signature"] = json!("");
    let malformed = [
        ("no object", json!("text")),
        ("no alg", made(&without("alg"))),
        ("alg none", made(&with("alg", json!("none")))),
        ("alg of a public key", made(&with("alg", json!("ES256")))),
        ("no kid", made(&without("kid"))),
        ("no url", made(&without("url"))),
        ("another url", made(&with("url", json!("https://ca.example/acme/tls-server/new-order")))),
        ("a nonce", made(&with("nonce", json!(house.acme.nonce())))),
        ("a jwk beside kid", made(&with("jwk", client.jwk()))),
        ("another key inside", binding(hmac::HMAC_SHA256, &key.secret, &header, &other)),
        ("no key inside", binding(hmac::HMAC_SHA256, &key.secret, &header, &json!({ "kty": "oct", "k": "AAAA" }))),
        ("an unprotected header", unprotected),
        ("padding", padded),
    ];
    for (case, binding) in malformed {
        let problem = register(&client, &binding).await.unwrap_err();
        let kind = problem.kind;
        assert!(matches!(kind, ProblemType::Malformed | ProblemType::Unauthorized), "{case}: {problem:?}");
        assert!(problem.detail.starts_with("externalAccountBinding: "), "{case}: {problem}");
    }
    let refused = [
        ("unknown kid", made(&with("kid", json!(uuid::Uuid::from_u128(3).to_string())))),
        ("no uuid", made(&with("kid", json!("../../etc")))),
        ("wrong key", binding(hmac::HMAC_SHA256, &encode([0; 32]), &header, &client.jwk())),
        ("empty key", binding(hmac::HMAC_SHA256, "", &header, &client.jwk())),
        ("key of another RA profile", {
            let header = with("kid", json!(foreign.key.id.to_string()));
            binding(hmac::HMAC_SHA256, &foreign.secret, &header, &client.jwk())
        }),
        ("another digest", binding(hmac::HMAC_SHA512, &key.secret, &header, &client.jwk())),
        ("truncated MAC", truncated),
        ("no MAC", empty),
    ];
    let mut details = std::collections::BTreeSet::new();
    for (case, binding) in refused {
        let problem = register(&client, &binding).await.unwrap_err();
        assert_eq!((problem.kind, problem.status), (ProblemType::Unauthorized, 403), "{case}: {problem}");
        details.insert(problem.detail);
    }
    assert_eq!(details.len(), 1, "one answer to all: {details:?}");
    // After all that the key is unused.
    assert_eq!(register(&client, &made(&header)).await.unwrap().status, 201);
}

#[tokio::test]
async fn a_key_binds_as_many_accounts_as_it_may_until_it_is_over_or_revoked() {
    let house = House::new().await;
    let single = make(&house, NewEabKey { uses: Some(1), ..new("tls-server") }).await;
    let (first, second) = (house.client(), house.client());
    let (one, two) = (bound(&first, &single), bound(&second, &single));
    let (one, two) = tokio::join!(register(&first, &one), register(&second, &two));
    assert_eq!(u32::from(one.is_ok()) + u32::from(two.is_ok()), 1);
    let lost = one.err().or(two.err()).unwrap();
    assert_eq!((lost.kind, lost.status), (ProblemType::Unauthorized, 403));

    let end = house.ra.ports().clock.now() + Duration::HOUR;
    let short = make(&house, NewEabKey { expires_at: Some(end), ..new("tls-server") }).await;
    let client = house.client();
    assert!(register(&client, &bound(&client, &short)).await.is_ok());
    house.clock.advance(Duration::HOUR);
    let client = house.client();
    assert_eq!(register(&client, &bound(&client, &short)).await.unwrap_err().kind, ProblemType::Unauthorized);

    let revoked = make(&house, new("tls-server")).await;
    house.acme.revoke_eab_key(&system(), &origin(), revoked.key.id).await.unwrap();
    assert_eq!(register(&client, &bound(&client, &revoked)).await.unwrap_err().kind, ProblemType::Unauthorized);
    let again = house.acme.revoke_eab_key(&system(), &origin(), revoked.key.id).await;
    assert!(matches!(again, Err(chancery_core::Error::Rejected(_))), "{again:?}");
}
