#![no_main]

use chancery_pki::{GeneralName, Name};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(name) = Name::from_der(bytes) {
        let _ = (name.to_string(), name.normalised());
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(name) = text.parse::<Name>() {
        assert_eq!(name.to_string().parse::<Name>().as_ref(), Ok(&name));
        assert_eq!(Name::from_der(name.der()).as_ref(), Ok(&name));
    }
    if let Ok(name) = text.parse::<GeneralName>() {
        assert_eq!(name.to_string().parse::<GeneralName>().as_ref(), Ok(&name));
    }
});
