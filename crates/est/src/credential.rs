//! What enrols without a certificate: users with a password, and one-time codes. Both belong to one RA profile and say
//! which names they may ask for, how often, and how long.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use time::OffsetDateTime;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::AllowedNames;
use crate::password::PasswordHash;

/// What every code begins with, so that people, secret scanners and this server know one when they see it.
pub(crate) const CODE_PREFIX: &str = "chancery-est-";
/// Wrong requests with a right code, after which it is locked.
pub const MOST_MISMATCHES: u32 = 5;
/// Longest Authorization header that is looked at.
const LONGEST: usize = 4096;

/// What users and codes have in common.
#[derive(Clone, Debug, PartialEq)]
pub struct Grant {
    /// Identifier.
    pub id: Uuid,
    /// The RA profile that it may enrol with.
    pub ra_profile: Uuid,
    /// The name by which its holder is known: the user of HTTP Basic.
    pub name: String,
    /// Names that it may ask for, as [`AllowedNames`] reads them. None: its own name only.
    pub names: Option<Vec<String>>,
    /// How many certificates it may get; none: any number.
    pub uses: Option<u32>,
    /// How many it got.
    pub used: u32,
    /// Not after this instant; none: until it is revoked.
    pub expires_at: Option<OffsetDateTime>,
    /// When it was revoked.
    pub revoked_at: Option<OffsetDateTime>,
    /// When it was made.
    pub created_at: OffsetDateTime,
}

impl Grant {
    /// Why it opens nothing any more at `now`; none while it does. Its uses are counted by the issuing transaction.
    pub(crate) fn ended(&self, now: OffsetDateTime) -> Option<&'static str> {
        if self.revoked_at.is_some() {
            Some("revoked EST credential")
        } else if self.expires_at.is_some_and(|end| end <= now) {
            Some("expired EST credential")
        } else {
            None
        }
    }

    /// Whether it has no use left.
    pub fn is_spent(&self) -> bool {
        self.uses.is_some_and(|uses| self.used >= uses)
    }

    /// Whether it is neither revoked nor over nor spent.
    pub fn is_valid(&self, now: OffsetDateTime) -> bool {
        self.ended(now).is_none() && !self.is_spent()
    }

    /// The names that it may ask for.
    pub(crate) fn allowed(&self) -> Result<AllowedNames, String> {
        match &self.names {
            Some(names) => AllowedNames::parse(names),
            None => Ok(AllowedNames::own(&self.name)),
        }
    }
}

/// A user with a password.
#[derive(Clone, Debug, PartialEq)]
pub struct EstUser {
    /// Who, what, how long. The name is unique within the RA profile.
    pub grant: Grant,
    /// Argon2id.
    pub password: PasswordHash,
}

/// A one-time code: at least 128 random bits, found by a keyed hash of its text.
#[derive(Clone, Debug, PartialEq)]
pub struct EstCode {
    /// Who, what, how long.
    pub grant: Grant,
    /// HMAC-SHA-256 of its text under the installation's key.
    pub hash: [u8; 32],
    /// Requests that came with it and asked for what it does not allow: it is locked after [`MOST_MISMATCHES`].
    pub mismatches: u32,
}

impl EstCode {
    /// Whether too many wrong requests came with it.
    pub fn is_locked(&self) -> bool {
        self.mismatches >= MOST_MISMATCHES
    }
}

/// A new code's text: 160 random bits.
pub(crate) fn new_code(chance: &[u8; 20]) -> Zeroizing<String> {
    Zeroizing::new(format!("{CODE_PREFIX}{}", URL_SAFE_NO_PAD.encode(chance)))
}

/// What a code is found by.
pub(crate) fn code_hash(key: &[u8; 32], code: &str) -> [u8; 32] {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), code.as_bytes());
    let mut hash = [0; 32];
    hash.copy_from_slice(tag.as_ref());
    hash
}

/// What an Authorization header holds.
pub(crate) enum Credential {
    /// RFC 7617.
    Basic {
        /// The user.
        user: String,
        /// The password, or a code.
        password: Zeroizing<String>,
    },
    /// RFC 6750.
    Bearer(Zeroizing<String>),
}

impl Credential {
    /// Read the Authorization headers of a request; none when there is none.
    ///
    /// # Errors
    /// What the trail is told; the client is told nothing.
    pub(crate) fn read(headers: &[&[u8]]) -> Result<Option<Self>, &'static str> {
        let header = match headers {
            [] => return Ok(None),
            [header] => header,
            _ => return Err("two Authorization headers"),
        };
        let text = std::str::from_utf8(header).map_err(|_| "malformed Authorization header")?;
        if text.len() > LONGEST {
            return Err("malformed Authorization header");
        }
        let (scheme, value) = text.split_once(' ').ok_or("malformed Authorization header")?;
        let value = value.trim_matches(' ');
        if scheme.eq_ignore_ascii_case("bearer") {
            if value.is_empty() {
                return Err("malformed bearer token");
            }
            return Ok(Some(Self::Bearer(Zeroizing::new(value.to_owned()))));
        }
        if !scheme.eq_ignore_ascii_case("basic") {
            return Err("another scheme than Basic and Bearer");
        }
        let malformed = "malformed Basic credentials";
        let bytes = Zeroizing::new(STANDARD.decode(value).map_err(|_| malformed)?);
        let text = std::str::from_utf8(&bytes).map_err(|_| malformed)?;
        let (user, password) = text.split_once(':').ok_or(malformed)?;
        if user.is_empty() || password.is_empty() || user.chars().any(char::is_control) {
            return Err(malformed);
        }
        Ok(Some(Self::Basic { user: user.to_owned(), password: Zeroizing::new(password.to_owned()) }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc7030_3_2_3_basic_and_bearer_are_read() {
        let header = format!("Basic {}", STANDARD.encode("gw-7:pass:word"));
        match Credential::read(&[header.as_bytes()]) {
            Ok(Some(Credential::Basic { user, password })) => {
                assert_eq!((user.as_str(), password.as_str()), ("gw-7", "pass:word"))
            }
            _ => panic!("basic"),
        }
        assert!(matches!(Credential::read(&[b"bearer abc"]), Ok(Some(Credential::Bearer(token))) if *token == "abc"));
        assert!(matches!(Credential::read(&[]), Ok(None)));
    }

    #[test]
    fn es_04_what_is_no_credential_is_none() {
        let long = format!("Basic {}", STANDARD.encode("a:".to_owned() + &"x".repeat(LONGEST)));
        let encoded = |bytes: &[u8]| format!("Basic {}", STANDARD.encode(bytes));
        let (empty_user, empty_password) = (encoded(b":x"), encoded(b"user:"));
        let (no_colon, latin) = (encoded(b"user"), encoded(b"us\xe9r:x"));
        let controls = encoded(b"a\nb:x");
        for wrong in [
            &long,
            &empty_user,
            &empty_password,
            &no_colon,
            &latin,
            &controls,
            "Basic",
            "Basic !",
            "Digest x",
            "Bearer ",
            "",
        ] {
            assert!(Credential::read(&[wrong.as_bytes()]).is_err(), "{wrong}");
        }
        assert!(Credential::read(&[b"Bearer a", b"Bearer a"]).is_err());
        assert!(Credential::read(&[b"Basic \xff"]).is_err());
    }

    #[test]
    fn codes_are_long_and_found_by_a_key() {
        let code = new_code(&[7; 20]);
        assert!(code.starts_with(CODE_PREFIX) && code.len() == CODE_PREFIX.len() + 27);
        assert_ne!(code_hash(&[1; 32], &code), code_hash(&[2; 32], &code));
    }
}
