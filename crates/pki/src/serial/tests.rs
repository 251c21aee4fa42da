use super::*;

#[test]
fn serial_numbers_are_positive_and_short() {
    assert!(SerialNumber::from_bytes(&[]).is_err());
    assert!(SerialNumber::from_bytes(&[0, 0]).is_err());
    assert!(SerialNumber::from_bytes(&[1; 21]).is_err());
    assert_eq!(SerialNumber::from_bytes(&[0; 3].map(|_| 0)).ok(), None);
    assert_eq!(SerialNumber::from_bytes(&[0, 0, 0x0a, 0]).unwrap().as_bytes(), [0x0a, 0]);
    assert_eq!(SerialNumber::from_bytes(&[0, 0x0a, 0]).unwrap().to_hex(), "a00");
}

#[test]
fn random_serial_numbers() {
    for bytes in [[0; 16], [0xff; 16]] {
        let serial = SerialNumber::from_random(bytes);
        assert_eq!(serial.as_bytes().len(), 16);
        assert!((0x40..0x80).contains(&serial.as_bytes()[0]));
    }
}

#[test]
fn hexadecimal_both_ways() {
    for (text, shown) in [("0A:ff", "aff"), ("0x1", "1"), ("00ab cd", "abcd")] {
        let serial: SerialNumber = text.parse().unwrap();
        assert_eq!(serial.to_hex(), shown);
        assert_eq!(SerialNumber::from_hex(shown).unwrap(), serial);
    }
    for text in ["", "xyz", "0", "-1", &"1".repeat(42), "é1"] {
        assert!(SerialNumber::from_hex(text).is_err(), "{text}");
    }
}

#[test]
fn order_is_that_of_the_values() {
    let serial = |text| SerialNumber::from_hex(text).unwrap();
    assert!(serial("ff") < serial("100"));
    assert!(serial("1ff") > serial("1fe"));
}

#[test]
fn fingerprints() {
    let shown = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(Fingerprint::of(b"").to_hex(), shown);
    assert_eq!(Fingerprint::from_hex(&shown.to_uppercase()).unwrap(), Fingerprint::of(b""));
    assert!(Fingerprint::from_hex("e3").is_err());
}
