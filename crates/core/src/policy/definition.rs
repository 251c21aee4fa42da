//! What an RA profile can be set to: the issuance policy as attribute definitions. Their identifiers and names are stable.

use std::sync::{Arc, LazyLock};

use chancery_pki::oid::EXTENDED_KEY_USAGES;
use uuid::{Uuid, uuid};

use super::duration::{DURATION_HELP, DURATION_PATTERN};
use crate::attribute::{Constraint, ContentType, Definition, DefinitionBuilder, RequestAttribute};

pub(crate) const KEY_TYPES: &str = "keyTypes";
pub(crate) const RSA_MINIMUM_BITS: &str = "rsaMinimumBits";
pub(crate) const RSA_MAXIMUM_BITS: &str = "rsaMaximumBits";
pub(crate) const SUBJECT_ATTRIBUTES: &str = "subjectAttributes";
pub(crate) const SUBJECT_FIXED: &str = "subjectFixed";
pub(crate) const SUBJECT_REQUIRED: &str = "subjectRequired";
pub(crate) const COMMON_NAME: &str = "commonName";
pub(crate) const NAME_KINDS: &str = "nameKinds";
pub(crate) const NAMES_REQUIRED: &str = "namesRequired";
pub(crate) const MAXIMUM_NAMES: &str = "maximumNames";
pub(crate) const DNS_ALLOWED: &str = "dnsAllowed";
pub(crate) const DNS_DENIED: &str = "dnsDenied";
pub(crate) const DNS_WILDCARDS: &str = "dnsWildcards";
pub(crate) const DNS_SINGLE_LABEL: &str = "dnsSingleLabel";
pub(crate) const IP_ALLOWED: &str = "ipAllowed";
pub(crate) const IP_DENIED: &str = "ipDenied";
pub(crate) const EMAIL_ALLOWED: &str = "emailAllowed";
pub(crate) const EMAIL_DENIED: &str = "emailDenied";
pub(crate) const URI_SCHEMES: &str = "uriSchemes";
pub(crate) const URI_ALLOWED: &str = "uriAllowed";
pub(crate) const URI_DENIED: &str = "uriDenied";
pub(crate) const OTHER_NAME_TYPES: &str = "otherNameTypes";
pub(crate) const KEY_USAGES: &str = "keyUsages";
pub(crate) const EXTENDED_KEY_USAGES_SET: &str = "extendedKeyUsages";
pub(crate) const EXTENDED_KEY_USAGES_CHOICE: &str = "extendedKeyUsagesOnRequest";
pub(crate) const MUST_STAPLE: &str = "mustStaple";
pub(crate) const CERTIFICATE_POLICIES: &str = "certificatePolicies";
pub(crate) const VALIDITY: &str = "validity";
pub(crate) const MAXIMUM_VALIDITY: &str = "maximumValidity";
pub(crate) const REQUESTED_START: &str = "requestedStart";
pub(crate) const REQUESTED_END: &str = "requestedEnd";
pub(crate) const ISSUER_END: &str = "issuerEnd";
pub(crate) const RENEWAL_WINDOW: &str = "renewalWindow";
pub(crate) const RENEWAL_KEY: &str = "renewalKey";
pub(crate) const RENEWAL_SUBJECT_CHANGE: &str = "renewalSubjectChange";
/// Whether issuing waits for an approval.
pub const APPROVAL_REQUIRED: &str = "approvalRequired";
/// Whether revoking waits for an approval.
pub const REVOCATION_APPROVAL_REQUIRED: &str = "revocationApprovalRequired";

const KEYS: &str = "Keys";
const SUBJECT: &str = "Subject";
const NAMES: &str = "Names";
const USAGES: &str = "Usages";
const LIFETIME: &str = "Lifetime";
const RENEWAL: &str = "Renewal";
const APPROVAL: &str = "Approval";

/// How a list of name patterns is written, for people.
const DOMAIN_HELP: &str = "`example.com` is the domain and everything below it, `.example.com` only what is below it, \
                           `=host.example.com` that name alone.";

static DEFINITIONS: LazyLock<Arc<[Definition]>> = LazyLock::new(|| all().into());

