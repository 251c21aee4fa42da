//! Points that are none.

use std::sync::LazyLock;

use num_bigint::BigUint;

use super::{KeyFault, curve_name};
use crate::KeyAlgorithm;

/// y^2 = x^3 - 3x + b over the field of p, of prime order: every finite point on it is a good one.
struct Weierstrass {
    p: BigUint,
    b: BigUint,
}

fn number(hex: &str) -> BigUint {
    BigUint::parse_bytes(hex.as_bytes(), 16).expect("the constants here are hexadecimal")
}

/// SEC 2 sections 2.4.2, 2.5.1 and 2.6.1.
static P256: LazyLock<Weierstrass> = LazyLock::new(|| Weierstrass {
    p: number("ffffffff00000001000000000000000000000000ffffffffffffffffffffffff"),
    b: number("5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b"),
});
static P384: LazyLock<Weierstrass> = LazyLock::new(|| Weierstrass {
    p: number("fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffff0000000000000000ffffffff"),
    b: number("b3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aef"),
});
static P521: LazyLock<Weierstrass> = LazyLock::new(|| Weierstrass {
    p: (BigUint::from(1u8) << 521u32) - 1u8,
    b: number(
        "51953eb9618e1c9a1f929a21a0b68540eea2da725b99b315f3b8b489918ef109e156193951ec7e937b1652c0bd3bb1bf073573df883d2c\
         34f1ef451fd46b503f00",
    ),
});

/// SP 800-56A section 5.6.2.3.3; the length was checked when the key was read.
pub(super) fn check_weierstrass(algorithm: KeyAlgorithm, point: &[u8]) -> Result<(), KeyFault> {
    let curve = match algorithm {
        KeyAlgorithm::P256 => &*P256,
        KeyAlgorithm::P384 => &*P384,
        _ => &*P521,
    };
    let name = curve_name(algorithm);
    let [4, coordinates @ ..] = point else {
        return Err(KeyFault::Infinity { curve: name });
    };
    let (x, y) = coordinates.split_at(coordinates.len() / 2);
    let (x, y) = (BigUint::from_bytes_be(x), BigUint::from_bytes_be(y));
    let p = &curve.p;
    let on_curve = || {
        let right = (&x * &x % p * &x + p * 3u8 - &x * 3u8 + &curve.b) % p;
        &y * &y % p == right
    };
    if x < *p && y < *p && on_curve() { Ok(()) } else { Err(KeyFault::NotOnCurve { curve: name }) }
}

/// RFC 8032 section 5.1: p = 2^255 - 19 and d = -121665/121666.
struct Edwards {
    p: BigUint,
    d: BigUint,
    /// The y of the points of order 8, up to sign.
    y8: BigUint,
}

static EDWARDS: LazyLock<Edwards> = LazyLock::new(|| Edwards {
    p: (BigUint::from(1u8) << 255u32) - 19u8,
    d: number("52036cee2b6ffe738cc740797779e89800700a4d4141d8ab75eb4dca135978a3"),
    y8: number("7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7"),
});

pub(super) fn check_ed25519(point: &[u8]) -> Result<(), KeyFault> {
    let Edwards { p, d, y8 } = &*EDWARDS;
    let mut bytes = point.to_vec();
    let sign = bytes.last().is_some_and(|last| last & 0x80 != 0);
    if let Some(last) = bytes.last_mut() {
        *last &= 0x7f;
    }
    let y = BigUint::from_bytes_le(&bytes);
    if y >= *p {
        return Err(KeyFault::NotCanonical);
    }
    let one = BigUint::from(1u8);
    let minus_one = p - 1u8;
    // x is 0 at y = 1 and y = -1, and 0 has no sign.
    if y == one || y == minus_one {
        return Err(if sign { KeyFault::NotCanonical } else { KeyFault::SmallOrder });
    }
    if y == BigUint::ZERO || y == *y8 || y == p - y8 {
        return Err(KeyFault::SmallOrder);
    }
    // x^2 = (y^2 - 1) / (d y^2 + 1) has a root just when the product of both has.
    let square = &y * &y % p;
    let product = (&square + p - &one) * (d * &square + &one) % p;
    if product.modpow(&(minus_one >> 1u32), p) == one { Ok(()) } else { Err(KeyFault::NotOnCurve { curve: "Ed25519" }) }
}
