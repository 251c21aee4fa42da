//! strongSwan's `pki --scep` (C), Debian's. The only client that sends RenewalReq (17) beside micromdm's.

use chancery_tests::{Ran, Server};

use crate::shell::sh;
use crate::start;

const SWAN: &str = r#"
scep() {
    pki --scep --url "$URL" --cacert-enc ra-encryption.crt --cacert-sig ra-signing.crt --cacert root.crt \
        --cacert issuing.crt --cipher aes --digest sha256 --outform pem "$@"
}
"#;

/// CA certificates by the client, named after what they are: it numbers the files as it finds them.
const CA_CERTIFICATES: &str = r#"
pki --scepca --url "$URL" --caout ca.crt --raout ra.crt --outform pem 2>&1
for file in ca*.crt ra*.crt; do
    case $(openssl x509 -in "$file" -noout -subject) in
    *"RA encryption"*) cp "$file" ra-encryption.crt ;;
    *"RA signing"*) cp "$file" ra-signing.crt ;;
    *"Root"*) cp "$file" root.crt ;;
    *"Issuing"*) cp "$file" issuing.crt ;;
    esac
done
ls ra-encryption.crt ra-signing.crt root.crt issuing.crt
openssl verify -CAfile root.crt -untrusted issuing.crt ra-encryption.crt ra-signing.crt
"#;

fn swan(server: &Server, script: &str) -> Ran {
    let url = format!("http://{}/scep/device/pkiclient.exe", server.ready().http);
    sh(server.folder(), &format!("URL={url}\n{SWAN}{script}"))
}

fn challenge(server: &Server, more: &[&str]) -> String {
    let made = server.cli(["scep", "challenge", "--profile", "device"].iter().chain(more).copied());
    made.ok().trim().to_owned()
}

#[test]
fn strongswan_fetches_enrols_and_renews() {
    let server = start();
    swan(&server, CA_CERTIFICATES).ok();
    let password = challenge(&server, &["--subject", "CN=dev-1", "--san", "dns:dev-1.example"]);
    let enrol = format!(
        "pki --gen --type rsa --size 2048 --outform pem > one.key
         scep --in one.key --dn CN=dev-1 --san dev-1.example --password {password} > one.crt
         openssl x509 -in one.crt -noout -ext subjectAltName | grep -q DNS:dev-1.example
         openssl verify -x509_strict -CAfile root.crt -untrusted issuing.crt one.crt"
    );
    swan(&server, &enrol).ok();
    // RFC 8894 section 3.3.1.2: another key, signed with the certificate, without a challenge.
    let renew = "pki --gen --type rsa --size 2048 --outform pem > two.key
         scep --in two.key --cert one.crt --key one.key --dn CN=dev-1 --san dev-1.example > two.crt
         openssl verify -x509_strict -CAfile root.crt -untrusted issuing.crt two.crt
         [ \"$(openssl x509 -in two.crt -noout -serial)\" != \"$(openssl x509 -in one.crt -noout -serial)\" ]
         [ \"$(openssl x509 -in two.crt -noout -pubkey)\" = \"$(openssl pkey -in two.key -pubout)\" ]";
    swan(&server, renew).ok();

    let again = format!("pki --gen --type rsa > three.key; scep --in three.key --dn CN=dev-1 --password {password}");
    let refused = swan(&server, &again);
    assert_ne!(refused.code, Some(0), "a challenge was used twice");
    assert!(refused.stderr.contains("badRequest"), "{}", refused.stderr);
    let other = challenge(&server, &["--subject", "CN=dev-2"]);
    let stolen = format!("pki --gen --type rsa > four.key; scep --in four.key --dn CN=bank --password {other}");
    let refused = swan(&server, &stolen);
    assert_ne!(refused.code, Some(0), "a challenge was used for another subject");
    let changed = "scep --in two.key --cert two.crt --key two.key --dn CN=other > never.crt";
    assert_ne!(swan(&server, changed).code, Some(0), "a renewal changed the subject");
}
