//! Distinguished names: DER as received, RFC 4514 text, and a form to compare by.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::{Arc, LazyLock};

use const_oid::ObjectIdentifier;

use crate::serial::hex;
use crate::tlv::{Reader, SEQUENCE, SET, Writer, whole};
use crate::{NameError, ParseError};

mod attribute;
mod text;

pub use attribute::AttributeKind;

const WHAT: &str = "the distinguished name";
/// More than any real name has.
const ATTRIBUTE_LIMIT: usize = 128;

/// A distinguished name (RFC 5280 section 4.1.2.4) with its DER as received.
///
/// Equality is that of the bytes; [`Name::matches`] compares as RFC 5280 section 7.1 wants it. Cheap to clone.
#[derive(Clone)]
pub struct Name(Arc<Parts>);

struct Parts {
    der: Vec<u8>,
    rdns: Vec<Vec<NameAttribute>>,
}

/// One attribute of a name: its type and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameAttribute {
    oid: ObjectIdentifier,
    value: String,
    /// Whether the value is a string, and not `#` with the hexadecimal DER of something else.
    is_text: bool,
}

impl NameAttribute {
    /// The type.
    pub fn oid(&self) -> &ObjectIdentifier {
        &self.oid
    }

    /// The value; `#` and hexadecimal DER when it is not a string.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// Whether the value is a string; [`NameAttribute::value`] is its hexadecimal DER otherwise.
    pub fn is_text(&self) -> bool {
        self.is_text
    }

    /// The type's short name, if it is a known one.
    pub fn kind(&self) -> Option<AttributeKind> {
        AttributeKind::from_oid(&self.oid)
    }
}

/// A value on its way into DER.
#[derive(Clone, Debug)]
enum Draft {
    Text(String),
    Der(Vec<u8>),
}

impl Name {
    /// The name without any attribute.
    pub fn empty() -> Self {
        static EMPTY: LazyLock<Name> =
            LazyLock::new(|| Name(Arc::new(Parts { der: vec![SEQUENCE, 0], rdns: Vec::new() })));
        EMPTY.clone()
    }

    /// From DER.
    ///
    /// # Errors
    /// Not a Name in DER, an empty RDN, a string with bytes that its type does not allow, or more than 128 attributes.
    pub fn from_der(der: &[u8]) -> Result<Self, ParseError> {
        let mut outer = whole(WHAT, der, SEQUENCE)?;
        let mut rdns = Vec::new();
        let mut count = 0;
        while !outer.is_empty() {
            let mut set = outer.enter(SET, "relative name")?;
            let mut rdn = Vec::new();
            while !set.is_empty() {
                count += 1;
                if count > ATTRIBUTE_LIMIT {
                    return Err(ParseError::new(WHAT, format!("it has more than {ATTRIBUTE_LIMIT} attributes")));
                }
                rdn.push(read_attribute(&mut set)?);
            }
            if rdn.is_empty() {
                return Err(ParseError::new(WHAT, "one of its parts is empty"));
            }
            rdns.push(rdn);
        }
        Ok(Self(Arc::new(Parts { der: der.to_vec(), rdns })))
    }

    /// Build a name from its RDNs, in the order of the DER (the most general first).
    ///
    /// Values become UTF8String, but PrintableString for `C`, `serialNumber` and `dnQualifier` and IA5String for
    /// `emailAddress` and `DC` (RFC 5280 appendix A).
    ///
    /// # Errors
    /// A value that is empty, longer than RFC 5280 appendix A allows, or has characters that its type cannot hold; an
    /// empty RDN.
    pub fn from_rdns<K: Into<ObjectIdentifier>>(rdns: Vec<Vec<(K, String)>>) -> Result<Self, NameError> {
        let drafts = rdns
            .into_iter()
            .map(|rdn| rdn.into_iter().map(|(kind, value)| (kind.into(), Draft::Text(value))).collect::<Vec<_>>());
        Self::build(drafts.collect())
    }

