use proptest::prelude::*;

use super::*;
use crate::tlv::encode;

fn unhex(text: &str) -> Vec<u8> {
    crate::serial::unhex(&text.replace([' ', '\n'], "")).unwrap()
}

fn becomes(ber: &str, der: &str) {
    assert_eq!(normalise(&unhex(ber), &Limits::default()), Ok(unhex(der)), "{ber}");
}

fn refused(ber: &str, why: &str) {
    let error = normalise(&unhex(ber), &Limits::default()).unwrap_err().to_string();
    assert!(error.contains(why), "{ber}: {error}");
}

#[test]
fn der_stays_as_it_is() {
    for bytes in [
        &include_bytes!("../../../fixtures/cms/ss_aes.der")[..],
        include_bytes!("../../../fixtures/cms/sscep_req.der"),
        include_bytes!("../../../fixtures/certs-only.p7"),
    ] {
        assert_eq!(normalise(bytes, &Limits::default()).unwrap(), bytes);
    }
}

#[test]
fn lengths_become_definite_and_minimal() {
    becomes("3080 020101 0000", "3003 020101");
    becomes("3080 3080 020101 0000 0500 0000", "3007 3003 020101 0500");
    becomes("30840000 0004 02810101", "3003 020101");
    becomes("a080 0401aa 0000", "a003 0401aa");
    // Zeros inside a value are no end of contents, nor is a primitive's inside looked at.
    becomes("3080 04040000 3080 0000", "3006 04040000 3080");
    // A length of five octets of which four are zeros.
    becomes("3085 0000000003 020101", "3003 020101");
}

#[test]
fn strings_come_together() {
    becomes("2480 0401aa 0402bbcc 0000", "0403 aabbcc");
    becomes("2408 0401aa 0403bbccdd", "0404 aabbccdd");
    becomes("2480 2480 0401aa 0000 2403 0401bb 0000", "0402 aabb");
    becomes("2400", "0400");
    // Bits: the count of unused ones is the last piece's.
    becomes("2380 030200ff 030204f0 0000", "030304 fff0");
    becomes("2300", "030100");
    // Character strings are in pieces of octet strings (X.690 section 8.23.6), or of their own kind.
    becomes("2c80 040161 0c0162 0000", "0c02 6162");
    becomes("3380 130161 0000", "1301 61");
    // Under a context tag nobody knows whether it is a string.
    becomes("a080 0401aa 0401bb 0000", "a006 0401aa 0401bb");
}

#[test]
fn other_bytes_are_refused() {
    refused("", "ends where another element must come");
    refused("30", "ends where another element must come");
    refused("3080", "ends where another element must come");
    refused("3080 020101 00", "ends where another element must come");
    refused("3003 0201", "longer than what holds it");
    refused("3004 0202 01", "longer than what holds it");
    refused("3003 020201", "longer than what holds it");
    refused("0480 0401aa 0000", "primitive element has an indefinite length");
    refused("30ff 00", "reserved form");
    refused("3082 00", "ends inside a length");
    refused("3085 0100000000", "above four bytes");
    refused("0000", "end of contents where an element must come");
    refused("3002 0000", "end of contents where an element must come");
    refused("1f2001 aa", "tag number above 30");
    refused("0500 0500", "2 bytes are left after its end");
    refused("2480 0201aa 0000", "piece of tag 0x02");
    refused("2380 0401aa 0000", "piece of tag 0x04");
    refused("2380 0300 0000", "no count of unused bits");
    refused("2380 030208f0 0000", "no count of unused bits");
    refused("2380 030204f0 030200ff 0000", "not the last has unused bits");
}

