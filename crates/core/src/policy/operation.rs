//! What an operation through an RA profile can be told.

use uuid::uuid;

use super::definition::duration;
use super::{Policy, definition};
use crate::attribute::{ContentItem, ContentType, Definition, RequestAttribute};

/// Issue: names beside those of the request.
pub const SUBJECT_ALTERNATIVE_NAMES: &str = "subjectAlternativeNames";
/// Issue: what the certificate is for.
pub const EXTENDED_KEY_USAGE: &str = "extendedKeyUsage";
/// Issue: how long the certificate is valid.
pub const VALIDITY: &str = definition::VALIDITY;
/// Issue: from when on the certificate is valid.
pub const NOT_BEFORE: &str = "notBefore";
/// Issue: until when the certificate is valid.
pub const NOT_AFTER: &str = "notAfter";
/// Revoke: since when the key is thought to be known to others (RFC 5280 section 5.3.2).
pub const INVALIDITY_DATE: &str = "invalidityDate";

const NAMES: &str = "Names";
const USAGES: &str = "Usages";
const LIFETIME: &str = "Lifetime";

/// The issue attributes that a renewal takes over: names, usages and length, but no points in time.
pub fn lasting_attributes(attributes: &[RequestAttribute]) -> Vec<RequestAttribute> {
    attributes.iter().filter(|a| a.name != NOT_BEFORE && a.name != NOT_AFTER).cloned().collect()
}

impl Policy {
    /// What issuing through this profile can be told. Each takes effect; what the profile does not allow is not offered.
    pub fn issue_definitions(&self) -> Vec<Definition> {
        let mut definitions = Vec::new();
        if !self.names.kinds.is_empty() {
            let names = Definition::data(
                uuid!("48a7d5fc-4a3d-42e2-ba45-ebd5f152279a"),
                SUBJECT_ALTERNATIVE_NAMES,
                ContentType::String,
            );
            let kinds: Vec<_> = self.names.kinds.iter().map(|kind| kind.example()).collect();
            definitions.push(
                names
                    .label("Subject alternative names")
                    .group(NAMES)
                    .multiple()
                    .extensible()
                    .description(format!(
                        "Names beside those of the request, each with its kind: {}.",
                        kinds.join(", ")
                    ))
                    .build(),
            );
        }
        let usages: Vec<_> = self.usages.offered().map(ContentItem::new).collect();
        if usages.len() > 1 {
            let usage = Definition::data(
                uuid!("d0f70dfc-6eca-41ff-92d4-afa9f97ec654"),
                EXTENDED_KEY_USAGE,
                ContentType::String,
            );
            definitions.push(
                usage
                    .label("Extended key usage")
                    .group(USAGES)
                    .choices(usages)
                    .multiple()
                    .description("What the certificate is for; wins over what the request itself says.")
                    .build(),
            );
        }
        definitions.extend(self.lifetime_definitions());
        definitions
    }

    fn lifetime_definitions(&self) -> Vec<Definition> {
        let mut definitions = Vec::new();
        let lifetime = &self.lifetime;
        if lifetime.requested_start {
            definitions.push(
                Definition::data(uuid!("cb7e355b-c0ef-413f-b4b3-1231bb13bf23"), NOT_BEFORE, ContentType::Datetime)
                    .label("Valid from")
                    .group(LIFETIME)
                    .description("The first second of validity; now when left out.")
                    .build(),
            );
        }
        if lifetime.requested_end {
            let longest = super::duration::format(lifetime.maximum);
            definitions.push(
                Definition::data(uuid!("7d5373e5-b57d-4cc3-bb6a-6f5e45f6b369"), NOT_AFTER, ContentType::Datetime)
                    .label("Valid until")
                    .group(LIFETIME)
                    .description(format!(
                        "The last second of validity: at most {longest} from the first, both counted."
                    ))
                    .build(),
            );
            let default = super::duration::format(lifetime.default);
            definitions.push(
                duration(uuid!("dda039f5-98d2-4f5f-8111-88dca64b4cd9"), VALIDITY, "Lifetime", LIFETIME)
                    .description(format!(
                        "How long the certificate is valid, in place of an end: at most {longest}; {default} when \
                         neither is given."
                    ))
                    .build(),
            );
        }
        definitions
    }

    /// What revoking through this profile can be told.
    pub fn revoke_definitions(&self) -> Vec<Definition> {
        vec![
            Definition::data(uuid!("a59eff5c-1fda-437d-a078-d70c07ac8ad8"), INVALIDITY_DATE, ContentType::Datetime)
                .label("Invalid since")
                .description("When the key is thought to have become known to others, or the certificate wrong; not later than now. It is told in the CRL.")
                .build(),
        ]
    }
}
