//! RFC 8555 sections 6.1, 6.2 and 6.4: how a request is signed.

use std::time::{Duration, Instant};

use chancery_tests::{AcmeAnswer, AcmeClient, base64url, send_tls};
use serde_json::{Value, json};

use super::lab;

/// AC-01, AC-02: RFC 8555 section 6.2.
#[tokio::test]
async fn rfc8555_6_2_another_content_type_is_415() {
    let lab = lab();
    let client = lab.account().await;
    let url = client.kid.clone().unwrap();
    for kind in [Some("application/json"), Some("application/jose"), Some("text/plain"), Some(""), None] {
        let body = client.key.sign(&client.protected(&url).await, "").to_string();
        let mut request = client.request(reqwest::Method::POST, &url).body(body);
        if let Some(kind) = kind {
            request = request.header("content-type", kind);
        }
        client.send(request).await.problem(415, "malformed");
    }
    // Case and parameters do not matter (RFC 9110 section 8.3.1).
    for kind in ["Application/JOSE+json", "application/jose+json; charset=utf-8"] {
        let body = client.key.sign(&client.protected(&url).await, "").to_string();
        let request = client.request(reqwest::Method::POST, &url).header("content-type", kind).body(body);
        client.send(request).await.json(200);
    }
}

/// AC-06.
#[tokio::test]
async fn a_compressed_body_is_415() {
    let lab = lab();
    let client = lab.account().await;
    let url = client.kid.clone().unwrap();
    let request = client.request(reqwest::Method::POST, &url).header("content-type", "application/jose+json");
    client.send(request.header("content-encoding", "gzip").body(vec![0x1f, 0x8b, 8])).await.problem(415, "malformed");
}

/// AC-04: a body of 10 MiB is refused by its announcement.
#[tokio::test]
async fn a_large_body_is_413_before_it_is_read() {
    let lab = lab();
    let client = lab.client().await;
    let url = client.url("newAccount");
    let path = url.strip_prefix(&lab.server.ready().base_url).unwrap();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/jose+json\r\nContent-Length: 10485760\r\n\r\n"
    );
    let raw = send_tls(lab.server.ready(), head.as_bytes(), Duration::from_secs(10)).await;
    assert_eq!(raw.status(), Some(413), "{}", raw.text);
    assert!(raw.closed && raw.header("replay-nonce").is_some(), "{}", raw.text);
    assert!(raw.text.contains("urn:ietf:params:acme:error:malformed"), "{}", raw.text);
    // And one that comes without announcement: ten chunks of 16 KiB.
    let mut bytes = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/jose+json\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    .into_bytes();
    for _ in 0..10 {
        bytes.extend_from_slice(b"4000\r\n");
        bytes.extend_from_slice(&[b' '; 0x4000]);
        bytes.extend_from_slice(b"\r\n");
    }
    let raw = send_tls(lab.server.ready(), &bytes, Duration::from_secs(10)).await;
    assert_eq!(raw.status(), Some(413), "{}", raw.text);
}