#[test]
fn each_limit_holds() {
    let limits = Limits { size: 40, depth: 3, elements: 10, iterations: 1 };
    let sized = |length: usize| normalise(&encode(OCTET_STRING, &vec![0; length]), &limits);
    assert!(sized(38).is_ok());
    assert_eq!(sized(39), Err(ParseError::TooLarge { what: WHAT, size: 41, limit: 40 }));

    let nested = |depth: usize| {
        let der = (0..depth).fold(encode(crate::tlv::NULL, &[]), |inner, _| encode(SEQUENCE, &inner));
        normalise(&der, &limits)
    };
    assert!(nested(3).is_ok());
    assert!(nested(4).unwrap_err().to_string().contains("nested more than 3 deep"));
    // Pieces of pieces count too.
    let pieces =
        |depth: usize| normalise(&(0..depth).fold(encode(OCTET_STRING, &[]), |inner, _| encode(0x24, &inner)), &limits);
    assert!(pieces(3).is_ok());
    assert!(pieces(4).unwrap_err().to_string().contains("nested more than 3 deep"));

    let many = |count: usize| normalise(&encode(SEQUENCE, &[5, 0].repeat(count)), &limits);
    assert!(many(9).is_ok());
    assert!(many(10).unwrap_err().to_string().contains("more than 10 elements"));

    // A bomb of openings ends at the depth and not at the stack.
    let bomb = [0x30, 0x80].repeat(20_000);
    assert!(normalise(&bomb, &Limits::default()).unwrap_err().to_string().contains("nested more than 32 deep"));
}

/// A value that can be written in DER and in BER of many shapes.
#[derive(Clone, Debug)]
enum Node {
    Primitive(u8, Vec<u8>),
    Constructed(u8, Vec<Node>),
}

fn node() -> impl Strategy<Value = Node> {
    let octets = prop::collection::vec(any::<u8>(), 0..200);
    let tag = prop::sample::select(vec![0x02, 0x04, 0x0c, 0x13, 0x80, 0x86, 0x41]);
    let leaf = (tag, octets).prop_map(|(tag, octets)| Node::Primitive(tag, octets));
    leaf.prop_recursive(5, 40, 6, |inner| {
        let tag = prop::sample::select(vec![SEQUENCE, SET, 0xa0, 0xa3]);
        (tag, prop::collection::vec(inner, 0..6)).prop_map(|(tag, children)| Node::Constructed(tag, children))
    })
}

impl Node {
    fn der(&self) -> Vec<u8> {
        match self {
            Self::Primitive(tag, octets) => encode(*tag, octets),
            Self::Constructed(tag, children) => encode(*tag, &children.iter().flat_map(Self::der).collect::<Vec<_>>()),
        }
    }

    /// `shapes` decides what is written how; it goes round.
    fn ber(&self, shapes: &mut impl Iterator<Item = u8>) -> Vec<u8> {
        match self {
            Self::Primitive(tag @ (0x04 | 0x0c | 0x13), octets) if shapes.next() == Some(1) => {
                let size = usize::from(shapes.next().unwrap_or(0)) * 20 + 1;
                let pieces: Vec<u8> = octets
                    .chunks(size)
                    .flat_map(|piece| wrapped(OCTET_STRING, piece, shapes.next().unwrap_or(0) % 2))
                    .collect();
                wrapped(tag | CONSTRUCTED, &pieces, shapes.next().unwrap_or(0))
            }
            Self::Primitive(tag, octets) => wrapped(*tag, octets, shapes.next().unwrap_or(0) % 2),
            Self::Constructed(tag, children) => {
                let inner: Vec<u8> = children.iter().flat_map(|child| child.ber(shapes)).collect();
                wrapped(*tag, &inner, shapes.next().unwrap_or(0))
            }
        }
    }
}

fn wrapped(tag: u8, inner: &[u8], shape: u8) -> Vec<u8> {
    match shape {
        0 => encode(tag, inner),
        1 => [&[tag, 0x84][..], &(inner.len() as u32).to_be_bytes(), inner].concat(),
        _ => [&[tag, 0x80][..], inner, &[0, 0]].concat(),
    }
}

proptest! {
    #[test]
    fn every_shape_becomes_the_same_der(node in node(), shapes in prop::collection::vec(0..3u8, 1..60)) {
        let limits = Limits { size: 1 << 20, ..Limits::default() };
        let der = node.der();
        let ber = node.ber(&mut shapes.iter().copied().cycle());
        prop_assert_eq!(normalise(&ber, &limits).unwrap(), der.clone());
        prop_assert_eq!(normalise(&der, &limits).unwrap(), der);
        for cut in 0..ber.len() {
            prop_assert!(normalise(&ber[..cut], &limits).is_err());
        }
    }
}
