//! Certificate revocation lists, version 2, full (RFC 5280 section 5).

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use const_oid::ObjectIdentifier;
use der::asn1::AnyRef;
use der::{Encode, EncodeValue, FixedTag, Tag};
use spki::AlgorithmIdentifierOwned;
use time::OffsetDateTime;
use x509_cert::Version;
use x509_cert::ext::Extensions;
use x509_cert::time::Time;

use crate::extension::{build, read_one};
use crate::tlv::{
    ENUMERATED, GENERALIZED_TIME, OCTET_STRING, Reader, SEQUENCE, UTC_TIME, Writer, constructed, context, whole,
    whole_value,
};
use crate::validity::writable;
use crate::{
    BuildError, Name, ParseError, PublicKey, RevocationReason, SerialNumber, SignatureAlgorithm, SignatureError,
    Signer, armour, oid, x509,
};

const WHAT: &str = "the revocation list";

/// One revoked certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevokedEntry {
    /// Its serial number.
    pub serial: SerialNumber,
    /// When it was revoked.
    pub revoked_at: OffsetDateTime,
    /// Why; `unspecified` is left out of the list (RFC 5280 section 5.3.1) and read back as none.
    pub reason: Option<RevocationReason>,
    /// When the key is thought to have been lost (RFC 5280 section 5.3.2).
    pub invalidity_date: Option<OffsetDateTime>,
}

impl RevokedEntry {
    /// By hand, entry after entry: x509-cert keeps a list as a vector of decoded entries, each with allocations of its
    /// own, which for half a million of them is hundreds of megabytes.
    fn write(&self, w: &mut Writer) {
        w.nest(SEQUENCE, |w| {
            w.unsigned(self.serial.as_bytes()).time(self.revoked_at);
            let reason = self.reason.filter(|reason| *reason != RevocationReason::Unspecified);
            if reason.is_none() && self.invalidity_date.is_none() {
                return;
            }
            w.nest(SEQUENCE, |w| {
                if let Some(reason) = reason {
                    write_extension(w, &oid::CRL_REASON, |w| _ = w.value(ENUMERATED, &[reason.code()]));
                }
                if let Some(date) = self.invalidity_date {
                    write_extension(w, &oid::INVALIDITY_DATE, |w| _ = w.generalized_time(date));
                }
            });
        });
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        let mut inner = reader.enter(SEQUENCE, "entry")?;
        let serial = SerialNumber::from_bytes(inner.unsigned("entry's serial number")?)?;
        let mut entry =
            Self { serial, revoked_at: inner.time("revocation date")?, reason: None, invalidity_date: None };
        if !inner.is_empty() {
            let mut extensions = inner.enter(SEQUENCE, "entry's extensions")?;
            while !extensions.is_empty() {
                let raw = read_one(&mut extensions)?;
                match raw.oid {
                    oid::CRL_REASON => entry.reason = Some(read_reason(raw.value)?),
                    oid::INVALIDITY_DATE => {
                        entry.invalidity_date = Some(Reader::new(WHAT, raw.value).time("invalidity date")?);
                    }
                    // RFC 5280 section 5.3: an unknown critical extension makes the list unusable.
                    other if raw.critical => {
                        return Err(inner.error(format!("an entry has the critical extension {other}, not known here")));
                    }
                    _ => {}
                }
            }
        }
        inner.end()?;
        Ok(entry)
    }
}

/// One Extension of an entry around what `value` writes; none of them is critical.
fn write_extension(w: &mut Writer, oid: &ObjectIdentifier, value: impl FnOnce(&mut Writer)) {
    w.nest(SEQUENCE, |w| _ = w.oid(oid).nest(OCTET_STRING, value));
}

fn read_reason(der: &[u8]) -> Result<RevocationReason, ParseError> {
    match whole_value(WHAT, der, ENUMERATED)? {
        [code] => RevocationReason::from_code(*code),
        _ => None,
    }
    .ok_or_else(|| ParseError::new(WHAT, "an entry has a reason that a full list does not know"))
}

