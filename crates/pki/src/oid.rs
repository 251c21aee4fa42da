//! Object identifiers by name, and names by object identifier.

use const_oid::ObjectIdentifier;

const fn id(text: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(text)
}

/// TLS server authentication.
pub const SERVER_AUTH: ObjectIdentifier = id("1.3.6.1.5.5.7.3.1");
/// TLS client authentication.
pub const CLIENT_AUTH: ObjectIdentifier = id("1.3.6.1.5.5.7.3.2");
/// Signing of code.
pub const CODE_SIGNING: ObjectIdentifier = id("1.3.6.1.5.5.7.3.3");
/// E-mail protection.
pub const EMAIL_PROTECTION: ObjectIdentifier = id("1.3.6.1.5.5.7.3.4");
/// Time stamping.
pub const TIME_STAMPING: ObjectIdentifier = id("1.3.6.1.5.5.7.3.8");
/// Signing of OCSP answers.
pub const OCSP_SIGNING: ObjectIdentifier = id("1.3.6.1.5.5.7.3.9");
/// Any use (RFC 5280 section 4.2.1.12).
pub const ANY_EXTENDED_KEY_USAGE: ObjectIdentifier = id("2.5.29.37.0");

/// Known extended key usages with their names.
pub const EXTENDED_KEY_USAGES: [(ObjectIdentifier, &str); 16] = [
    (SERVER_AUTH, "serverAuth"),
    (CLIENT_AUTH, "clientAuth"),
    (CODE_SIGNING, "codeSigning"),
    (EMAIL_PROTECTION, "emailProtection"),
    (TIME_STAMPING, "timeStamping"),
    (OCSP_SIGNING, "OCSPSigning"),
    (ANY_EXTENDED_KEY_USAGE, "anyExtendedKeyUsage"),
    (id("1.3.6.1.5.5.7.3.17"), "ipsecIKE"),
    (id("1.3.6.1.4.1.311.20.2.2"), "smartcardLogon"),
    (id("1.3.6.1.5.2.3.4"), "pkinitClientAuth"),
    (id("1.3.6.1.5.2.3.5"), "pkinitKDC"),
    (id("1.3.6.1.5.5.7.3.27"), "cmcCA"),
    (id("1.3.6.1.5.5.7.3.28"), "cmcRA"),
    (id("1.3.6.1.5.5.7.3.21"), "secureShellClient"),
    (id("1.3.6.1.5.5.7.3.22"), "secureShellServer"),
    (id("1.3.6.1.5.5.7.3.36"), "documentSigning"),
];

/// The name of an extended key usage, if it is a known one.
pub fn eku_name(oid: &ObjectIdentifier) -> Option<&'static str> {
    EXTENDED_KEY_USAGES.iter().find(|(known, _)| known == oid).map(|(_, name)| *name)
}

/// An extended key usage by its name (case does not matter) or its object identifier in dots.
pub fn eku_by_name(name: &str) -> Option<ObjectIdentifier> {
    let known = EXTENDED_KEY_USAGES.iter().find(|(_, known)| known.eq_ignore_ascii_case(name)).map(|(oid, _)| *oid);
    known.or_else(|| ObjectIdentifier::new(name).ok())
}

