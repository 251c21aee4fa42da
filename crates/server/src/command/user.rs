//! `chancery user`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chancery_core::{NewUser, OidcSubject, Role, Scope, UserRecord};
use chancery_pki::Certificate;
use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use super::table::table;
use super::{Asked, Failure};
use crate::cli::Json;

/// What can be done with users.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Make a user, known by a certificate of this installation, by a subject of an OIDC issuer, or by both
    Add(AddArgs),
    /// List users
    List(Json),
    /// Let a disabled user in again
    Enable(WhichArgs),
    /// Refuse a user, from the next request on
    Disable(WhichArgs),
    /// Delete a user; its certificate is not revoked by that
    Delete(WhichArgs),
}

/// `user add`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    chancery cert issue --profile tls-client --csr alice.csr > alice.pem\n  \
    chancery user add alice --role operator --certificate alice.pem\n  \
    chancery user add deploy --role requester --profile tls-server --oidc-subject https://id.example 4711\n\n\
    The certificate must be one of this installation's, for clients (clientAuth). Renewals of it with the same key and\n\
    subject are the same user's.")]
pub struct AddArgs {
    /// A name, unique
    name: String,
    /// requester, operator, auditor or administrator
    #[arg(long)]
    role: Role,
    /// RA profile that it may reach, by name or uuid; may be repeated [default: all]
    #[arg(long = "profile", value_name = "PROFILE")]
    profiles: Vec<String>,
    /// File of the certificate that the user will show, PEM or DER; - is standard input
    #[arg(long, value_name = "FILE", required_unless_present = "oidc_subject")]
    certificate: Option<String>,
    /// Whom a signed token speaks of: its iss and its sub
    #[arg(long, num_args = 2, value_names = ["ISSUER", "SUBJECT"])]
    oidc_subject: Option<Vec<String>>,
    /// How to print.
    #[command(flatten)]
    pub json: Json,
}

/// `user enable|disable|delete`.
#[derive(Args, Debug)]
pub struct WhichArgs {
    /// Which.
    #[command(flatten)]
    pub which: Which,
    /// How to print.
    #[command(flatten)]
    pub json: Json,
}

/// The user that shall be made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Add {
    name: String,
    role: Role,
    profiles: Vec<String>,
    /// Base64 of DER.
    certificate: Option<String>,
    oidc_subject: Option<(String, String)>,
}

/// A user by its name.
#[derive(Args, Clone, Debug, Serialize, Deserialize)]
pub struct Which {
    /// The user's name
    pub name: String,
}

/// What is known of a user.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct User {
    uuid: Uuid,
    name: String,
    role: Role,
    /// Uuids of RA profiles; none for all.
    profiles: Option<Vec<Uuid>>,
    enabled: bool,
    /// SHA-256 of the registered certificate, lower-case hex.
    certificate: Option<String>,
    oidc_issuer: Option<String>,
    oidc_subject: Option<String>,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
}

impl User {
    fn of(record: UserRecord) -> Self {
        let (oidc_issuer, oidc_subject) = record.oidc.map(|oidc| (oidc.issuer, oidc.subject)).unzip();
        Self {
            uuid: record.id,
            name: record.name,
            role: record.role,
            profiles: match record.scope {
                Scope::All => None,
                Scope::Profiles(profiles) => Some(profiles.into_iter().collect()),
            },
            enabled: record.enabled,
            certificate: record.certificate.map(|certificate| crate::hex(&certificate.fingerprint)),
            oidc_issuer,
            oidc_subject,
            created_at: record.created_at,
        }
    }

    fn credential(&self) -> String {
        let certificate = self.certificate.as_ref().map(|fingerprint| format!("certificate {}...", &fingerprint[..16]));
        let oidc = self.oidc_issuer.as_ref().zip(self.oidc_subject.as_ref());
        let oidc = oidc.map(|(issuer, subject)| format!("{subject} of {issuer}"));
        certificate.into_iter().chain(oidc).collect::<Vec<_>>().join(", ")
    }

    pub(super) fn text(&self) -> String {
        let state = if self.enabled { "enabled" } else { "disabled" };
        format!("user {} ({}, {state}): {}\n", self.name, self.role, self.credential())
    }
}

impl AddArgs {
    /// With the certificate's content in place of its file, which the server may not be able to read.
    pub fn read(self) -> Result<Add, Failure> {
        let certificate = match &self.certificate {
            Some(file) => {
                let content = crate::read_input(file)?;
                let certificate = Certificate::parse(&content)
                    .map_err(|why| Failure::new(format!("{file} is not a certificate (PEM or DER): {why}")))?;
                Some(STANDARD.encode(certificate.der()))
            }
            None => None,
        };
        let oidc_subject = self.oidc_subject.and_then(|both| Some((both.first()?.clone(), both.get(1)?.clone())));
        Ok(Add { name: self.name, role: self.role, profiles: self.profiles, certificate, oidc_subject })
    }
}

impl Add {
    pub(super) async fn execute(self, asked: Asked<'_>) -> Result<User, Failure> {
        let certificate = self.certificate.map(|text| STANDARD.decode(text)).transpose();
        let new = NewUser {
            name: self.name,
            role: self.role,
            profiles: self.profiles,
            certificate: certificate.map_err(|why| Failure::new(format!("the certificate is not Base64: {why}")))?,
            oidc: self.oidc_subject.map(|(issuer, subject)| OidcSubject { issuer, subject }),
        };
        Ok(User::of(asked.node.ra.create_user(asked.actor, asked.origin, new).await?))
    }
}

pub(super) async fn list(asked: Asked<'_>) -> Result<Vec<User>, Failure> {
    Ok(asked.node.ra.users(asked.actor, asked.origin).await?.into_iter().map(User::of).collect())
}

impl Which {
    pub(super) async fn enable(self, asked: Asked<'_>, enabled: bool) -> Result<User, Failure> {
        Ok(User::of(asked.node.ra.enable_user(asked.actor, asked.origin, &self.name, enabled).await?))
    }

    pub(super) async fn delete(self, asked: Asked<'_>) -> Result<Self, Failure> {
        asked.node.ra.delete_user(asked.actor, asked.origin, &self.name).await?;
        Ok(self)
    }
}

pub(super) fn text(users: &[User]) -> String {
    let rows: Vec<_> = users
        .iter()
        .map(|user| {
            let profiles = user.profiles.as_ref().map_or_else(|| "all".into(), |profiles| profiles.len().to_string());
            let state = if user.enabled { "enabled" } else { "disabled" };
            [user.name.clone(), user.role.to_string(), profiles, state.to_owned(), user.credential()]
        })
        .collect();
    table(["NAME", "ROLE", "PROFILES", "STATE", "KNOWN BY"], &rows, "no users")
}
