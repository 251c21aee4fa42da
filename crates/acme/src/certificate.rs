//! Certificates and their chains: RFC 8555 section 7.4.2.

use chancery_core::CertificateState;
use chancery_pki::{Certificate, certs_only};
use uuid::Uuid;

use crate::call::Call;
use crate::order::unknown;
use crate::{Acme, Body, Problem, ProblemType, Reply, Resource};

/// The forms in which a certificate is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// RFC 8555 section 9.1.
    PemChain,
    /// RFC 2585 section 4.1: the certificate alone.
    Der,
    /// RFC 5751: a degenerate SignedData with the chain.
    Pkcs7,
}

impl Form {
    const ALL: [Self; 3] = [Self::PemChain, Self::Der, Self::Pkcs7];

    fn media_type(self) -> &'static str {
        match self {
            Self::PemChain => "application/pem-certificate-chain",
            Self::Der => "application/pkix-cert",
            Self::Pkcs7 => "application/pkcs7-mime",
        }
    }
}

/// The form that an Accept header likes best (RFC 9110 section 12.5.1), the first of equals. A header that likes none of
/// them is disregarded: clients send the strangest.
fn preferred(accept: Option<&str>) -> Form {
    let ranges: Vec<(String, f32)> = accept.unwrap_or_default().split(',').filter_map(range).collect();
    let liking = |form: Form| {
        let media_type = form.media_type();
        let fits = |range: &str| match range {
            "*/*" => 1,
            "application/*" => 2,
            exact if exact == media_type => 3,
            _ => 0,
        };
        let best = ranges.iter().filter(|(range, _)| fits(range) > 0).max_by_key(|(range, _)| fits(range));
        best.map_or(0.0, |(_, quality)| *quality)
    };
    let mut found = Form::PemChain;
    for form in Form::ALL {
        if liking(form) > liking(found) {
            found = form;
        }
    }
    found
}

fn range(text: &str) -> Option<(String, f32)> {
    let mut parts = text.split(';').map(str::trim);
    let media_type = parts.next()?.to_ascii_lowercase();
    let quality = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
    let quality = quality.map_or(Some(1.0), |quality| quality.parse().ok().filter(|q| (0.0..=1.0).contains(q)))?;
    Some((media_type, quality))
}

impl Acme {
    /// RFC 8555 section 7.4.2: download a certificate of the account, with its chain or an alternate one.
    pub(crate) async fn certificate(&self, call: &Call<'_>, id: Uuid, alternate: u32) -> Result<Reply, Problem> {
        call.post_as_get()?;
        let account = call.account()?;
        let ports = self.0.ra.ports();
        let record = ports.inventory.certificate(id).await?.filter(|record| {
            let given = matches!(record.state, CertificateState::Issued | CertificateState::Revoked)
                || record.state == CertificateState::PendingApproval;
            given && record.owner_id == account.id
        });
        let record = record.ok_or_else(|| unknown("certificate"))?;
        // One that waits for its own approval is not there yet.
        let der = record.certificate.as_deref().ok_or_else(|| unknown("certificate"))?;
        let leaf = Certificate::from_der(der).map_err(|fault| Problem {
            cause: Some(std::sync::Arc::new(fault)),
            ..internal("the certificate cannot be read")
        })?;
        let issuers = record.issuer.and_then(|issuer| ports.authority.chain(issuer)).unwrap_or_default();
        let issuers: Vec<Certificate> = issuers.into_iter().map(|(_, certificate)| certificate).collect();
        let chains = chains(leaf, issuers);
        let chosen = usize::try_from(alternate).ok().and_then(|alternate| chains.get(alternate));
        let chosen = chosen.ok_or_else(|| unknown("certificate chain"))?;
        let mut reply = given(preferred(call.accept), chosen);
        for other in (0..).take(chains.len()).filter(|other| *other != alternate) {
            reply = reply.with_link(call.directory.url(&Resource::Certificate(id, other)), "alternate");
        }
        Ok(reply)
    }
}

/// The chains of a certificate, the best first: up to below the root, which clients have; and with the root.
fn chains(leaf: Certificate, issuers: Vec<Certificate>) -> Vec<Vec<Certificate>> {
    let whole: Vec<Certificate> = std::iter::once(leaf).chain(issuers).collect();
    let rooted = whole.len() > 1 && whole.last().is_some_and(Certificate::is_self_issued);
    let mut chains = Vec::new();
    // A chain without any issuer is refused by clients (certbot): then the root belongs to it.
    if rooted && whole.len() > 2 {
        chains.push(whole[..whole.len() - 1].to_vec());
    }
    chains.push(whole);
    chains
}

fn given(form: Form, chain: &[Certificate]) -> Reply {
    let bytes = match form {
        // RFC 8555 section 9.1: one line ending, and no explanatory text.
        Form::PemChain => chain.iter().map(Certificate::to_pem).collect::<String>().into_bytes(),
        Form::Der => chain.first().map(|leaf| leaf.der().to_vec()).unwrap_or_default(),
        Form::Pkcs7 => certs_only(chain),
    };
    let reply = Reply { body: Body::Bytes { content_type: form.media_type(), bytes }, ..Reply::new(200) };
    // RFC 8555 section 7.4.2: where the form holds one certificate, where its issuer is.
    match (form, chain.first()) {
        (Form::Der, Some(leaf)) => {
            leaf.aia_issuers().into_iter().fold(reply, |reply, issuer| reply.with_link(issuer, "up"))
        }
        _ => reply,
    }
}

fn internal(why: &str) -> Problem {
    Problem::new(ProblemType::ServerInternal, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc9110_12_5_1_the_best_liked_form_is_given() {
        for (accept, form) in [
            (None, Form::PemChain),
            (Some(""), Form::PemChain),
            (Some("*/*"), Form::PemChain),
            (Some("text/html"), Form::PemChain),
            (Some("application/pkix-cert"), Form::Der),
            (Some("Application/PKIX-Cert; q=0.5"), Form::Der),
            (Some("application/pkcs7-mime, */*;q=0.1"), Form::Pkcs7),
            (Some("application/pem-certificate-chain;q=0.2, application/pkix-cert;q=0.9"), Form::Der),
            (Some("application/pem-certificate-chain;q=0, application/*"), Form::Der),
            (Some("application/pkix-cert;q=7, application/pkcs7-mime;q=0.1"), Form::Pkcs7),
            (Some(",,;;q=,"), Form::PemChain),
        ] {
            assert_eq!(preferred(accept), form, "{accept:?}");
        }
    }
}
