use josekit::jwk::Jwk;
use josekit::jwk::alg::ec::EcCurve;
use josekit::jwk::alg::ed::EdCurve;
use josekit::jws::alg::ecdsa::EcdsaJwsAlgorithm;
use josekit::jws::alg::eddsa::EddsaJwsAlgorithm;
use josekit::jws::alg::rsassa::RsassaJwsAlgorithm;
use josekit::jws::alg::rsassa_pss::RsassaPssJwsAlgorithm;
use josekit::jws::{JwsHeaderSet, JwsSigner, JwsVerifier};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::base64url::encode;

/// josekit, as a client and as the reference.
struct Reference {
    algorithm: Algorithm,
    jwk: Jwk,
    signer: Box<dyn JwsSigner>,
    verifier: Box<dyn JwsVerifier>,
}

impl Reference {
    fn new(algorithm: Algorithm) -> Self {
        let jwk = match algorithm {
            Algorithm::Rs256 | Algorithm::Ps256 => Jwk::generate_rsa_key(2048),
            Algorithm::Es256 => Jwk::generate_ec_key(EcCurve::P256),
            Algorithm::Es384 => Jwk::generate_ec_key(EcCurve::P384),
            Algorithm::Es512 => Jwk::generate_ec_key(EcCurve::P521),
            Algorithm::EdDsa => Jwk::generate_ed_key(EdCurve::Ed25519),
        }
        .unwrap();
        let public = jwk.to_public_key().unwrap();
        macro_rules! pair {
            ($algorithm:expr) => {
                (
                    Box::new($algorithm.signer_from_jwk(&jwk).unwrap()) as Box<dyn JwsSigner>,
                    Box::new($algorithm.verifier_from_jwk(&public).unwrap()) as Box<dyn JwsVerifier>,
                )
            };
        }
        let (signer, verifier) = match algorithm {
            Algorithm::Rs256 => pair!(RsassaJwsAlgorithm::Rs256),
            Algorithm::Ps256 => pair!(RsassaPssJwsAlgorithm::Ps256),
            Algorithm::Es256 => pair!(EcdsaJwsAlgorithm::Es256),
            Algorithm::Es384 => pair!(EcdsaJwsAlgorithm::Es384),
            Algorithm::Es512 => pair!(EcdsaJwsAlgorithm::Es512),
            Algorithm::EdDsa => pair!(EddsaJwsAlgorithm::Eddsa),
        };
        Self { algorithm, jwk: public, signer, verifier }
    }

    fn all() -> Vec<Self> {
        Algorithm::ALL.map(Self::new).into()
    }

    fn key(&self) -> AccountKey {
        AccountKey::from_jwk(&serde_json::from_str(&self.jwk.to_string()).unwrap()).unwrap()
    }