/// subjectKeyIdentifier.
pub const SUBJECT_KEY_IDENTIFIER: ObjectIdentifier = id("2.5.29.14");
/// keyUsage.
pub const KEY_USAGE: ObjectIdentifier = id("2.5.29.15");
/// subjectAltName.
pub const SUBJECT_ALT_NAME: ObjectIdentifier = id("2.5.29.17");
/// basicConstraints.
pub const BASIC_CONSTRAINTS: ObjectIdentifier = id("2.5.29.19");
/// cRLNumber.
pub const CRL_NUMBER: ObjectIdentifier = id("2.5.29.20");
/// cRLReason, of a CRL entry.
pub const CRL_REASON: ObjectIdentifier = id("2.5.29.21");
/// invalidityDate, of a CRL entry.
pub const INVALIDITY_DATE: ObjectIdentifier = id("2.5.29.24");
/// issuingDistributionPoint, of a CRL.
pub const ISSUING_DISTRIBUTION_POINT: ObjectIdentifier = id("2.5.29.28");
/// cRLDistributionPoints.
pub const CRL_DISTRIBUTION_POINTS: ObjectIdentifier = id("2.5.29.31");
/// certificatePolicies.
pub const CERTIFICATE_POLICIES: ObjectIdentifier = id("2.5.29.32");
/// authorityKeyIdentifier.
pub const AUTHORITY_KEY_IDENTIFIER: ObjectIdentifier = id("2.5.29.35");
/// extKeyUsage.
pub const EXTENDED_KEY_USAGE: ObjectIdentifier = id("2.5.29.37");
/// authorityInfoAccess.
pub const AUTHORITY_INFO_ACCESS: ObjectIdentifier = id("1.3.6.1.5.5.7.1.1");
/// tlsFeature, "must staple" (RFC 7633).
pub const TLS_FEATURE: ObjectIdentifier = id("1.3.6.1.5.5.7.1.24");
/// caIssuers, an access method of authorityInfoAccess.
pub const AD_CA_ISSUERS: ObjectIdentifier = id("1.3.6.1.5.5.7.48.2");
/// ocsp, an access method of authorityInfoAccess.
pub const AD_OCSP: ObjectIdentifier = id("1.3.6.1.5.5.7.48.1");
/// CPS pointer, a qualifier of certificatePolicies.
pub const QT_CPS: ObjectIdentifier = id("1.3.6.1.5.5.7.2.1");

pub(crate) const EXTENSION_REQUEST: ObjectIdentifier = id("1.2.840.113549.1.9.14");
/// Microsoft's older attribute with the same content.
pub(crate) const MS_EXTENSION_REQUEST: ObjectIdentifier = id("1.3.6.1.4.1.311.2.1.14");
pub(crate) const CHALLENGE_PASSWORD: ObjectIdentifier = id("1.2.840.113549.1.9.7");

/// The content type signedData (RFC 5652 section 5.1).
pub const SIGNED_DATA: ObjectIdentifier = id("1.2.840.113549.1.7.2");
/// The content type data (RFC 5652 section 4).
pub const DATA: ObjectIdentifier = id("1.2.840.113549.1.7.1");
/// The content type envelopedData (RFC 5652 section 6.1).
pub const ENVELOPED_DATA: ObjectIdentifier = id("1.2.840.113549.1.7.3");
/// The content type authEnvelopedData (RFC 5083 section 2.1).
pub const AUTH_ENVELOPED_DATA: ObjectIdentifier = id("1.2.840.113549.1.9.16.1.23");
/// The attribute contentType (RFC 5652 section 11.1).
pub const CONTENT_TYPE: ObjectIdentifier = id("1.2.840.113549.1.9.3");
/// The attribute messageDigest (RFC 5652 section 11.2).
pub const MESSAGE_DIGEST: ObjectIdentifier = id("1.2.840.113549.1.9.4");
/// The attribute signingTime (RFC 5652 section 11.3).
pub const SIGNING_TIME: ObjectIdentifier = id("1.2.840.113549.1.9.5");

pub(crate) const RSA_ENCRYPTION: ObjectIdentifier = id("1.2.840.113549.1.1.1");
pub(crate) const EC_PUBLIC_KEY: ObjectIdentifier = id("1.2.840.10045.2.1");
pub(crate) const SECP256R1: ObjectIdentifier = id("1.2.840.10045.3.1.7");
pub(crate) const SECP384R1: ObjectIdentifier = id("1.3.132.0.34");
pub(crate) const SECP521R1: ObjectIdentifier = id("1.3.132.0.35");
pub(crate) const ED25519: ObjectIdentifier = id("1.3.101.112");

