//! Which directory and which resource a request's path names.

use chancery_acme::DirectoryPath;

/// A path of this door, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place<'a> {
    /// The directory.
    pub directory: DirectoryPath,
    /// What follows it, with a slash in front and with the query.
    pub resource: &'a str,
}

impl<'a> Place<'a> {
    /// Read a request target. Names of profiles are RFC 3986 unreserved characters, so that nothing is decoded: another
    /// spelling of a path is no address of ours.
    pub fn of(target: &'a str) -> Option<Self> {
        if let Some(rest) = target.strip_prefix("/acme/") {
            let (name, resource) = split(rest)?;
            return Some(Self { directory: DirectoryPath::Named(name.into()), resource });
        }
        let rest = target.strip_prefix("/api/v1/protocols/acme/")?;
        let (name, resource) = split(rest)?;
        // An ACME profile may itself be called raProfile: then only one segment follows.
        match resource.strip_prefix('/').filter(|_| name == "raProfile").and_then(split) {
            Some((name, resource)) => Some(Self { directory: DirectoryPath::RaProfile(name.into()), resource }),
            None => Some(Self { directory: DirectoryPath::AcmeProfile(name.into()), resource }),
        }
    }
}

/// The first segment, and the rest with its slash.
fn split(path: &str) -> Option<(&str, &str)> {
    let at = path.find('/')?;
    let (name, rest) = path.split_at(at);
    (!name.is_empty() && !name.contains(['?', '%'])).then_some((name, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_three_kinds_of_paths() {
        for (target, directory, resource) in [
            ("/acme/tls-server/directory", DirectoryPath::Named("tls-server".into()), "/directory"),
            ("/acme/a/account/1/orders?cursor=2", DirectoryPath::Named("a".into()), "/account/1/orders?cursor=2"),
            ("/acme/a/", DirectoryPath::Named("a".into()), "/"),
            ("/api/v1/protocols/acme/default/new-nonce", DirectoryPath::AcmeProfile("default".into()), "/new-nonce"),
            (
                "/api/v1/protocols/acme/raProfile/x/order/1/finalize",
                DirectoryPath::RaProfile("x".into()),
                "/order/1/finalize",
            ),
            (
                "/api/v1/protocols/acme/raProfile/directory",
                DirectoryPath::AcmeProfile("raProfile".into()),
                "/directory",
            ),
        ] {
            assert_eq!(Place::of(target), Some(Place { directory, resource }), "{target}");
        }
    }

    #[test]
    fn other_paths_are_none_of_ours() {
        for target in [
            "/acme",
            "/acme/",
            "/acme/x",
            "/acme//directory",
            "/acme/a?/directory",
            "/acme/a%2Fb/directory",
            "/acme/%61/directory",
            "/ACME/a/directory",
            "/api/v1/protocols/acme",
            "/api/v1/protocols/acme/x",
            "/api/v1/acmeProfiles",
        ] {
            assert_eq!(Place::of(target), None, "{target}");
        }
    }
}
