//! lego (Go), Debian's.

use super::lab::Lab;

/// lego with all that every call has, and a hook that writes TXT records.
const LEGO: &str = r#"
export LEGO_CA_CERTIFICATES=$ROOT LEGO_PATH=$PWD/lego EXEC_PATH=$PWD/hook EXEC_SEQUENCE_INTERVAL=1 EXEC_POLLING_INTERVAL=1
cat > hook <<'END'
#!/bin/sh
# present|cleanup NAME. VALUE
file=$TXT/$(echo "${2%.}" | tr A-Z a-z)
if [ "$1" = present ]; then echo "$3" >> "$file"; else sed -i "/^$3\$/d" "$file"; fi
END
chmod +x hook
lego() { command lego --server "$DIRECTORY" --accept-tos --email admin@lab.test "$@"; }
http="--http --http.port 127.0.0.1:$HTTP_PORT"
tls="--tls --tls.port 127.0.0.1:$TLS_PORT"
dns="--dns exec --dns.disable-cp --dns.resolvers $RESOLVER"
"#;

#[track_caller]
fn lego(lab: &Lab, script: &str) -> String {
    lab.sh(&format!("{LEGO}{script}")).ok()
}

#[test]
fn lego_issues_by_each_challenge_renews_and_revokes() {
    let lab = Lab::start();
    lego(&lab, "lego --domains one.lab.test $http run");
    lab.verify("lego/certificates/one.lab.test.crt", &["one.lab.test"]);
    lego(&lab, "lego --domains two.lab.test --domains three.lab.test --domains four.lab.test $tls run");
    lab.verify("lego/certificates/two.lab.test.crt", &["two.lab.test", "three.lab.test", "four.lab.test"]);
    lego(&lab, "lego --domains '*.wild.lab.test' --domains wild.lab.test $dns run");
    lab.verify("lego/certificates/_.wild.lab.test.crt", &["*.wild.lab.test", "wild.lab.test"]);

    let before = lab.serial("lego/certificates/one.lab.test.crt");
    lego(&lab, "lego --domains one.lab.test $http renew --days 10000 --no-random-sleep");
    lab.verify("lego/certificates/one.lab.test.crt", &["one.lab.test"]);
    assert_ne!(lab.serial("lego/certificates/one.lab.test.crt"), before);

    lego(&lab, "lego --domains one.lab.test revoke --keep --reason 4");
    lab.revoked("lego/certificates/one.lab.test.crt", "Superseded");
}

#[test]
fn lego_takes_every_key_type_and_a_request_of_another_s() {
    let lab = Lab::start();
    for kind in ["rsa2048", "rsa4096", "ec256", "ec384"] {
        lego(&lab, &format!("lego --key-type {kind} --domains {kind}.lab.test $http run"));
        lab.verify(&format!("lego/certificates/{kind}.lab.test.crt"), &[&format!("{kind}.lab.test")]);
    }
    lego(
        &lab,
        "openssl req -new -newkey ed25519 -nodes -keyout own.key -out own.csr -subj /CN=own.lab.test \
            -addext subjectAltName=DNS:own.lab.test,DNS:www.own.lab.test 2>/dev/null
         lego --csr own.csr $http run",
    );
    lab.verify("lego/certificates/own.lab.test.crt", &["own.lab.test", "www.own.lab.test"]);
}

#[test]
fn lego_binds_its_account_to_an_external_one() {
    let lab = Lab::start();
    let (kid, key) = lab.eab();
    lego(&lab, &format!("lego --eab --kid {kid} --hmac {key} --domains one.lab.test $http run"));
    lab.verify("lego/certificates/one.lab.test.crt", &["one.lab.test"]);
    let why = lab.sh(&format!(
        "{LEGO} export LEGO_PATH=$PWD/other; lego --eab --kid {kid} --hmac c29tZXRoaW5nIGVsc2Ugb2YgMzIgYnl0ZXM --domains one.lab.test $http run 2>&1"
    ));
    assert_ne!(why.code, Some(0), "bound with a wrong key");
    assert!(why.stdout.contains("urn:ietf:params:acme:error:"), "{}", why.stdout);
}
