use super::*;
use crate::serial::hex;
use crate::tlv::{Reader, whole};

const EKU: ObjectIdentifier = oid::CLIENT_AUTH;

fn elements(der: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut reader = whole("CSR attributes", der, SEQUENCE).unwrap();
    let mut found = Vec::new();
    while !reader.is_empty() {
        let element = reader.any().unwrap();
        found.push((element.tag, element.value.to_vec()));
    }
    found
}

/// The values of an attribute.
fn attribute(der: &[u8], wanted: ObjectIdentifier) -> Option<Vec<u8>> {
    elements(der).into_iter().filter(|(tag, _)| *tag == SEQUENCE).find_map(|(_, value)| {
        let mut reader = Reader::new("attribute", &value);
        let kind = reader.oid("type").unwrap();
        let values = reader.expect(SET, "values").unwrap().value.to_vec();
        reader.end().unwrap();
        (kind == wanted).then_some(values)
    })
}

#[test]
fn rfc7030_4_5_2_nothing_to_ask_is_no_answer() {
    assert_eq!(CsrAttributes::default().to_der(), None);
}

#[test]
fn rfc7030_4_5_2_the_classic_form() {
    let mut asked = CsrAttributes { key: Some(KeyType::P384), ..CsrAttributes::default() };
    asked.challenge_password();
    let der = asked.to_der().unwrap();
    let elements = elements(&der);
    // The example of the section: challengePassword, ecPublicKey with secp384r1, ecdsaWithSHA384.
    assert_eq!(elements[0], (OID, oid::CHALLENGE_PASSWORD.as_bytes().to_vec()));
    assert_eq!(hex(&der[2..13]), "06092a864886f70d010907");
    assert_eq!(attribute(&der, oid::EC_PUBLIC_KEY).unwrap()[2..], *oid::SECP384R1.as_bytes());
    assert!(elements.contains(&(OID, oid::ECDSA_WITH_SHA384.as_bytes().to_vec())));
}

#[test]
fn rfc9908_3_2_one_list_of_extensions_with_values() {
    let mut asked = CsrAttributes::default();
    asked.extended_key_usage(&[EKU]);
    asked.extensions.push((oid::SUBJECT_ALT_NAME, false, None));
    let der = asked.to_der().unwrap();
    let list = attribute(&der, oid::EXTENSION_REQUEST).unwrap();
    let mut list = whole("extensions", &list, SEQUENCE).unwrap();
    let first = list.any().unwrap();
    assert!(list.is_empty(), "what has no value does not stand in the classic form");
    assert!(first.value.starts_with(&[OID, 3, 0x55, 0x1d, 0x25]));
}

#[test]
fn rfc9908_3_4_the_template() {
    let common_name = ObjectIdentifier::new_unwrap("2.5.4.3");
    let organization = ObjectIdentifier::new_unwrap("2.5.4.10");
    let mut asked = CsrAttributes {
        subject: vec![(organization, Some("Example".into())), (common_name, None)],
        key: Some(KeyType::P256),
        ..CsrAttributes::default()
    };
    asked.extended_key_usage(&[EKU]);
    asked.extensions.push((oid::SUBJECT_ALT_NAME, false, None));
    let der = asked.to_der().unwrap();
    let template = attribute(&der, TEMPLATE).unwrap();
    let mut template = whole("template", &template, SEQUENCE).unwrap();
    assert_eq!(template.small("version").unwrap(), 0);
    let subject = template.expect(SEQUENCE, "subject").unwrap();
    assert_eq!(
        hex(subject.value),
        "311030\
0e060355040a0c074578616d706c65310730050603550403"
            .replace('\n', "")
    );
    let key = template.expect(constructed(0), "key").unwrap();
    // RFC 9908 section 3.4: IMPLICIT, and no key but for the length of an RSA modulus.
    assert_eq!(hex(key.value), "301306072a8648ce3d020106082a8648ce3d030107");
    let attributes = template.expect(constructed(1), "attributes").unwrap();
    template.end().unwrap();
    let mut attributes = Reader::new("attributes", attributes.value);
    let mut request = attributes.enter(SEQUENCE, "extension requests").unwrap();
    assert_eq!(request.oid("type").unwrap(), EXTENSION_REQUEST_TEMPLATE);
    assert!(attributes.is_empty(), "never beside id-ExtensionReq");
    let values = request.expect(SET, "values").unwrap();
    assert!(hex(values.value).ends_with("30050603551d11"), "the value is the client's");
}

#[test]
fn rfc9908_3_4_the_size_of_an_rsa_key_is_shown_by_a_placeholder() {
    let asked = CsrAttributes { key: Some(KeyType::Rsa(3072)), ..CsrAttributes::default() };
    let der = asked.to_der().unwrap();
    assert_eq!(attribute(&der, oid::RSA_ENCRYPTION).unwrap(), [0x02, 2, 0x0c, 0x00]);
    let template = attribute(&der, TEMPLATE).unwrap();
    let mut template = whole("template", &template, SEQUENCE).unwrap();
    template.small("version").unwrap();
    let key = template.expect(constructed(0), "key").unwrap();
    let mut key = Reader::new("key", key.value);
    key.expect(SEQUENCE, "algorithm").unwrap();
    let bits = key.bit_string("key").unwrap();
    let mut placeholder = whole("key", bits, SEQUENCE).unwrap();
    assert_eq!(placeholder.unsigned("modulus").unwrap().len(), 384);
    // No attributes is an empty list all the same.
    assert_eq!(template.expect(constructed(1), "attributes").unwrap().value, b"");
    template.end().unwrap();
}