/// Which certificates a list speaks of (RFC 5280 section 5.2.5).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IssuingDistributionPoint {
    /// Where this list is published.
    pub uris: Vec<String>,
    /// End-entity certificates only.
    pub only_user_certificates: bool,
    /// CA certificates only.
    pub only_ca_certificates: bool,
}

/// Everything that a list says but its entries.
#[derive(Clone, Debug)]
pub struct CrlTemplate {
    /// The issuer's subject.
    pub issuer: Name,
    /// The issuer's subjectKeyIdentifier.
    pub authority_key_id: Vec<u8>,
    /// Greater than that of every earlier list (RFC 5280 section 5.2.3).
    pub number: u64,
    /// When it was made.
    pub this_update: OffsetDateTime,
    /// When the next one is there at the latest.
    pub next_update: OffsetDateTime,
    /// Critical where there is one.
    pub idp: Option<IssuingDistributionPoint>,
}

impl CrlTemplate {
    /// Build and sign. Entries are encoded as they come, in their order; about 50 bytes are kept of each.
    ///
    /// No entry stops a list: of one with a date outside of the years 1970-9999 the invalidity date is left out, and
    /// the time of revocation becomes that of the list.
    ///
    /// # Errors
    /// Times in the wrong order or outside of the years 1970-9999, an address that is not printable ASCII, or the signer
    /// failed.
    pub fn sign<I>(&self, entries: I, signer: &dyn Signer) -> Result<Crl, BuildError>
    where
        I: IntoIterator<Item = RevokedEntry>,
    {
        crate::Validity::new(self.this_update, self.next_update).check().map_err(|_| {
            BuildError::new("the revocation list", "it ends before it begins, or outside of years 1970-9999")
        })?;
        if self.issuer.is_empty() {
            return Err(BuildError::new("the issuer", "its name is empty (RFC 5280 section 5.1.2.3)"));
        }
        for uri in self.idp.iter().flat_map(|idp| &idp.uris) {
            crate::template::check_uri(uri)?;
        }
        let entries = entries.into_iter();
        let mut list = Writer::with_capacity(entries.size_hint().0.saturating_mul(52));
        for entry in entries {
            self.writable(entry).write(&mut list);
        }
        let tbs = self.encode(list.finish(), signer).map_err(|error| BuildError::der(WHAT, error))?;
        let made = Crl::from_der_owned(x509::seal(&tbs, signer)?);
        let made = made.map_err(|error| BuildError::new(WHAT, error.to_string()))?;
        // x509-cert decodes and encodes the name; from one that is not DER it would make another.
        if made.issuer() != &self.issuer {
            return Err(BuildError::new("the issuer", "its name is not in DER, so it would be changed"));
        }
        Ok(made)
    }

    fn writable(&self, entry: RevokedEntry) -> RevokedEntry {
        RevokedEntry {
            revoked_at: if writable(entry.revoked_at) { entry.revoked_at } else { self.this_update },
            invalidity_date: entry.invalidity_date.filter(|date| writable(*date)),
            ..entry
        }
    }

    /// The part to be signed, around entries that are encoded already.
    fn encode(&self, entries: Vec<u8>, signer: &dyn Signer) -> der::Result<Vec<u8>> {
        let mut extensions = vec![build::authority_key_id(&self.authority_key_id)?, build::crl_number(self.number)?];
        if let Some(idp) = &self.idp {
            extensions.push(build::issuing_distribution_point(idp)?);
        }
        TbsCertList {
            version: Version::V2,
            signature: x509::algorithm(signer.signature_algorithm())?,
            issuer: x509::name(&self.issuer)?,
            this_update: x509::time(self.this_update)?,
            next_update: x509::time(self.next_update)?,
            // RFC 5280 section 5.1.2.6: without entries there is no list of them.
            revoked_certificates: if entries.is_empty() { None } else { Some(AnyRef::new(Tag::Sequence, &entries)?) },
            crl_extensions: extensions,
        }
        .to_der()
    }
}

