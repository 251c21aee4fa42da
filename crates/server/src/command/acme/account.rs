//! `chancery acme account`.

use chancery_acme::{AccountFilter, AccountView, AcmeProfileRef};
use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::cli::Json;
use crate::command::table::{sheet, table};
use crate::command::{Asked, Failure, profile};
use crate::instant;

/// What can be done with accounts.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// List accounts, newest first
    List(ListArgs),
    /// Show one
    Show(WhichArgs),
    /// Let it ask again
    Enable(WhichArgs),
    /// Let it ask nothing, until it is enabled again
    Disable(WhichArgs),
    /// End it for good; its certificates stay valid
    Revoke(WhichArgs),
}

/// `acme account list`.
#[derive(Args, Debug)]
pub struct ListArgs {
    /// Which.
    #[command(flatten)]
    pub list: List,
    /// How to print.
    #[command(flatten)]
    pub json: Json,
}

/// A command on one account.
#[derive(Args, Debug)]
pub struct WhichArgs {
    /// Which.
    #[command(flatten)]
    pub which: Which,
    /// How to print.
    #[command(flatten)]
    pub json: Json,
}

/// The accounts that are meant.
#[derive(Args, Clone, Debug, Serialize, Deserialize)]
pub struct List {
    /// Of this RA profile alone, by name or uuid
    #[arg(long)]
    profile: Option<String>,
    /// Of this ACME profile alone, by name or uuid
    #[arg(long)]
    acme_profile: Option<String>,
    /// Those made before this one: the last of the page before
    #[arg(long, value_name = "UUID")]
    after: Option<Uuid>,
    /// At most this many
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
}

/// The account that is meant.
#[derive(Args, Clone, Debug, Serialize, Deserialize)]
pub struct Which {
    /// The account's uuid: the end of its URL
    account: Uuid,
}

/// An account.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    uuid: Uuid,
    status: chancery_acme::AccountStatus,
    enabled: bool,
    ra_profile: String,
    acme_profile: String,
    contacts: Vec<String>,
    eab_key: Option<Uuid>,
    open_orders: u32,
    processing_orders: u32,
    valid_orders: u32,
    invalid_orders: u32,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option")]
    terms_agreed_at: Option<OffsetDateTime>,
}

/// Names of the two profiles of accounts.
struct Names {
    ra: Vec<(Uuid, String)>,
    acme: Vec<(Uuid, String)>,
}

impl Names {
    async fn of(asked: Asked<'_>) -> Result<Self, Failure> {
        let ra = asked.node.ra.profiles(asked.actor, asked.origin).await?;
        let acme = asked.node.acme()?.acme_profiles(asked.actor, asked.origin).await?;
        Ok(Self {
            ra: ra.into_iter().map(|profile| (profile.id, profile.name)).collect(),
            acme: acme.into_iter().map(|profile| (profile.id, profile.name)).collect(),
        })
    }

    fn name(names: &[(Uuid, String)], id: Uuid) -> String {
        names.iter().find(|(known, _)| *known == id).map_or_else(|| id.to_string(), |(_, name)| name.clone())
    }

    fn show(&self, view: AccountView) -> Account {
        let AccountView { account, orders } = view;
        Account {
            uuid: account.id,
            status: account.status,
            enabled: !account.disabled,
            ra_profile: Self::name(&self.ra, account.directory.ra_profile),
            acme_profile: Self::name(&self.acme, account.directory.acme_profile),
            contacts: account.contacts,
            eab_key: account.eab_key,
            open_orders: orders.open,
            processing_orders: orders.processing,
            valid_orders: orders.valid,
            invalid_orders: orders.invalid,
            created_at: account.created_at,
            terms_agreed_at: account.terms_agreed_at,
        }
    }
}

impl List {
    pub(super) async fn execute(self, asked: Asked<'_>) -> Result<Vec<Account>, Failure> {
        let acme = asked.node.acme()?;
        let ra_profile = match &self.profile {
            Some(text) => Some(asked.node.ra.profile(asked.actor, asked.origin, &profile::reference(text)).await?.id),
            None => None,
        };
        let acme_profile = match self.acme_profile {
            Some(text) => {
                let reference = text.parse().map_or_else(|_| AcmeProfileRef::Name(text), AcmeProfileRef::Id);
                Some(acme.acme_profile(asked.actor, asked.origin, &reference).await?.id)
            }
            None => None,
        };
        let filter = AccountFilter { acme_profile, ra_profile, after: self.after, limit: self.limit };
        let views = acme.accounts(asked.actor, asked.origin, filter).await?;
        let names = Names::of(asked).await?;
        Ok(views.into_iter().map(|view| names.show(view)).collect())
    }
}

impl Which {
    pub(super) async fn show(self, asked: Asked<'_>) -> Result<Account, Failure> {
        let view = asked.node.acme()?.account(asked.actor, asked.origin, self.account).await?;
        Ok(Names::of(asked).await?.show(view))
    }

    pub(super) async fn disable(self, asked: Asked<'_>, disabled: bool) -> Result<Account, Failure> {
        asked.node.acme()?.disable_account(asked.actor, asked.origin, self.account, disabled).await?;
        self.show(asked).await
    }

    pub(super) async fn revoke(self, asked: Asked<'_>) -> Result<Account, Failure> {
        asked.node.acme()?.revoke_account(asked.actor, asked.origin, self.account).await?;
        self.show(asked).await
    }
}

impl Account {
    fn state(&self) -> String {
        let status = match self.status {
            chancery_acme::AccountStatus::Valid => "valid",
            chancery_acme::AccountStatus::Deactivated => "deactivated",
            chancery_acme::AccountStatus::Revoked => "revoked",
        };
        if self.enabled { status.to_owned() } else { format!("{status}, disabled") }
    }

    fn orders(&self) -> String {
        format!("{}/{}/{}/{}", self.open_orders, self.processing_orders, self.valid_orders, self.invalid_orders)
    }

    pub(super) fn text(&self) -> String {
        sheet(&[
            ("uuid", self.uuid.to_string()),
            ("status", self.state()),
            ("RA profile", self.ra_profile.clone()),
            ("ACME profile", self.acme_profile.clone()),
            ("contacts", self.contacts.join(", ")),
            ("EAB key", self.eab_key.map(|id| id.to_string()).unwrap_or_default()),
            ("orders", format!("{} (open/processing/valid/invalid)", self.orders())),
            ("made", instant(self.created_at)),
            ("terms agreed", self.terms_agreed_at.map(instant).unwrap_or_default()),
        ])
    }
}

pub(super) fn text(accounts: &[Account]) -> String {
    let rows: Vec<_> = accounts
        .iter()
        .map(|account| {
            [
                account.uuid.to_string(),
                account.state(),
                account.ra_profile.clone(),
                account.acme_profile.clone(),
                account.orders(),
                instant(account.created_at),
                account.contacts.join(","),
            ]
        })
        .collect();
    let head = ["UUID", "STATUS", "RA PROFILE", "ACME PROFILE", "OPEN/PROCESSING/VALID/INVALID", "MADE", "CONTACTS"];
    table(head, &rows, "no accounts")
}
