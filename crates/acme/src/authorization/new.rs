//! New authorizations: for an order, or ahead of one (RFC 8555 section 7.4.1).

use chancery_core::ProfileRef;
use serde::Deserialize;
use time::{Duration, OffsetDateTime};

use crate::call::Call;
use crate::identifier::{AskedIdentifier, faults};
use crate::names::AllowedNames;
use crate::order::{identifiers, may_ask, too_many_pending, whole_second};
use crate::{
    Acme, AcmeSettings, Authorization, AuthorizationStatus, Challenge, ChallengeStatus, ChallengeType, Directory,
    EabKey, Identifier, Problem, ProblemType, Reply, base64url,
};

/// What an identifier of an order needs to be authorized by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Needed {
    identifier: Identifier,
    wildcard: bool,
    subdomains: bool,
}

impl Needed {
    /// For the name itself, or for the domain above it that the client chose (RFC 9444 section 4.2).
    pub(crate) fn of(identifier: &Identifier, ancestor: Option<&Identifier>) -> Self {
        match ancestor {
            Some(ancestor) => Self { identifier: ancestor.clone(), wildcard: false, subdomains: true },
            None => {
                let (identifier, wildcard) = identifier.base();
                Self { identifier, wildcard, subdomains: false }
            }
        }
    }

    /// Whether the authorization is the one that is needed, or one that covers the order's identifier anyway.
    pub(crate) fn is_met_by(&self, authorization: &Authorization, identifier: &Identifier) -> bool {
        authorization.covers(identifier)
            || self.subdomains && authorization.subdomains && authorization.identifier == self.identifier
    }
}

impl Authorization {
    /// Whether it is valid at this instant.
    pub(crate) fn counts_at(&self, now: OffsetDateTime) -> bool {
        self.status_at(now) == AuthorizationStatus::Valid
    }

    /// Whether a challenge is behind it: in trusted mode there is none.
    pub(crate) fn is_proved(&self) -> bool {
        !self.challenges.is_empty()
    }

    /// Whether it is about this identifier of an order: the name itself, or one below it (RFC 9444).
    pub(crate) fn covers(&self, identifier: &Identifier) -> bool {
        let (base, wildcard) = identifier.base();
        let itself = self.identifier == base && self.wildcard == wildcard;
        itself || self.subdomains && (base == self.identifier || base.is_below(&self.identifier))
    }
}

/// The challenges that can prove it, as far as the directory offers them.
fn offered(settings: &AcmeSettings, needed: &Needed) -> Vec<ChallengeType> {
    use ChallengeType as Type;
    let able: &[Type] = match &needed.identifier {
        // RFC 8555 section 8.3, RFC 8737 section 3: what one host answers proves nothing of the names below it.
        Identifier::Dns(_) if needed.wildcard || needed.subdomains => {
            &[Type::Dns01, Type::DnsAccount01, Type::DnsPersist01]
        }
        Identifier::Dns(_) => &[Type::Http01, Type::Dns01, Type::TlsAlpn01, Type::DnsAccount01, Type::DnsPersist01],
        // RFC 8738 section 7.
        Identifier::Ip(_) => &[Type::Http01, Type::TlsAlpn01],
        Identifier::PermanentIdentifier(_) | Identifier::HardwareModule(_) => &[Type::DeviceAttest01],
    };
    let named = !settings.caa_identities.is_empty();
    let possible = |kind: &&Type| settings.challenges.contains(kind) && (named || **kind != Type::DnsPersist01);
    able.iter().filter(possible).copied().collect()
}

#[derive(Deserialize)]
struct NewAuthorization {
    identifier: AskedIdentifier,
}

