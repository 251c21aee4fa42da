//! `chancery cert`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chancery_core::attribute::{ContentItem, RequestAttribute, Version};
use chancery_core::policy::INVALIDITY_DATE;
use chancery_core::{
    CertificateField, CertificateFilter, CertificateQuery, CertificateRecord, CertificateState, Condition,
    IssueRequest, Outcome, ProfileRef, RevokeRequest,
};
use chancery_pki::RevocationReason;
use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use super::table::{sheet, table};
use super::{Asked, Failure};
use crate::cli::Json;
use crate::instant;

/// What can be done with certificates.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Issue a certificate for a request and print it with its chain
    Issue(IssueArgs),
    /// List certificates, newest first
    List(ListArgs),
    /// Show one
    Show(WhichArgs),
    /// Revoke one
    Revoke(RevokeArgs),
}

/// `cert issue`.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  \
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout host.key \\\n    \
        -subj /CN=host.example -addext subjectAltName=DNS:host.example -out host.csr\n  \
    chancery cert issue --profile tls-server --csr host.csr > host.pem")]
pub struct IssueArgs {
    /// RA profile, by name or uuid
    #[arg(long)]
    pub profile: String,
    /// PKCS#10 request, PEM or DER; - for standard input
    #[arg(long, value_name = "FILE")]
    pub csr: String,
    /// JSON file with a list of issue attributes; - for standard input
    #[arg(long, value_name = "FILE")]
    pub attributes: Option<String>,
    /// How to print.
    #[command(flatten)]
    pub json: Json,
}

/// `cert list`.
#[derive(Args, Debug)]
pub struct ListArgs {
    /// Which.
    #[command(flatten)]
    pub list: List,
    /// How to print.
    #[command(flatten)]
    pub json: Json,
}

/// `cert show`.
#[derive(Args, Debug)]
pub struct WhichArgs {
    /// Which.
    #[command(flatten)]
    pub which: Which,
    /// Print the certificate as PEM, alone
    #[arg(long, conflicts_with = "json")]
    pub pem: bool,
    /// How to print.
    #[command(flatten)]
    pub json: Json,
}

/// `cert revoke`.
#[derive(Args, Debug)]
pub struct RevokeArgs {
    /// What.
    #[command(flatten)]
    pub revoke: Revoke,
    /// How to print.
    #[command(flatten)]
    pub json: Json,
}

/// The certificate that shall be issued.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Issue {
    profile: String,
    csr: String,
    attributes: Vec<RequestAttribute>,
}

/// The certificates that are looked for.
#[derive(Args, Clone, Debug, Serialize, Deserialize)]
pub struct List {
    /// Of this RA profile, by name or uuid
    #[arg(long)]
    profile: Option<String>,
    /// In this state: requested, rejected, pending_approval, issued, failed, revoked
    #[arg(long)]
    state: Option<StateCode>,
    /// Whose subject alternative names contain this
    #[arg(long, value_name = "TEXT")]
    san: Option<String>,
    /// Whose common name contains this
    #[arg(long, value_name = "TEXT")]
    cn: Option<String>,
    /// With this serial number, in hex
    #[arg(long, value_name = "HEX")]
    serial: Option<String>,
    /// At most this many
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
    /// Leave out this many
    #[arg(long, default_value_t = 0)]
    skip: u64,
    /// Go on behind this certificate: the uuid of the last one that was listed
    #[arg(long, value_name = "UUID")]
    #[serde(default)]
    cursor: Option<Uuid>,
}

/// A state's code.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct StateCode(String);

impl std::str::FromStr for StateCode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse::<CertificateState>().map(|state| Self(state.as_str().to_owned()))
    }
}

/// The certificate that is meant.
#[derive(Args, Clone, Debug, Serialize, Deserialize)]
pub struct Which {
    /// The certificate's uuid, as `cert list` shows it
    pub certificate: Uuid,
}

