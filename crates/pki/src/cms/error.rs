use crate::ParseError;

/// Why a CMS message is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CmsError {
    /// Not such a message.
    #[error(transparent)]
    Malformed(ParseError),
    /// An algorithm that is not known here.
    #[error("{what} uses {algorithm}, which is not supported; {mend}")]
    UnsupportedAlgorithm {
        /// The part that uses it.
        what: &'static str,
        /// Its name, or its object identifier.
        algorithm: String,
        /// What is supported.
        mend: &'static str,
    },
    /// An outdated algorithm that is known and not allowed here.
    #[error("{what} uses {algorithm}, which is outdated and not allowed here; {mend}")]
    Outdated {
        /// The part that uses it.
        what: &'static str,
        /// Its name.
        algorithm: &'static str,
        /// What to use.
        mend: &'static str,
    },
    /// The signed digest is that of another content (RFC 5652 section 5.4).
    #[error(
        "the message digest that is signed is not that of the content: the content was changed after it was signed"
    )]
    Digest,
    /// The signature does not verify.
    #[error(
        "the message's signature does not verify with the signer's key: the message was changed, or signed by another"
    )]
    Signature,
    /// No recipient of the message is one of ours.
    #[error("the message is encrypted for somebody else; fetch the recipient's certificate again and use that one")]
    NoRecipient,
    /// The one failure of decryption, whatever failed.
    #[error(
        "the message cannot be decrypted: it was changed, or encrypted with another key than that of its recipient"
    )]
    Undecryptable,
}

impl From<ParseError> for CmsError {
    fn from(error: ParseError) -> Self {
        match error {
            ParseError::UnsupportedAlgorithm { what, algorithm, mend } => {
                Self::UnsupportedAlgorithm { what, algorithm, mend }
            }
            other => Self::Malformed(other),
        }
    }
}
