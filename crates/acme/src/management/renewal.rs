//! Marks for renewal: an incident, after which clients shall renew at once (RFC 9773 section 4.2).

use chancery_core::audit::{Event, Telling};
use chancery_core::{
    Action, Actor, CertificateField, CertificateFilter, CertificateQuery, CertificateState, Condition, Error, Origin,
    ProfileRef,
};
use url::Url;
use uuid::Uuid;

use super::state;
use crate::Acme;
use crate::port::RenewalMark;

/// Most certificates of one write.
const PART: usize = 500;
/// Most certificates named in one call.
const MOST: usize = 10_000;

/// Which certificates.
#[derive(Clone, Debug)]
pub enum Marked {
    /// These.
    Certificates(Vec<Uuid>),
    /// All that this RA profile has issued and that are not over.
    Profile(ProfileRef),
}

impl Acme {
    /// Tell clients to renew these certificates at once, or take that back; the number of certificates marked or freed.
    /// The mark is answered at `renewalInfo`; nothing is revoked. A large profile is marked part by part: after an error
    /// call it again. `mark` is the page that explains why, where there is one; `None` takes marks away.
    ///
    /// # Errors
    /// [`Error::NotFound`] when one of them is not within the actor's scope (then none is marked); [`Error::Rejected`] when
    /// the explanation is no http or https URL, or too many are named; [`Error::Forbidden`] when the role may not.
    pub async fn mark_for_renewal(
        &self,
        actor: &Actor,
        origin: &Origin,
        marked: Marked,
        mark: Option<Option<String>>,
    ) -> Result<u64, Error> {
        self.0.ra.demand(actor, origin, Action::ManageProfiles).await?;
        let done = self.mark(actor, origin, marked, mark).await;
        self.0.ra.told_of(actor, origin, Event::AcmeRenewalMark, None, None, done).await
    }

    async fn mark(
        &self,
        actor: &Actor,
        origin: &Origin,
        marked: Marked,
        mark: Option<Option<String>>,
    ) -> Result<u64, Error> {
        if let Some(Some(url)) = &mark
            && !Url::parse(url).is_ok_and(|url| ["http", "https"].contains(&url.scheme()) && url.has_host())
        {
            return Err(state(format!("explanationUrl: {url:?} is no http or https URL")));
        }
        match marked {
            Marked::Certificates(mut certificates) => {
                certificates.sort_unstable();
                certificates.dedup();
                if certificates.len() > MOST {
                    return Err(state(format!("more than {MOST} certificates; mark their RA profile, or call again")));
                }
                for id in &certificates {
                    self.0.ra.certificate(actor, origin, *id).await?;
                }
                let mut written = 0;
                for part in certificates.chunks(PART) {
                    written += self.write_marks(actor, origin, None, part.to_vec(), mark.as_ref()).await?;
                }
                Ok(written)
            }
            Marked::Profile(reference) => {
                let profile = self.ra_profile(actor, origin, &reference).await?.id;
                let (mut written, mut after) = (0, None);
                loop {
                    let part = self.standing(profile, after).await?;
                    after = part.last().copied();
                    if after.is_none() {
                        return Ok(written);
                    }
                    written += self.write_marks(actor, origin, Some(profile), part, mark.as_ref()).await?;
                }
            }
        }
    }

    /// The next certificates of an RA profile that are issued and not over.
    async fn standing(&self, profile: Uuid, after: Option<Uuid>) -> Result<Vec<Uuid>, Error> {
        let filter = |field, condition| CertificateFilter { field, condition };
        let query = CertificateQuery {
            profiles: Some(vec![profile]),
            filters: vec![
                filter(CertificateField::State, Condition::Equals(vec![CertificateState::Issued.as_str().into()])),
                filter(CertificateField::NotAfter, Condition::After(self.0.now())),
            ],
            include_archived: true,
            after,
            limit: PART as u32,
            ..CertificateQuery::default()
        };
        let page = self.0.ra.ports().inventory.certificates(query).await?;
        Ok(page.items.into_iter().map(|certificate| certificate.id).collect())
    }

    async fn write_marks(
        &self,
        actor: &Actor,
        origin: &Origin,
        profile: Option<Uuid>,
        certificates: Vec<Uuid>,
        mark: Option<&Option<String>>,
    ) -> Result<u64, Error> {
        let now = self.0.now();
        let named: Vec<String> = certificates.iter().map(Uuid::to_string).collect();
        let told = Telling::success(actor, origin, Event::AcmeRenewalMark)
            .profile(profile)
            .count(certificates.len() as u64)
            .with("marked", mark.is_some())
            .with("explanationUrl", mark.cloned().flatten())
            .with("certificates", named)
            .at(now);
        let mark = mark.cloned().map(|explanation_url| RenewalMark {
            // One mark for them all: the list says whose it is.
            certificate: Uuid::nil(),
            explanation_url,
            marked_at: now,
        });
        Ok(self.0.store.mark_for_renewal(certificates, mark, told).await?)
    }
}
