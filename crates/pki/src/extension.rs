//! The extensions that certificates and requests carry: reading here, building in [`build`].

use const_oid::ObjectIdentifier;

use crate::general_name::{self, GeneralName};
use crate::tlv::{INTEGER, OCTET_STRING, Reader, SEQUENCE, constructed, context, whole, whole_value};
use crate::{BasicConstraints, KeyUsage, ParseError, oid};

pub(crate) mod build;

/// What was read; extensions that are not known are only counted by their identifiers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Extensions {
    pub oids: Vec<ObjectIdentifier>,
    pub critical: Vec<ObjectIdentifier>,
    pub subject_alt_names: Vec<GeneralName>,
    pub key_usage: Option<KeyUsage>,
    pub extended_key_usage: Option<Vec<ObjectIdentifier>>,
    pub basic_constraints: Option<BasicConstraints>,
    pub subject_key_id: Option<Vec<u8>>,
    pub authority_key_id: Option<Vec<u8>>,
    pub crl_distribution_points: Vec<String>,
    pub aia_issuers: Vec<String>,
    pub aia_ocsp: Vec<String>,
    pub must_staple: bool,
}

/// More than any real request or certificate has; looking for doubles is quadratic.
const LIMIT: usize = 64;

/// One extension as it stands.
pub(crate) struct Raw<'a> {
    pub oid: ObjectIdentifier,
    pub critical: bool,
    pub value: &'a [u8],
}

/// The next Extension (RFC 5280 section 4.1).
pub(crate) fn read_one<'a>(reader: &mut Reader<'a>) -> Result<Raw<'a>, ParseError> {
    let mut inner = reader.enter(SEQUENCE, "extension")?;
    let oid = inner.oid("extension's identifier")?;
    let critical = inner.peek() == Some(crate::tlv::BOOLEAN) && inner.boolean("critical flag")?;
    let value = inner.expect(OCTET_STRING, "extension's value")?.value;
    inner.end()?;
    Ok(Raw { oid, critical, value })
}

impl Extensions {
    /// The Extensions inside `reader`, which stands inside their SEQUENCE. RFC 5280 section 4.2: none may come twice;
    /// more than 64 are refused.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        let mut all = Self::default();
        while !reader.is_empty() {
            let raw = read_one(reader)?;
            if all.oids.len() == LIMIT {
                return Err(reader.error(format!("it has more than {LIMIT} extensions")));
            }
            if all.oids.contains(&raw.oid) {
                return Err(reader.error(format!("the extension {} comes twice", raw.oid)));
            }
            all.oids.push(raw.oid);
            if raw.critical {
                all.critical.push(raw.oid);
            }
            all.take(&raw)?;
        }
        Ok(all)
    }

    fn take(&mut self, raw: &Raw<'_>) -> Result<(), ParseError> {
        match raw.oid {
            oid::SUBJECT_ALT_NAME => self.subject_alt_names = general_name::read_all(raw.value)?,
            oid::KEY_USAGE => self.key_usage = Some(KeyUsage::from_der(raw.value)?),
            oid::EXTENDED_KEY_USAGE => self.extended_key_usage = Some(read_eku(raw.value)?),
            oid::BASIC_CONSTRAINTS => self.basic_constraints = Some(read_basic_constraints(raw.value)?),
            oid::SUBJECT_KEY_IDENTIFIER => {
                let value = whole_value("the subjectKeyIdentifier extension", raw.value, OCTET_STRING)?;
                self.subject_key_id = Some(value.to_vec());
            }
            oid::AUTHORITY_KEY_IDENTIFIER => {
                let mut inner = whole("the authorityKeyIdentifier extension", raw.value, SEQUENCE)?;
                self.authority_key_id = inner.optional(context(0))?.map(|id| id.value.to_vec());
            }
            oid::CRL_DISTRIBUTION_POINTS => self.crl_distribution_points = read_distribution_points(raw.value)?,
            oid::AUTHORITY_INFO_ACCESS => self.read_access(raw.value)?,
            oid::TLS_FEATURE => self.must_staple = read_must_staple(raw.value)?,
            _ => {}
        }
        Ok(())
    }

    fn read_access(&mut self, value: &[u8]) -> Result<(), ParseError> {
        let mut list = whole("the authorityInfoAccess extension", value, SEQUENCE)?;
        while !list.is_empty() {
            let mut access = list.enter(SEQUENCE, "access description")?;
            let method = access.oid("access method")?;
            if let GeneralName::Uri(uri) = GeneralName::read(&mut access)? {
                match method {
                    oid::AD_CA_ISSUERS => self.aia_issuers.push(uri),
                    oid::AD_OCSP => self.aia_ocsp.push(uri),
                    _ => {}
                }
            }
            access.end()?;
        }
        Ok(())
    }
}

fn read_eku(value: &[u8]) -> Result<Vec<ObjectIdentifier>, ParseError> {
    let mut list = whole("the extKeyUsage extension", value, SEQUENCE)?;
    let mut usages = Vec::new();
    while !list.is_empty() {
        usages.push(list.oid("usage")?);
    }
    if usages.is_empty() {
        return Err(list.error("it has no usage in it"));
    }
    Ok(usages)
}

fn read_basic_constraints(value: &[u8]) -> Result<BasicConstraints, ParseError> {
    let mut inner = whole("the basicConstraints extension", value, SEQUENCE)?;
    let ca = inner.peek() == Some(crate::tlv::BOOLEAN) && inner.boolean("cA flag")?;
    let path_len = if inner.peek() == Some(INTEGER) {
        let length = inner.small("path length")?;
        Some(u8::try_from(length).map_err(|_| inner.error("the path length is above 255"))?)
    } else {
        None
    };
    inner.end()?;
    Ok(BasicConstraints { ca, path_len })
}

/// The URIs of all full names.
fn read_distribution_points(value: &[u8]) -> Result<Vec<String>, ParseError> {
    let mut points = whole("the cRLDistributionPoints extension", value, SEQUENCE)?;
    let mut uris = Vec::new();
    while !points.is_empty() {
        let mut point = points.enter(SEQUENCE, "distribution point")?;
        let Some(name) = point.optional(constructed(0))? else { continue };
        let mut name = Reader::new("the cRLDistributionPoints extension", name.value);
        let Some(full) = name.optional(constructed(0))? else { continue };
        let mut names = Reader::new("the cRLDistributionPoints extension", full.value);
        while !names.is_empty() {
            if let GeneralName::Uri(uri) = GeneralName::read(&mut names)? {
                uris.push(uri);
            }
        }
    }
    Ok(uris)
}

/// RFC 7633 section 4.2.3.1: feature 5 is status_request.
fn read_must_staple(value: &[u8]) -> Result<bool, ParseError> {
    let mut features = whole("the tlsFeature extension", value, SEQUENCE)?;
    let mut found = false;
    while !features.is_empty() {
        found |= features.small("feature")? == 5;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tlv::Writer;

    #[test]
    fn too_many_extensions_are_refused() {
        let read = |count: u32| {
            let mut list = Writer::default();
            for at in 0..count {
                let oid = ObjectIdentifier::new(&format!("1.3.6.1.4.1.99999.{at}")).unwrap();
                list.nest(SEQUENCE, |w| _ = w.oid(&oid).value(OCTET_STRING, &[]));
            }
            Extensions::read(&mut Reader::new("the request", &list.finish()))
        };
        assert_eq!(read(64).unwrap().oids.len(), 64);
        assert!(read(65).unwrap_err().to_string().contains("more than 64"));
    }
}
