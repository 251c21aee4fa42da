//! The certificate that an order replaces: RFC 9773 section 5.

use time::OffsetDateTime;
use uuid::Uuid;

use chancery_pki::Certificate;

use super::new::already_replaced;
use crate::call::Call;
use crate::renewal_info::CertificateId;
use crate::{Acme, Identifier, Problem, ProblemType};

impl Acme {
    /// The certificate object that the account's new order may replace: of the same account, with an identifier in common,
    /// not replaced by another order.
    pub(super) async fn replaceable(
        &self,
        call: &Call<'_>,
        id: &str,
        identifiers: &[Identifier],
        now: OffsetDateTime,
    ) -> Result<Uuid, Problem> {
        let id: CertificateId = id.parse()?;
        let record = self.certificate_by_id(call.directory, &id).await?;
        // Another account's certificate is told like one that is not there.
        let account = call.account()?;
        let record = record.filter(|record| record.owner_id == account.id).ok_or_else(|| {
            let why = "replaces names no certificate of this account: leave it out";
            Problem::new(ProblemType::Malformed, why).with_status(404)
        })?;
        let certificate = record.certificate.as_deref().map(Certificate::from_der);
        let Some(Ok(certificate)) = certificate else {
            return Err(Problem::new(ProblemType::ServerInternal, "the certificate cannot be read"));
        };
        let shared = certificate
            .subject_alt_names()
            .iter()
            .filter_map(Identifier::of_general_name)
            .any(|name| identifiers.contains(&name));
        if !shared {
            let why = "the certificate that replaces names has no identifier in common with the order: leave it out";
            return Err(Problem::new(ProblemType::Malformed, why));
        }
        if self.0.store.is_replaced(record.id, now).await? {
            return Err(already_replaced());
        }
        Ok(record.id)
    }
}
