//! `chancery acme`.

pub mod account;
pub mod eab;
pub mod order;
pub mod profile;
pub mod renewal;
pub mod settings;

use clap::Subcommand;
use serde::{Deserialize, Serialize};

use super::{Asked, Failure};
use crate::cli::Json;

/// What can be done with the ACME door.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// ACME profiles: how directories behave
    #[command(subcommand)]
    Profile(profile::Verb),
    /// EAB keys: credentials that bind new accounts
    #[command(subcommand)]
    Eab(eab::Verb),
    /// Accounts of clients
    #[command(subcommand)]
    Account(account::Verb),
    /// Orders of clients
    #[command(subcommand)]
    Order(order::Verb),
    /// Tell clients to renew certificates at once (RFC 9773), or take that back
    RenewNow(renewal::RenewNowArgs),
}

/// One request of the command line.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "acme", content = "with")]
#[expect(missing_docs, reason = "each is documented where the command line defines it")]
pub enum Command {
    ProfileList,
    ProfileShow(profile::Which),
    ProfileCreate(profile::New),
    ProfileEdit(profile::Edit),
    ProfileEnable(profile::Which),
    ProfileDisable(profile::Which),
    ProfileDelete(profile::Which),
    ProfileActivate(profile::Activate),
    ProfileDeactivate(profile::Deactivate),
    EabCreate(eab::Create),
    EabList,
    EabRevoke(eab::Revoke),
    AccountList(account::List),
    AccountShow(account::Which),
    AccountEnable(account::Which),
    AccountDisable(account::Which),
    AccountRevoke(account::Which),
    OrderShow(order::Which),
    RenewNow(renewal::RenewNow),
}

/// What came of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "acme", content = "with")]
#[expect(missing_docs, reason = "each is documented at its type")]
pub enum Answer {
    Profiles(Vec<profile::Profile>),
    Profile(Box<profile::Profile>),
    Deleted(profile::Deleted),
    Activated(profile::Activated),
    Deactivated(profile::Deactivate),
    EabMade(eab::Made),
    EabKeys(Vec<eab::Key>),
    EabRevoked(eab::Revoke),
    Accounts(Vec<account::Account>),
    Account(account::Account),
    Order(order::Order),
    Marked(renewal::Marked),
}

impl Verb {
    /// The request, and how to print its answer. Reads the files that it names.
    pub fn read(self) -> Result<(Command, Json), Failure> {
        Ok(match self {
            Self::Profile(profile::Verb::List(json)) => (Command::ProfileList, json),
            Self::Profile(profile::Verb::Show(args)) => (Command::ProfileShow(args.which), args.json),
            Self::Profile(profile::Verb::Create(args)) => {
                let json = args.json;
                (Command::ProfileCreate(args.read()?), json)
            }
            Self::Profile(profile::Verb::Edit(args)) => {
                let json = args.json;
                (Command::ProfileEdit(args.read()?), json)
            }
            Self::Profile(profile::Verb::Enable(args)) => (Command::ProfileEnable(args.which), args.json),
            Self::Profile(profile::Verb::Disable(args)) => (Command::ProfileDisable(args.which), args.json),
            Self::Profile(profile::Verb::Delete(args)) => (Command::ProfileDelete(args.which), args.json),
            Self::Profile(profile::Verb::Activate(args)) => {
                let json = args.json;
                (Command::ProfileActivate(args.read()?), json)
            }
            Self::Profile(profile::Verb::Deactivate(args)) => (Command::ProfileDeactivate(args.which), args.json),
            Self::Eab(eab::Verb::Create(args)) => (Command::EabCreate(args.create), args.json),
            Self::Eab(eab::Verb::List(json)) => (Command::EabList, json),
            Self::Eab(eab::Verb::Revoke(args)) => (Command::EabRevoke(args.revoke), args.json),
            Self::Account(account::Verb::List(args)) => (Command::AccountList(args.list), args.json),
            Self::Account(account::Verb::Show(args)) => (Command::AccountShow(args.which), args.json),
            Self::Account(account::Verb::Enable(args)) => (Command::AccountEnable(args.which), args.json),
            Self::Account(account::Verb::Disable(args)) => (Command::AccountDisable(args.which), args.json),
            Self::Account(account::Verb::Revoke(args)) => (Command::AccountRevoke(args.which), args.json),
            Self::Order(order::Verb::Show(args)) => (Command::OrderShow(args.which), args.json),
            Self::RenewNow(args) => (Command::RenewNow(args.renew_now), args.json),
        })
    }
}

