//! acme-tiny (Python), Debian's: RS256 and http-01 only, no polling of anything but the authorization and the order.

use super::lab::Lab;

const ACME_TINY: &str = r#"
export SSL_CERT_FILE=$ROOT
[ -e account.key ] || openssl genrsa -out account.key 2048 2>/dev/null
acme_tiny() {
    acme-tiny --directory-url "$DIRECTORY" --account-key account.key --acme-dir "$WEBROOT" --disable-check "$@"
}
"#;

#[test]
fn acme_tiny_issues_for_one_and_many_names() {
    let lab = Lab::with_web();
    let issue = |file: &str, key: &str, names: &[&str]| {
        let list: Vec<String> = names.iter().map(|name| format!("DNS:{name}")).collect();
        let script = format!(
            "{ACME_TINY}
             openssl req -new {key} -nodes -keyout {file}.key -out {file}.csr -subj /CN={} \
                -addext subjectAltName={} 2>/dev/null
             acme_tiny --csr {file}.csr --contact mailto:admin@lab.test > {file}.pem",
            names[0],
            list.join(",")
        );
        lab.sh(&script).ok();
        lab.verify(&format!("{file}.pem"), names);
    };
    issue("one", "-newkey rsa:2048", &["one.lab.test"]);
    issue("many", "-newkey ec -pkeyopt ec_paramgen_curve:P-384", &["two.lab.test", "three.lab.test", "four.lab.test"]);
    // The same again with the same account is its way to renew.
    let before = lab.serial("one.pem");
    issue("one", "-newkey rsa:2048", &["one.lab.test"]);
    assert_ne!(lab.serial("one.pem"), before);
}
