//! certbot (Python), Debian's and the newest.

use std::path::Path;
use std::sync::OnceLock;

use super::lab::Lab;
use crate::shell::sh;

/// The newest version when this was written.
const NEWEST: &str = "5.8.0";

/// Debian's program.
const DEBIAN: &str = "/usr/bin/certbot";

/// The newest one's program, in an environment of its own that is kept for the next run.
fn newest() -> &'static str {
    static PROGRAM: OnceLock<String> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("certbot-{NEWEST}"));
        if !folder.join("complete").exists() {
            let script = format!(
                "rm -rf {0}; python3 -m venv {0}; {0}/bin/pip install -q --disable-pip-version-check certbot=={NEWEST}
                 touch {0}/complete",
                folder.display()
            );
            sh(Path::new(env!("CARGO_TARGET_TMPDIR")), &script).ok();
        }
        folder.join("bin/certbot").display().to_string()
    })
}

/// certbot with all that every call has.
const CERTBOT: &str = r#"
export REQUESTS_CA_BUNDLE=$ROOT
certbot() {
    "$CERTBOT" "$@" -n --server "$DIRECTORY" --config-dir certbot --work-dir certbot/work --logs-dir certbot/logs 2>&1 ||
        { tail -n 40 certbot/logs/letsencrypt.log; false; }
}
http="--standalone --http-01-address 127.0.0.1 --http-01-port $HTTP_PORT"
cat > hook <<'END'
#!/bin/sh
echo "$CERTBOT_VALIDATION" >> "$TXT/_acme-challenge.$CERTBOT_DOMAIN"
END
cat > unhook <<'END'
#!/bin/sh
sed -i "/^$CERTBOT_VALIDATION\$/d" "$TXT/_acme-challenge.$CERTBOT_DOMAIN"
END
chmod +x hook unhook
dns="--manual --preferred-challenges dns --manual-auth-hook $PWD/hook --manual-cleanup-hook $PWD/unhook"
"#;

#[track_caller]
fn certbot(lab: &Lab, program: &str, script: &str) -> String {
    lab.sh_with(&format!("{CERTBOT}{script}"), &[("CERTBOT", program)]).ok()
}

/// Everything that both versions can.
fn everything(program: &str) {
    let lab = Lab::start();
    let certbot = |script: &str| certbot(&lab, program, script);
    certbot("certbot register --agree-tos -m admin@lab.test");
    certbot("certbot certonly $http -d one.lab.test");
    lab.verify("certbot/live/one.lab.test/fullchain.pem", &["one.lab.test"]);
    certbot("certbot certonly $http --cert-name many --key-type rsa -d two.lab.test,three.lab.test,four.lab.test");
    lab.verify("certbot/live/many/fullchain.pem", &["two.lab.test", "three.lab.test", "four.lab.test"]);
    certbot("certbot certonly $dns --cert-name wild -d '*.wild.lab.test' -d wild.lab.test");
    lab.verify("certbot/live/wild/fullchain.pem", &["*.wild.lab.test", "wild.lab.test"]);

    let before = lab.serial("certbot/live/many/fullchain.pem");
    certbot("certbot renew --cert-name many --force-renewal --no-random-sleep-on-renew");
    assert_ne!(lab.serial("certbot/live/many/fullchain.pem"), before);
    let before = lab.serial("certbot/live/wild/fullchain.pem");
    // A trial gives up its authorizations and keeps what was there.
    certbot("certbot renew --cert-name wild --dry-run --no-random-sleep-on-renew");
    assert_eq!(lab.serial("certbot/live/wild/fullchain.pem"), before);

    certbot("certbot update_account -m other@lab.test");
    certbot("certbot revoke --cert-name one.lab.test --no-delete-after-revoke --reason superseded");
    lab.revoked("certbot/live/one.lab.test/fullchain.pem", "Superseded");
    certbot(
        "certbot revoke --cert-path certbot/live/many/cert.pem --key-path certbot/live/many/privkey.pem \
            --no-delete-after-revoke --reason keycompromise",
    );
    lab.revoked("certbot/live/many/fullchain.pem", "Key Compromise");
    certbot("certbot unregister");
}

fn external_account(program: &str) {
    let lab = Lab::start();
    let (kid, key) = lab.eab();
    let certbot = |script: &str| certbot(&lab, program, script);
    certbot(&format!("certbot register --agree-tos -m admin@lab.test --eab-kid {kid} --eab-hmac-key {key}"));
    certbot("certbot certonly $http -d one.lab.test");
    lab.verify("certbot/live/one.lab.test/fullchain.pem", &["one.lab.test"]);
}

#[test]
fn certbot_of_debian_does_everything() {
    everything(DEBIAN);
}

#[test]
fn certbot_of_debian_binds_its_account_to_an_external_one() {
    external_account(DEBIAN);
}

#[test]
fn certbot_newest_does_everything() {
    everything(newest());
}

#[test]
fn certbot_newest_binds_its_account_to_an_external_one() {
    external_account(newest());
}

#[test]
fn certbot_newest_renews_when_renewal_information_says_so() {
    let lab = Lab::start();
    let certbot = |script: &str| certbot(&lab, newest(), script);
    certbot("certbot certonly --agree-tos -m admin@lab.test $http -d one.lab.test");
    certbot("certbot certonly $http -d two.lab.test");
    let one = "certbot/live/one.lab.test/fullchain.pem";
    let two = "certbot/live/two.lab.test/fullchain.pem";
    let before = (lab.serial(one), lab.serial(two));
    // A revoked certificate's window lies in the past (RFC 9773 section 4.2). It is asked about once: what Retry-After
    // said is kept.
    certbot("certbot revoke --cert-name two.lab.test --no-delete-after-revoke");
    certbot("certbot renew --no-random-sleep-on-renew");
    assert_eq!(lab.serial(one), before.0, "renewed before its time");
    assert_ne!(lab.serial(two), before.1, "not renewed");
    lab.verify(two, &["two.lab.test"]);
}

#[test]
fn certbot_newest_asks_for_an_address() {
    let lab = Lab::start();
    certbot(
        &lab,
        newest(),
        "certbot certonly --agree-tos -m admin@lab.test $http --preferred-challenges http --cert-name address \
            --ip-address 127.0.0.1 -d one.lab.test",
    );
    lab.verify("certbot/live/address/fullchain.pem", &["127.0.0.1", "one.lab.test"]);
}