/// AC-03, AC-07, AC-08, AC-09, AC-28, AC-29: RFC 8555 section 6.2.
#[tokio::test]
async fn rfc8555_6_2_only_a_flattened_jws_is_read() {
    let lab = lab();
    let client = lab.account().await;
    let url = client.kid.clone().unwrap();
    let good = client.key.sign(&client.protected(&url).await, "");
    let with = |change: &dyn Fn(&mut Value)| {
        let mut jws = good.clone();
        change(&mut jws);
        jws.to_string()
    };
    let text = |name: &str| good[name].as_str().unwrap().to_owned();
    let compact = format!("{}.{}.{}", text("protected"), text("payload"), text("signature"));
    let signature = json!({"protected": good["protected"], "signature": good["signature"]});
    for body in [
        String::new(),
        "null".into(),
        "[]".into(),
        "{}".into(),
        "{\"protected\":".into(),
        compact,
        json!({"payload": good["payload"], "signatures": [signature]}).to_string(),
        json!({"payload": good["payload"], "signatures": [signature, signature]}).to_string(),
        with(&|jws| jws["signatures"] = json!([signature])),
        with(&|jws| jws["header"] = json!({"kid": "x"})),
        with(&|jws| jws["header"] = json!({})),
        with(&|jws| drop(jws.as_object_mut().unwrap().remove("payload"))),
        with(&|jws| drop(jws.as_object_mut().unwrap().remove("signature"))),
        with(&|jws| jws["payload"] = json!(null)),
        with(&|jws| jws["protected"] = json!({"alg": "ES256"})),
        with(&|jws| jws["protected"] = json!(format!("{}=", text("protected")))),
        with(&|jws| jws["signature"] = json!(format!("{}==", text("signature")))),
        with(&|jws| jws["signature"] = json!(format!("{}\n", text("signature")))),
        with(&|jws| jws["protected"] = json!(base64url("[1]"))),
        with(&|jws| jws["protected"] = json!(base64url([0xff, 0xfe]))),
        good.to_string().replacen('{', &format!("{{\"payload\":\"{}\",", text("payload")), 1),
        format!("\u{feff}{good}"),
        format!("{good}x"),
        "[".repeat(60_000),
        format!("{{\"a\":{}", "[".repeat(60_000)),
    ] {
        let shown: String = body.chars().take(60).collect();
        let answer = client.post_body(&url, body).await;
        assert_eq!((answer.status, &*answer.kind()), (400, "malformed"), "{shown}: {}", answer.text());
    }
    // The nonce was never spent: nothing of it could be read, or the form was refused first.
    client.read(&url).await.json(200);
}

#[tokio::test]
async fn rfc8555_6_1_padding_is_refused() {
    let lab = lab();
    let client = lab.account().await;
    let url = client.kid.clone().unwrap();
    for name in ["protected", "signature"] {
        let mut jws = client.key.sign(&client.protected(&url).await, "");
        jws[name] = json!(format!("{}=", jws[name].as_str().unwrap()));
        client.post_body(&url, jws.to_string()).await.problem(400, "malformed");
    }
    let mut jws = client.key.sign(&client.protected(&url).await, "{}");
    jws["payload"] = json!("e30=");
    client.post_body(&url, jws.to_string()).await.problem(400, "malformed");
}

async fn signed(client: &AcmeClient, url: &str, protected: &str, payload: &str) -> AcmeAnswer {
    client.post_body(url, client.key.sign_text(protected, payload).to_string()).await
}

/// AC-18, AC-19, AC-28, AC-29: the protected header.
#[tokio::test]
async fn rfc8555_6_2_the_protected_header_has_exactly_one_of_jwk_and_kid() {
    let lab = lab();
    let client = lab.account().await;
    let url = client.kid.clone().unwrap();
    let (kid, jwk) = (json!(url), client.key.jwk());
    let protected = |nonce: String| json!({"alg": "ES256", "nonce": nonce, "url": url});
    let neither = protected(client.nonce().await);
    client.post_signed(&url, &neither, "").await.problem(400, "malformed");
    let mut both = protected(client.nonce().await);
    both["kid"] = kid.clone();
    both["jwk"] = jwk.clone();
    client.post_signed(&url, &both, "").await.problem(400, "malformed");
    // By key where an account must sign, by account where a key must.
    let mut by_key = protected(client.nonce().await);
    by_key["jwk"] = jwk;
    client.post_signed(&url, &by_key, "").await.problem(400, "malformed");
    let new_account = client.url("newAccount");
    let by_account = client.protected(&new_account).await;
    client.post_signed(&new_account, &by_account, "{}").await.problem(400, "malformed");
    // RFC 7797, and anything else that must be understood.
    for (name, value) in [("b64", json!(false)), ("crit", json!(["b64"])), ("crit", json!(["exp"]))] {
        let mut critical = protected(client.nonce().await);
        critical["kid"] = kid.clone();
        critical[name] = value.clone();
        if name == "crit" && value == json!(["b64"]) {
            critical["b64"] = json!(false);
        }
        client.post_signed(&url, &critical, "").await.problem(400, "malformed");
    }
    // Members twice.
    for name in ["alg", "url", "nonce", "kid"] {
        let mut text = client.protected(&url).await.to_string();
        let first = format!("\"{name}\":\"x\",");
        text.insert_str(1, &first);
        let answer = signed(&client, &url, &text, "").await;
        assert_eq!((answer.status, &*answer.kind()), (400, "malformed"), "{name}: {}", answer.text());
    }
}