impl Command {
    /// Execute it.
    pub(super) async fn execute(self, asked: Asked<'_>) -> Result<Answer, Failure> {
        Ok(match self {
            Self::ProfileList => Answer::Profiles(profile::list(asked).await?),
            Self::ProfileShow(which) => Answer::Profile(Box::new(which.show(asked).await?)),
            Self::ProfileCreate(new) => Answer::Profile(Box::new(new.execute(asked).await?)),
            Self::ProfileEdit(edit) => Answer::Profile(Box::new(edit.execute(asked).await?)),
            Self::ProfileEnable(which) => Answer::Profile(Box::new(which.enable(asked, true).await?)),
            Self::ProfileDisable(which) => Answer::Profile(Box::new(which.enable(asked, false).await?)),
            Self::ProfileDelete(which) => Answer::Deleted(which.delete(asked).await?),
            Self::ProfileActivate(activate) => Answer::Activated(activate.execute(asked).await?),
            Self::ProfileDeactivate(deactivate) => Answer::Deactivated(deactivate.execute(asked).await?),
            Self::EabCreate(create) => Answer::EabMade(create.execute(asked).await?),
            Self::EabList => Answer::EabKeys(eab::list(asked).await?),
            Self::EabRevoke(revoke) => Answer::EabRevoked(revoke.execute(asked).await?),
            Self::AccountList(list) => Answer::Accounts(list.execute(asked).await?),
            Self::AccountShow(which) => Answer::Account(which.show(asked).await?),
            Self::AccountEnable(which) => Answer::Account(which.disable(asked, false).await?),
            Self::AccountDisable(which) => Answer::Account(which.disable(asked, true).await?),
            Self::AccountRevoke(which) => Answer::Account(which.revoke(asked).await?),
            Self::OrderShow(which) => Answer::Order(which.show(asked).await?),
            Self::RenewNow(renew_now) => Answer::Marked(renew_now.execute(asked).await?),
        })
    }

    /// Whether it changes nothing.
    pub(super) fn only_reads(&self) -> bool {
        match self {
            Self::ProfileList
            | Self::ProfileShow(_)
            | Self::EabList
            | Self::AccountList(_)
            | Self::AccountShow(_)
            | Self::OrderShow(_) => true,
            Self::ProfileCreate(_)
            | Self::ProfileEdit(_)
            | Self::ProfileEnable(_)
            | Self::ProfileDisable(_)
            | Self::ProfileDelete(_)
            | Self::ProfileActivate(_)
            | Self::ProfileDeactivate(_)
            | Self::EabCreate(_)
            | Self::EabRevoke(_)
            | Self::AccountEnable(_)
            | Self::AccountDisable(_)
            | Self::AccountRevoke(_)
            | Self::RenewNow(_) => false,
        }
    }
}

impl Answer {
    /// As one JSON value for programs.
    pub(super) fn json(&self) -> serde_json::Result<String> {
        match self {
            Self::Profiles(it) => serde_json::to_string_pretty(it),
            Self::Profile(it) => serde_json::to_string_pretty(it),
            Self::Deleted(it) => serde_json::to_string_pretty(it),
            Self::Activated(it) => serde_json::to_string_pretty(it),
            Self::Deactivated(it) => serde_json::to_string_pretty(it),
            Self::EabMade(it) => serde_json::to_string_pretty(it),
            Self::EabKeys(it) => serde_json::to_string_pretty(it),
            Self::EabRevoked(it) => serde_json::to_string_pretty(it),
            Self::Accounts(it) => serde_json::to_string_pretty(it),
            Self::Account(it) => serde_json::to_string_pretty(it),
            Self::Order(it) => serde_json::to_string_pretty(it),
            Self::Marked(it) => serde_json::to_string_pretty(it),
        }
    }

    /// As text for people: what goes to standard output, and what to standard error.
    pub(super) fn text(&self) -> (String, String) {
        let out = |text: String| (text, String::new());
        match self {
            Self::Profiles(it) => out(profile::text(it)),
            Self::Profile(it) => out(it.text()),
            Self::Deleted(it) => out(format!("ACME profile {} is deleted\n", it.name)),
            Self::Activated(it) => out(it.text()),
            Self::Deactivated(it) => out(format!("the ACME door of RA profile {} is closed\n", it.ra_profile)),
            Self::EabMade(it) => it.text(),
            Self::EabKeys(it) => out(eab::text(it)),
            Self::EabRevoked(it) => out(format!("EAB key {} is revoked\n", it.kid)),
            Self::Accounts(it) => out(account::text(it)),
            Self::Account(it) => out(it.text()),
            Self::Order(it) => out(it.text()),
            Self::Marked(it) => out(it.text()),
        }
    }
}
