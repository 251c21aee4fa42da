use super::*;

#[test]
fn only_the_servers_own_user_and_root_may_command() {
    assert!(may_command(1000, 1000));
    assert!(may_command(0, 1000));
    assert!(!may_command(1001, 1000));
    assert!(!may_command(1000, 0));
}

#[tokio::test]
async fn the_kernel_names_the_peer() {
    let (a, _b) = UnixStream::pair().unwrap();
    assert_eq!(a.peer_cred().unwrap().uid(), rustix::process::geteuid().as_raw());
}

#[tokio::test]
async fn a_folder_without_a_server_answers_nothing() {
    let temp = tempfile::tempdir().unwrap();
    let folder = DataFolder::make(&temp.path().join("d")).unwrap();
    assert!(ask(&folder, &Command::TokenList, None).await.unwrap().is_none());
    // A socket that a killed server left behind.
    drop(ControlSocket::bind(&folder).unwrap());
    assert!(folder.file(NAME).exists());
    assert!(ask(&folder, &Command::TokenList, None).await.unwrap().is_none());
}

#[tokio::test]
async fn is_closed_to_others_and_fits_a_long_path() {
    let temp = tempfile::tempdir().unwrap();
    let folder = DataFolder::make(&temp.path().join("d".repeat(120))).unwrap();
    let socket = ControlSocket::bind(&folder).unwrap();
    let mode = std::fs::metadata(folder.file(NAME)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    socket.remove().unwrap();
    assert!(!folder.file(NAME).exists());
}

#[tokio::test]
async fn a_request_that_is_none_is_told_so() {
    let (mut client, mut server) = UnixStream::pair().unwrap();
    client.write_all(b"{\"command\":\"fly\"}\n").await.unwrap();
    let failure = request(&mut server).await.unwrap_err();
    assert!(failure.message.contains("same version"), "{failure}");
}

#[test]
fn only_the_folders_own_server_and_roots_are_believed() {
    assert!(may_answer(1000, 1000, 1000));
    assert!(may_answer(0, 1000, 1000));
    assert!(may_answer(1000, 1000, 0), "root commands the server of another user");
    assert!(!may_answer(1001, 1000, 0));
    assert!(!may_answer(1001, 1001, 1000), "somebody else's folder");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_hangs_is_given_up() {
    let (mut client, _server) = UnixStream::pair().unwrap();
    let failure = read_reply(&mut client, Duration::from_secs(900)).await.unwrap_err();
    assert!(failure.message.contains("900 s") && failure.message.contains("not known"), "{failure}");
}

#[tokio::test]
async fn a_request_reads_as_it_was_sent() {
    for database in [None, Some("postgres://ra:***@db/ra".to_owned())] {
        let (mut client, mut server) = UnixStream::pair().unwrap();
        let sent =
            serde_json::to_string(&Request { command: &Command::TokenList, database: database.clone() }).unwrap();
        client.write_all(format!("{sent}\n").as_bytes()).await.unwrap();
        let read = request(&mut server).await.unwrap();
        assert!(matches!(read.command, Command::TokenList));
        assert_eq!(read.database, database);
    }
}

#[test]
fn users_and_options_make_no_other_database() {
    for (one, other) in [
        ("postgres://ra:***@db.example/ra", "postgresql://db.example:5432/ra?sslmode=require"),
        ("sqlite:///srv/a.db", "sqlite:///srv/a.db"),
        ("sqlite:///tmp/../tmp", "sqlite:///tmp"),
    ] {
        assert!(is_same_database(one, other), "{one} {other}");
    }
    for (one, other) in [
        ("postgres://db.example/ra", "postgres://db.example/other"),
        ("postgres://db.example:5433/ra", "postgres://db.example/ra"),
        ("sqlite:///srv/a.db", "sqlite:///srv/b.db"),
        ("sqlite:///srv/a.db", "postgres:///srv/a.db"),
    ] {
        assert!(!is_same_database(one, other), "{one} {other}");
    }
}