/// AC-11, AC-12, AC-13: RFC 8555 section 6.2.
#[tokio::test]
async fn rfc8555_6_2_other_algorithms_are_refused_with_those_that_are_taken() {
    let lab = lab();
    let client = lab.account().await;
    let url = client.kid.clone().unwrap();
    for algorithm in ["none", "None", "HS256", "HS512", "ES256K", "RSA1_5", "RS1", "es256", ""] {
        let mut protected = client.protected(&url).await;
        protected["alg"] = json!(algorithm);
        let problem = client.post_signed(&url, &protected, "").await.problem(400, "badSignatureAlgorithm");
        let taken: Vec<&str> = problem["algorithms"].as_array().unwrap().iter().map(|a| a.as_str().unwrap()).collect();
        assert!(taken.contains(&"ES256") && taken.contains(&"RS256") && taken.contains(&"EdDSA"), "{problem}");
    }
    // An algorithm that the key does not have.
    for algorithm in ["RS256", "ES384", "EdDSA", "PS256"] {
        let mut protected = client.protected(&url).await;
        protected["alg"] = json!(algorithm);
        let answer = client.post_signed(&url, &protected, "").await;
        assert_eq!(answer.status, 400, "{}", answer.text());
        assert!(["malformed", "badSignatureAlgorithm"].contains(&&*answer.kind()), "{}", answer.text());
    }
    client.read(&url).await.json(200);
}

/// AC-14: signatures that are none.
#[tokio::test]
async fn rfc8555_6_2_a_signature_that_does_not_verify_is_refused() {
    let lab = lab();
    let client = lab.account().await;
    let url = client.kid.clone().unwrap();
    let order: [u8; 32] = [
        0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad,
        0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
    ];
    let der = [&[0x30, 0x44, 0x02, 0x20][..], &[1; 32], &[0x02, 0x20], &[1; 32]].concat();
    for signature in [
        vec![],
        vec![0; 64],
        [[0; 32], [1; 32]].concat(),
        [[1; 32], [0; 32]].concat(),
        [order, [1; 32]].concat(),
        [[1; 32], order].concat(),
        vec![1; 63],
        vec![1; 65],
        vec![0xff; 64],
        der,
    ] {
        let mut jws = client.key.sign(&client.protected(&url).await, "");
        jws["signature"] = json!(base64url(&signature));
        let answer = client.post_body(&url, jws.to_string()).await;
        assert!([400, 401, 403].contains(&answer.status), "{signature:?}: {}", answer.text());
        assert!(["malformed", "unauthorized"].contains(&&*answer.kind()), "{signature:?}: {}", answer.text());
    }
    // A good signature over another payload.
    let mut jws = client.key.sign(&client.protected(&url).await, "");
    jws["payload"] = json!(base64url("{\"status\":\"deactivated\"}"));
    let answer = client.post_body(&url, jws.to_string()).await;
    assert!((400..500).contains(&answer.status), "{}", answer.text());
    assert_eq!(client.read(&url).await.json(200)["status"], "valid");
}

