use std::os::unix::fs::PermissionsExt;

use chancery_core::{SystemClock, SystemRng};

use super::*;

fn folder() -> (tempfile::TempDir, DataFolder) {
    let temp = tempfile::tempdir().unwrap();
    let folder = DataFolder::make(&temp.path().join("a/b")).unwrap();
    (temp, folder)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn is_made_closed_to_others() {
    let (_temp, folder) = folder();
    assert_eq!(mode(folder.path()), 0o700);
}

#[test]
fn refuses_a_folder_that_others_write() {
    let temp = tempfile::tempdir().unwrap();
    fs::set_permissions(temp.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let error = DataFolder::open(temp.path()).unwrap_err().to_string();
    assert!(error.contains("0777") && error.contains("chmod 700"), "{error}");
}

#[test]
fn tells_how_to_make_a_missing_one() {
    let error = DataFolder::open(Path::new("/nowhere/at/all")).unwrap_err().to_string();
    assert!(error.contains("/nowhere/at/all") && error.contains("--data"), "{error}");
}

#[test]
fn lets_one_process_in() {
    let (_temp, folder) = folder();
    let lock = folder.lock().unwrap();
    let error = folder.lock().unwrap_err().to_string();
    assert!(error.contains(&format!("pid {}", std::process::id())), "{error}");
    drop(lock);
    folder.lock().unwrap();
}

#[test]
fn keeps_the_nodes_identity_and_the_last_database() {
    let (_temp, folder) = folder();
    assert_eq!(folder.node().unwrap(), None);
    let first = folder.node_or_new(None, Some("http://a"), &SystemClock, &SystemRng).unwrap();
    let second = folder.node_or_new(Some("postgres://ra@db/ra"), None, &SystemClock, &SystemRng).unwrap();
    assert_eq!(first.node, second.node);
    let kept = folder.node().unwrap().unwrap();
    assert_eq!((kept.database.as_deref(), kept.status_url.as_deref()), (Some("postgres://ra@db/ra"), Some("http://a")));
}

#[test]
fn names_a_damaged_file() {
    let (_temp, folder) = folder();
    folder.write("node.json", b"{", 0o600).unwrap();
    assert!(matches!(folder.node(), Err(FolderError::Damaged { .. })));
}

#[test]
fn writes_with_the_mode_asked_for_even_over_an_older_file() {
    let (_temp, folder) = folder();
    folder.write("x", b"1", 0o644).unwrap();
    let path = folder.write("x", b"2", 0o600).unwrap();
    assert_eq!((mode(&path), fs::read(&path).unwrap()), (0o600, b"2".to_vec()));
    folder.append("x", "3", 0o600).unwrap();
    assert_eq!(folder.read("x").unwrap().unwrap(), b"23\n");
    assert!(folder.remove("x").unwrap());
    assert!(!folder.remove("x").unwrap());
}

fn with_mode(mode: u32) -> tempfile::TempDir {
    let temp = tempfile::tempdir().unwrap();
    fs::set_permissions(temp.path(), fs::Permissions::from_mode(mode)).unwrap();
    temp
}

#[test]
fn closes_its_own_folder_and_no_other() {
    let own = with_mode(0o755);
    let folder = DataFolder::open(own.path()).unwrap();
    fs::write(folder.file("chancery.toml"), "").unwrap();
    drop(folder.lock().unwrap());
    assert_eq!(mode(folder.path()), 0o700);
    folder.node_or_new(None, None, &SystemClock, &SystemRng).unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o750)).unwrap();
    drop(folder.lock().unwrap());
    assert_eq!(mode(folder.path()), 0o700);

    let shared = with_mode(0o755);
    fs::write(shared.path().join("thesis.tex"), "").unwrap();
    let error = DataFolder::open(shared.path()).unwrap().lock().unwrap_err().to_string();
    assert!(error.contains("0755") && error.contains("--data"), "{error}");
    assert_eq!(mode(shared.path()), 0o755, "left as it was");
}

/// Only root can make a folder somebody else's.
#[test]
fn refuses_to_work_in_somebody_elses_folder() {
    let temp = with_mode(0o700);
    if std::os::unix::fs::chown(temp.path(), Some(54_321), None).is_err() {
        return;
    }
    let folder = DataFolder::open(temp.path()).unwrap();
    let error = folder.lock().unwrap_err().to_string();
    assert!(error.contains("54321") && error.contains("chown"), "{error}");
    assert!(!folder.file("lock").exists());
}
