//! What the binary says of itself: diagnosis, completions, manual.

use std::process::Command;

use chancery_tests::run;
use serde_json::Value;

use crate::{PROGRAM, start};

fn grades(diagnosis: &str) -> Vec<(String, String)> {
    let diagnosis: Value = serde_json::from_str(diagnosis).unwrap();
    let word = |finding: &Value, key: &str| finding[key].as_str().unwrap().to_owned();
    let findings = diagnosis["findings"].as_array().unwrap();
    findings.iter().map(|finding| (word(finding, "check"), word(finding, "grade"))).collect()
}

#[test]
fn the_doctor_finds_a_new_installation_well_and_says_what_to_think_of() {
    let mut server = start();
    let told = server.cli(["doctor", "--json"]).ok();
    let found = grades(&told);
    for (check, grade) in [
        ("configuration", "ok"),
        ("data folder", "ok"),
        ("passphrase", "warning"),
        ("server", "ok"),
        ("database", "ok"),
        ("clock", "ok"),
        ("authority default", "ok"),
        ("CRL default", "ok"),
        ("RA profiles", "ok"),
        ("administrators", "ok"),
        ("status address", "warning"),
    ] {
        assert!(found.contains(&(check.to_owned(), grade.to_owned())), "{check} is not {grade}:\n{told}");
    }
    // Without a server the same is asked of the folder itself.
    server.stop();
    let text = server.cli(["doctor"]).ok();
    assert!(text.contains("none runs on this data folder"), "{text}");
    assert!(text.contains("authority default"), "{text}");
    assert!(text.contains("nothing is wrong"), "{text}");
}

#[test]
fn the_doctor_says_what_is_wrong_and_exits_with_1() {
    let nowhere = tempfile::tempdir().unwrap();
    let mut doctor = Command::new(PROGRAM);
    let ran = run(doctor.args(["doctor", "--data"]).arg(nowhere.path().join("none")));
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(ran.stdout.contains("WRONG"), "{}", ran.stdout);
    assert!(ran.stdout.contains("chancery init"), "{}", ran.stdout);

    // Another passphrase than the keys were made with.
    let mut server = start();
    server.stop();
    let mut doctor = Command::new(PROGRAM);
    doctor.arg("doctor").arg("--data").arg(server.data()).env("CHANCERY__KEYS__PASSPHRASE", "another one");
    let ran = run(&mut doctor);
    assert_eq!(ran.code, Some(1), "{}", ran.stdout);
    assert!(ran.stdout.contains("the private keys cannot be opened"), "{}", ran.stdout);
}

#[test]
fn completions_and_manual_know_every_command() {
    let mut completions = Command::new(PROGRAM);
    let script = run(completions.args(["completions", "bash"])).ok();
    let folder = tempfile::tempdir().unwrap();
    let mut man = Command::new(PROGRAM);
    run(man.arg("man").arg(folder.path())).ok();
    for command in ["serve", "token", "acme", "doctor"] {
        assert!(script.contains(command), "{command}");
        let page = std::fs::read_to_string(folder.path().join(format!("chancery-{command}.1"))).unwrap();
        assert!(page.contains(".TH"), "{page}");
    }
}