/// AC-26, AC-27: RFC 8555 section 6.4.
#[tokio::test]
async fn rfc8555_6_4_the_signed_url_is_the_requests_own() {
    let lab = lab();
    let client = lab.account().await;
    let url = client.kid.clone().unwrap();
    let base = &lab.server.ready().base_url;
    let path = url.strip_prefix(base).unwrap();
    for other in [
        client.url("newOrder"),
        format!("{url}/"),
        format!("{url}?x"),
        format!("http{}", url.strip_prefix("https").unwrap()),
        format!("https://other.example{path}"),
        format!("{base}/{path}"),
        path.to_owned(),
        url.to_uppercase(),
        String::new(),
    ] {
        let mut protected = client.protected(&url).await;
        protected["url"] = json!(other);
        let answer = client.post_signed(&url, &protected, "").await;
        assert!([401, 403].contains(&answer.status), "{other}: {} {}", answer.status, answer.text());
        assert_eq!(answer.kind(), "unauthorized", "{other}");
    }
    let mut without = client.protected(&url).await;
    without.as_object_mut().unwrap().remove("url");
    let answer = client.post_signed(&url, &without, "").await;
    assert!(["unauthorized", "malformed"].contains(&&*answer.kind()), "{}", answer.text());
    // A whole request sent to another resource.
    let protected = client.protected(&url).await;
    let answer = client.post_signed(&format!("{url}/orders"), &protected, "").await;
    assert_eq!(answer.kind(), "unauthorized", "{}", answer.text());
}

/// AC-21.
#[tokio::test]
async fn rfc8555_6_2_kid_is_the_exact_url_of_an_account() {
    let lab = lab();
    let client = lab.account().await;
    let url = client.kid.clone().unwrap();
    let id = url.rsplit('/').next().unwrap();
    let unknown = url.replace(id, "0190a2c4-0000-7000-8000-000000000000");
    for kid in [
        unknown,
        format!("{url}/"),
        format!("{url}?a=b"),
        format!("{url}#"),
        url.replace("https://", "https://other.example/"),
        url.replace("/account/", "/order/"),
        url.replace(id, "../../account"),
        url.replace(id, &"9".repeat(4096)),
        url.replace(id, "18446744073709551616"),
        url.replace(id, &id.to_uppercase().replace('-', "")),
        id.to_owned(),
        String::new(),
    ] {
        let mut protected = client.protected(&url).await;
        protected["kid"] = json!(kid);
        let answer = client.post_signed(&url, &protected, "").await;
        assert_eq!(answer.status, 400, "{kid}: {}", answer.text());
        assert!(["accountDoesNotExist", "malformed"].contains(&&*answer.kind()), "{kid}: {}", answer.text());
    }
    let mut protected = client.protected(&url).await;
    protected["kid"] = json!(7);
    client.post_signed(&url, &protected, "").await.problem(400, "malformed");
}

