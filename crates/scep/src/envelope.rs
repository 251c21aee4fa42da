//! The pkcsPKIEnvelope of a request (RFC 8894 section 3.2.2), opened.

use chancery_pki::Csr;
use chancery_pki::cms::{ContentInfo, EnvelopedData};
use zeroize::Zeroizing;

use crate::answer::Mirror;
use crate::failure::Failure;
use crate::message::limits;
use crate::service::Call;
use crate::{FailInfo, Scep};

/// What was in it, and how it was encrypted.
pub(crate) struct Opened {
    pub content: Zeroizing<Vec<u8>>,
    pub mirror: Mirror,
}

impl Call<'_> {
    /// How the request is encrypted, and so its answer; without a request that can be read, as every client can read it.
    pub fn mirror(&self) -> Mirror {
        let read = || {
            let content = self.message.content.as_deref()?;
            let info = ContentInfo::parse(content, &limits()).ok()?;
            let data = EnvelopedData::from_content_info(&info, &limits()).ok()?;
            Some((info, data))
        };
        let Some((info, data)) = read() else { return Mirror::default() };
        self.mirror_of(&info, &data)
    }

    fn mirror_of(&self, info: &ContentInfo, data: &EnvelopedData) -> Mirror {
        let recipient = self.identity.decrypting.iter().find_map(|one| data.recipient(&one.certificate));
        let transport = recipient.and_then(|recipient| recipient.key_transport().ok().flatten());
        match data.cipher() {
            Ok(cipher) => Mirror::of(cipher, info.content_type() == chancery_pki::oid::AUTH_ENVELOPED_DATA, transport),
            Err(_) => Mirror::default(),
        }
    }
}

impl Scep {
    /// Decrypt with whichever key of the RA it is encrypted for, earlier ones too.
    pub(crate) async fn open(&self, call: &Call<'_>) -> Result<Opened, Failure> {
        let malformed = |why: String| Failure::new(FailInfo::BadRequest, why);
        let content = call.message.content.clone();
        let content = content.ok_or_else(|| malformed("the message has no pkcsPKIEnvelope".into()))?;
        let info = ContentInfo::parse(&content, &limits()).map_err(|error| malformed(error.to_string()))?;
        let data = EnvelopedData::from_content_info(&info, &limits()).map_err(|error| malformed(error.to_string()))?;
        let mirror = call.mirror_of(&info, &data);
        let (identity, legacy) = (call.identity.clone(), call.door.scep_profile.settings.legacy());
        let opened = self.0.pool.run(move || data.decrypt(&identity.recipient_keys(), legacy)).await?;
        Ok(Opened { content: opened.map_err(Failure::of_cms)?, mirror })
    }

    /// The request inside, whose proof of possession holds. It fails as decryption does, whatever is wrong with it.
    pub(crate) async fn request(&self, call: &Call<'_>) -> Result<(Csr, Mirror), Failure> {
        let Opened { content, mirror } = self.open(call).await?;
        let csr = Csr::from_der(&content).map_err(|_| Failure::undecryptable())?;
        Ok((csr, mirror))
    }
}
