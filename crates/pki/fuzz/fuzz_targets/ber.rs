#![no_main]

use chancery_pki::cms::{Limits, normalise};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let limits = Limits::default();
    if let Ok(der) = normalise(bytes, &limits) {
        // What is definite stays as it is.
        assert_eq!(normalise(&der, &limits).as_ref(), Ok(&der));
    }
});