/// The certificate that shall end.
#[derive(Args, Clone, Debug, Serialize, Deserialize)]
pub struct Revoke {
    /// The certificate's uuid, as `cert list` shows it, or its serial number in hex; a CA's or the server's own too
    certificate: String,
    /// unspecified, keyCompromise, cACompromise, affiliationChanged, superseded, cessationOfOperation, ...
    #[arg(long, default_value = "unspecified", value_parser = reason)]
    reason: String,
    /// When the key is thought to have become known to others, as 2026-12-31T23:59:59Z; the CRL tells it
    #[arg(long, value_name = "INSTANT")]
    #[serde(default)]
    invalidity_date: Option<String>,
}

fn reason(text: &str) -> Result<String, String> {
    text.parse::<RevocationReason>().map(|reason| reason.wire().to_owned()).map_err(|why| why.to_string())
}

/// A page of certificates.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Page {
    total: u64,
    certificates: Vec<Certificate>,
}

/// A certificate object.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Certificate {
    uuid: Uuid,
    state: String,
    subject: String,
    serial_number: Option<String>,
    sha256: Option<String>,
    profile_uuid: Option<Uuid>,
    authority_uuid: Option<Uuid>,
    issuer_uuid: Option<Uuid>,
    owner: String,
    door: String,
    #[serde(with = "time::serde::rfc3339::option")]
    not_before: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339::option")]
    not_after: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option")]
    revoked_at: Option<OffsetDateTime>,
    reason: Option<String>,
    /// DER, Base64.
    certificate: Option<String>,
    /// The certificate and the CA certificates up to below the root, PEM; in the answer to `issue` and `show`.
    pem: Option<String>,
}

impl Certificate {
    fn of(record: CertificateRecord) -> Self {
        Self {
            uuid: record.id,
            state: record.state.as_str().to_owned(),
            subject: record.subject,
            serial_number: record.serial.map(|serial| serial.to_hex()),
            sha256: record.fingerprint.map(|fingerprint| fingerprint.to_hex()),
            profile_uuid: record.profile,
            authority_uuid: record.authority,
            issuer_uuid: record.issuer,
            owner: record.owner,
            door: record.door.as_str().to_owned(),
            not_before: record.not_before,
            not_after: record.not_after,
            created_at: record.created_at,
            revoked_at: record.revocation.as_ref().map(|revocation| revocation.at),
            reason: record.revocation.map(|revocation| revocation.reason.wire().to_owned()),
            certificate: record.certificate.map(|der| STANDARD.encode(der)),
            pem: None,
        }
    }

    /// With its chain; the root is left out, for it is worth nothing when it comes from the peer.
    async fn with_chain(mut self, asked: Asked<'_>) -> Result<Self, Failure> {
        let Some(der) = &self.certificate else { return Ok(self) };
        let unreadable = |why: String| Failure::new(format!("certificate {} cannot be read: {why}", self.uuid));
        let der = STANDARD.decode(der).map_err(|why| unreadable(why.to_string()))?;
        let certificate = chancery_pki::Certificate::from_der(&der).map_err(|why| unreadable(why.to_string()))?;
        let mut pem = certificate.to_pem();
        let chain = asked.node.ra.chain(asked.actor, asked.origin, self.uuid).await?;
        for (_, issuer) in chain.iter().filter(|(_, issuer)| !issuer.is_self_issued()) {
            pem += &issuer.to_pem();
        }
        self.pem = Some(pem);
        Ok(self)
    }

    /// PEM on standard output, so that it can go into a file.
    pub(super) fn issued(&self) -> (String, String) {
        match &self.pem {
            Some(pem) => {
                let end = self.not_after.map(instant).unwrap_or_default();
                (pem.clone(), format!("certificate {} for {} is valid until {end}\n", self.uuid, self.subject))
            }
            None => (String::new(), format!("certificate {} is {}: it waits for an approver\n", self.uuid, self.state)),
        }
    }

    /// PEM alone.
    pub fn pem(&self) -> Option<&str> {
        self.pem.as_deref()
    }

