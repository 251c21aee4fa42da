//! A request that failed, and what its client is told.

use chancery_core::{Error, Rejection};
use chancery_pki::cms::CmsError;

use crate::FailInfo;

/// Characters of failInfoText: it quotes what a stranger sent.
const MOST_TOLD: usize = 255;

/// Why nothing came of a message.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Answered by a CertRep with pkiStatus FAILURE.
    Refused {
        /// failInfo.
        info: FailInfo,
        /// failInfoText.
        text: String,
        /// Whether the trail has it already.
        told: bool,
    },
    /// No CertRep can be made, or the client shall come back: answered by HTTP.
    Transport(Error),
}

impl Failure {
    pub fn new(info: FailInfo, text: impl Into<String>) -> Self {
        Self::Refused { info, text: text.into(), told: false }
    }

    /// One that the trail has already.
    pub fn told(info: FailInfo, text: impl Into<String>) -> Self {
        Self::Refused { info, text: text.into(), told: true }
    }

    /// The one failure of everything that depends on the decrypted content: key, padding and request alike, so that nobody
    /// learns from an answer what was wrong with an altered message.
    pub fn undecryptable() -> Self {
        Self::new(
            FailInfo::BadRequest,
            "the message cannot be decrypted to a certificate request that proves possession of its key: fetch the CA \
             certificates again, encrypt for the first of them, and sign the request with SHA-256",
        )
    }

    /// What reading, verifying or decrypting says.
    pub fn of_cms(error: CmsError) -> Self {
        match error {
            CmsError::UnsupportedAlgorithm { .. } | CmsError::Outdated { .. } => {
                Self::new(FailInfo::BadAlg, error.to_string())
            }
            CmsError::Digest | CmsError::Signature | CmsError::Malformed(_) => {
                Self::new(FailInfo::BadMessageCheck, error.to_string())
            }
            CmsError::NoRecipient => Self::new(FailInfo::BadRequest, error.to_string()),
            CmsError::Undecryptable => Self::undecryptable(),
        }
    }

    /// What the domain says, which has told the trail.
    pub fn of_domain(error: Error) -> Self {
        let info = match &error {
            Error::Rejected(rejections) => {
                let is = |kind: fn(&Rejection) -> bool| rejections.iter().any(kind);
                if is(|rejection| matches!(rejection, Rejection::Proof(_))) {
                    FailInfo::BadMessageCheck
                } else if is(|rejection| matches!(rejection, Rejection::Key(_))) {
                    FailInfo::BadAlg
                } else {
                    FailInfo::BadRequest
                }
            }
            Error::NotFound { .. } => FailInfo::BadCertId,
            Error::Malformed(_) | Error::Conflict(_) => FailInfo::BadRequest,
            Error::Unauthenticated | Error::Forbidden(_) => {
                let text = "this is not permitted here".to_owned();
                return Self::Refused { info: FailInfo::BadRequest, text, told: true };
            }
            Error::Throttled { .. } | Error::Unavailable { .. } => return Self::Transport(error),
            Error::Internal(source) => {
                tracing::error!(error = %source, "internal error");
                let text = "internal error; the operator finds it in the log".to_owned();
                return Self::Refused { info: FailInfo::BadRequest, text, told: true };
            }
        };
        Self::Refused { info, text: error.to_string(), told: true }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::of_domain(error)
    }
}

impl From<chancery_core::StoreError> for Failure {
    fn from(error: chancery_core::StoreError) -> Self {
        Self::of_domain(error.into())
    }
}

/// Fit for failInfoText (RFC 8894 section 3.2.1.4.1): a UTF8String, without control characters, not too long.
pub(crate) fn shown(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MOST_TOLD).collect()
}
