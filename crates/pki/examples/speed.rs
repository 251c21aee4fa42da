//! How fast the hot paths are, on one core: `cargo run --release -p chancery-pki --example speed`.

use std::time::{Duration, Instant};

use chancery_pki::key_check::KeyChecks;
use chancery_pki::{
    BasicConstraints, Certificate, CertificateTemplate, CrlTemplate, Csr, CsrTemplate, Issuer, KeyType, KeyUsage, Name,
    PrivateKey, RevocationReason, RevokedEntry, SerialNumber, Validity, oid,
};
use time::macros::datetime;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let ca = PrivateKey::generate(KeyType::P256)?;
    let key = PrivateKey::generate(KeyType::P256)?;
    let rsa = PrivateKey::generate(KeyType::Rsa(2048))?;
    let name: Name = "CN=Issuing CA,O=Example".parse()?;
    let names = vec!["dns:host.example.com".parse()?, "dns:www.example.com".parse()?];
    let request = CsrTemplate { subject_alt_names: names.clone(), ..Default::default() }.sign(&key)?;
    let template = CertificateTemplate {
        subject: "CN=host.example.com".parse()?,
        subject_alt_names: names,
        public_key: key.public_key().clone(),
        validity: Validity::new(datetime!(2026-01-01 0:00 UTC), datetime!(2026-04-01 0:00 UTC)),
        serial: SerialNumber::from_random([1; 16]),
        key_usage: Some(KeyUsage::DIGITAL_SIGNATURE),
        extended_key_usage: vec![oid::SERVER_AUTH],
        basic_constraints: Some(BasicConstraints { ca: false, path_len: None }),
        crl_distribution_points: vec!["http://ca.example.com/crl/1.crl".into()],
        aia_issuers: vec!["http://ca.example.com/ca/1.cer".into()],
        aia_ocsp: vec![],
        policies: vec![],
        must_staple: false,
    };
    let key_id = ca.public_key().key_id();
    let issuer = Issuer { name: &name, key_id: &key_id };
    let certificate = template.sign(&issuer, &ca)?;
    let checks = KeyChecks::default();

    rate("sign a message, P-256", || ca.sign(certificate.tbs_der()).is_ok());
    rate("build and sign a certificate", || template.sign(&issuer, &ca).is_ok());
    rate("parse a certificate", || Certificate::from_der(certificate.der()).is_ok());
    rate("parse and verify a request, P-256", || Csr::from_der(request.der()).is_ok());
    rate("parse and verify a PEM request, P-256", || Csr::parse(request.to_pem().as_bytes()).is_ok());
    rate("check a key, P-256", || checks.check(key.public_key()).is_ok());
    rate("check a key, RSA-2048", || checks.check(rsa.public_key()).is_ok());
    let list = CrlTemplate {
        issuer: name.clone(),
        authority_key_id: key_id.to_vec(),
        number: 1,
        this_update: datetime!(2026-01-01 0:00 UTC),
        next_update: datetime!(2026-01-08 0:00 UTC),
        idp: None,
    };
    let entries = || {
        (0_u128..100_000).map(|number| RevokedEntry {
            serial: SerialNumber::from_random((number << 64 | 1).to_be_bytes()),
            revoked_at: list.this_update,
            reason: Some(RevocationReason::Superseded),
            invalidity_date: Some(list.this_update),
        })
    };
    rate("make a list of 100,000 entries", || list.sign(entries(), &ca).is_ok());
    Ok(())
}

fn rate(what: &str, mut once: impl FnMut() -> bool) {
    let start = Instant::now();
    let mut count = 0u32;
    while start.elapsed() < Duration::from_secs(1) {
        assert!(once(), "{what} failed");
        count += 1;
    }
    println!("{what:40} {:>9.1} /s", f64::from(count) / start.elapsed().as_secs_f64());
}
