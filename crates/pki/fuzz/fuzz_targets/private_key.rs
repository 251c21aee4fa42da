#![no_main]

use chancery_pki::PrivateKey;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(key) = PrivateKey::from_pkcs8_der(bytes) {
        assert!(key.sign(b"message").is_ok());
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = PrivateKey::from_pkcs8_pem(text);
        let _ = PrivateKey::from_encrypted_pkcs8_pem(text, b"password");
    }
});