    /// A name of one common name.
    ///
    /// # Errors
    /// As [`Name::from_rdns`].
    pub fn from_common_name(value: &str) -> Result<Self, NameError> {
        Self::from_rdns(vec![vec![(AttributeKind::CommonName, value.to_owned())]])
    }

    fn build(rdns: Vec<Vec<(ObjectIdentifier, Draft)>>) -> Result<Self, NameError> {
        let mut writer = Writer::with_capacity(256);
        let mut encoded = Vec::with_capacity(rdns.len());
        for rdn in &rdns {
            if rdn.is_empty() {
                return Err(NameError::Value { attribute: "relative name".to_owned(), why: "it is empty".to_owned() });
            }
            let mut set =
                rdn.iter().map(|(oid, draft)| attribute::encode(oid, draft)).collect::<Result<Vec<_>, _>>()?;
            // X.690 section 11.6: the elements of a SET OF stand in the order of their encodings.
            set.sort();
            encoded.push(set);
        }
        writer.nest(SEQUENCE, |w| {
            for set in &encoded {
                w.nest(SET, |w| set.iter().for_each(|der| _ = w.raw(der)));
            }
        });
        Self::from_der(&writer.finish())
            .map_err(|error| NameError::Value { attribute: "name".to_owned(), why: error.to_string() })
    }

    /// Whether there is no attribute.
    pub fn is_empty(&self) -> bool {
        self.0.rdns.is_empty()
    }

    /// The DER as received or built.
    pub fn der(&self) -> &[u8] {
        &self.0.der
    }

    /// The RDNs in the order of the DER; each has one attribute, rarely more.
    pub fn rdns(&self) -> &[Vec<NameAttribute>] {
        &self.0.rdns
    }

    /// All attributes in the order of the DER.
    pub fn attributes(&self) -> impl Iterator<Item = (ObjectIdentifier, String)> + '_ {
        self.0.rdns.iter().flatten().map(|attribute| (attribute.oid, attribute.value.clone()))
    }

    /// The values of one attribute type in the order of the DER.
    pub fn values(&self, kind: impl Into<ObjectIdentifier>) -> impl Iterator<Item = &str> {
        let oid = kind.into();
        self.0.rdns.iter().flatten().filter(move |attribute| attribute.oid == oid).map(NameAttribute::value)
    }

    /// The last (most specific) common name.
    pub fn common_name(&self) -> Option<String> {
        self.values(AttributeKind::CommonName).last().map(str::to_owned)
    }

    /// A text that is the same for names that are the same: independent of string types, case, spacing and the order
    /// inside an RDN (RFC 5280 section 7.1, RFC 4518 without its NFKC step). For comparing, not for showing.
    pub fn normalised(&self) -> String {
        text::normalised(self)
    }

    /// Whether both are the same name by RFC 5280 section 7.1.
    pub fn matches(&self, other: &Self) -> bool {
        self.0.der == other.0.der || self.normalised() == other.normalised()
    }
}

fn read_attribute(set: &mut Reader<'_>) -> Result<NameAttribute, ParseError> {
    let mut inner = set.enter(SEQUENCE, "attribute")?;
    let oid = inner.oid("attribute type")?;
    let raw = inner.any()?;
    inner.end()?;
    Ok(match attribute::decode(&raw)? {
        Some(value) => NameAttribute { oid, value, is_text: true },
        None => NameAttribute { oid, value: format!("#{}", hex(raw.raw)), is_text: false },
    })
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.0.der == other.0.der
    }
}

impl Eq for Name {}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.der.hash(state);
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.der.cmp(&other.0.der)
    }
}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Name({self})")
    }
}

impl fmt::Display for Name {
    /// RFC 4514: the most specific RDN first.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text::display(self))
    }
}

impl FromStr for Name {
    type Err = NameError;

    /// RFC 4514 text; `;` is taken for `,` as in RFC 2253, and spaces around separators are ignored.
    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::build(text::parse(text)?)
    }
}

#[cfg(test)]
mod tests;
