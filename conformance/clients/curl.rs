//! curl: what the README and the server itself tell a newcomer to type.

use std::time::Duration;

use chancery_tests::{Server, eventually};

use crate::shell::{operations, sh};
use crate::start;

/// The curl command with everything but the path.
fn curl(server: &Server) -> String {
    let ready = server.ready();
    format!(
        "curl -sS --fail-with-body --cacert {} -H \"Authorization: Bearer $(cat {})\" -H 'Content-Type: application/json'",
        ready.root_pem.display(),
        ready.admin_token_file.as_ref().expect("the token is alive").display()
    )
}

#[tokio::test]
async fn the_command_that_the_server_prints_gets_a_certificate() {
    let server = start();
    let log = eventually("it tells the first command", Duration::from_secs(10), || async {
        Some(server.log()).filter(|log| log.contains("-ext subjectAltName"))
    })
    .await;
    // From the first command on, as far as lines are indented or continued: what a newcomer would copy.
    let lines: Vec<&str> = log.lines().skip_while(|line| !line.trim_start().starts_with("openssl req")).collect();
    let end = lines.iter().position(|line| !line.starts_with(' ')).unwrap_or(lines.len());
    let script = lines[..end].join("\n");
    assert!(script.contains("curl"), "no command to paste in:\n{log}");
    let printed = sh(server.folder(), &script).ok();
    let certificates = sh(server.folder(), "cat ./*.pem ./*.crt ./*.json 2>/dev/null || true").ok();
    assert!(
        printed.contains("BEGIN CERTIFICATE-")
            || printed.contains("certificateData")
            || certificates.contains("BEGIN CERTIFICATE-----"),
        "{script}\nprinted: {printed}"
    );
}

#[test]
fn issue_with_a_multi_line_pem_and_poll() {
    let server = start();
    let (curl, operations) = (curl(&server), operations(&server, "tls-server"));
    let script = format!(
        r#"
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out csr.pem \
    -subj /CN=curl.example -addext subjectAltName=DNS:curl.example 2>/dev/null
python3 -c 'import json; print(json.dumps({{"request": open("csr.pem").read(), "attributes": []}}))' > body.json
{curl} -d @body.json {operations}/certificates > issued.json
uuid=$(python3 -c 'import json; print(json.load(open("issued.json"))["uuid"])')
{curl} https://{https}/api/v1/certificates/$uuid > shown.json
python3 -c 'import json; c = json.load(open("shown.json")); assert c["state"] == "issued", c'
{curl} -w '%{{http_code}}' -d '{{"reason":"superseded","attributes":[],"destroyKey":false}}' {operations}/certificates/$uuid/revoke
"#,
        https = server.ready().https
    );
    assert_eq!(sh(server.folder(), &script).ok().trim(), "204");
    // A second time, curl fails and shows why.
    let again = format!(
        r#"uuid=$(python3 -c 'import json; print(json.load(open("issued.json"))["uuid"])')
{curl} -d '{{"reason":"superseded","attributes":[]}}' {operations}/certificates/$uuid/revoke"#
    );
    let ran = sh(server.folder(), &again);
    assert_ne!(ran.code, Some(0));
    assert!(ran.stdout.starts_with("[\""), "{}", ran.stdout);
}

#[test]
fn the_commands_of_the_readme_do_what_it_says() {
    let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md");
    let readme = std::fs::read_to_string(readme).expect("README.md");
    let server = start();
    let (folder, _) = server.ready().root_pem.parent().map(|f| (f.display().to_string(), ())).expect("a folder");
    // Blocks that are marked as to be run against a running server, in order, in one shell.
    let blocks: Vec<&str> =
        readme.split("<!-- run -->\n```sh\n").skip(1).filter_map(|b| b.split("```").next()).collect();
    assert!(blocks.len() >= 2, "the README has {} blocks to run", blocks.len());
    let chancery = crate::PROGRAM;
    let database = server.database().map(|d| format!(" --database '{}'", d.url)).unwrap_or_default();
    let script = format!("chancery() {{ {chancery} \"$@\"{database}; }}\n{}", blocks.join("\n"))
        .replace("https://127.0.0.1:8443", &format!("https://{}", server.ready().https))
        .replace("http://127.0.0.1:8080", &format!("http://{}", server.ready().http))
        .replace("target/release/chancery ", "chancery ")
        .replace("chancery-data", &folder);
    let printed = sh(server.folder(), &script);
    assert_eq!(printed.code, Some(0), "{script}\n{}\n{}", printed.stdout, printed.stderr);
    assert!(printed.stdout.contains("OK"), "openssl verify said nothing good: {}", printed.stdout);
}
