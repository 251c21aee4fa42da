//! CAA at the moment of issuing: RFC 8659 section 3.

use std::time::Duration as Wait;

use time::{Duration, OffsetDateTime};
use tokio::task::JoinSet;

use super::standing::Standing;
use crate::identifier::faults;
use crate::port::{AttemptFailed, CaaQuestion};
use crate::{Acme, Directory, Identifier, Order, Problem, ProblemType, Resource};

/// CAA is asked again when the answer is older (CA/Browser Forum baseline requirements, section 4.2.2.1: 8 hours).
const COUNTS_FOR: Duration = Duration::hours(7);

/// Questions of one order that are asked at the same time.
const AT_ONCE: usize = 16;

/// All of them are answered within this time, or the order is not issued now: clients wait for the answer to a finalize.
const WITHIN: Wait = Wait::from_secs(30);

impl Acme {
    /// What CAA allowed hours ago is asked again, and so is a name that was not asked for itself.
    ///
    /// # Errors
    /// `caa` or `dns`, with every identifier that CAA forbids or that could not be asked for.
    pub(super) async fn check_caa(
        &self,
        directory: &Directory,
        order: &Order,
        standing: &[Standing<'_>],
    ) -> Result<(), Problem> {
        if !directory.acme_profile.settings.caa {
            return Ok(());
        }
        let asked_at = self.0.now();
        let open: Vec<(&Standing<'_>, CaaQuestion)> = standing
            .iter()
            .filter_map(|standing| Some((standing, question(directory, order, standing, asked_at)?)))
            .collect();
        let mut asking = JoinSet::new();
        let mut answers: Vec<Option<Result<(), AttemptFailed>>> = open.iter().map(|_| None).collect();
        let mut next = open.iter().map(|(_, question)| question.clone()).enumerate();
        let asked = async {
            loop {
                while asking.len() < AT_ONCE
                    && let Some((index, question)) = next.next()
                {
                    let validator = self.0.validator.clone();
                    asking.spawn(async move { (index, validator.caa(&question).await) });
                }
                match asking.join_next().await {
                    Some(Ok((index, answer))) => answers[index] = Some(answer),
                    Some(Err(error)) => tracing::error!(%error, "a CAA question broke off"),
                    None => break,
                }
            }
        };
        // Those that are left are told below.
        let _ = tokio::time::timeout(WITHIN, asked).await;
        let (mut allowed, mut refused) = (Vec::new(), Vec::new());
        for ((standing, question), answer) in open.iter().zip(answers) {
            let problem = match answer {
                Some(Ok(())) if standing.is_itself() => {
                    allowed.push(standing.authorization.id);
                    continue;
                }
                Some(Ok(())) => continue,
                Some(Err(failed)) => failed.problem,
                None => {
                    let within = WITHIN.as_secs();
                    let why = format!("CAA of {} was not answered within {within} s: try again", question.name);
                    Problem::new(ProblemType::Dns, why)
                }
            };
            refused.push(problem.of(standing.identifier.clone()));
        }
        faults(refused)?;
        if !allowed.is_empty() {
            self.0.store.caa_checked(allowed, asked_at).await?;
        }
        Ok(())
    }
}

/// What is to be asked for an identifier; none where the answer stands, or nothing was proved (in trusted mode there is no
/// method that CAA could allow).
fn question(directory: &Directory, order: &Order, standing: &Standing<'_>, now: OffsetDateTime) -> Option<CaaQuestion> {
    let (Identifier::Dns(name), wildcard) = standing.identifier.base() else { return None };
    let proof = standing.proof?;
    let fresh = standing.authorization.caa_checked_at.is_some_and(|at| now - at < COUNTS_FOR);
    if standing.is_itself() && fresh {
        return None;
    }
    let settings = &directory.acme_profile.settings;
    Some(CaaQuestion {
        name,
        wildcard,
        issuer_domains: settings.caa_identities.clone(),
        account_url: proof.account_url.clone().unwrap_or_else(|| directory.url(&Resource::Account(order.account))),
        method: proof.kind,
        resolver: settings.resolver,
    })
}
