//! New accounts: RFC 8555 section 7.3.

use chancery_core::audit::Event;
use chancery_core::{Actor, ActorKind};
use serde::Deserialize;
use serde_json::Value;

use crate::call::Call;
use crate::eab::Binding;
use crate::port::Registered;
use crate::{Account, AccountKey, AccountStatus, Acme, EabPolicy, Problem, ProblemType, Reply, account, contact};

/// What a client sends; other members are ignored and never shown again.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct NewAccount {
    contact: Option<Vec<String>>,
    terms_of_service_agreed: Option<bool>,
    only_return_existing: Option<bool>,
    external_account_binding: Option<Value>,
}

impl Acme {
    /// RFC 8555 section 7.3: a new account, or the one that the key has already (7.3.1).
    pub(crate) async fn new_account(&self, call: &Call<'_>) -> Result<Reply, Problem> {
        let key = call.jwk()?;
        let new: NewAccount = call.json()?;
        let directory = call.directory;
        let existing = self.0.store.account_by_key(directory.id, key.thumbprint()).await?;
        if let Some(existing) = existing {
            return existing_account(call, &existing);
        }
        if new.only_return_existing == Some(true) {
            return Err(Problem::new(
                ProblemType::AccountDoesNotExist,
                "no account has this key, and onlyReturnExisting asked for none to be made",
            ));
        }
        let contacts = new.contact.unwrap_or_default();
        contact::check(&contacts, &directory.acme_profile.settings)?;
        let agreed = new.terms_of_service_agreed == Some(true);
        self.check_terms(call, agreed)?;
        let binding = self.binding(call, key, new.external_account_binding).await?;
        self.limit_new_account(call)?;
        self.register(call, key, contacts, agreed, binding).await
    }

    fn check_terms(&self, call: &Call<'_>, agreed: bool) -> Result<(), Problem> {
        let settings = &call.directory.acme_profile.settings;
        if agreed || !settings.require_terms_agreement {
            return Ok(());
        }
        let mut problem = Problem::new(
            ProblemType::UserActionRequired,
            "the terms of service must be agreed to: read them at the directory's meta.termsOfService and send \
             termsOfServiceAgreed: true",
        );
        if let Some(terms) = &settings.terms_of_service {
            problem.links.push((terms.clone(), "terms-of-service"));
            problem.instance = Some(terms.clone());
        }
        Err(problem)
    }

    /// RFC 8555 section 7.3.4: the binding, verified; one that comes unasked is verified too.
    async fn binding(
        &self,
        call: &Call<'_>,
        key: &AccountKey,
        binding: Option<Value>,
    ) -> Result<Option<Binding>, Problem> {
        match (binding, call.directory.acme_profile.settings.eab) {
            (Some(binding), _) => self.verify_binding(call, key, binding).await.map(Some),
            (None, EabPolicy::Optional) => Ok(None),
            (None, EabPolicy::Required) => Err(Problem::new(
                ProblemType::ExternalAccountRequired,
                "new accounts must be bound to an external account: ask the operator for a key identifier and MAC key, \
                 and send externalAccountBinding",
            )),
        }
    }

    async fn register(
        &self,
        call: &Call<'_>,
        key: &AccountKey,
        contacts: Vec<String>,
        agreed: bool,
        binding: Option<Binding>,
    ) -> Result<Reply, Problem> {
        let now = self.0.now();
        let (eab_key, eab) = binding.map(|binding| (binding.key.id, binding.shown)).unzip();
        let account = Account {
            id: self.0.new_id(),
            directory: call.directory.id,
            status: AccountStatus::Valid,
            thumbprint: key.thumbprint(),
            jwk: key.jwk().into(),
            key_identity: key.public_key().identity(),
            contacts,
            terms_agreed_at: agreed.then_some(now),
            eab_key,
            eab,
            disabled: false,
            created_at: now,
        };
        let (id, name) = (account.id, format!("acme:{}", account.id));
        let actor = Actor::enrollee(id, name, ActorKind::AcmeAccount, [account.directory.ra_profile]);
        let told = account::tell(&actor, call, Event::AcmeAccountCreate, &account)
            .with("contacts", account.contacts.clone())
            .with("termsAgreed", agreed)
            .with("eabKey", account.eab_key.map(|id| id.to_string()))
            .at(now);
        match self.0.store.create_account(account.clone(), told).await? {
            Registered::New => Ok(account.reply(201, call.directory)),
            // Another request with the same key was quicker.
            Registered::Existing(existing) => existing_account(call, &existing),
            Registered::EabSpent => Err(crate::eab::refused()),
        }
    }
}

/// RFC 8555 section 7.3.1: the account as it is; what the request asked for is ignored.
fn existing_account(call: &Call<'_>, existing: &Account) -> Result<Reply, Problem> {
    crate::service::stands(existing)?;
    Ok(existing.reply(200, call.directory))
}
