//! Revocation: RFC 8555 section 7.6.

use chancery_core::{
    CertificateField, CertificateFilter, CertificateQuery, CertificateRecord, CertificateState, Condition, Error,
    ProfileRef, RevokeRequest,
};
use chancery_pki::{Certificate, Fingerprint, PublicKey, RevocationReason};
use serde::Deserialize;

use crate::call::{Call, Signer};
use crate::{Acme, Identifier, Problem, ProblemType, Reply, base64url};

/// Not 200, which would say that it is revoked (RFC 8555 section 7.6): a revocation that waits for an approval.
const WAITS: u16 = 202;

/// The reasons that a subscriber may give; the others are for CAs to give.
const REASONS: [RevocationReason; 5] = [
    RevocationReason::Unspecified,
    RevocationReason::KeyCompromise,
    RevocationReason::AffiliationChanged,
    RevocationReason::Superseded,
    RevocationReason::CessationOfOperation,
];

#[derive(Deserialize)]
struct Revoke {
    certificate: String,
    #[serde(default)]
    reason: Option<serde_json::Number>,
}

impl Acme {
    /// RFC 8555 section 7.6: by the account that it was issued to, by one that holds authorizations for all its names, or by
    /// the certificate's own key.
    pub(crate) async fn revoke(&self, call: &Call<'_>) -> Result<Reply, Problem> {
        let asked: Revoke = call.json()?;
        let padded = call.directory.acme_profile.settings.padded_base64;
        let der =
            if padded { base64url::decode_padded(&asked.certificate) } else { base64url::decode(&asked.certificate) };
        let der = der.ok_or_else(|| malformed("certificate is not base64url without padding"))?;
        let certificate = Certificate::from_der(&der).map_err(|fault| malformed(&format!("certificate: {fault}")))?;
        let reason = reason(asked.reason.as_ref())?;
        let record = self.issued_here(call, &der).await?;
        self.may_revoke(call, &certificate, &record).await?;
        match record.state {
            CertificateState::Revoked => return Err(already_revoked()),
            // A lost key is told whatever waits; another reason adds nothing.
            CertificateState::PendingApproval if reason != RevocationReason::KeyCompromise => {
                return Ok(Reply::new(WAITS));
            }
            _ => {}
        }
        let now = self.0.now();
        if record.not_after.is_none_or(|end| end <= now) {
            return Err(malformed("the certificate has expired: there is nothing to revoke"));
        }
        // Without one it would not have been found.
        let profile = record.profile.ok_or_else(unknown)?;
        let may = self.0.ra.authorize(&call.actor(), call.origin, &ProfileRef::Id(profile)).await?;
        let attributes = call.directory.revoke_attributes().to_vec();
        let waits = record.state == CertificateState::PendingApproval;
        let done = if waits || may.profile().policy.revocation_approval_required() { WAITS } else { 200 };
        match self.0.ra.revoke(may, record.id, RevokeRequest { reason, attributes, alongside: None }).await {
            Ok(()) => Ok(Reply::new(done)),
            Err(error @ (Error::Rejected(_) | Error::Conflict(_))) => {
                // Somebody else may have been faster.
                let record = self.0.ra.ports().inventory.certificate(record.id).await?;
                match record.map(|record| record.state) {
                    Some(CertificateState::Revoked) => Err(already_revoked()),
                    Some(CertificateState::PendingApproval) => Ok(Reply::new(WAITS)),
                    _ => Err(error.into()),
                }
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The very certificate, issued under one of the directory's RA profiles.
    async fn issued_here(&self, call: &Call<'_>, der: &[u8]) -> Result<CertificateRecord, Problem> {
        let directory = call.directory;
        let profiles = std::iter::once(&directory.ra_profile).chain(&directory.choices).map(|profile| profile.id);
        let query = CertificateQuery {
            profiles: Some(profiles.collect()),
            filters: vec![CertificateFilter {
                field: CertificateField::Fingerprint,
                condition: Condition::Equals(vec![Fingerprint::of(der).to_hex()]),
            }],
            include_archived: true,
            limit: 1,
            ..CertificateQuery::default()
        };
        let found = self.0.ra.ports().inventory.certificates(query).await?.items.into_iter().next();
        found.filter(|record| record.certificate.as_deref() == Some(der)).ok_or_else(unknown)
    }

    async fn may_revoke(
        &self,
        call: &Call<'_>,
        certificate: &Certificate,
        record: &CertificateRecord,
    ) -> Result<(), Problem> {
        let unauthorized = |why| Err(Problem::new(ProblemType::Unauthorized, why));
        match &call.signer {
            Signer::Jwk(key) if same_key(key.public_key(), certificate.public_key()) => Ok(()),
            Signer::Jwk(_) => unauthorized("the request is signed by another key than the certificate's"),
            Signer::Account { account, .. } if record.owner_id == account.id => Ok(()),
            Signer::Account { account, .. } => {
                let why = "the certificate was issued to another account, and this one does not hold a valid \
                           authorization for each of its names";
                let names = certificate.subject_alt_names();
                let identifiers: Vec<Identifier> = names.iter().filter_map(Identifier::of_general_name).collect();
                if identifiers.is_empty() || identifiers.len() < names.len() {
                    return unauthorized(why);
                }
                let mut asked: Vec<Identifier> = Vec::new();
                for (base, _) in identifiers.iter().map(Identifier::base) {
                    asked.extend(base.ancestors());
                    asked.push(base);
                }
                asked.sort();
                asked.dedup();
                let now = self.0.now();
                let held = self.0.store.authorizations_for(account.id, asked, now).await?;
                let holds = |identifier: &Identifier| {
                    held.iter().any(|authorization| {
                        authorization.counts_at(now) && authorization.is_proved() && authorization.covers(identifier)
                    })
                };
                if identifiers.iter().all(holds) { Ok(()) } else { unauthorized(why) }
            }
        }
    }
}

/// The very key, and not one of the same RSA modulus: for an exponent of one's choice everybody can sign.
fn same_key(one: &PublicKey, other: &PublicKey) -> bool {
    one.spki_der() == other.spki_der()
}

fn reason(asked: Option<&serde_json::Number>) -> Result<RevocationReason, Problem> {
    let Some(asked) = asked else { return Ok(RevocationReason::Unspecified) };
    let code = asked.as_u64().and_then(|code| u8::try_from(code).ok()).and_then(RevocationReason::from_code);
    code.filter(|reason| REASONS.contains(reason)).ok_or_else(|| {
        let codes = REASONS.map(|reason| reason.code().to_string()).join(", ");
        let why = format!("the reason {asked} is not one that a subscriber may give: one of {codes}");
        Problem::new(ProblemType::BadRevocationReason, why)
    })
}

fn malformed(why: &str) -> Problem {
    Problem::new(ProblemType::Malformed, why)
}

fn unknown() -> Problem {
    malformed("this directory has issued no such certificate").with_status(404)
}

fn already_revoked() -> Problem {
    Problem::new(ProblemType::AlreadyRevoked, "the certificate is revoked already")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_exponent_is_another_key() {
        let modulus = base64url::encode([&[0xc5][..], &[0x5a; 254], &[0x01]].concat());
        let key = |e: &str| {
            let jwk = serde_json::json!({ "kty": "RSA", "n": modulus, "e": e });
            crate::AccountKey::from_jwk(&jwk).unwrap()
        };
        let (own, other) = (key("AQAB"), key("AQAD"));
        assert_eq!(own.public_key().identity(), other.public_key().identity());
        assert!(same_key(own.public_key(), key("AQAB").public_key()));
        assert!(!same_key(own.public_key(), other.public_key()));
    }

    #[test]
    fn rfc8555_7_6_reasons_are_those_of_subscribers() {
        assert_eq!(reason(None).unwrap(), RevocationReason::Unspecified);
        assert_eq!(reason(Some(&1.into())).unwrap(), RevocationReason::KeyCompromise);
        for code in [-1, 2, 6, 7, 8, 9, 10, 11, 257, 1_000_000_000] {
            let problem = reason(Some(&code.into())).unwrap_err();
            assert_eq!(problem.kind, ProblemType::BadRevocationReason, "{code}");
        }
        let fraction = serde_json::Number::from_f64(1.5).unwrap();
        assert_eq!(reason(Some(&fraction)).unwrap_err().kind, ProblemType::BadRevocationReason);
    }
}
