//! The inventory as callers see it: what lies outside their scope answers like what is not there.

use uuid::Uuid;

use chancery_pki::Certificate;

use crate::audit::HistoryEvent;
use crate::{Action, Actor, CertificateQuery, CertificateRecord, Error, Origin, Page, Ra, Scope};

/// Pages that end behind this many are refused: they would read everything before them.
const DEEPEST: u64 = 10_000;

impl Ra {
    /// One certificate object.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none within the actor's scope.
    pub async fn certificate(&self, actor: &Actor, origin: &Origin, id: Uuid) -> Result<CertificateRecord, Error> {
        self.demand(actor, origin, Action::ReadCertificates).await?;
        self.reachable_certificate(actor, origin, id).await
    }

    /// A page of certificate objects, newest first.
    ///
    /// # Errors
    /// [`Error::Rejected`] for pages too deep to be read in time.
    pub async fn certificates(
        &self,
        actor: &Actor,
        origin: &Origin,
        mut query: CertificateQuery,
    ) -> Result<Page<CertificateRecord>, Error> {
        self.demand(actor, origin, Action::ReadCertificates).await?;
        if query.offset.saturating_add(query.limit.into()) > DEEPEST {
            return Err(Error::rejected(crate::Rejection::State(format!(
                "pages reach only the first {DEEPEST} certificates: narrow the filters, or read on from the last \
                 certificate that you have, by giving its uuid as cursor"
            ))));
        }
        if let Scope::Profiles(profiles) = &actor.scope {
            query.profiles = Some(profiles.iter().copied().collect());
        }
        Ok(self.0.ports.inventory.certificates(query).await?)
    }

    /// What happened to a certificate object, oldest first.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none within the actor's scope.
    pub async fn history(&self, actor: &Actor, origin: &Origin, id: Uuid) -> Result<Vec<HistoryEvent>, Error> {
        self.certificate(actor, origin, id).await?;
        let entries = self.0.ports.audit.history(id).await?;
        entries.iter().map(|entry| HistoryEvent::read(entry).map_err(Error::internal)).collect()
    }

    /// The CA certificates above a certificate, its issuer first and the root last; none while it is not issued.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none within the actor's scope.
    pub async fn chain(&self, actor: &Actor, origin: &Origin, id: Uuid) -> Result<Vec<(Uuid, Certificate)>, Error> {
        let record = self.certificate(actor, origin, id).await?;
        let issuer = record.issuer.filter(|issuer| *issuer != record.id);
        Ok(issuer.and_then(|issuer| self.0.ports.authority.chain(issuer)).unwrap_or_default())
    }

    /// The certificates that renew, rekey or replace this one.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none within the actor's scope.
    pub async fn successors(&self, actor: &Actor, origin: &Origin, id: Uuid) -> Result<Vec<CertificateRecord>, Error> {
        self.certificate(actor, origin, id).await?;
        let mut successors = self.0.ports.inventory.successors(id).await?;
        successors.retain(|successor| actor.scope.contains(successor.profile));
        Ok(successors)
    }

    /// An existing certificate object within the actor's scope. Reaching for one outside is told.
    pub(crate) async fn reachable_certificate(
        &self,
        actor: &Actor,
        origin: &Origin,
        id: Uuid,
    ) -> Result<CertificateRecord, Error> {
        let unknown = || Error::not_found("certificate", id);
        let record = self.0.ports.inventory.certificate(id).await?.ok_or_else(unknown)?;
        if !actor.scope.contains(record.profile) {
            self.out_of_scope(actor, origin, record.profile, Some(id)).await?;
            return Err(unknown());
        }
        Ok(record)
    }
}
