//! What `serve` and `init` print when all is well.

use chancery_core::port::AuthorityInstance;
use chancery_core::{Actor, Door, Origin};

use crate::admin_token::AdminToken;
use crate::node::Node;
use crate::ready::Ready;

/// The root of this authority: file name, PEM and fingerprint.
pub struct RootShown {
    /// PEM.
    pub pem: String,
    /// SHA-256 of its DER, lower-case hex.
    pub sha256: String,
}

impl RootShown {
    /// The root of `authority`.
    pub fn of(authority: &AuthorityInstance) -> Self {
        let (_, root) = authority.chain.last().unwrap_or_else(|| authority.issuer());
        Self { pem: root.to_pem(), sha256: root.fingerprint().to_hex() }
    }
}

/// `AB:CD:..`, as certificate viewers show it.
pub fn colons(hex: &str) -> String {
    let bytes: Vec<_> = hex.as_bytes().chunks(2).map(|byte| String::from_utf8_lossy(byte).to_uppercase()).collect();
    bytes.join(":")
}

/// URLs, fingerprint, and while the administrator's token lives, a first command to paste.
pub async fn served(node: &Node, ready: &Ready, status_url: &str, token: Option<&AdminToken>) -> String {
    let mut text = format!(
        "\nChancery answers.\n\n  \
         REST API    {}/api\n  \
         ACME        {}\n  \
         status      {status_url}  (CRLs and issuer certificates)\n  \
         database    {}\n  \
         root        {}\n              SHA-256 {}\n",
        ready.base_url,
        directories(node).await,
        ready.database,
        ready.root_pem.display(),
        colons(&ready.root_sha256),
    );
    match token {
        Some(token) => {
            let end = token.expires_at.map(crate::instant).unwrap_or_default();
            text += &format!("  token       {}  (administrator, until {end})\n", token.file.display());
            text += &first_command(node, ready, token).await;
        }
        None => {
            text += "\nA token: chancery token create --role requester --profile tls-server";
            text += &format!(" --data {}\n", quoted(&node.folder.path().display().to_string()));
        }
    }
    text
}

/// Where ACME clients begin.
async fn directories(node: &Node) -> String {
    const MOST: usize = 4;
    match node.ra.profiles(&Actor::system(), &Origin::system()).await {
        Ok(profiles) => {
            let open: Vec<_> = profiles.iter().filter(|profile| profile.doors.contains(&Door::Acme)).collect();
            let mut lines: Vec<_> = open.iter().take(MOST).map(|profile| node.directory_url(&profile.name)).collect();
            match open.len() {
                0 => lines.push("no RA profile's door is open".into()),
                all if all > MOST => lines.push(format!("and {} more", all - MOST)),
                _ => {}
            }
            lines.join("\n              ")
        }
        Err(error) => error.to_string(),
    }
}

/// A certificate from a request made by `openssl req`: works when pasted into a shell.
async fn first_command(node: &Node, ready: &Ready, token: &AdminToken) -> String {
    let Ok(Some(profile)) = node.ra.ports().profiles.profile_by_name("tls-server").await else { return String::new() };
    let root = quoted(&ready.root_pem.display().to_string());
    let token = quoted(&token.file.display().to_string());
    format!(
        r#"
Your first certificate:

  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout host.key \
    -subj /CN=host.example -addext subjectAltName=DNS:host.example -out host.csr
  curl --silent --show-error --fail-with-body --cacert {root} \
    -H "Authorization: Bearer $(cat {token})" -H 'Content-Type: application/json' \
    -d "{{\"request\":\"$(openssl req -in host.csr -outform DER | openssl base64 -A)\",\"attributes\":[]}}" \
    {base}/api/v2/operations/authorities/{authority}/raProfiles/{profile}/certificates \
    | sed -n 's/.*"certificateData" *: *"\([^"]*\)".*/\1/p' | openssl base64 -d -A \
    | openssl x509 -inform DER -out host.pem
  openssl x509 -in host.pem -noout -subject -issuer -dates -ext subjectAltName
"#,
        base = ready.base_url,
        authority = profile.authority,
        profile = profile.id,
    )
}

/// A word for a shell.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_for_a_shell() {
        assert_eq!(quoted("/var/lib/chancery"), "/var/lib/chancery");
        assert_eq!(quoted("/my data/it's"), r"'/my data/it'\''s'");
    }

    #[test]
    fn fingerprints_have_colons() {
        assert_eq!(colons("00abff"), "00:AB:FF");
    }
}
