use super::*;

const NAME: &[&str] = &["dns:a.example"];

fn key_usage(request: &Request, policy: &Policy, key: &PrivateKey) -> String {
    request.to(policy, key).unwrap().key_usage.unwrap().to_string()
}

#[test]
fn key_usage_follows_the_key() {
    let request = Request::named("", NAME);
    assert_eq!(key_usage(&request, &policy(&[]), &RSA), "digitalSignature, keyEncipherment");
    for key in [&*P256, &*P384, &*ED25519] {
        assert_eq!(key_usage(&request, &policy(&[]), key), "digitalSignature");
    }
    let code = policy(&[("extendedKeyUsages", json!("codeSigning"))]);
    assert_eq!(key_usage(&request, &code, &RSA), "digitalSignature", "no sessions, no encipherment");
}

#[test]
fn a_request_may_ask_for_granted_key_usages() {
    let asks = |usage| Request { key_usage: Some(usage), ..Request::named("", NAME) };
    assert_eq!(key_usage(&asks(KeyUsage::DIGITAL_SIGNATURE), &policy(&[]), &RSA), "digitalSignature");
    assert_eq!(key_usage(&asks(KeyUsage::KEY_ENCIPHERMENT), &policy(&[]), &RSA), "digitalSignature, keyEncipherment");
    let common = asks(KeyUsage::DIGITAL_SIGNATURE | KeyUsage::KEY_ENCIPHERMENT);
    assert_eq!(key_usage(&common, &policy(&[]), &P256), "digitalSignature", "what cert-manager sends for any key");
    for (usage, name) in [
        (KeyUsage::NON_REPUDIATION, "nonRepudiation"),
        (KeyUsage::KEY_CERT_SIGN, "keyCertSign"),
        (KeyUsage::CRL_SIGN, "cRLSign"),
        (KeyUsage::DATA_ENCIPHERMENT, "dataEncipherment"),
    ] {
        let told = asks(usage).to(&policy(&[]), &RSA).unwrap_err();
        assert!(told[0].starts_with(&format!("extension {name}: ")), "{told:?}");
    }
    let wide = policy(&[("keyUsages", json!(["nonRepudiation", "keyAgreement"]))]);
    let asked = asks(KeyUsage::NON_REPUDIATION | KeyUsage::KEY_AGREEMENT);
    assert_eq!(key_usage(&asked, &wide, &P256), "digitalSignature, nonRepudiation, keyAgreement");
    assert_eq!(key_usage(&asked, &wide, &RSA), "digitalSignature, nonRepudiation");
}

#[test]
fn extended_key_usages_are_chosen_within_the_profile() {
    let policy = policy(&[
        ("extendedKeyUsages", json!(["serverAuth", "clientAuth"])),
        ("extendedKeyUsagesOnRequest", json!(["emailProtection", "1.2.3.4"])),
    ]);
    let request = Request::named("", NAME);
    assert_eq!(extended(&request.to(&policy, &P256).unwrap()), ["serverAuth", "clientAuth"]);
    let asks = |oids: &[ObjectIdentifier]| Request { extended: oids.to_vec(), ..request.clone() };
    assert_eq!(extended(&asks(&[oid::CLIENT_AUTH]).to(&policy, &P256).unwrap()), ["clientAuth"]);
    assert_eq!(extended(&asks(&[oid::EMAIL_PROTECTION]).to(&policy, &P256).unwrap()), ["emailProtection"]);
    let told =
        asks(&[oid::CODE_SIGNING, oid::CLIENT_AUTH, oid::ANY_EXTENDED_KEY_USAGE]).to(&policy, &P256).unwrap_err();
    assert_eq!(told.len(), 2);
    assert!(told[0].starts_with("extension codeSigning: "), "{told:?}");

    let chosen = asks(&[oid::CLIENT_AUTH]).with("extendedKeyUsage", json!(["serverAuth", "1.2.3.4"]));
    let template = chosen.to(&policy, &P256).unwrap();
    assert_eq!(template.extended_key_usage, [oid::SERVER_AUTH, ObjectIdentifier::new_unwrap("1.2.3.4")]);
    let told = request.clone().with("extendedKeyUsage", json!("codeSigning")).to(&policy, &P256).unwrap_err();
    assert!(told[0].starts_with("attribute extendedKeyUsage: "), "{told:?}");
}

#[test]
fn a_profile_may_have_no_extended_key_usage() {
    let policy = policy(&[("extendedKeyUsages", json!("none"))]);
    assert!(Request::named("", NAME).to(&policy, &P256).unwrap().extended_key_usage.is_empty());
    let asks = Request { extended: vec![oid::SERVER_AUTH], ..Request::named("", NAME) };
    assert!(asks.to(&policy, &P256).unwrap_err()[0].contains("it grants none"));
}

#[test]
fn must_staple_where_the_profile_allows_it() {
    let request = Request { must_staple: true, ..Request::named("", NAME) };
    assert!(request.to(&policy(&[]), &P256).unwrap_err()[0].starts_with("extension tlsFeature: "));
    assert!(request.to(&policy(&[("mustStaple", json!(true))]), &P256).unwrap().must_staple);
    assert!(!Request::named("", NAME).to(&policy(&[("mustStaple", json!(true))]), &P256).unwrap().must_staple);
}
