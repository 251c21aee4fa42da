//! `chancery ca`.

use std::sync::Arc;

use chancery_authority::{CaSpec, NewAuthorityRequest, Root};
use chancery_core::port::AuthorityInstance;
use chancery_pki::{KeyType, Name};
use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use super::table::{sheet, table};
use super::{Asked, Failure};
use crate::cli::Json;
use crate::config::Span;
use crate::instant;

/// What can be done with authorities.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// List authorities
    List(Json),
    /// Show one with its chain
    Show(WhichArgs),
    /// Make one: an issuing CA under a root of its own, or under another authority's root
    Create(CreateArgs),
    /// Print certificates as PEM: the root, or the chain
    Export(ExportArgs),
}

/// A command on one authority.
#[derive(Args, Debug)]
pub struct WhichArgs {
    /// Authority, by name or uuid
    #[arg(default_value = "default")]
    pub authority: String,
    /// How to print.
    #[command(flatten)]
    pub json: Json,
}

/// `ca export`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  chancery ca export > root.pem\n  chancery ca export default --chain > chain.pem")]
pub struct ExportArgs {
    /// Authority, by name or uuid
    #[arg(default_value = "default")]
    pub authority: String,
    /// Issuing CA first and root last, instead of the root alone
    #[arg(long)]
    pub chain: bool,
    /// How to print.
    #[command(flatten)]
    pub json: Json,
}

/// `ca create`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    chancery ca create devices --key-type rsa-3072\n  \
    chancery ca create lab --under default --issuing-lifetime '3 y'")]
pub struct CreateArgs {
    /// What.
    #[command(flatten)]
    pub create: Create,
    /// How to print.
    #[command(flatten)]
    pub json: Json,
}

/// The authority that is meant, and how much of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Which {
    /// By name or uuid.
    pub authority: String,
    /// The whole chain.
    pub chain: bool,
}

/// The authority that shall be made.
#[derive(Args, Clone, Debug, Serialize, Deserialize)]
pub struct Create {
    /// Unique name
    name: String,
    /// Keys: p-256, p-384, p-521, ed25519, rsa-2048 to rsa-8192
    #[arg(long, value_name = "TYPE", default_value = "p-256")]
    key_type: String,
    /// Put it under the root of this authority (name or uuid) instead of a new one
    #[arg(long, value_name = "AUTHORITY", conflicts_with_all = ["root_subject", "root_lifetime"])]
    under: Option<String>,
    /// Subject of the root, as RFC 4514 text
    #[arg(long, value_name = "DN")]
    root_subject: Option<String>,
    /// Subject of the issuing CA, as RFC 4514 text
    #[arg(long, value_name = "DN")]
    issuing_subject: Option<String>,
    /// How long the root lives [default: 20 y]
    #[arg(long, value_name = "DURATION")]
    root_lifetime: Option<Span>,
    /// How long the issuing CA lives [default: 10 y]
    #[arg(long, value_name = "DURATION")]
    issuing_lifetime: Option<Span>,
}

/// An authority.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Authority {
    uuid: Uuid,
    name: String,
    kind: String,
    /// From the CA that signs now to the root.
    chain: Vec<Ca>,
}

/// A CA certificate.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ca {
    uuid: Uuid,
    subject: String,
    key: String,
    #[serde(with = "time::serde::rfc3339")]
    not_after: OffsetDateTime,
    sha256: String,
    crl: String,
    certificate: String,
}

/// Certificates as PEM.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Pem {
    /// One after another.
    pub pem: String,
}

/// The authority that `text` names.
pub(super) async fn find(asked: Asked<'_>, text: &str) -> Result<Arc<AuthorityInstance>, Failure> {
    let authorities = asked.node.ra.authorities(asked.actor, asked.origin).await?;
    let names: Vec<_> = authorities.iter().map(|authority| authority.name.clone()).collect();
    let id = text.parse::<Uuid>().ok();
    authorities.into_iter().find(|authority| authority.name == text || Some(authority.id) == id).ok_or_else(|| {
        let there =
            if names.is_empty() { "there is none yet".into() } else { format!("there is: {}", names.join(", ")) };
        Failure::new(format!("no authority {text:?}; {there}"))
    })
}