/// Every definition, in the order in which a form shows them. Everything is optional: an RA profile without attributes
/// has the policy of the preset `tls-server`. Durations are ISO 8601 in weeks, days, hours, minutes and seconds.
pub fn definitions() -> Arc<[Definition]> {
    DEFINITIONS.clone()
}

/// A value for one of the policy's attributes.
pub(crate) fn setting<T: Into<serde_json::Value>>(name: &str, values: impl IntoIterator<Item = T>) -> RequestAttribute {
    let definition = DEFINITIONS.iter().find(|definition| definition.name == name);
    RequestAttribute::new(definition.expect("callers name attributes of this file"), values)
}

fn all() -> Vec<Definition> {
    [keys(), subject(), names(), name_patterns(), usages(), lifetime(), renewal()].into_iter().flatten().collect()
}

fn keys() -> Vec<Definition> {
    vec![
        choice(uuid!("6f32bd38-3456-463a-9ea5-5b8f0a77ce61"), KEY_TYPES, "Key types", KEYS)
            .choices(["RSA", "P-256", "P-384", "P-521", "Ed25519"])
            .multiple()
            .description("Kinds of public key that are certified. None chosen: RSA, P-256, P-384 and Ed25519.")
            .build(),
        number(
            uuid!("33a700d9-c3dd-4413-9c0f-d2cb4de58160"),
            RSA_MINIMUM_BITS,
            "Smallest RSA key",
            KEYS,
            2048,
            (2048, 8192),
        )
        .description("In bits of the modulus.")
        .build(),
        number(
            uuid!("69d1dd9d-0f6a-4453-8316-c0a041a5b47b"),
            RSA_MAXIMUM_BITS,
            "Largest RSA key",
            KEYS,
            4096,
            (2048, 8192),
        )
        .description("In bits of the modulus.")
        .build(),
    ]
}

fn subject() -> Vec<Definition> {
    const KINDS: [&str; 16] = [
        "CN",
        "serialNumber",
        "O",
        "OU",
        "C",
        "ST",
        "L",
        "STREET",
        "postalCode",
        "DC",
        "UID",
        "emailAddress",
        "title",
        "SN",
        "givenName",
        "organizationIdentifier",
    ];
    vec![
        choice(
            uuid!("31f4bb29-9eb0-4553-a6a2-9083ada75415"),
            SUBJECT_ATTRIBUTES,
            "Subject attributes taken from the request",
            SUBJECT,
        )
        .choices(KINDS)
        .multiple()
        .extensible()
        .description(
            "Parts of the requested subject that go into the certificate, by short name or object identifier; the \
                 others are left out. None chosen: CN.",
        )
        .build(),
        choice(uuid!("32099463-49f9-4690-9abb-278da91a213a"), SUBJECT_FIXED, "Fixed subject attributes", SUBJECT)
            .multiple()
            .extensible()
            .description("Put into every subject, in this order, in place of requested ones: `O=Example Ltd`, `C=CZ`.")
            .constraint(Constraint::pattern(r"[A-Za-z0-9.]+ ?= ?\S(.|\s)*", "write it as `O=Example Ltd`"))
            .build(),
        choice(uuid!("faee250f-1054-443a-b553-5c5187fdceab"), SUBJECT_REQUIRED, "Required subject attributes", SUBJECT)
            .choices(KINDS)
            .multiple()
            .extensible()
            .description("A certificate whose subject would lack one of these is refused.")
            .build(),
        one_of(uuid!("84f8778f-8dc9-48bd-836a-cdaa87066a6e"), COMMON_NAME, "Common name", SUBJECT)
            .choices([
                labelled("free", "as requested"),
                labelled("nameOrDropped", "one of the subject alternative names, or left out"),
                labelled("nameOrRefused", "one of the subject alternative names, or refused"),
                labelled("dropped", "never"),
            ])
            .description(
                "Which common name a certificate may have; in a certificate for TLS servers one that reads as a DNS name or IP \
                 address keeps the rules for those. None chosen: nameOrDropped.",
            )
            .build(),
    ]
}