/// `x509_cert::crl::TbsCertList` with its entries as they were encoded, for the sake of [`RevokedEntry::write`].
#[derive(EncodeValue)]
struct TbsCertList<'a> {
    version: Version,
    signature: AlgorithmIdentifierOwned,
    issuer: x509_cert::name::Name,
    this_update: Time,
    next_update: Time,
    revoked_certificates: Option<AnyRef<'a>>,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    crl_extensions: Extensions,
}

impl FixedTag for TbsCertList<'_> {
    const TAG: Tag = Tag::Sequence;
}

/// A certificate revocation list with its DER as received. Cheap to clone.
#[derive(Clone)]
pub struct Crl(Arc<Parts>);

struct Parts {
    der: Vec<u8>,
    tbs: Range<usize>,
    entries: Range<usize>,
    count: usize,
    signature: Vec<u8>,
    signature_algorithm: SignatureAlgorithm,
    issuer: Name,
    number: u64,
    authority_key_id: Option<Vec<u8>>,
    this_update: OffsetDateTime,
    next_update: OffsetDateTime,
}

impl Crl {
    /// From DER, whole. The signature is not checked: see [`Crl::verify_signed_by`].
    ///
    /// # Errors
    /// Other bytes, trailing ones included; a list without number or nextUpdate; an unknown critical extension.
    pub fn from_der(der: &[u8]) -> Result<Self, ParseError> {
        Self::from_der_owned(der.to_vec())
    }

    /// From PEM or DER, at most 64 KiB of it when it is PEM.
    ///
    /// # Errors
    /// As [`Crl::from_der`].
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        match bytes {
            [SEQUENCE, 0x80..=0xff, ..] => Self::from_der(bytes),
            _ => Self::from_der_owned(armour::strip(WHAT, bytes, &["X509 CRL"])?),
        }
    }

    fn from_der_owned(der: Vec<u8>) -> Result<Self, ParseError> {
        let offset = |part: &[u8]| part.as_ptr() as usize - der.as_ptr() as usize;
        let range = |part: &[u8]| offset(part)..offset(part) + part.len();
        let mut outer = whole(WHAT, &der, SEQUENCE)?;
        let tbs = outer.expect(SEQUENCE, "part to be signed")?;
        let algorithm = outer.expect(SEQUENCE, "signature algorithm")?.raw;
        let signature = outer.bit_string("signature")?.to_vec();
        outer.end()?;

        let mut reader = Reader::new(WHAT, tbs.value);
        if reader.small("version")? != 1 {
            return Err(reader.error("its version is not 2"));
        }
        if reader.expect(SEQUENCE, "signature algorithm")?.raw != algorithm {
            return Err(reader.error("its two signature algorithms differ (RFC 5280 section 5.1.1.2)"));
        }
        let signature_algorithm = SignatureAlgorithm::from_der(algorithm)?;
        let issuer = Name::from_der(reader.expect(SEQUENCE, "issuer")?.raw)?;
        let this_update = reader.time("thisUpdate")?;
        if !matches!(reader.peek(), Some(UTC_TIME | GENERALIZED_TIME)) {
            return Err(reader.error("its nextUpdate is missing (RFC 5280 section 5.1.2.5)"));
        }
        let next_update = reader.time("nextUpdate")?;
        let (entries, count) = match reader.optional(SEQUENCE)? {
            Some(list) => (range(list.value), count_entries(list.value)?),
            None => (0..0, 0),
        };
        let explicit = reader.expect(constructed(0), "list of extensions")?;
        reader.end()?;
        let (number, authority_key_id) = read_extensions(explicit.value)?;
        let tbs = range(tbs.raw);
        Ok(Self(Arc::new(Parts {
            tbs,
            entries,
            count,
            signature,
            signature_algorithm,
            issuer,
            number,
            authority_key_id,
            this_update,
            next_update,
            der,
        })))
    }

    /// The DER as received or built.
    pub fn der(&self) -> &[u8] {
        &self.0.der
    }

    /// PEM with the label `X509 CRL`.
    pub fn to_pem(&self) -> String {
        armour::pem("X509 CRL", &self.0.der)
    }

    /// Who signed it.
    pub fn issuer(&self) -> &Name {
        &self.0.issuer
    }

    /// The cRLNumber extension.
    pub fn number(&self) -> u64 {
        self.0.number
    }

    /// The key identifier of the authorityKeyIdentifier extension.
    pub fn authority_key_id(&self) -> Option<&[u8]> {
        self.0.authority_key_id.as_deref()
    }

    /// When it was made.
    pub fn this_update(&self) -> OffsetDateTime {
        self.0.this_update
    }

    /// When the next one is there at the latest.
    pub fn next_update(&self) -> OffsetDateTime {
        self.0.next_update
    }

    /// How it is signed.
    pub fn signature_algorithm(&self) -> SignatureAlgorithm {
        self.0.signature_algorithm
    }

    /// How many entries it has.
    pub fn len(&self) -> usize {
        self.0.count
    }

    /// Whether nothing is revoked.
    pub fn is_empty(&self) -> bool {
        self.0.count == 0
    }

    /// Its entries, in their order, read as they are asked for.
    pub fn entries(&self) -> impl Iterator<Item = RevokedEntry> + '_ {
        let mut reader = Reader::new(WHAT, &self.0.der[self.0.entries.clone()]);
        std::iter::from_fn(move || {
            (!reader.is_empty()).then(|| RevokedEntry::read(&mut reader).expect("every entry was read once already"))
        })
    }

    /// The entry of one certificate.
    pub fn entry(&self, serial: &SerialNumber) -> Option<RevokedEntry> {
        self.entries().find(|entry| entry.serial == *serial)
    }

    /// Check the signature, and nothing else, with the issuer's key.
    ///
    /// # Errors
    /// It does not verify, or that kind of key makes no such signatures.
    pub fn verify_signed_by(&self, issuer: &PublicKey) -> Result<(), SignatureError> {
        issuer.verify(self.0.signature_algorithm, &self.0.der[self.0.tbs.clone()], &self.0.signature)
    }
}

