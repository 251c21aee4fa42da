//! strongSwan's `pki --estca` and `--est` (Debian's 5.9.8, which reads one line of Base64 and no chunks).

use super::script;
use crate::start;

#[test]
fn strongswan_fetches_enrols_and_enrols_again() {
    let server = start();
    let printed = script(
        &server,
        r#"
pki --estca --url $U --cacert $R --outform pem > chain.pem 2> estca.log || { cat estca.log; exit 1; }
test "$(grep -c BEGIN chain.pem)" = 2
pki --gen --type ecdsa --size 256 --outform pem > one.pem
pki --req --in one.pem --type ecdsa --dn CN=gw.example --san gw.example --outform der > one.der
pki --est --url $U --cacert $R --userpass 'gw.example:correct horse' --in one.der --outform der > one.crt 2> est.log \
    || { cat est.log; exit 1; }
pki --gen --type ecdsa --size 256 --outform pem > two.pem
pki --req --in two.pem --type ecdsa --dn CN=gw.example --san gw.example --outform der > two.der
pki --est --url $U --cacert $R --cert one.crt --key one.pem --in two.der --outform der > two.crt 2> est.log \
    || { cat est.log; exit 1; }
openssl x509 -inform DER -in two.crt -out two.crt.pem
openssl verify -CAfile $R -untrusted chain.pem two.crt.pem
# Another name is refused.
pki --req --in two.pem --type ecdsa --dn CN=other.example --outform der > other.der
! pki --est --url $U --cacert $R --cert one.crt --key one.pem --in other.der --outform der > other.crt 2> other.log
"#,
    )
    .ok();
    assert!(printed.contains("two.crt.pem: OK"), "{printed}");
}
