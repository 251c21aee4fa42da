//! Users and codes.

use std::thread;

use super::{PASSWORD, csr, est, key, refused, user};
use crate::start;

/// A code's user and text.
fn code(server: &chancery_tests::Server, arguments: &[&str]) -> (String, String) {
    let made = server.cli(["est", "code", "--profile", "device", "--json"].iter().chain(arguments).copied()).ok();
    let made: serde_json::Value = serde_json::from_str(&made).unwrap();
    (made["name"].as_str().unwrap().to_owned(), made["code"].as_str().unwrap().to_owned())
}

#[test]
fn es_03_without_a_credential_the_client_is_challenged() {
    let server = start();
    let answer = est(&server).enrol(csr(&key(), "CN=a.example", &[]).der());
    assert_eq!((answer.status, answer.body.len()), (401, 0));
    assert_eq!(answer.header("www-authenticate"), Some("Basic realm=\"EST\", charset=\"UTF-8\""));
    assert_eq!(answer.header("content-length"), Some("0"));
    refused(&server, "no credential");
}

#[test]
fn es_04_wrong_passwords_are_refused_and_throttled() {
    let server = start();
    user(&server, "gw-7.example", &[]);
    let request = csr(&key(), "CN=gw-7.example", &[]);
    for _ in 0..5 {
        let answer = est(&server).basic("gw-7.example", "wrong horse").enrol(request.der());
        assert_eq!((answer.status, answer.body.len()), (401, 0));
    }
    refused(&server, "unknown EST user or wrong password");
    let throttled = est(&server).basic("gw-7.example", PASSWORD).enrol(request.der());
    assert_eq!(throttled.status, 429);
    assert!(throttled.header("retry-after").unwrap().parse::<u32>().unwrap() >= 1);
    assert_eq!(est(&server).basic("nobody", PASSWORD).enrol(request.der()).status, 401);
    for header in ["Basic Og==", "Basic dXNlcjo=", "Basic !", "Basic", "Digest x", "Bearer"] {
        assert_eq!(est(&server).authorization(header).enrol(request.der()).status, 401, "{header}");
    }
    let large = "x".repeat(64 * 1024);
    let answer = est(&server).connect().unwrap().ask("POST", "simpleenroll", &[("X-Large", &large)], &[]);
    // Answered with 431, or closed before all of it was read.
    assert!(answer.is_err() || matches!(answer.unwrap().status, 400 | 431));
}

#[test]
fn a_code_is_spent_by_one_certificate() {
    let server = start();
    let (name, code) = code(&server, &["--name", "gw-7.example"]);
    assert!(code.len() > 30);
    let client = est(&server).basic(&name, &code);
    let key = key();
    let request = csr(&key, "CN=gw-7.example", &["dns:gw-7.example"]);
    let certificate = client.enrol(request.der()).certificate();
    // The same request: the answer may have been lost.
    assert_eq!(client.enrol(request.der()).certificate(), certificate);
    let other = csr(&super::key(), "CN=gw-7.example", &["dns:gw-7.example"]);
    assert_eq!(client.enrol(other.der()).status, 401);
    refused(&server, "spent EST credential");
}

#[test]
fn of_parallel_uses_of_one_code_one_wins() {
    let server = start();
    let (name, code) = code(&server, &[]);
    let client = est(&server).basic(&name, &code);
    let asked: Vec<_> = (0..20)
        .map(|_| {
            let (client, name) = (client.clone(), name.clone());
            thread::spawn(move || client.enrol(csr(&key(), &format!("CN={name}"), &[]).der()).status)
        })
        .collect();
    let mut answers: Vec<_> = asked.into_iter().map(|one| one.join().unwrap()).collect();
    answers.sort_unstable();
    assert_eq!(answers[0], 200);
    assert!(answers[1..].iter().all(|status| *status == 401), "{answers:?}");
}

#[test]
fn a_code_is_untouched_by_wrong_requests_and_locked_after_five() {
    let server = start();
    let (name, code) = code(&server, &["--name", "gw-7.example"]);
    let right = est(&server).basic(&name, &code);
    for _ in 0..4 {
        assert_eq!(right.enrol(csr(&key(), "CN=gw-8.example", &[]).der()).status, 403);
    }
    // A fifth time, by another name.
    let (first, second) = (est(&server).basic("other", &code), right.clone());
    assert_eq!(first.enrol(csr(&key(), "CN=other", &[]).der()).status, 401);
    assert_eq!(second.enrol(csr(&key(), "CN=gw-7.example", &[]).der()).status, 401);
    refused(&server, "locked");
    let (name, code) = self::code(&server, &["--name", "gw-9.example"]);
    let client = est(&server).basic(&name, &code);
    assert_eq!(client.enrol(csr(&key(), "CN=gw-8.example", &[]).der()).status, 403);
    client.enrol(csr(&key(), "CN=gw-9.example", &[]).der()).certificate();
}

#[test]
fn credentials_end() {
    let server = start();
    user(&server, "one.example", &["--uses", "1"]);
    let client = est(&server).basic("one.example", PASSWORD);
    client.enrol(csr(&key(), "CN=one.example", &[]).der()).certificate();
    assert_eq!(client.enrol(csr(&key(), "CN=one.example", &[]).der()).status, 401);
    refused(&server, "spent EST credential");
    user(&server, "two.example", &[]);
    let client = est(&server).basic("two.example", PASSWORD);
    client.enrol(csr(&key(), "CN=two.example", &[]).der()).certificate();
    server.cli(["est", "user", "delete", "two.example"]).ok();
    assert_eq!(client.enrol(csr(&key(), "CN=two.example", &[]).der()).status, 401);
    // Its name is free again, with another password.
    server
        .cli_with("another horse\n", ["est", "user", "add", "two.example", "--profile", "device", "--password-stdin"])
        .ok();
    assert_eq!(client.enrol(csr(&key(), "CN=two.example", &[]).der()).status, 401);
    est(&server).basic("two.example", "another horse").enrol(csr(&key(), "CN=two.example", &[]).der()).certificate();
    let listed = server.cli(["est", "user", "list"]).ok();
    assert!(listed.contains("1/1") && listed.contains("ended"), "{listed}");
}

#[test]
fn the_command_line_refuses_credentials_that_make_no_sense() {
    let server = start();
    user(&server, "gw-7.example", &[]);
    let add = |name: &str, password: &str, more: &[&str]| {
        let arguments = ["est", "user", "add", name, "--profile", "device", "--password-stdin"];
        server.cli_with(password, arguments.into_iter().chain(more.iter().copied())).refused()
    };
    assert!(add("gw-7.example", PASSWORD, &[]).contains("already"));
    assert!(add("a:b", PASSWORD, &[]).contains("colon"));
    assert!(add("short", "1234567", &[]).contains("fewer than 8"));
    assert!(add("wild", PASSWORD, &["--names", "*.*.x"]).contains("names: "));
    assert!(add("none", PASSWORD, &["--uses", "0"]).contains("uses: "));
    assert!(add("past", PASSWORD, &["--expires", "2020-01-01T00:00:00Z"]).contains("over already"));
    assert!(server.cli(["est", "user", "add", "x", "--profile", "device"]).refused().contains("--password-stdin"));
    assert!(server.cli(["est", "code"]).refused().contains("--profile"));
}