fn count_entries(list: &[u8]) -> Result<usize, ParseError> {
    let mut reader = Reader::new(WHAT, list);
    let mut count = 0;
    while !reader.is_empty() {
        RevokedEntry::read(&mut reader)?;
        count += 1;
    }
    Ok(count)
}

fn read_extensions(explicit: &[u8]) -> Result<(u64, Option<Vec<u8>>), ParseError> {
    let mut list = whole(WHAT, explicit, SEQUENCE)?;
    let mut number = None;
    let mut key_id = None;
    while !list.is_empty() {
        let raw = read_one(&mut list)?;
        match raw.oid {
            oid::CRL_NUMBER => {
                let magnitude = Reader::new(WHAT, raw.value).unsigned("number")?;
                if magnitude.len() > 8 {
                    return Err(list.error("its number is above 64 bits"));
                }
                number = Some(magnitude.iter().fold(0, |sum, &byte| sum << 8 | u64::from(byte)));
            }
            oid::AUTHORITY_KEY_IDENTIFIER => {
                let mut inner = whole(WHAT, raw.value, SEQUENCE)?;
                key_id = inner.optional(context(0))?.map(|id| id.value.to_vec());
            }
            oid::ISSUING_DISTRIBUTION_POINT => {}
            other if raw.critical => {
                return Err(list.error(format!("it has the critical extension {other}, not known here")));
            }
            _ => {}
        }
    }
    let number = number.ok_or_else(|| list.error("it has no number (RFC 5280 section 5.2.3)"))?;
    Ok((number, key_id))
}

impl fmt::Debug for Crl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Crl({}, number {}, {} entries)", self.0.issuer, self.0.number, self.0.count)
    }
}

impl PartialEq for Crl {
    fn eq(&self, other: &Self) -> bool {
        self.0.der == other.0.der
    }
}

impl Eq for Crl {}

#[cfg(test)]
mod tests;
