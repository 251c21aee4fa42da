//! The resources of a directory and their URLs: one place makes them and reads them.

use uuid::Uuid;

use crate::ChallengeType;

/// A resource, as its URL below the directory names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resource {
    /// RFC 8555 section 7.1.1.
    Directory,
    /// RFC 8555 section 7.2.
    NewNonce,
    /// RFC 8555 section 7.3.
    NewAccount,
    /// RFC 8555 section 7.4.
    NewOrder,
    /// RFC 8555 section 7.4.1.
    NewAuthorization,
    /// RFC 8555 section 7.6.
    RevokeCertificate,
    /// RFC 8555 section 7.3.5.
    KeyChange,
    /// RFC 9773 section 4.1: the unique identifier of a certificate, as it came.
    RenewalInfo(String),
    /// RFC 8555 section 7.1.2.
    Account(Uuid),
    /// RFC 8555 section 7.1.2.1: of an account, older than the cursor.
    Orders(Uuid, Option<Uuid>),
    /// RFC 8555 section 7.1.3.
    Order(Uuid),
    /// RFC 8555 section 7.4.
    Finalize(Uuid),
    /// RFC 8555 section 7.1.4.
    Authorization(Uuid),
    /// RFC 8555 section 7.1.5: of an authorization.
    Challenge(Uuid, ChallengeType),
    /// RFC 8555 section 7.4.2: by the certificate object, with its chain; the number counts alternate chains.
    Certificate(Uuid, u32),
}

impl Resource {
    /// Its path below the directory's base, with a slash in front.
    pub fn path(&self) -> String {
        match self {
            Self::Directory => "/directory".into(),
            Self::NewNonce => "/new-nonce".into(),
            Self::NewAccount => "/new-account".into(),
            Self::NewOrder => "/new-order".into(),
            Self::NewAuthorization => "/new-authz".into(),
            Self::RevokeCertificate => "/revoke-cert".into(),
            Self::KeyChange => "/key-change".into(),
            Self::RenewalInfo(id) => format!("/renewal-info/{id}"),
            Self::Account(id) => format!("/account/{id}"),
            Self::Orders(id, None) => format!("/account/{id}/orders"),
            Self::Orders(id, Some(cursor)) => format!("/account/{id}/orders?cursor={cursor}"),
            Self::Order(id) => format!("/order/{id}"),
            Self::Finalize(id) => format!("/order/{id}/finalize"),
            Self::Authorization(id) => format!("/authz/{id}"),
            Self::Challenge(id, kind) => format!("/challenge/{id}/{kind}"),
            Self::Certificate(id, 0) => format!("/certificate/{id}"),
            Self::Certificate(id, alternate) => format!("/certificate/{id}/{alternate}"),
        }
    }

    /// The resource of a path below the directory's base (with a slash in front, and with its query). Only the spelling
    /// that [`Resource::path`] gives is a resource.
    pub fn parse(path: &str) -> Option<Self> {
        let segments: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
        let resource = match *segments.as_slice() {
            ["directory"] => Self::Directory,
            ["new-nonce"] => Self::NewNonce,
            ["new-account"] => Self::NewAccount,
            ["new-order"] => Self::NewOrder,
            ["new-authz"] => Self::NewAuthorization,
            ["revoke-cert"] => Self::RevokeCertificate,
            ["key-change"] => Self::KeyChange,
            ["renewal-info", id] => Self::RenewalInfo(id.into()),
            ["account", id] => Self::Account(id.parse().ok()?),
            ["account", id, orders] => match orders.strip_prefix("orders")? {
                "" => Self::Orders(id.parse().ok()?, None),
                query => Self::Orders(id.parse().ok()?, Some(query.strip_prefix("?cursor=")?.parse().ok()?)),
            },
            ["order", id] => Self::Order(id.parse().ok()?),
            ["order", id, "finalize"] => Self::Finalize(id.parse().ok()?),
            ["authz", id] => Self::Authorization(id.parse().ok()?),
            ["challenge", id, kind] => Self::Challenge(id.parse().ok()?, kind.parse().ok()?),
            ["certificate", id] => Self::Certificate(id.parse().ok()?, 0),
            ["certificate", id, alternate] => Self::Certificate(id.parse().ok()?, alternate.parse().ok()?),
            _ => return None,
        };
        (resource.path() == path).then_some(resource)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes_and_no_other_spelling() {
        let id = Uuid::from_u128(0x1234_5678_9abc_def0);
        let all = [
            Resource::Directory,
            Resource::NewNonce,
            Resource::NewAccount,
            Resource::NewOrder,
            Resource::NewAuthorization,
            Resource::RevokeCertificate,
            Resource::KeyChange,
            Resource::RenewalInfo("aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE".into()),
            Resource::Account(id),
            Resource::Orders(id, None),
            Resource::Orders(id, Some(id)),
            Resource::Order(id),
            Resource::Finalize(id),
            Resource::Authorization(id),
            Resource::Challenge(id, ChallengeType::TlsAlpn01),
            Resource::Certificate(id, 0),
            Resource::Certificate(id, 2),
        ];
        for resource in all {
            assert_eq!(Resource::parse(&resource.path()), Some(resource));
        }
        for path in [
            String::new(),
            "directory".into(),
            "/directory/".into(),
            "/directory?x".into(),
            format!("/order/{}", id.simple()),
            format!("/order/{}", id.to_string().to_uppercase()),
            format!("/account/{id}/orders?cursor="),
            format!("/certificate/{id}/0"),
            format!("/certificate/{id}/01"),
            format!("/challenge/{id}/http-02"),
        ] {
            assert_eq!(Resource::parse(&path), None, "{path}");
        }
    }
}
