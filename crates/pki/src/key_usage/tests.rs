use super::*;
use crate::extension::build;

fn to_der(usage: KeyUsage) -> Vec<u8> {
    build::key_usage(usage).unwrap().extn_value.into_bytes().into_vec()
}

#[test]
fn every_set_goes_both_ways() {
    for bits in 0..512 {
        let usage = KeyUsage(bits);
        assert_eq!(KeyUsage::from_der(&to_der(usage)).unwrap(), usage);
        assert_eq!(usage.names().map(|name| KeyUsage::by_name(name).unwrap()).collect::<KeyUsage>(), usage);
    }
}

#[test]
fn the_der_of_rfc_5280() {
    assert_eq!(to_der(KeyUsage::KEY_CERT_SIGN | KeyUsage::CRL_SIGN), [3, 2, 1, 6]);
    assert_eq!(to_der(KeyUsage::DECIPHER_ONLY), [3, 3, 7, 0, 0x80]);
    assert_eq!(
        (KeyUsage::DIGITAL_SIGNATURE | KeyUsage::KEY_ENCIPHERMENT).to_string(),
        "digitalSignature, keyEncipherment"
    );
}

#[test]
fn other_der_is_refused() {
    for der in
        [&[][..], &[3, 0], &[3, 1, 1], &[3, 2, 8, 0], &[3, 2, 1, 1], &[3, 3, 0, 0, 1], &[4, 1, 0], &[3, 2, 1, 6, 0]]
    {
        assert!(KeyUsage::from_der(der).is_err(), "{der:?}");
    }
}