    fn sign(&self, payload: &[u8]) -> Value {
        let mut header = JwsHeaderSet::new();
        header.set_nonce("nonce", true);
        header.set_url("https://ra.example/acme/x/new-order", true);
        header.set_key_id("https://ra.example/acme/x/account/1", true);
        let text = josekit::jws::serialize_flattened_json(payload, &header, &*self.signer).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    fn takes(&self, jws: &Value) -> bool {
        josekit::jws::deserialize_json(jws.to_string(), &*self.verifier).is_ok()
    }
}

/// Whether we take it, up to the signature.
fn taken(jws: &Value, key: &AccountKey) -> bool {
    Jws::parse(jws.to_string().as_bytes()).is_ok_and(|jws| jws.verify(key).is_ok())
}

#[test]
fn rfc8555_6_2_takes_what_josekit_signs_in_every_algorithm() {
    for reference in Reference::all() {
        let body = reference.sign(b"{\"a\":1}");
        let jws = Jws::parse(body.to_string().as_bytes()).unwrap();
        assert_eq!(jws.algorithm().unwrap(), reference.algorithm);
        assert_eq!(jws.payload, b"{\"a\":1}");
        assert_eq!(jws.nonce().unwrap(), Some("bm9uY2U"));
        assert_eq!(jws.key_hint().unwrap(), KeyHint::Kid("https://ra.example/acme/x/account/1".into()));
        jws.check_url("https://ra.example/acme/x/new-order").unwrap();
        jws.verify(&reference.key()).unwrap();
        assert_eq!(jws.verify(&Reference::new(reference.algorithm).key()).unwrap_err().kind, ProblemType::Malformed);
    }
}

#[test]
fn one_key_makes_one_kind_of_signature() {
    let (ec, p384) = (Reference::new(Algorithm::Es256), Reference::new(Algorithm::Es384));
    let jws = Jws::parse(ec.sign(b"").to_string().as_bytes()).unwrap();
    let problem = jws.verify(&p384.key()).unwrap_err();
    assert_eq!(problem.kind, ProblemType::BadSignatureAlgorithm);
    assert_eq!(problem.algorithms.len(), 6);
    assert_eq!(
        jws.verify(&Reference::new(Algorithm::Rs256).key()).unwrap_err().kind,
        ProblemType::BadSignatureAlgorithm
    );
}

#[test]
fn signatures_that_are_none() {
    for reference in
        [Reference::new(Algorithm::Es256), Reference::new(Algorithm::Es512), Reference::new(Algorithm::EdDsa)]
    {
        let key = reference.key();
        let good = reference.sign(b"{}");
        let length = Jws::parse(good.to_string().as_bytes()).unwrap().signature.len();
        let half = length / 2;
        // As DER has it (AC-14), zeroes, the order of the group and more, nothing, too long.
        let der = [vec![0x30, 0x44, 2, 0x20], vec![1; 32], vec![2, 0x20], vec![1; 32]].concat();
        let s_zero = [vec![1; half], vec![0; half]].concat();
        for signature in [der, vec![0; length], vec![0xff; length], s_zero, vec![], vec![1; length + 1], vec![1; half]]
        {
            let mut jws = good.clone();
            jws["signature"] = encode(&signature).into();
            assert!(!taken(&jws, &key), "{:?}", reference.algorithm);
            assert!(!reference.takes(&jws));
        }
    }
}

#[test]
fn apple_leaves_zeroes_out() {
    let reference = Reference::new(Algorithm::Es256);
    let key = reference.key();
    let found = (0..4096u32).find_map(|number| {
        let mut jws = reference.sign(&number.to_be_bytes());
        let signature = decode(jws["signature"].as_str().unwrap()).unwrap();
        let (r, s) = signature.split_at(32);
        if r[0] != 0 && s[0] != 0 {
            return None;
        }
        let short = |part: &[u8]| part.iter().copied().skip(usize::from(part[0] == 0)).collect::<Vec<_>>();
        jws["signature"] = encode([short(r), short(s)].concat()).into();
        Some(jws)
    });
    assert!(taken(&found.expect("one in 128 signatures begins with a zero"), &key));
}

#[test]
fn forms_that_rfc8555_forbids() {
    let reference = Reference::new(Algorithm::Es256);
    let good = reference.sign(b"{}");
    let part = |name: &str| good[name].as_str().unwrap().to_owned();
    let with = |name: &str, value: Value| {
        let mut jws = good.clone();
        jws[name] = value;
        jws
    };
    let without = |name: &str| {
        let mut jws = good.clone();
        jws.as_object_mut().unwrap().remove(name);
        jws
    };
    let header = |header: &str| with("protected", encode(header).into());
    for (body, why) in [
        (json!([]).to_string(), "JSON object"),
        (json!([part("protected"), part("payload"), part("signature")].join(".")).to_string(), "JSON object"),
        ([part("protected"), part("payload"), part("signature")].join("."), "cannot be read"),
        (String::new(), "cannot be read"),
        (json!({"payload": part("payload"), "signatures": [good]}).to_string(), "signatures"),
        (with("signatures", json!([])).to_string(), "signatures"),
        (with("header", json!({"kid": "1"})).to_string(), "unprotected header"),
        (without("payload").to_string(), "\"payload\""),
        (without("protected").to_string(), "\"protected\""),
        (without("signature").to_string(), "\"signature\""),
        (with("payload", Value::Null).to_string(), "\"payload\""),
        (with("payload", json!({})).to_string(), "\"payload\""),
        (with("payload", "e30=".into()).to_string(), "padding"),
        (with("signature", format!("{}==", part("signature")).into()).to_string(), "padding"),
        (with("protected", "e30+/".into()).to_string(), "base64url"),
        (with("protected", "".into()).to_string(), "cannot be read"),
        (header("[]").to_string(), "JSON object"),
        (header("{\"alg\":\"ES256\",\"alg\":\"none\"}").to_string(), "twice"),
        (header("{\"alg\":\"ES256\",\"crit\":[\"b64\"],\"b64\":false}").to_string(), "crit"),
        (header("{\"alg\":\"ES256\",\"b64\":false}").to_string(), "b64"),
        (header("{\"alg\":\"ES256\",\"crit\":null}").to_string(), "crit"),
        (good.to_string().replacen('{', "{\"payload\":\"\",", 1), "twice"),
    ] {
        let problem = Jws::parse(body.as_bytes()).expect_err(&body);
        assert_eq!(problem.kind, ProblemType::Malformed);
        assert!(problem.detail.contains(why), "{body}: {problem}");
    }
    // What is not understood and signs nothing is passed over (RFC 7515 section 7.2.1).
    assert!(Jws::parse(with("comment", 1.into()).to_string().as_bytes()).is_ok());
}

#[test]
fn headers_that_rfc8555_forbids() {
    let header = |header: Value| {
        let body = json!({"protected": encode(header.to_string()), "payload": "", "signature": ""});
        Jws::parse(body.to_string().as_bytes()).unwrap()
    };
    for name in ["none", "HS256", "HS512", "RS1", "RS512", "ES256K", "es256", ""] {
        let problem = header(json!({"alg": name})).algorithm().unwrap_err();
        assert_eq!(problem.kind, ProblemType::BadSignatureAlgorithm, "{name}");
        assert!(problem.algorithms.contains(&"ES256".to_owned()));
    }
    for empty in [json!({}), json!({"alg": 1, "nonce": 1, "url": 1, "kid": 1})] {
        let jws = header(empty);
        assert_eq!(jws.algorithm().unwrap_err().kind, ProblemType::Malformed);
        assert_eq!(jws.check_url("https://a/").unwrap_err().kind, ProblemType::Malformed);
        assert_eq!(jws.key_hint().unwrap_err().kind, ProblemType::Malformed);
    }
    assert_eq!(header(json!({})).nonce().unwrap(), None);
    assert_eq!(header(json!({"nonce": ["a"]})).nonce().unwrap_err().kind, ProblemType::Malformed);
    let both = header(json!({"jwk": {}, "kid": "1"})).key_hint().unwrap_err();
    assert!(both.detail.contains("both"), "{both}");
    assert!(header(json!({"jwk": null, "kid": "1"})).key_hint().is_err(), "null is there as well");
    for other in ["https://a/x/", "http://a/x", "https://A/x", "https://a/x?", "https://a:443/x", "/x", ""] {
        let problem = header(json!({"url": other})).check_url("https://a/x").unwrap_err();
        assert_eq!((problem.kind, problem.status), (ProblemType::Unauthorized, 403), "{other}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_octets_are_parsed_or_refused(octets in proptest::collection::vec(any::<u8>(), 0..300)) {
        _ = Jws::parse(&octets);
    }

    /// Two implementations, one judgement: with one octet of one part changed, what we take josekit takes, and the other
    /// way round, but for the forms that josekit alone lets through.
    #[test]
    fn josekit_and_we_agree_on_damage(
        algorithm in proptest::sample::select(&[Algorithm::Es256, Algorithm::EdDsa, Algorithm::Es384][..]),
        part in proptest::sample::select(&["protected", "payload", "signature"][..]),
        at in any::<prop::sample::Index>(),
        flip in 0u8..=255,
    ) {
        thread_local! {
            static REFERENCES: Vec<Reference> = Reference::all();
        }
        REFERENCES.with(|references| {
            let reference = references.iter().find(|reference| reference.algorithm == algorithm).unwrap();
            let mut jws = reference.sign(b"{\"identifiers\":[]}");
            let mut octets = decode(jws[part].as_str().unwrap()).unwrap();
            let at = at.index(octets.len());
            octets[at] ^= flip;
            jws[part] = encode(&octets).into();
            let ours = taken(&jws, &reference.key());
            prop_assert_eq!(ours, flip == 0);
            prop_assert_eq!(ours, reference.takes(&jws));
            Ok(())
        })?;
    }
}
