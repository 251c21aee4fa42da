use serde_json::Value;

use crate::identifier::AskedIdentifier;
use crate::jws::{Jws, KeyHint};
use crate::{AccountKey, Problem, json};

/// What the door says of a request's body before it asks a database.
pub fn jws(body: &[u8]) {
    let Ok(jws) = Jws::parse(body) else { return };
    let _ = (jws.algorithm(), jws.nonce(), jws.check_url("https://ca.example/acme/x/new-order"));
    if let Ok(KeyHint::Jwk(jwk)) = jws.key_hint()
        && let Ok(key) = AccountKey::from_jwk(&jwk)
    {
        // One key, one form.
        let again = AccountKey::from_stored(key.jwk()).expect("what we write of a key we read");
        assert_eq!((again.jwk(), again.thumbprint()), (key.jwk(), key.thumbprint()));
        assert_eq!(again.public_key(), key.public_key());
        let _ = jws.verify(&key);
    }
}

/// What the door reads of a payload: never laxer than serde_json, and identifiers in one normal form.
pub fn payload(text: &[u8]) {
    let Ok(value) = json::value("the payload", text) else { return };
    let theirs: Value = serde_json::from_slice(text).expect("what we take serde_json takes");
    assert_eq!(value, theirs);
    let list = value.get("identifiers").cloned().unwrap_or(value);
    let Ok(asked) = json::shape::<Vec<AskedIdentifier>>("the payload", list) else { return };
    for identifier in asked.iter().filter_map(|asked| asked.read().ok()) {
        let text = serde_json::to_vec(&identifier).expect("an identifier is an object of strings");
        let again: AskedIdentifier = json::read("it", &text).expect("what we write we read");
        assert_eq!(again.read().as_ref(), Ok(&identifier), "a normal form stays as it is");
    }
}

/// Problem documents, as the store keeps them: read, written, read again.
pub fn problem(text: &[u8]) {
    let Ok(problem) = json::read::<Problem>("the problem", text) else { return };
    let written = serde_json::to_vec(&problem).expect("a problem is an object of strings");
    let again: Problem = json::read("the problem", &written).expect("what we write we read");
    assert_eq!(again, problem);
}
