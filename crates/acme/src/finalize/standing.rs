//! What stands for each identifier of an order: one authorization, the same for every rule and for the trail.

use time::OffsetDateTime;

use crate::authorization::is_trusted;
use crate::identifier::faults;
use crate::{Authorization, Challenge, ChallengeStatus, Directory, EabKey, Identifier, Order, Problem, ProblemType};

/// An identifier with what authorizes it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing<'a> {
    pub identifier: &'a Identifier,
    pub authorization: &'a Authorization,
    /// The challenge by which it was proved; none in trusted mode.
    pub proof: Option<&'a Challenge>,
}

impl Standing<'_> {
    /// Whether the authorization is for the very name, not for a domain above it (RFC 9444).
    pub fn is_itself(&self) -> bool {
        let (base, wildcard) = self.identifier.base();
        self.authorization.identifier == base && self.authorization.wildcard == wildcard
    }
}

/// For every identifier the valid authorization of the order's account that counts: one for the very name before one for a
/// domain above it, then the one that holds longest. One without a challenge counts while the EAB key that stands for it
/// does, at a directory in trusted mode.
///
/// # Errors
/// `unauthorized`, with every identifier that nothing stands for.
pub(super) fn standing<'a>(
    directory: &Directory,
    order: &'a Order,
    authorizations: &'a [Authorization],
    eab: Option<&EabKey>,
    now: OffsetDateTime,
) -> Result<Vec<Standing<'a>>, Problem> {
    let (mut found, mut refused) = (Vec::with_capacity(order.identifiers.len()), Vec::new());
    for identifier in &order.identifiers {
        let covering = authorizations.iter().filter(|authorization| {
            authorization.account == order.account && authorization.counts_at(now) && authorization.covers(identifier)
        });
        let covering: Vec<_> = covering.map(|authorization| of(identifier, authorization)).collect();
        let trusted = || eab.is_some_and(|key| is_trusted(directory, key, identifier, now));
        let stands = |standing: &&Standing<'_>| standing.proof.is_some() || trusted();
        let best = covering
            .iter()
            .filter(stands)
            .max_by_key(|standing| (standing.is_itself(), standing.proof.is_some(), standing.authorization.expires_at));
        if let Some(best) = best {
            found.push(*best);
            continue;
        }
        let why = match covering.as_slice() {
            [] => "no valid authorization is for it",
            // Trusted mode that was switched off since vouches for nothing.
            _ => "the external account key that stood for it does not any more: make a new order",
        };
        let detail = format!("{} {:?}: {why}", identifier.kind(), identifier.value());
        refused.push(Problem::new(ProblemType::Unauthorized, detail).of(identifier.clone()));
    }
    faults(refused)?;
    Ok(found)
}

fn of<'a>(identifier: &'a Identifier, authorization: &'a Authorization) -> Standing<'a> {
    let proof = authorization.challenges.iter().find(|challenge| challenge.status == ChallengeStatus::Valid);
    Standing { identifier, authorization, proof }
}
