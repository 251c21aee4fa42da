//! uacme (C), Debian's. It cannot be told what to trust, so it runs in a mount namespace of its own in which the
//! system's list of roots is ours.

use super::lab::Lab;

const UACME: &str = r#"
export UACME_CHALLENGE_PATH=$WEBROOT UALPN=$PWD/ualpn.sock
namespace="unshare --mount"
[ "$(id -u)" = 0 ] || namespace="unshare --map-root-user --mount"
uacme() {
    $namespace sh -euc 'mount --bind "$ROOT" /etc/ssl/certs/ca-certificates.crt; exec uacme "$@"' uacme \
        -a "$DIRECTORY" -c "$PWD/uacme" -y "$@" 2>&1
}
cat > hook <<'END'
#!/bin/sh
# begin|done|failed TYPE NAME TOKEN AUTHORIZATION
case "$2 $1" in
"dns-01 begin") echo "$5" >> "$TXT/_acme-challenge.$3" ;;
"dns-01 "*) sed -i "/^$5\$/d" "$TXT/_acme-challenge.$3" ;;
"tls-alpn-01 begin") [ "$(echo "auth $3 $5" | ualpn -s "$UALPN")" = OK ] ;;
"tls-alpn-01 "*) [ "$(echo "unauth $3" | ualpn -s "$UALPN")" = OK ] ;;
*) exit 1 ;;
esac
END
chmod +x hook
http="-h /usr/share/uacme/uacme.sh"
hook="-h $PWD/hook"
"#;

#[track_caller]
fn uacme(lab: &Lab, script: &str) -> String {
    let ran = lab.sh(&format!("{UACME}{script}"));
    assert_eq!(ran.code, Some(0), "{script}\n{}\n{}", ran.stdout, ran.stderr);
    ran.stdout
}

#[test]
fn uacme_issues_renews_changes_its_key_and_revokes() {
    let lab = Lab::with_web();
    uacme(&lab, "uacme new admin@lab.test");
    uacme(&lab, "uacme $http issue one.lab.test");
    lab.verify("uacme/one.lab.test/cert.pem", &["one.lab.test"]);
    uacme(&lab, "uacme $http -t EC issue two.lab.test three.lab.test");
    lab.verify("uacme/two.lab.test/cert.pem", &["two.lab.test", "three.lab.test"]);
    uacme(&lab, "uacme $hook issue '*.wild.lab.test' wild.lab.test");
    lab.verify("uacme/wild.lab.test/cert.pem", &["*.wild.lab.test", "wild.lab.test"]);

    uacme(&lab, "uacme update other@lab.test");
    uacme(&lab, "uacme -t EC newkey");
    let before = lab.serial("uacme/one.lab.test/cert.pem");
    uacme(&lab, "uacme $http -f issue one.lab.test");
    assert_ne!(lab.serial("uacme/one.lab.test/cert.pem"), before);

    // It renames what it revoked.
    uacme(&lab, "cp uacme/one.lab.test/cert.pem one.pem; uacme -r 4 revoke uacme/one.lab.test/cert.pem");
    lab.revoked("one.pem", "Superseded");
    uacme(
        &lab,
        "cp uacme/two.lab.test/cert.pem two.pem
         uacme -r 1 revoke uacme/two.lab.test/cert.pem uacme/private/two.lab.test/key.pem",
    );
    lab.revoked("two.pem", "Key Compromise");
    uacme(&lab, "uacme deactivate");
    let after = lab.sh(&format!("{UACME} uacme $http issue four.lab.test"));
    assert_ne!(after.code, Some(0), "a deactivated account got a certificate");
}

#[test]
fn uacme_answers_tls_alpn_01_by_ualpn() {
    let lab = Lab::start();
    uacme(&lab, "uacme new");
    uacme(
        &lab,
        "ualpn -v -b 127.0.0.1@$TLS_PORT -c 127.0.0.1@9 -p ualpn.pid -s $UALPN > ualpn.log 2>&1 & pid=$!
         trap 'kill $pid' EXIT
         for _ in $(seq 200); do [ -S $UALPN ] && break; kill -0 $pid || { cat ualpn.log; exit 1; }; sleep 0.05; done
         uacme $hook issue alpn.lab.test || { cat ualpn.log; exit 1; }",
    );
    lab.verify("uacme/alpn.lab.test/cert.pem", &["alpn.lab.test"]);
}

#[test]
fn uacme_binds_its_account_to_an_external_one() {
    let lab = Lab::with_web();
    let (kid, key) = lab.eab();
    uacme(&lab, &format!("uacme -e {kid}:{key} new admin@lab.test"));
    uacme(&lab, "uacme $http issue one.lab.test");
    lab.verify("uacme/one.lab.test/cert.pem", &["one.lab.test"]);
}