fn names() -> Vec<Definition> {
    vec![
        choice(uuid!("2abceb05-2a80-4c5a-ab38-e85bbe28cad4"), NAME_KINDS, "Kinds of alternative names", NAMES)
            .choices([
                labelled("dns", "DNS names"),
                labelled("ip", "IP addresses"),
                labelled("email", "e-mail addresses"),
                labelled("uri", "URIs, SPIFFE too"),
                labelled("dn", "directory names"),
                labelled("rid", "registered ids"),
                labelled("other", "other names, of the types below"),
                labelled("none", "no alternative names at all"),
            ])
            .multiple()
            .description("A requested name of another kind is refused. None chosen: DNS names and IP addresses.")
            .build(),
        flag(uuid!("df7cdc89-ef6a-40ed-ae97-cb8149c0457a"), NAMES_REQUIRED, "Alternative name required", NAMES, true)
            .description("Refuse requests without any subject alternative name.")
            .build(),
        number(
            uuid!("a016f5aa-4919-4f56-8f79-d9b824b4495f"),
            MAXIMUM_NAMES,
            "Most alternative names",
            NAMES,
            100,
            (1, 1000),
        )
        .description("In one certificate.")
        .build(),
    ]
}

fn name_patterns() -> Vec<Definition> {
    vec![
        patterns(uuid!("ba942676-f0dc-47fe-a9d9-f63b5ffbf42c"), DNS_ALLOWED, "Allowed DNS names", NAMES)
            .description(format!("{DOMAIN_HELP} None given: any."))
            .build(),
        patterns(uuid!("7ae9b08e-bddd-4f0f-98f1-25c498521ab7"), DNS_DENIED, "Denied DNS names", NAMES)
            .description(format!("Wins over the allowed ones. {DOMAIN_HELP}"))
            .build(),
        flag(uuid!("98591079-8cff-4d15-9659-99174f934480"), DNS_WILDCARDS, "Wildcards", NAMES, true)
            .description("Certify names like `*.example.com`.")
            .build(),
        flag(uuid!("c533b57e-e3a1-4fe6-abbb-f3f2f86a3e33"), DNS_SINGLE_LABEL, "Single-label DNS names", NAMES, true)
            .description("Certify names without a dot, like `intranet`.")
            .build(),
        patterns(uuid!("81011f97-2e0c-4e94-85d0-ced235f0bba2"), IP_ALLOWED, "Allowed IP addresses", NAMES)
            .description("Ranges like `10.0.0.0/8` and `2001:db8::/32`, or single addresses. None given: any.")
            .build(),
        patterns(uuid!("895a1102-7113-4b76-87e1-7e6196102377"), IP_DENIED, "Denied IP addresses", NAMES)
            .description("Wins over the allowed ones.")
            .build(),
        patterns(uuid!("0ade2583-243d-48f0-9669-0f2e5a650f52"), EMAIL_ALLOWED, "Allowed e-mail addresses", NAMES)
            .description(format!("Domains, or single addresses. {DOMAIN_HELP} None given: any."))
            .build(),
        patterns(uuid!("a77e9f3d-1265-4a5d-9eed-e24dbf50964e"), EMAIL_DENIED, "Denied e-mail addresses", NAMES)
            .description(format!("Wins over the allowed ones. {DOMAIN_HELP}"))
            .build(),
        patterns(uuid!("ddb54baa-8235-4e7f-8bec-031826ad868a"), URI_SCHEMES, "Allowed URI schemes", NAMES)
            .description("Like `https` or `spiffe`. None given: any.")
            .constraint(Constraint::pattern("[A-Za-z][A-Za-z0-9+.-]*", "write the scheme alone, like `https`"))
            .build(),
        patterns(uuid!("b5a9fee9-b536-425a-8007-0dd7f9688825"), URI_ALLOWED, "Allowed URI hosts", NAMES)
            .description(format!(
                "Hosts, IP ranges, or SPIFFE trust domains. {DOMAIN_HELP} None given: any, and URIs without a host too."
            ))
            .build(),
        patterns(uuid!("bf85f116-601b-4baa-b2c1-68737138479b"), URI_DENIED, "Denied URI hosts", NAMES)
            .description(format!(
                "Wins over the allowed ones. Where hosts are denied, URIs without a host are too, but for urn. {DOMAIN_HELP}"
            ))
            .build(),
        choice(uuid!("8ae74b0c-2434-4ca2-9e75-7352e9af3a77"), OTHER_NAME_TYPES, "Types of other names", NAMES)
            .choices([
                labelled("1.3.6.1.5.5.7.8.4", "hardware module (RFC 4108)"),
                labelled("1.3.6.1.4.1.311.20.2.3", "user principal name"),
            ])
            .multiple()
            .extensible()
            .description("Object identifiers of the other names that are certified. None chosen: no other name is.")
            .build(),
    ]
}

