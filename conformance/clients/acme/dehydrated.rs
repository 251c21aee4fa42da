//! dehydrated (bash), Debian's.

use super::lab::Lab;

/// Its configuration, a hook for all three challenges, and the command.
const DEHYDRATED: &str = r#"
mkdir -p dehydrated
cat > dehydrated/config <<END
CA=$DIRECTORY
BASEDIR=$PWD/dehydrated
WELLKNOWN=$WEBROOT
HOOK=$PWD/dehydrated/hook
CURL_OPTS="--cacert $ROOT"
CONTACT_EMAIL=admin@lab.test
EAB_KID="${EAB_KID-}"
EAB_HMAC_KEY="${EAB_HMAC_KEY-}"
END
cat > dehydrated/hook <<'END'
#!/bin/bash
case "$1 ${CHALLENGE-}" in
"deploy_challenge dns-01") echo "$4" >> "$TXT/_acme-challenge.$2" ;;
"clean_challenge dns-01") sed -i "/^$4\$/d" "$TXT/_acme-challenge.$2" ;;
"deploy_challenge tls-alpn-01")
    openssl s_server -accept 127.0.0.1:$TLS_PORT -alpn acme-tls/1 -cert dehydrated/alpn-certs/$2.crt.pem \
        -key dehydrated/alpn-certs/$2.key.pem -quiet >/dev/null 2>&1 </dev/null &
    echo $! > dehydrated/s_server.pid
    until (exec 3<>/dev/tcp/127.0.0.1/$TLS_PORT) 2>/dev/null; do kill -0 $!; sleep 0.05; done ;;
"clean_challenge tls-alpn-01") kill "$(cat dehydrated/s_server.pid)" ;;
esac
END
chmod +x dehydrated/hook
mkdir -p dehydrated/alpn-certs
dehydrated() { command dehydrated --config dehydrated/config "$@" 2>&1; }
"#;

#[track_caller]
fn dehydrated(lab: &Lab, script: &str) -> String {
    let ran = lab.sh(&format!("{DEHYDRATED}{script}"));
    assert_eq!(ran.code, Some(0), "{script}\n{}\n{}", ran.stdout, ran.stderr);
    ran.stdout
}

#[test]
fn dehydrated_issues_by_each_challenge_renews_and_revokes() {
    let lab = Lab::with_web();
    dehydrated(&lab, "dehydrated --register --accept-terms");
    dehydrated(&lab, "dehydrated --cron --domain one.lab.test");
    let one = "dehydrated/certs/one.lab.test/fullchain.pem";
    lab.verify(one, &["one.lab.test"]);
    dehydrated(&lab, "dehydrated --cron --domain 'two.lab.test three.lab.test' --algo rsa");
    lab.verify("dehydrated/certs/two.lab.test/fullchain.pem", &["two.lab.test", "three.lab.test"]);
    dehydrated(
        &lab,
        "export CHALLENGE=dns-01
         dehydrated --cron --domain '*.wild.lab.test wild.lab.test' --alias wild --challenge dns-01 --algo prime256v1",
    );
    lab.verify("dehydrated/certs/wild/fullchain.pem", &["*.wild.lab.test", "wild.lab.test"]);
    dehydrated(
        &lab,
        "export CHALLENGE=tls-alpn-01
         dehydrated --cron --domain alpn.lab.test --challenge tls-alpn-01 --alpn dehydrated/alpn-certs",
    );
    lab.verify("dehydrated/certs/alpn.lab.test/fullchain.pem", &["alpn.lab.test"]);

    let before = lab.serial(one);
    dehydrated(&lab, "dehydrated --cron --force --domain one.lab.test");
    assert_ne!(lab.serial(one), before);
    dehydrated(&lab, "dehydrated --account");

    // By the account's key; it renames what it revoked. By a certificate's own key it cannot: it takes that for an
    // account's and asks for the account first.
    dehydrated(&lab, &format!("cp {one} one.pem; dehydrated --revoke dehydrated/certs/one.lab.test/cert.pem"));
    lab.revoked("one.pem", "");
    dehydrated(&lab, "dehydrated --deactivate");
}

#[test]
fn dehydrated_binds_its_account_to_an_external_one() {
    let lab = Lab::with_web();
    let (kid, key) = lab.eab();
    dehydrated(&lab, &format!("EAB_KID={kid} EAB_HMAC_KEY={key}\n{DEHYDRATED} dehydrated --register --accept-terms"));
    dehydrated(&lab, "dehydrated --cron --domain one.lab.test");
    lab.verify("dehydrated/certs/one.lab.test/fullchain.pem", &["one.lab.test"]);
}
