#![no_main]

use chancery_pki::Crl;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(crl) = Crl::parse(bytes) {
        assert_eq!(crl.entries().count(), crl.len());
    }
});
