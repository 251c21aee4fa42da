use serde_json::json;

use super::*;

const RSA: &str = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
const X: &str = "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4";
const Y: &str = "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM";

fn refused(jwk: Value) -> Problem {
    AccountKey::from_jwk(&jwk).expect_err(&jwk.to_string())
}

#[test]
fn rfc7638_thumbprints() {
    // RFC 7638 section 3.1.
    let key = json!({"kty": "RSA", "n": RSA, "e": "AQAB", "alg": "RS256", "kid": "2011-04-29"});
    let key = AccountKey::from_jwk(&key).unwrap();
    assert_eq!(key.thumbprint_text(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    assert_eq!(key.jwk(), format!(r#"{{"e":"AQAB","kty":"RSA","n":"{RSA}"}}"#));
    assert_eq!(key.public_key().bits(), 2048);
    // RFC 8037 appendix A.3.
    let key = json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
    assert_eq!(AccountKey::from_jwk(&key).unwrap().thumbprint_text(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
}

#[test]
fn the_order_and_company_of_members_do_not_matter() {
    let one = AccountKey::from_jwk(&json!({"kty": "EC", "crv": "P-256", "x": X, "y": Y})).unwrap();
    let other =
        json!({"y": Y, "use": "sig", "key_ops": ["sign", "verify"], "x": X, "kid": "1", "crv": "P-256", "kty": "EC"});
    let other = AccountKey::from_jwk(&other).unwrap();
    assert_eq!(one, other);
    assert_eq!(one.jwk(), other.jwk());
    assert_eq!(AccountKey::from_stored(one.jwk()).unwrap(), one);
    assert_eq!(AccountKey::from_stored("{}").unwrap_err().kind, ProblemType::ServerInternal);
}

#[test]
fn keys_that_are_none_are_refused() {
    for (jwk, why) in [
        (json!({}), "kty"),
        (json!({"kty": 1}), "kty"),
        (json!({"kty": "oct", "k": "c2VjcmV0"}), "secret"),
        (json!({"kty": "oct"}), "kty"),
        (json!({"kty": "EC", "crv": "P-256", "x": X, "y": Y, "d": X}), "secret"),
        (json!({"kty": "RSA", "n": RSA, "e": "AQAB", "oth": []}), "secret"),
        (json!({"kty": "EC", "crv": "P-224", "x": X, "y": Y}), "P-224"),
        (json!({"kty": "EC", "crv": "secp256k1", "x": X, "y": Y}), "secp256k1"),
        (json!({"kty": "EC", "crv": "P-384", "x": X, "y": Y}), "length"),
        (json!({"kty": "EC", "crv": "P-256", "x": &X[4..], "y": Y}), "length"),
        (json!({"kty": "EC", "crv": "P-256", "x": format!("{X}="), "y": Y}), "base64url"),
        (json!({"kty": "EC", "crv": "P-256", "x": X}), "\"y\""),
        (json!({"kty": "RSA", "crv": "P-256", "x": X, "y": Y}), "\"n\""),
        (json!({"kty": "RSA", "n": RSA, "e": "AAEAAQ"}), "zero octet"),
        (json!({"kty": "RSA", "n": "", "e": "AQAB"}), "empty"),
        (json!({"kty": "OKP", "crv": "X25519", "x": X}), "X25519"),
        (json!({"kty": "OKP", "crv": "Ed25519", "x": &X[4..]}), "32 octets"),
        (json!({"kty": "EC", "crv": "P-256", "x": X, "y": Y, "use": "enc"}), "use"),
        (json!({"kty": "EC", "crv": "P-256", "x": X, "y": Y, "key_ops": ["sign"]}), "key_ops"),
        (json!({"kty": "EC", "crv": "P-256", "x": X, "y": Y, "key_ops": "verify"}), "key_ops"),
        (json!({"kty": "EC", "crv": "P-256", "x": X, "y": Y, "alg": "RS256"}), "alg"),
        (json!({"kty": "EC", "crv": "P-256", "x": X, "y": Y, "alg": "HS256"}), "alg"),
    ] {
        let problem = refused(jwk.clone());
        assert_eq!(problem.kind, ProblemType::BadPublicKey, "{jwk}");
        assert!(problem.detail.contains(why), "{jwk}: {problem}");
    }
    assert_eq!(refused(json!("key")).kind, ProblemType::Malformed);
}

#[test]
fn a_zero_that_was_left_out_is_put_back() {
    assert_eq!(lengthened(&[1, 2, 3], 4), [vec![1, 2, 0, 3], vec![0, 1, 2, 3]]);
    assert_eq!(lengthened(&[1, 2], 4), [vec![1, 2, 0, 0], vec![0, 1, 0, 2], vec![0, 0, 1, 2]]);
    assert!(lengthened(&[1], 4).is_empty());
    assert!(lengthened(&[1, 2, 3, 4, 5], 4).is_empty());
}

#[test]
fn keys_stay_parsed_and_are_bounded() {
    let keys = KnownKeys::default();
    let key = AccountKey::from_jwk(&json!({"kty": "EC", "crv": "P-256", "x": X, "y": Y})).unwrap();
    let account = |thumbprint| Account {
        id: uuid::Uuid::nil(),
        directory: crate::DirectoryId { acme_profile: uuid::Uuid::nil(), ra_profile: uuid::Uuid::nil() },
        status: crate::AccountStatus::Valid,
        thumbprint,
        jwk: key.jwk().into(),
        key_identity: key.public_key().identity(),
        contacts: vec![],
        terms_agreed_at: None,
        eab_key: None,
        eab: None,
        disabled: false,
        created_at: time::OffsetDateTime::UNIX_EPOCH,
    };
    let first = keys.find(&account(key.thumbprint())).unwrap();
    assert!(Arc::ptr_eq(&first.0, &keys.find(&account(key.thumbprint())).unwrap().0));
    {
        let mut halves = keys.0.lock().unwrap();
        for number in 0..KnownKeys::HALF as u64 {
            let mut thumbprint = [0; 32];
            thumbprint[..8].copy_from_slice(&number.to_be_bytes());
            halves[0].insert(thumbprint, key.clone());
        }
    }
    keys.find(&account([9; 32])).unwrap();
    let sizes = keys.0.lock().unwrap().each_ref().map(HashMap::len);
    assert_eq!(sizes, [1, KnownKeys::HALF + 1]);
    assert!(Arc::ptr_eq(&first.0, &keys.find(&account(key.thumbprint())).unwrap().0), "what is used stays");
}
