//! CertPoll, GetCert and GetCRL (RFC 8894 sections 3.3.3 to 3.3.5).

use chancery_core::CertificateState;
use chancery_pki::cms::CertificateId;
use chancery_pki::{Name, SerialNumber};

use crate::answer::{Answer, Recipient};
use crate::envelope::Opened;
use crate::failure::Failure;
use crate::service::Call;
use crate::{FailInfo, Scep};

impl Scep {
    /// What became of a transaction: told to whoever signed its request, and to nobody else. The transactionID and the
    /// signature say all; the content is not needed.
    pub(crate) async fn poll(&self, call: &Call<'_>) -> Result<Answer, Failure> {
        let known = self.0.store.transactions(call.door.id, call.message.transaction.octets.clone()).await?;
        let own = known.into_iter().find(|known| known.signer == call.message.key.identity());
        let own = own.ok_or_else(|| {
            Call::unknown("no transaction with this transactionID was begun with this key: send the request again")
        })?;
        self.outcome(call, own.certificate, reader(call)?, call.mirror()).await
    }

    /// A certificate of the door's RA profile, or of its authority, by issuer and serial number.
    pub(crate) async fn certificate(&self, call: &Call<'_>) -> Result<Answer, Failure> {
        let recipient = reader(call)?;
        let (issuer, serial, opened) = self.asked(call).await?;
        let unknown = || Call::unknown("this door has issued no certificate with this issuer and serial number");
        let chain = &call.identity.authority.chain;
        let ca = chain.iter().find(|(_, ca)| ca.issuer().matches(&issuer) && Some(ca.serial()) == serial.as_ref());
        let der = match (ca, &serial) {
            (Some((_, ca)), _) => ca.der().to_vec(),
            (None, Some(serial)) => {
                let record = self.known(call, &issuer, serial).await?.ok_or_else(unknown)?;
                let shown = record.profile == Some(call.door.id.ra_profile)
                    && matches!(record.state, CertificateState::Issued | CertificateState::Revoked);
                record.certificate.filter(|_| shown).ok_or_else(unknown)?
            }
            (None, None) => return Err(unknown()),
        };
        Ok(Answer::Success { certificates: vec![der], crls: Vec::new(), recipient, mirror: opened.mirror })
    }

    /// The full CRL of an issuer; which certificate is asked about does not matter.
    pub(crate) async fn crl(&self, call: &Call<'_>) -> Result<Answer, Failure> {
        let recipient = reader(call)?;
        let (issuer, _, opened) = self.asked(call).await?;
        let crl = self.issuers(call, &issuer).into_iter().find_map(|id| self.0.crls.crl(id));
        let crl = crl.ok_or_else(|| Call::unknown("this door knows no CRL of this issuer"))?;
        Ok(Answer::Success { certificates: Vec::new(), crls: vec![crl.der.clone()], recipient, mirror: opened.mirror })
    }

    /// IssuerAndSerialNumber; a serial number that is none of ours stands for nothing.
    async fn asked(&self, call: &Call<'_>) -> Result<(Name, Option<SerialNumber>, Opened), Failure> {
        let opened = self.open(call).await?;
        let Ok(CertificateId::IssuerAndSerial { issuer, serial }) =
            CertificateId::from_issuer_and_serial(&opened.content)
        else {
            return Err(Failure::undecryptable());
        };
        let issuer = Name::from_der(&issuer).map_err(|_| Failure::undecryptable())?;
        let zeros = serial.iter().take_while(|octet| **octet == 0).count();
        Ok((issuer, SerialNumber::from_bytes(&serial[zeros..]).ok(), opened))
    }
}

/// Whom the answer is encrypted for: there is no challenge in these messages.
fn reader(call: &Call<'_>) -> Result<Recipient, Failure> {
    Recipient::of(&call.message.signer, &call.message.key, None).ok_or_else(|| {
        Failure::new(
            FailInfo::BadAlg,
            "nothing can be encrypted to the signer's key: sign with an RSA key of 2048 bits or more",
        )
    })
}
