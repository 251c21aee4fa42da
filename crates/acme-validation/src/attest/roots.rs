//! Whom attestations are believed.

use std::path::PathBuf;

use chancery_pki::Certificate;
use rustls::pki_types::{CertificateDer, TrustAnchor};
use serde::{Deserialize, Serialize};

use crate::ConfigError;

/// PEM files of roots that take the place of those built in, for each format of its own: whoever may vouch for a TPM may not
/// vouch for a phone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AttestationConfig {
    /// For `apple`; without any, Apple's Enterprise Attestation Root CA.
    pub apple: Vec<PathBuf>,
    /// For `tpm`; there are many makers, so that none is built in.
    pub tpm: Vec<PathBuf>,
    /// For `android-key`; without any, Google's hardware attestation roots.
    pub android_key: Vec<PathBuf>,
    /// For `step`; without any, Yubico's PIV attestation roots.
    pub step: Vec<PathBuf>,
}

/// The roots themselves.
pub(crate) struct Roots {
    pub apple: Vec<TrustAnchor<'static>>,
    pub tpm: Vec<TrustAnchor<'static>>,
    pub android_key: Vec<TrustAnchor<'static>>,
    pub step: Vec<TrustAnchor<'static>>,
}

impl Roots {
    pub fn load(config: &AttestationConfig) -> Result<Self, ConfigError> {
        Ok(Self {
            apple: load("apple", &config.apple, include_str!("../../roots/apple.pem"))?,
            tpm: load("tpm", &config.tpm, "")?,
            android_key: load("android_key", &config.android_key, include_str!("../../roots/android.pem"))?,
            step: load("step", &config.step, include_str!("../../roots/yubico.pem"))?,
        })
    }
}

fn load(format: &str, files: &[PathBuf], built_in: &str) -> Result<Vec<TrustAnchor<'static>>, ConfigError> {
    let broken = |what: String| ConfigError::Setup(format!("attestation.{format}: {what}"));
    if files.is_empty() {
        return if built_in.is_empty() { Ok(Vec::new()) } else { anchors(built_in).map_err(broken) };
    }
    let mut all = Vec::new();
    for file in files {
        let name = file.display();
        let text = std::fs::read_to_string(file).map_err(|why| broken(format!("{name}: {why}")))?;
        all.extend(anchors(&text).map_err(|why| broken(format!("{name}: {why}")))?);
    }
    Ok(all)
}

fn anchors(pem: &str) -> Result<Vec<TrustAnchor<'static>>, String> {
    let certificates = Certificate::all_from_pem(pem).map_err(|why| why.to_string())?;
    let anchor = |certificate: &Certificate| {
        let der = CertificateDer::from(certificate.der());
        webpki::anchor_from_trusted_cert(&der).map(|anchor| anchor.to_owned()).map_err(|why| why.to_string())
    };
    certificates.iter().map(anchor).collect()
}