impl Acme {
    /// RFC 8555 section 7.4.1: an authorization before there is an order.
    pub(crate) async fn new_authorization(&self, call: &Call<'_>) -> Result<Reply, Problem> {
        let account = call.account()?;
        let asked: NewAuthorization = call.json()?;
        let settings = &call.directory.acme_profile.settings;
        if !settings.pre_authorization {
            let why = "this directory authorizes nothing ahead of an order: make an order";
            return Err(Problem::new(ProblemType::Malformed, why).with_status(404));
        }
        let profile = ProfileRef::Id(call.directory.ra_profile.id);
        let may = self.0.ra.authorize(&call.actor(), call.origin, &profile).await?;
        let wanted = identifiers(settings, &may.profile().policy, std::slice::from_ref(&asked.identifier))?;
        let [(identifier, _)] = wanted.as_slice() else {
            return Err(Problem::new(ProblemType::Malformed, "an authorization is for one identifier"));
        };
        if identifier.base().1 {
            let why =
                "a wildcard name cannot be authorized ahead of its order: make the order (RFC 8555 section 7.4.1)";
            return Err(Problem::new(ProblemType::Malformed, why));
        }
        self.limit_new_order(call, account, std::slice::from_ref(identifier), std::iter::empty())?;
        let subdomains = asked.identifier.subdomain_auth_allowed;
        if subdomains && !(settings.subdomains && matches!(identifier, Identifier::Dns(_))) {
            let why = "this directory authorizes no domains with the names below them: leave subdomainAuthAllowed out";
            return Err(Problem::new(ProblemType::Malformed, why));
        }
        let eab = self.eab_of(account).await?;
        let now = self.0.now();
        may_ask(eab.as_ref(), std::slice::from_ref(identifier), now, true)?;
        let needed = Needed { subdomains, ..Needed::of(identifier, None) };
        let expires_at = whole_second(now + Duration::seconds(settings.order_lifetime.into()));
        let trusted = eab.as_ref().filter(|_| !subdomains);
        let authorization = self.authorization_for(call, &needed, identifier, trusted, now, expires_at)?;
        let most = settings.most_pending_authorizations;
        if !self.0.store.create_authorization(authorization.clone(), most).await? {
            return Err(too_many_pending(settings));
        }
        Ok(self.authorization_reply(call, 201, &authorization))
    }

    /// A new authorization: pending with its challenges, or valid at once where the EAB key is trusted for the identifier.
    pub(crate) fn authorization_for(
        &self,
        call: &Call<'_>,
        needed: &Needed,
        identifier: &Identifier,
        trusted: Option<&EabKey>,
        now: OffsetDateTime,
        expires_at: OffsetDateTime,
    ) -> Result<Authorization, Problem> {
        let settings = &call.directory.acme_profile.settings;
        let pending = Authorization {
            id: self.0.new_id(),
            account: call.account()?.id,
            identifier: needed.identifier.clone(),
            wildcard: needed.wildcard,
            subdomains: needed.subdomains,
            status: AuthorizationStatus::Pending,
            expires_at,
            challenges: Vec::new(),
            attempt_at: None,
            caa_checked_at: None,
            created_at: now,
        };
        if let Some(key) = trusted.filter(|key| is_trusted(call.directory, key, identifier, now)) {
            let lifetime = Duration::seconds(settings.authorization_lifetime.into());
            let end = whole_second(now + lifetime);
            return Ok(Authorization {
                status: AuthorizationStatus::Valid,
                expires_at: key.expires_at.map_or(end, |over| over.min(end)),
                // It is for what the key lists, and for nothing else.
                subdomains: false,
                ..pending
            });
        }
        let kinds = offered(settings, needed);
        if kinds.is_empty() {
            let why = "no challenge that this directory offers can prove control of it";
            let detail = format!("{} {:?}: {why}", identifier.kind(), identifier.value());
            faults(vec![Problem::new(ProblemType::RejectedIdentifier, detail).of(identifier.clone())])?;
        }
        let challenges = kinds.into_iter().map(|kind| self.challenge(kind)).collect();
        Ok(Authorization { challenges, ..pending })
    }

    fn challenge(&self, kind: ChallengeType) -> Challenge {
        // RFC 8555 section 8: at least 128 bits.
        let mut token = [0; 24];
        self.0.ra.ports().rng.fill(&mut token);
        Challenge {
            kind,
            status: ChallengeStatus::Pending,
            token: base64url::encode(token),
            validated: None,
            error: None,
            attempts: 0,
            payload: None,
            account_url: None,
        }
    }
}

/// Trusted mode: the directory trusts the key, which was made for it and stands.
pub(crate) fn vouches(directory: &Directory, key: &EabKey, now: OffsetDateTime) -> bool {
    directory.acme_profile.settings.trusted_without_challenges && key.is_for(directory) && key.is_valid(now)
}

/// Trusted mode: the key stands, and names the identifier.
pub(crate) fn is_trusted(directory: &Directory, key: &EabKey, identifier: &Identifier, now: OffsetDateTime) -> bool {
    let names = key.names.as_deref().map(AllowedNames::parse);
    vouches(directory, key, now) && matches!(names, Some(Ok(names)) if names.lists(identifier))
}
