#![no_main]

use chancery_pki::{GeneralName, Name};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(name) = Name::from_der(bytes) {
        let _ = (name.to_string(), name.normalised());
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(name) = text.parse::<Name>() {
        // A string type given in hexadecimal is lost in the text; the name is the same.
        assert!(name.to_string().parse::<Name>().is_ok_and(|again| again.matches(&name)), "{name}");
        assert_eq!(Name::from_der(name.der()).as_ref(), Ok(&name));
    }
    if let Ok(name) = text.parse::<GeneralName>() {
        let again = name.to_string().parse::<GeneralName>();
        match (&again, &name) {
            (Ok(GeneralName::Directory(again)), GeneralName::Directory(name)) => assert!(again.matches(name), "{name}"),
            _ => assert_eq!(again.as_ref(), Ok(&name)),
        }
    }
});