/// AC-16, AC-17: RFC 8555 sections 6.2 and 11.1.
#[tokio::test]
async fn rfc8555_6_2_keys_that_are_weak_or_none_are_bad_public_keys() {
    let lab = lab();
    let client = lab.client().await;
    let url = client.url("newAccount");
    let rsa = |n: Vec<u8>, e: &[u8]| json!({"kty": "RSA", "n": base64url(n), "e": base64url(e)});
    let odd = |bytes: usize| {
        let mut n = vec![0xc5; bytes];
        n[bytes - 1] = 0xb5;
        n
    };
    let good = client.key.jwk();
    let mut off = good.clone();
    off["y"] = good["x"].clone();
    let zero = json!({"kty": "EC", "crv": "P-256", "x": base64url([0; 32]), "y": base64url([0; 32])});
    let short = json!({"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"});
    let mut private = good.clone();
    private["d"] = json!(base64url([1; 32]));
    for (jwk, algorithm) in [
        (off, "ES256"),
        (zero, "ES256"),
        (short, "ES256"),
        (private, "ES256"),
        (json!({"kty": "EC", "crv": "P-224", "x": base64url([1; 28]), "y": base64url([1; 28])}), "ES256"),
        (json!({"kty": "EC", "crv": "secp256k1", "x": base64url([1; 32]), "y": base64url([1; 32])}), "ES256"),
        (json!({"kty": "oct", "k": base64url([1; 32])}), "ES256"),
        (json!({"kty": "OKP", "crv": "Ed448", "x": base64url([1; 57])}), "EdDSA"),
        (json!({"kty": "OKP", "crv": "X25519", "x": base64url([1; 32])}), "EdDSA"),
        (rsa(odd(128), &[1, 0, 1]), "RS256"),
        (rsa(odd(256), &[1]), "RS256"),
        (rsa(odd(256), &[3]), "RS256"),
        (rsa(vec![0xc4; 256], &[1, 0, 1]), "RS256"),
        (rsa(odd(2048), &[1, 0, 1]), "RS256"),
        (json!({"kty": "RSA", "n": base64url(odd(256)), "e": "AQAB", "d": "AQAB"}), "RS256"),
        (json!({"kty": "EC"}), "ES256"),
        (json!({}), "ES256"),
        (json!("key"), "ES256"),
    ] {
        let protected = json!({"alg": algorithm, "jwk": jwk, "nonce": client.nonce().await, "url": url});
        let begun = Instant::now();
        let answer = client.post_signed(&url, &protected, "{}").await;
        assert_eq!(answer.status, 400, "{jwk}: {}", answer.text());
        let kinds = ["badPublicKey", "malformed", "badSignatureAlgorithm"];
        assert!(kinds.contains(&&*answer.kind()), "{jwk}: {}", answer.text());
        assert!(begun.elapsed() < Duration::from_secs(2), "{jwk}: {:?}", begun.elapsed());
    }
    // A member twice, inside the key too.
    let text = json!({"alg": "ES256", "jwk": good, "nonce": client.nonce().await, "url": url}).to_string();
    let text = text.replace("\"crv\":\"P-256\"", "\"crv\":\"P-256\",\"crv\":\"P-256\"");
    let answer = signed(&client, &url, &text, "{}").await;
    answer.problem(400, "malformed");
}

/// AC-29, AC-31: payloads.
#[tokio::test]
async fn rfc8555_6_3_post_as_get_has_an_empty_payload_and_nothing_else_has() {
    let lab = lab();
    let client = lab.account().await;
    let account = client.kid.clone().unwrap();
    let (order, body) = client.order(&["payload.test"]).await;
    let authorization = body["authorizations"][0].as_str().unwrap();
    for url in [&*order, &format!("{account}/orders")] {
        client.post(url, &json!({})).await.problem(400, "malformed");
        client.read(url).await.json(200);
    }
    client.read(authorization).await.json(200);
    for name in ["newOrder", "newAuthz", "revokeCert", "keyChange"] {
        client.read(&client.url(name)).await.problem(400, "malformed");
    }
    client.read(body["finalize"].as_str().unwrap()).await.problem(400, "malformed");
    // Payloads that are no JSON object, or one that readers disagree about.
    let url = client.url("newOrder");
    for payload in [
        "null",
        "[]",
        "7",
        "\"x\"",
        "{",
        "{}x",
        "{\"identifiers\":7}",
        "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"a.test\"}],\"identifiers\":[]}",
        "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"a.test\\ud800\"}]}",
        "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"a.test\"}],\"x\":1e400}",
        &format!("{{\"x\":{}", "[".repeat(30_000)),
    ] {
        let protected = client.protected(&url).await;
        let answer = client.post_signed(&url, &protected, payload).await;
        let shown: String = payload.chars().take(80).collect();
        assert_eq!((answer.status, &*answer.kind()), (400, "malformed"), "{shown}: {}", answer.text());
    }
}