    pub(super) fn text(&self) -> String {
        let revoked = match (self.revoked_at, &self.reason) {
            (Some(at), Some(reason)) => format!("{} ({reason})", instant(at)),
            _ => String::new(),
        };
        let mut text = sheet(&[
            ("uuid", self.uuid.to_string()),
            ("state", self.state.clone()),
            ("subject", self.subject.clone()),
            ("serial", self.serial_number.clone().unwrap_or_default()),
            ("sha256", self.sha256.clone().unwrap_or_default()),
            ("valid from", self.not_before.map(instant).unwrap_or_default()),
            ("valid until", self.not_after.map(instant).unwrap_or_default()),
            ("revoked", revoked),
            ("RA profile", self.profile_uuid.map(|id| id.to_string()).unwrap_or_default()),
            ("issuer", self.issuer_uuid.map(|id| id.to_string()).unwrap_or_default()),
            ("owner", format!("{} by {}", self.owner, self.door)),
        ]);
        if let Some(pem) = &self.pem {
            text += pem;
        }
        text
    }
}

impl IssueArgs {
    /// Read the files.
    pub fn read(self) -> Result<Issue, Failure> {
        let csr = crate::read_input(&self.csr)?;
        let attributes = match &self.attributes {
            Some(file) => serde_json::from_slice(&crate::read_input(file)?)
                .map_err(|why| Failure::new(format!("{file}: not a list of attributes: {why}")))?,
            None => Vec::new(),
        };
        Ok(Issue { profile: self.profile, csr: STANDARD.encode(csr), attributes })
    }
}

impl Issue {
    pub(super) async fn execute(self, asked: Asked<'_>) -> Result<Certificate, Failure> {
        let Asked { node, actor, origin } = asked;
        let reference = super::profile::reference(&self.profile);
        let authorization = node.ra.authorize(actor, origin, &reference).await?;
        let csr = STANDARD.decode(self.csr).map_err(|why| Failure::new(format!("the request is not Base64: {why}")))?;
        let csr = node.ra.csr(&authorization, &csr).await?;
        let request = IssueRequest { csr, attributes: self.attributes, facts: vec![], alongside: None };
        let record = match node.ra.issue(authorization, request).await? {
            Outcome::Issued(record) => *record,
            Outcome::Pending { certificate, .. } => node.ra.certificate(actor, origin, certificate).await?,
        };
        Certificate::of(record).with_chain(asked).await
    }
}

impl List {
    pub(super) async fn execute(self, asked: Asked<'_>) -> Result<Page, Failure> {
        let mut filters = Vec::new();
        let mut filter = |field, condition| filters.push(CertificateFilter { field, condition });
        if let Some(profile) = self.profile {
            let reference = super::profile::reference(&profile);
            let profile = asked.node.ra.profile(asked.actor, asked.origin, &reference).await?;
            filter(CertificateField::Profile, Condition::Equals(vec![profile.id.to_string()]));
        }
        if let Some(StateCode(state)) = self.state {
            filter(CertificateField::State, Condition::Equals(vec![state]));
        }
        if let Some(san) = self.san {
            filter(CertificateField::SubjectAltName, Condition::Contains(san));
        }
        if let Some(cn) = self.cn {
            filter(CertificateField::CommonName, Condition::Contains(cn));
        }
        if let Some(serial) = self.serial {
            let serial = serial.replace(':', "").to_ascii_lowercase();
            filter(CertificateField::SerialNumber, Condition::Equals(vec![serial]));
        }
        let query = CertificateQuery {
            filters,
            after: self.cursor,
            offset: self.skip,
            limit: self.limit,
            ..CertificateQuery::default()
        };
        let page = asked.node.ra.certificates(asked.actor, asked.origin, query).await?;
        Ok(Page { total: page.total, certificates: page.items.into_iter().map(Certificate::of).collect() })
    }
}

impl Which {
    pub(super) async fn show(self, asked: Asked<'_>) -> Result<Certificate, Failure> {
        let record = asked.node.ra.certificate(asked.actor, asked.origin, self.certificate).await?;
        Certificate::of(record).with_chain(asked).await
    }
}

