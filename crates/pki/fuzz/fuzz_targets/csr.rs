#![no_main]

use chancery_pki::Csr;
use chancery_pki::key_check::KeyChecks;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = Csr::from_der(bytes);
    if let Ok(csr) = Csr::parse(bytes) {
        assert_eq!(Csr::parse(csr.to_pem().as_bytes()).as_ref(), Ok(&csr));
        let _ = (csr.subject().normalised(), KeyChecks::default().check(csr.public_key()));
    }
});
