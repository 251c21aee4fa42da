//! The configuration as an operator checks it before he relies on it.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use chancery_tests::run;

use crate::PROGRAM;

#[test]
fn the_check_tells_everything_at_once_with_its_place() {
    let files = tempfile::tempdir().unwrap();
    let (list, config) = (files.path().join("torn.keys"), files.path().join("chancery.toml"));
    std::fs::write(&list, "nonsense\n").unwrap();
    let text = format!(
        "[database]\nurl = \"mysql://ra:lion@db/ra\"\n[keys]\npassphrase_file = \"/nowhere/secret\"\nblocked = [{list:?}]\n\
         [log]\nformat = \"xml\"\n[lmits]\nworkers = 1\n"
    );
    std::fs::write(&config, text).unwrap();
    let mut check = Command::new(PROGRAM);
    check.args(["config", "check", "--config"]).arg(&config).current_dir(files.path());
    check.env("CHANCERY__TLS__LIFETIME", "1 d").env("CHANCERY_LISTEN_HTTPS", "127.0.0.1:1");
    let ran = run(&mut check);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    let told = ran.refused();
    for (place, what) in [
        ("chancery.toml:2:1: ", "database.url"),
        ("chancery.toml:4:1: ", "/nowhere/secret"),
        ("chancery.toml:5:1: ", "torn.keys:1: "),
        ("chancery.toml:7:1: ", "log.format"),
        ("chancery.toml:8:2: ", "did you mean [limits]?"),
        ("CHANCERY__TLS__LIFETIME: ", "tls.lifetime"),
        ("warning: environment variable CHANCERY_LISTEN_HTTPS", "CHANCERY__LISTEN__HTTPS"),
    ] {
        assert!(told.lines().any(|line| line.contains(place) && line.contains(what)), "{place}{what} in:\n{told}");
    }
    assert!(!told.contains("lion"), "{told}");
}

#[test]
fn a_passphrase_file_that_others_can_read_is_warned_of() {
    let files = tempfile::tempdir().unwrap();
    let secret = files.path().join("secret");
    std::fs::write(&secret, "correct horse battery\n").unwrap();
    let check = |mode: u32| {
        std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(mode)).unwrap();
        let mut check = Command::new(PROGRAM);
        check.args(["config", "check"]).env("CHANCERY__KEYS__PASSPHRASE_FILE", &secret).current_dir(files.path());
        let ran = run(&mut check);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        ran.stderr
    };
    assert!(check(0o640).contains("chmod 600"));
    assert_eq!(check(0o600), "");
}
