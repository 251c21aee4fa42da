//! From nothing to a working authority, with one command.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use chancery_pki::Certificate;
use chancery_tests::{Request, eventually, run};

use crate::{PROGRAM, server, start};

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap_or_else(|e| panic!("{}: {e}", path.display())).permissions().mode() & 0o777
}

#[tokio::test]
async fn everything_is_there_after_the_first_start() {
    let server = start();
    let ready = server.ready();
    assert_eq!(ready.pid, server.pid());
    assert_ne!(ready.mtls.unwrap().port(), 0);
    assert_ne!(ready.https.port(), 0);
    assert_ne!(ready.http.port(), 0);
    assert!(ready.base_url.starts_with("https://"), "{}", ready.base_url);

    let root = Certificate::parse(&std::fs::read(&ready.root_pem).unwrap()).unwrap();
    assert!(root.basic_constraints().unwrap().ca && root.is_self_issued());
    root.verify_signed_by(root.public_key()).unwrap();
    let fingerprint: String = ready.root_sha256.to_lowercase().chars().filter(char::is_ascii_hexdigit).collect();
    assert_eq!(fingerprint, root.fingerprint().to_hex());

    let token_file = ready.admin_token_file.as_ref().unwrap();
    assert_eq!(mode(&server.data()), 0o700);
    assert_eq!(mode(token_file), 0o600);

    // What it prints leads the newcomer on, and gives nothing away.
    let log = eventually("it tells the first command", Duration::from_secs(10), || async {
        Some(server.log()).filter(|log| log.contains("-ext subjectAltName"))
    })
    .await;
    let token = std::fs::read_to_string(token_file).unwrap();
    assert!(log.contains(&ready.base_url), "{log}");
    assert!(log.contains("curl") && log.contains("openssl req"), "{log}");
    assert!(!log.contains(token.trim()), "the log has the administrator's token");

    let api = server.api();
    let names: Vec<String> = {
        let profiles = api.get("/api/v1/raProfiles").await.json(200);
        profiles.as_array().unwrap().iter().map(|p| p["name"].as_str().unwrap().to_owned()).collect()
    };
    for preset in ["tls-server", "tls-client", "device", "email"] {
        assert!(names.iter().any(|name| name == preset), "{names:?}");
        assert_eq!(api.profile(preset).await["enabled"], true, "{preset}");
    }
    let authorities = api.get("/api/v1/authorities").await.json(200);
    assert_eq!(authorities.as_array().unwrap().len(), 1);
    assert_eq!(authorities[0]["name"], "default");

    let anonymous = server.api_anonymous();
    assert_eq!(anonymous.get("/health").await.status, 200);
    assert_eq!(anonymous.get("/ready").await.status, 200);
    for health in ["/api/v1/health", "/api/v1/health/liveness", "/api/v1/health/readiness"] {
        assert_eq!(anonymous.get(health).await.json(200)["status"], "UP");
    }
}

#[tokio::test]
async fn a_restart_keeps_everything() {
    let mut server = start();
    let (uuid, certificate) = server.api().issue("tls-server", &Request::host("kept.example")).await;
    let (gone, _) = server.api().issue("tls-server", &Request::host("gone.example")).await;
    let path = server.api().operations("tls-server").await;
    let body = serde_json::json!({"reason": "superseded", "attributes": []});
    server.api().post(&format!("{path}/certificates/{gone}/revoke"), &body).await.empty(204);
    let root = std::fs::read(&server.ready().root_pem).unwrap();
    let profiles = server.api().get("/api/v1/raProfiles").await.json(200);

    assert!(server.stop().success());
    assert!(!server.data().join("ready.json").exists(), "ready.json stays after the stop");
    server.start();

    assert_eq!(std::fs::read(&server.ready().root_pem).unwrap(), root);
    let api = server.api();
    assert_eq!(api.get("/api/v1/raProfiles").await.json(200), profiles);
    let kept = api.certificate(&uuid).await;
    assert_eq!(kept["state"], "issued");
    assert_eq!(kept["fingerprint"], certificate.fingerprint().to_hex());
    assert_eq!(api.certificate(&gone).await["state"], "revoked");
    // The same CA goes on.
    let (_, next) = api.issue("tls-server", &Request::host("next.example")).await;
    assert_eq!(next.authority_key_id(), certificate.authority_key_id());
    assert_ne!(next.serial(), certificate.serial());
    server.cli(["audit", "verify"]).ok();
}

#[tokio::test]
async fn the_command_line_works_with_and_without_a_running_server() {
    let mut server = start();
    let running = server.cli(["profile", "list", "--json"]).ok();
    let token = server.token("requester", &["tls-server"]);
    assert!(token.len() >= 43 && !token.contains(char::is_whitespace), "{token}");
    server.api_as(&token).issue("tls-server", &Request::host("cli.example")).await;
    // A command that is meant for another database is not done on this one.
    let mut other = std::process::Command::new(PROGRAM);
    other.args(["profile", "list", "--database", "sqlite:///nowhere/other.db", "--data"]).arg(server.data());
    let refused = run(&mut other).refused();
    assert!(refused.contains("/nowhere/other.db") && refused.contains("--data"), "{refused}");

    assert!(server.stop().success());
    let stopped = server.cli(["profile", "list", "--json"]).ok();
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&running).unwrap(),
        serde_json::from_str::<serde_json::Value>(&stopped).unwrap()
    );
    let offline = server.token("auditor", &[]);
    server.cli(["audit", "verify"]).ok();
    server.start();
    assert_eq!(server.api_as(&offline).get("/api/v1/certificates/search").await.status, 200);
    server.api_as(&token).issue("tls-server", &Request::host("again.example")).await;
}

#[tokio::test]
async fn the_base_url_is_what_the_operator_says() {
    let server = server().argument("--base-url").argument("https://ra.example:8443").start();
    assert_eq!(server.ready().base_url, "https://ra.example:8443");
    // The server's own certificate is for that name too (and still for localhost: the harness connects by address).
    server.api().issue("tls-server", &Request::host("x.example")).await;
}
