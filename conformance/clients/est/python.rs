//! Python's TLS, which knows tls-unique: linking over full and resumed sessions of TLS 1.2 (RFC 5929 section 3).

use super::script;
use crate::start;

/// One connection per request: full, then resumed; with the right value, another session's, and none.
const LINK: &str = r#"
import base64, http.client, ssl, subprocess, sys
host, port = sys.argv[1].removeprefix("https://").rsplit(":", 1)
context = ssl.create_default_context(cafile=sys.argv[2])
context.maximum_version = ssl.TLSVersion.TLSv1_2
authorization = "Basic " + base64.b64encode(b"gw.example:correct horse").decode()

def request(password):
    config = "[req]\nprompt=no\ndistinguished_name=dn\n[dn]\nCN=gw.example\n"
    if password is not None:
        config = config.replace("[dn]", "attributes=at\n[at]\nchallengePassword=" + password + "\n[dn]")
    open("link.cnf", "w").write(config)
    made = subprocess.run(["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
        "-keyout", "/dev/null", "-config", "link.cnf", "-outform", "DER"], check=True, capture_output=True)
    return base64.b64encode(made.stdout)

def ask(session, value):
    connection = http.client.HTTPSConnection(host, int(port), context=context)
    sock = __import__("socket").create_connection((host, int(port)))
    connection.sock = context.wrap_socket(sock, server_hostname=host, session=session)
    unique = base64.b64encode(connection.sock.get_channel_binding("tls-unique")).decode()
    resumed = connection.sock.session_reused
    connection.request("POST", "/.well-known/est/simpleenroll", request(value(unique)),
        {"Content-Type": "application/pkcs10", "Authorization": authorization})
    status = connection.getresponse().status
    session = connection.sock.session
    connection.close()
    return status, resumed, session, unique

status, resumed, session, first = ask(None, lambda unique: unique)
assert (status, resumed) == (200, False), (status, resumed)
for value, wanted in [(lambda unique: unique, 200), (lambda unique: first, 400), (lambda unique: "password", 400),
                      (lambda unique: None, 200)]:
    status, resumed, _, unique = ask(session, value)
    assert resumed, "the session was not resumed"
    assert unique != first
    assert status == wanted, (status, wanted)
print("linked")
"#;

#[test]
fn rfc7030_3_5_tls_unique_links_resumed_sessions_too() {
    let server = start();
    std::fs::write(server.folder().join("link.py"), LINK).unwrap();
    assert_eq!(script(&server, "python3 link.py $U $R").ok().trim(), "linked");
}
