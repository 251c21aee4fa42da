//! Issuers of signed tokens (OpenID Connect, RFC 7519), and what their claims are worth here.

use chancery_core::Role;
use serde::de::value::SeqAccessDeserializer;
use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use url::{Host, Url};

use super::{PathText, Span, list, optional, seconds, text};

/// An issuer whose tokens are believed.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "documented key by key in example.toml")]
pub struct OidcIssuer {
    pub issuer: String,
    pub audience: String,
    #[serde(with = "optional")]
    pub jwks_file: Option<PathText>,
    #[serde(with = "optional")]
    pub jwks_url: Option<Url>,
    #[serde(with = "optional")]
    pub ca_file: Option<PathText>,
    pub refresh: Span,
    pub clock_skew: Span,
    pub map: Vec<OidcRule>,
}

/// What a claim is worth.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented key by key in example.toml")]
pub struct OidcRule {
    pub claim: String,
    pub value: String,
    #[serde(with = "text")]
    pub role: Role,
    #[serde(default, deserialize_with = "list")]
    pub profiles: Vec<String>,
}

impl Default for OidcIssuer {
    fn default() -> Self {
        Self {
            issuer: String::new(),
            audience: String::new(),
            jwks_file: None,
            jwks_url: None,
            ca_file: None,
            refresh: seconds(300),
            clock_skew: seconds(60),
            map: Vec::new(),
        }
    }
}

impl OidcIssuer {
    /// Every rule between values that the types do not hold.
    pub(super) fn faults(&self, rule: &mut dyn FnMut(bool, &str)) {
        let name = &self.issuer;
        rule(!name.trim().is_empty(), "oidc: an issuer without `issuer`, which is its tokens' iss");
        rule(!self.audience.trim().is_empty(), &format!("oidc: {name:?} has no audience, which is its tokens' aud"));
        rule(
            self.jwks_file.is_some() != self.jwks_url.is_some(),
            &format!("oidc: {name:?} needs one of jwks_file and jwks_url, and not both"),
        );
        if let Some(url) = &self.jwks_url {
            rule(
                url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url)),
                &format!("oidc: the jwks_url of {name:?} must begin with https:// (http:// to this machine itself)"),
            );
        }
        rule(
            (seconds(5)..=seconds(86_400)).contains(&self.refresh),
            &format!("oidc: refresh of {name:?}: 5 s to 24 h"),
        );
        rule(self.clock_skew <= seconds(300), &format!("oidc: clock_skew of {name:?}: at most 5 min"));
        for OidcRule { claim, value, .. } in &self.map {
            rule(
                !claim.is_empty() && !value.is_empty(),
                &format!("oidc: a map of {name:?} has an empty claim or value"),
            );
        }
    }
}

/// Tables of a file, or JSON in one variable of the environment.
pub(super) fn issuers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<OidcIssuer>, D::Error> {
    struct Either;

    impl<'de> Visitor<'de> for Either {
        type Value = Vec<OidcIssuer>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("tables [[oidc]]")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, tables: A) -> Result<Self::Value, A::Error> {
            Vec::deserialize(SeqAccessDeserializer::new(tables))
        }

        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
            serde_json::from_str(text).map_err(|error| E::custom(format!("is no JSON list of issuers: {error}")))
        }
    }

    deserializer.deserialize_any(Either).map_err(D::Error::custom)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(_)) | None => false,
    }
}