fn usages() -> Vec<Definition> {
    let extended = || EXTENDED_KEY_USAGES.iter().map(|(_, name)| *name);
    vec![
        choice(uuid!("9802b328-fb63-4a84-b0f7-ea328bce9430"), KEY_USAGES, "Key usages", USAGES)
            .choices(["digitalSignature", "nonRepudiation", "keyEncipherment", "dataEncipherment", "keyAgreement"])
            .multiple()
            .description(
                "Usages that a request may ask for, as far as its key can have them: RSA no keyAgreement, the others \
                 no encipherment. digitalSignature is always there; a request that asks for none gets keyEncipherment \
                 too with an RSA key for TLS or e-mail. None chosen: digitalSignature and keyEncipherment.",
            )
            .build(),
        choice(uuid!("16fd1edb-fe4d-45ab-bed1-adc8828335bd"), EXTENDED_KEY_USAGES_SET, "Extended key usages", USAGES)
            .choices(extended().chain(["none"]))
            .multiple()
            .extensible()
            .description(
                "What a certificate is for when its request does not say, by name or object identifier; a request may \
                 choose among them. `none`: certificates without this extension. None chosen: serverAuth.",
            )
            .build(),
        choice(
            uuid!("11b67a28-78b1-4365-aa7b-e157ec12e921"),
            EXTENDED_KEY_USAGES_CHOICE,
            "Extended key usages on request",
            USAGES,
        )
        .choices(extended())
        .multiple()
        .extensible()
        .description("What a request may choose beside those, by name or object identifier.")
        .build(),
        flag(uuid!("85b1596e-60e4-4913-9bbc-607ea804462a"), MUST_STAPLE, "Must-staple", USAGES, false)
            .description("Certify the TLS feature `status_request` (RFC 7633) when a request asks for it.")
            .build(),
        choice(uuid!("1826c637-cbd6-4f23-bf1f-d5529c0c27a2"), CERTIFICATE_POLICIES, "Certificate policies", USAGES)
            .multiple()
            .extensible()
            .description(
                "Object identifiers that go into every certificate, none twice, each with the address of its practice statement \
                 after a space where there is one: `1.3.6.1.4.1.99999.1 https://example.com/cps`.",
            )
            .constraint(Constraint::pattern(
                r"[0-2](\.\d+)+( https?://\S+)?",
                "write an object identifier like `1.3.6.1.4.1.99999.1`, with an address after a space if there is one",
            ))
            .build(),
    ]
}

fn lifetime() -> Vec<Definition> {
    vec![
        duration(uuid!("adcc1d0b-e658-4177-a5a7-d09f2b88f1dc"), VALIDITY, "Lifetime", LIFETIME)
            .default("P90D")
            .description(format!("Of a certificate whose request does not say. {DURATION_HELP}"))
            .build(),
        duration(uuid!("22dd0839-a4ac-4c6e-af2b-843b47c676d7"), MAXIMUM_VALIDITY, "Longest lifetime", LIFETIME)
            .default("P398D")
            .description(format!("A longer one is refused. {DURATION_HELP}"))
            .build(),
        flag(
            uuid!("d0cdb6c4-146f-491b-9c7b-1736768951da"),
            REQUESTED_START,
            "Requests may choose the start",
            LIFETIME,
            false,
        )
        .description("Requests may say from when on the certificate is valid, not earlier than now.")
        .build(),
        flag(
            uuid!("5dac9a12-9d73-42c3-bc90-6e084086ac37"),
            REQUESTED_END,
            "Requests may choose the end",
            LIFETIME,
            true,
        )
        .description("Requests may say until when, or how long, the certificate is valid.")
        .build(),
        one_of(uuid!("2b0bfc33-9360-4dc9-a0db-e9a9a194be84"), ISSUER_END, "At the issuer's end", LIFETIME)
            .choices([
                labelled("shorten", "end the certificate with its issuer"),
                labelled("refuse", "refuse a certificate that would outlive its issuer"),
            ])
            .description("No certificate outlives its issuer. None chosen: shorten.")
            .build(),
    ]
}