impl Authority {
    fn of(authority: &AuthorityInstance, asked: Asked<'_>) -> Self {
        let ca = |(id, certificate): &(Uuid, chancery_pki::Certificate)| Ca {
            uuid: *id,
            subject: certificate.subject().to_string(),
            key: format!("{} {}", certificate.public_key().name(), certificate.public_key().bits()),
            not_after: certificate.validity().not_after,
            sha256: certificate.fingerprint().to_hex(),
            crl: chancery_authority::crl_url(&asked.node.status_url, *id),
            certificate: chancery_authority::ca_url(&asked.node.status_url, *id),
        };
        Self {
            uuid: authority.id,
            name: authority.name.clone(),
            kind: authority.kind.to_owned(),
            chain: authority.chain.iter().map(ca).collect(),
        }
    }

    pub(super) fn text(&self) -> String {
        let mut text =
            sheet(&[("name", self.name.clone()), ("uuid", self.uuid.to_string()), ("kind", self.kind.clone())]);
        for ca in &self.chain {
            text += "\n";
            text += &sheet(&[
                ("subject", ca.subject.clone()),
                ("uuid", ca.uuid.to_string()),
                ("key", ca.key.clone()),
                ("ends", instant(ca.not_after)),
                ("sha256", ca.sha256.clone()),
                ("certificate", ca.certificate.clone()),
                ("crl", ca.crl.clone()),
            ]);
        }
        text
    }
}

pub(super) async fn list(asked: Asked<'_>) -> Result<Vec<Authority>, Failure> {
    let authorities = asked.node.ra.authorities(asked.actor, asked.origin).await?;
    Ok(authorities.iter().map(|authority| Authority::of(authority, asked)).collect())
}

impl Which {
    pub(super) async fn show(self, asked: Asked<'_>) -> Result<Authority, Failure> {
        Ok(Authority::of(&*find(asked, &self.authority).await?, asked))
    }

    pub(super) async fn export(self, asked: Asked<'_>) -> Result<Pem, Failure> {
        let authority = find(asked, &self.authority).await?;
        let skip = if self.chain { 0 } else { authority.chain.len().saturating_sub(1) };
        Ok(Pem { pem: authority.chain.iter().skip(skip).map(|(_, certificate)| certificate.to_pem()).collect() })
    }
}

impl Create {
    pub(super) async fn execute(self, asked: Asked<'_>) -> Result<Authority, Failure> {
        let key_type: KeyType =
            self.key_type.parse().map_err(|why| Failure::new(format!("--key-type {:?}: {why}", self.key_type)))?;
        let subject = |flag: &str, text: Option<String>| {
            let read =
                |text: String| text.parse::<Name>().map_err(|why| Failure::new(format!("{flag} {text:?}: {why}")));
            text.map(read).transpose()
        };
        let issuing = CaSpec {
            key_type,
            subject: subject("--issuing-subject", self.issuing_subject)?,
            lifetime: self.issuing_lifetime.map_or(CaSpec::issuing().lifetime, Span::signed),
        };
        let root = match self.under {
            Some(other) => Root::Of(find(asked, &other).await?.id),
            None => Root::New(CaSpec {
                key_type,
                subject: subject("--root-subject", self.root_subject)?,
                lifetime: self.root_lifetime.map_or(CaSpec::root().lifetime, Span::signed),
            }),
        };
        let Some(built_in) = &asked.node.authority else {
            return Err(Failure::new("the keys of this installation are not open"));
        };
        let request = NewAuthorityRequest { name: self.name, root, issuing };
        let made = built_in.create(asked.actor, asked.origin, request).await?;
        Ok(Authority::of(&made, asked))
    }
}

pub(super) fn text(authorities: &[Authority]) -> String {
    let rows: Vec<_> = authorities
        .iter()
        .map(|authority| {
            let issuing = authority.chain.first();
            [
                authority.name.clone(),
                authority.uuid.to_string(),
                issuing.map(|ca| ca.subject.clone()).unwrap_or_default(),
                issuing.map(|ca| ca.key.clone()).unwrap_or_default(),
                issuing.map(|ca| instant(ca.not_after)).unwrap_or_default(),
            ]
        })
        .collect();
    table(["NAME", "UUID", "ISSUING CA", "KEY", "ENDS"], &rows, "no authorities")
}
