#![no_main]

use chancery_pki::{Certificate, certs_only, parse_certs_only};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = parse_certs_only(bytes);
    if let Ok(certificate) = Certificate::parse(bytes) {
        assert_eq!(Certificate::from_pem(&certificate.to_pem()).as_ref(), Ok(&certificate));
        let _ = certificate.verify_signed_by(certificate.public_key());
        assert_eq!(parse_certs_only(&certs_only(std::slice::from_ref(&certificate))), Ok(vec![certificate]));
    }
});
