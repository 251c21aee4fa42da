//! A small hand-written Python client with the standard library alone, of the kind that people write in an afternoon.

use crate::shell::{operations, sh};
use crate::start;

#[test]
fn an_afternoon_s_script_works() {
    let server = start();
    let ready = server.ready();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/clients/afternoon.py");
    let command = format!(
        "openssl req -new -newkey rsa:2048 -nodes -keyout key.pem -out csr.pem -subj /CN=py.example \
            -addext subjectAltName=DNS:py.example 2>/dev/null
         python3 {script} https://localhost:{} {} {} {} csr.pem",
        ready.https.port(),
        ready.root_pem.display(),
        ready.admin_token_file.as_ref().expect("the token is alive").display(),
        operations(&server, "tls-server").split_once("/api/").expect("a path").1
    );
    let printed = sh(server.folder(), &command).ok();
    assert!(printed.trim_end().ends_with("all well"), "{printed}");
}
