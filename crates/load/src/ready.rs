//! What the running server says of itself in `ready.json`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde::Deserialize;

/// The part of `ready.json` that a load generator needs.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ready {
    /// The `https` listener as bound.
    pub https: SocketAddr,
    /// The address by which clients are told to come.
    pub base_url: String,
    /// The root certificate that the server's own chain ends in.
    pub root_pem: PathBuf,
    /// The first administrator's token, while it lives.
    pub admin_token_file: Option<PathBuf>,
    /// The database's URL, without its password.
    pub database: String,
}

impl Ready {
    /// Read it.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {}: is the server running with this data folder?", path.display()))?;
        let ready: Self = serde_json::from_str(&text)
            .with_context(|| format!("{} is no ready.json of this version", path.display()))?;
        let folder = path.parent().unwrap_or(Path::new("."));
        Ok(Self {
            root_pem: folder.join(&ready.root_pem),
            admin_token_file: ready.admin_token_file.as_ref().map(|file| folder.join(file)),
            ..ready
        })
    }

    /// Where to connect: a listener bound to every address is reached by loopback.
    pub fn address(&self) -> SocketAddr {
        let ip = match self.https.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        SocketAddr::new(ip, self.https.port())
    }

    /// The host of the base URL, without port: what the server's certificate is checked against.
    pub fn host(&self) -> anyhow::Result<&str> {
        let rest =
            self.base_url.strip_prefix("https://").context("ready.json: baseUrl does not begin with https://")?;
        let authority = rest.split('/').next().unwrap_or(rest);
        Ok(match authority.strip_prefix('[') {
            Some(v6) => v6.split(']').next().unwrap_or(v6),
            None => authority.split(':').next().unwrap_or(authority),
        })
    }

    /// The bearer token: of the file named on the command line, else the administrator's.
    pub fn token(&self, file: Option<&Path>) -> anyhow::Result<String> {
        let Some(file) = file.or(self.admin_token_file.as_deref()) else {
            bail!(
                "the administrator token is gone; make one with `chancery token create --role requester --data DIR`, \
                 keep it in a file and name that with --token-file"
            );
        };
        let token = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        Ok(token.trim().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ready(https: &str, base_url: &str) -> Ready {
        Ready {
            https: https.parse().unwrap(),
            base_url: base_url.into(),
            root_pem: "root.pem".into(),
            admin_token_file: None,
            database: "sqlite://x".into(),
        }
    }

    #[test]
    fn host_is_without_port_and_brackets() {
        assert_eq!(ready("127.0.0.1:1", "https://ra.example:8443").host().unwrap(), "ra.example");
        assert_eq!(ready("127.0.0.1:1", "https://ra.example/ra").host().unwrap(), "ra.example");
        assert_eq!(ready("[::1]:1", "https://[::1]:8443").host().unwrap(), "::1");
        assert!(ready("[::1]:1", "http://x").host().is_err());
    }

    #[test]
    fn every_address_is_reached_by_loopback() {
        assert_eq!(ready("0.0.0.0:5", "https://x").address(), "127.0.0.1:5".parse().unwrap());
        assert_eq!(ready("[::]:5", "https://x").address(), "[::1]:5".parse().unwrap());
        assert_eq!(ready("10.0.0.1:5", "https://x").address(), "10.0.0.1:5".parse().unwrap());
    }

    #[test]
    fn paths_are_relative_to_the_file_and_a_missing_token_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ready.json");
        std::fs::write(
            &path,
            r#"{"pid":1,"https":"127.0.0.1:1","mtls":null,"http":"127.0.0.1:2","baseUrl":"https://x",
                "rootPem":"root.pem","rootSha256":"00","adminTokenFile":null,"database":"sqlite://x"}"#,
        )
        .unwrap();
        let ready = Ready::read(&path).unwrap();
        assert_eq!(ready.root_pem, folder.path().join("root.pem"));
        assert!(ready.token(None).unwrap_err().to_string().contains("token create"));
        std::fs::write(&path, "{}").unwrap();
        assert!(Ready::read(&path).is_err());
        assert!(Ready::read(&folder.path().join("none")).is_err());
    }
}