fn renewal() -> Vec<Definition> {
    vec![
        duration(uuid!("ba379de2-c071-4ce2-92c4-40d0efc6777c"), RENEWAL_WINDOW, "Renewal window", RENEWAL)
            .description(format!(
                "How long before its end a certificate can be renewed first. None given: at any time. {DURATION_HELP}"
            ))
            .build(),
        one_of(uuid!("2ee9283f-f964-45db-9155-36eaac4325aa"), RENEWAL_KEY, "Key of a renewal", RENEWAL)
            .choices([
                labelled("any", "the same key or another"),
                labelled("same", "the same key only"),
                labelled("other", "another key each time"),
            ])
            .description("None chosen: any.")
            .build(),
        flag(
            uuid!("3726fd36-01a9-4212-b4ae-00360c758a9d"),
            RENEWAL_SUBJECT_CHANGE,
            "Renewal may change the subject",
            RENEWAL,
            false,
        )
        .description("A renewed certificate may have another subject, within this profile. A rekeyed one never.")
        .build(),
        flag(uuid!("24279fcd-82ff-40b1-a01e-25c53f8ca97b"), APPROVAL_REQUIRED, "Approval required", APPROVAL, false)
            .description(
                "Somebody else has to approve each certificate before it is issued, renewed or rekeyed: an operator or \
                 administrator of this profile.",
            )
            .build(),
        flag(
            uuid!("c4f8a7b0-2a86-4a53-9d1e-7b0e2f6d9a35"),
            REVOCATION_APPROVAL_REQUIRED,
            "Approval required to revoke",
            APPROVAL,
            false,
        )
        .description("Somebody else has to approve each revocation; the certificate stays good until then.")
        .build(),
    ]
}

fn base(uuid: Uuid, name: &str, content_type: ContentType, label: &str, group: &str) -> DefinitionBuilder {
    Definition::data(uuid, name, content_type).label(label).group(group)
}

fn choice(uuid: Uuid, name: &str, label: &str, group: &str) -> DefinitionBuilder {
    base(uuid, name, ContentType::String, label, group)
}

fn one_of(uuid: Uuid, name: &str, label: &str, group: &str) -> DefinitionBuilder {
    base(uuid, name, ContentType::String, label, group)
}

fn patterns(uuid: Uuid, name: &str, label: &str, group: &str) -> DefinitionBuilder {
    base(uuid, name, ContentType::String, label, group).multiple().extensible()
}

fn flag(uuid: Uuid, name: &str, label: &str, group: &str, default: bool) -> DefinitionBuilder {
    base(uuid, name, ContentType::Boolean, label, group).default(default)
}

fn number(uuid: Uuid, name: &str, label: &str, group: &str, default: i32, (from, to): (i32, i32)) -> DefinitionBuilder {
    base(uuid, name, ContentType::Integer, label, group).default(default).constraint(Constraint::range(from, to))
}

pub(super) fn duration(uuid: Uuid, name: &str, label: &str, group: &str) -> DefinitionBuilder {
    base(uuid, name, ContentType::String, label, group)
        .constraint(Constraint::pattern(DURATION_PATTERN, format!("it is not a duration. {DURATION_HELP}")))
}

fn labelled(value: &str, label: &str) -> crate::attribute::ContentItem {
    crate::attribute::ContentItem::new(value).with_reference(label)
}
