//! What a message asks for (RFC 8894 section 3.2.1.2), and how an answer ends (sections 3.2.1.3 and 3.2.1.4).

/// A messageType that a client may send. Everything else is refused: a type that nobody thought of must reach nothing
/// (CVE-2026-30836: UpdateReq, type 18, was issued to without a challenge).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageType {
    /// 17: a new certificate for the holder of an old one.
    RenewalReq,
    /// 19: a certificate.
    PkcsReq,
    /// 20: what became of a transaction.
    CertPoll,
    /// 21: a certificate by issuer and serial number.
    GetCert,
    /// 22: the CRL of an issuer.
    GetCrl,
}

impl MessageType {
    /// From the attribute's decimal text, which has one form.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "17" => Some(Self::RenewalReq),
            "19" => Some(Self::PkcsReq),
            "20" => Some(Self::CertPoll),
            "21" => Some(Self::GetCert),
            "22" => Some(Self::GetCrl),
            _ => None,
        }
    }

    /// Its name in RFC 8894.
    pub fn name(self) -> &'static str {
        match self {
            Self::RenewalReq => "RenewalReq",
            Self::PkcsReq => "PKCSReq",
            Self::CertPoll => "CertPoll",
            Self::GetCert => "GetCert",
            Self::GetCrl => "GetCRL",
        }
    }
}

/// The messageType of every answer: CertRep.
pub(crate) const CERT_REP: &str = "3";

/// Why a request failed (RFC 8894 section 3.2.1.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailInfo {
    /// Unrecognized or unsupported algorithm.
    BadAlg,
    /// The integrity check failed.
    BadMessageCheck,
    /// The transaction is not permitted or supported.
    BadRequest,
    /// The message's time, or the time of the request, is not right.
    BadTime,
    /// No certificate could be identified matching the provided criteria.
    BadCertId,
}

impl FailInfo {
    /// The attribute's text.
    pub fn code(self) -> &'static str {
        match self {
            Self::BadAlg => "0",
            Self::BadMessageCheck => "1",
            Self::BadRequest => "2",
            Self::BadTime => "3",
            Self::BadCertId => "4",
        }
    }

    /// Its name in RFC 8894.
    pub fn name(self) -> &'static str {
        match self {
            Self::BadAlg => "badAlg",
            Self::BadMessageCheck => "badMessageCheck",
            Self::BadRequest => "badRequest",
            Self::BadTime => "badTime",
            Self::BadCertId => "badCertId",
        }
    }
}

/// The attributes' object identifiers (RFC 8894 section 3.2.1).
pub mod oid {
    use chancery_pki::ObjectIdentifier;

    const fn id(dots: &str) -> ObjectIdentifier {
        ObjectIdentifier::new_unwrap(dots)
    }

    /// messageType.
    pub const MESSAGE_TYPE: ObjectIdentifier = id("2.16.840.1.113733.1.9.2");
    /// pkiStatus.
    pub const PKI_STATUS: ObjectIdentifier = id("2.16.840.1.113733.1.9.3");
    /// failInfo.
    pub const FAIL_INFO: ObjectIdentifier = id("2.16.840.1.113733.1.9.4");
    /// senderNonce.
    pub const SENDER_NONCE: ObjectIdentifier = id("2.16.840.1.113733.1.9.5");
    /// recipientNonce.
    pub const RECIPIENT_NONCE: ObjectIdentifier = id("2.16.840.1.113733.1.9.6");
    /// transactionID.
    pub const TRANSACTION_ID: ObjectIdentifier = id("2.16.840.1.113733.1.9.7");
    /// failInfoText.
    pub const FAIL_INFO_TEXT: ObjectIdentifier = id("1.3.6.1.5.5.7.24.1");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_five_types_of_clients_are_known() {
        let known: Vec<u16> = (0..=999).filter(|n| MessageType::parse(&n.to_string()).is_some()).collect();
        assert_eq!(known, [17, 19, 20, 21, 22]);
        for odd in ["", " 19", "19 ", "+19", "019", "0x13", "19\0", "PKCSReq", "-1"] {
            assert_eq!(MessageType::parse(odd), None, "{odd:?}");
        }
    }
}