impl Revoke {
    pub(super) async fn execute(self, asked: Asked<'_>) -> Result<Certificate, Failure> {
        let Asked { node, actor, origin } = asked;
        let record = named(asked, &self.certificate).await?;
        let reason: RevocationReason =
            self.reason.parse().map_err(|why| Failure::new(format!("--reason {:?}: {why}", self.reason)))?;
        let Some(profile) = record.profile else {
            let date = self.invalidity_date.map(|text| instant_of(&text)).transpose()?;
            node.ra.revoke_own(actor, origin, record.id, reason, date).await?;
            if let Some(authority) = &node.authority {
                // At once, and not when it looks next: a revoked CA signs nothing.
                authority.reload().await.map_err(|error| Failure::new(error.to_string()))?;
            }
            return Ok(Certificate::of(node.ra.certificate(actor, origin, record.id).await?));
        };
        let authorization = node.ra.authorize(actor, origin, &ProfileRef::Id(profile)).await?;
        let attributes = self.invalidity_date.into_iter().map(|date| RequestAttribute {
            uuid: None,
            name: INVALIDITY_DATE.into(),
            content_type: None,
            version: Version::default(),
            content: vec![ContentItem::new(date)],
        });
        let request = RevokeRequest { reason, attributes: attributes.collect(), alongside: None };
        node.ra.revoke(authorization, record.id, request).await?;
        Ok(Certificate::of(node.ra.certificate(actor, origin, record.id).await?))
    }
}

fn instant_of(text: &str) -> Result<OffsetDateTime, Failure> {
    OffsetDateTime::parse(text, &Rfc3339)
        .map_err(|_| Failure::new(format!("--invalidity-date {text:?}: write it as 2026-12-31T23:59:59Z")))
}

/// The one certificate that people mean by a uuid or a serial number.
async fn named(asked: Asked<'_>, text: &str) -> Result<CertificateRecord, Failure> {
    let Asked { node, actor, origin } = asked;
    // The form with hyphens alone: a serial number of 16 bytes reads like a uuid without.
    if let (36, Ok(id)) = (text.len(), text.parse()) {
        return Ok(node.ra.certificate(actor, origin, id).await?);
    }
    let serial = text.replace(':', "").to_ascii_lowercase();
    if serial.is_empty() || !serial.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(Failure::new(format!("{text:?} is neither a uuid nor a serial number in hex")));
    }
    let filters =
        vec![CertificateFilter { field: CertificateField::SerialNumber, condition: Condition::Equals(vec![serial]) }];
    let query = CertificateQuery { filters, include_archived: true, limit: 2, ..CertificateQuery::default() };
    let mut found = node.ra.certificates(actor, origin, query).await?.items;
    match (found.pop(), found.pop()) {
        (Some(one), None) => Ok(one),
        (None, _) => Err(Failure::new(format!("there is no certificate with the serial number {text}"))),
        (Some(_), Some(_)) => Err(Failure::new(format!(
            "several issuers gave the serial number {text}: name the certificate by its uuid (`chancery cert list \
             --serial {text}`)"
        ))),
    }
}

impl Page {
    pub(super) fn text(&self) -> String {
        let rows: Vec<_> = self
            .certificates
            .iter()
            .map(|certificate| {
                [
                    certificate.uuid.to_string(),
                    certificate.state.clone(),
                    certificate.subject.clone(),
                    certificate.serial_number.clone().unwrap_or_default(),
                    certificate.not_after.map(instant).unwrap_or_default(),
                ]
            })
            .collect();
        let mut text = table(["UUID", "STATE", "SUBJECT", "SERIAL", "ENDS"], &rows, "no certificates");
        let shown = u64::try_from(rows.len()).unwrap_or(u64::MAX);
        if self.total > shown {
            text += &format!("{shown} of {}\n", self.total);
        }
        text
    }
}
