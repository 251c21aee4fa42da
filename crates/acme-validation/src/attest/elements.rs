//! DER, element by element.

use der::asn1::AnyRef;
use der::{Decode, Reader, SliceReader, Tag, Tagged};

/// The elements that follow one another in a constructed value: tags and contents.
pub(super) fn elements(der: &[u8]) -> Result<Vec<(Tag, &[u8])>, der::Error> {
    let mut reader = SliceReader::new(der)?;
    let mut found = Vec::new();
    while !reader.is_finished() {
        let element = AnyRef::decode(&mut reader)?;
        found.push((element.tag(), element.value()));
    }
    Ok(found)
}