pub(crate) const SHA256_WITH_RSA: ObjectIdentifier = id("1.2.840.113549.1.1.11");
pub(crate) const SHA384_WITH_RSA: ObjectIdentifier = id("1.2.840.113549.1.1.12");
pub(crate) const SHA512_WITH_RSA: ObjectIdentifier = id("1.2.840.113549.1.1.13");
pub(crate) const RSASSA_PSS: ObjectIdentifier = id("1.2.840.113549.1.1.10");
pub(crate) const MGF1: ObjectIdentifier = id("1.2.840.113549.1.1.8");
pub(crate) const ECDSA_WITH_SHA256: ObjectIdentifier = id("1.2.840.10045.4.3.2");
pub(crate) const ECDSA_WITH_SHA384: ObjectIdentifier = id("1.2.840.10045.4.3.3");
pub(crate) const ECDSA_WITH_SHA512: ObjectIdentifier = id("1.2.840.10045.4.3.4");
pub(crate) const SHA1_WITH_RSA: ObjectIdentifier = id("1.2.840.113549.1.1.5");
pub(crate) const RSAES_OAEP: ObjectIdentifier = id("1.2.840.113549.1.1.7");
pub(crate) const P_SPECIFIED: ObjectIdentifier = id("1.2.840.113549.1.1.9");
pub(crate) const PBKDF2: ObjectIdentifier = id("1.2.840.113549.1.5.12");
pub(crate) const HMAC_SHA1: ObjectIdentifier = id("1.2.840.113549.2.7");
pub(crate) const HMAC_SHA256: ObjectIdentifier = id("1.2.840.113549.2.9");
pub(crate) const HMAC_SHA384: ObjectIdentifier = id("1.2.840.113549.2.10");
pub(crate) const HMAC_SHA512: ObjectIdentifier = id("1.2.840.113549.2.11");
pub(crate) const PWRI_KEK: ObjectIdentifier = id("1.2.840.113549.1.9.16.3.9");
pub(crate) const SHA1: ObjectIdentifier = id("1.3.14.3.2.26");
pub(crate) const SHA256: ObjectIdentifier = id("2.16.840.1.101.3.4.2.1");
pub(crate) const SHA384: ObjectIdentifier = id("2.16.840.1.101.3.4.2.2");
pub(crate) const SHA512: ObjectIdentifier = id("2.16.840.1.101.3.4.2.3");

/// The name, where one helps, with the object identifier.
pub(crate) fn describe(oid: &ObjectIdentifier) -> String {
    const NAMES: [(&str, &str); 20] = [
        ("1.2.840.113549.1.1.2", "RSA with MD2"),
        ("1.2.840.113549.1.1.4", "RSA with MD5"),
        ("1.2.840.113549.1.1.5", "RSA with SHA-1"),
        ("1.3.14.3.2.29", "RSA with SHA-1"),
        ("1.2.840.113549.1.1.14", "RSA with SHA-224"),
        ("1.2.840.10045.4.1", "ECDSA with SHA-1"),
        ("1.2.840.10045.4.3.1", "ECDSA with SHA-224"),
        ("1.2.840.10040.4.1", "DSA"),
        ("1.2.840.10040.4.3", "DSA with SHA-1"),
        ("2.16.840.1.101.3.4.3.2", "DSA with SHA-256"),
        ("1.2.840.113549.1.1.10", "RSASSA-PSS"),
        ("1.2.840.113549.1.3.1", "Diffie-Hellman"),
        ("1.3.101.110", "X25519"),
        ("1.3.101.113", "Ed448"),
        ("1.3.132.0.33", "the curve P-224"),
        ("1.2.840.10045.3.1.1", "the curve P-192"),
        ("1.3.132.0.10", "the curve secp256k1"),
        ("2.16.840.1.101.3.4.3.17", "ML-DSA-44"),
        ("2.16.840.1.101.3.4.3.18", "ML-DSA-65"),
        ("2.16.840.1.101.3.4.3.19", "ML-DSA-87"),
    ];
    let dots = oid.to_string();
    match NAMES.iter().find(|(known, _)| *known == dots) {
        Some((_, name)) => format!("{name} ({dots})"),
        None => format!("the algorithm {dots}"),
    }
}
