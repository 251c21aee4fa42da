//! curl and openssl: what the README tells.

use super::script;
use crate::start;

#[test]
fn curl_fetches_enrols_and_enrols_again() {
    let server = start();
    let printed = script(
        &server,
        r#"
E=$U/.well-known/est
request() {
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout $1.pem -outform DER -out $1.der \
        -subj /CN=gw.example -addext subjectAltName=DNS:gw.example 2>/dev/null
}
send() {
    operation=$1 body=$2
    shift 2
    openssl base64 -A -in $body | curl -sS --fail --cacert $R "$@" -H 'Content-Type: application/pkcs10' --data-binary @- \
        $E/$operation | openssl base64 -d -A | openssl pkcs7 -inform DER -print_certs
}
curl -sS --fail --cacert $R $E/cacerts | openssl base64 -d -A | openssl pkcs7 -inform DER -print_certs -out chain.pem
test "$(grep -c BEGIN chain.pem)" = 2
curl -sS --fail --cacert $R $E/csrattrs | openssl base64 -d -A | openssl asn1parse -inform DER | grep -q 'Extension Request'
request one
send simpleenroll one.der -u 'gw.example:correct horse' > one.crt
openssl verify -CAfile $R -untrusted chain.pem one.crt
request two
send simplereenroll two.der --cert one.crt --key one.pem > two.crt
openssl verify -CAfile $R -untrusted chain.pem two.crt
send simpleenroll two.der --cert two.crt --key two.pem > three.crt
# By TLS 1.2, with lines and in chunks, as PEM.
openssl base64 -in one.der | curl -sS --fail --tls-max 1.2 --cacert $R -u 'gw.example:correct horse' \
    -H 'Content-Type: application/pkcs10' -H 'Transfer-Encoding: chunked' --data-binary @- $E/device/simpleenroll > /dev/null
openssl req -inform DER -in one.der | curl -sS --fail --cacert $R -u 'gw.example:correct horse' \
    -H 'Content-Type: application/pkcs10' --data-binary @- $E/simpleenroll > /dev/null
# Refused, with the reason.
openssl base64 -A -in one.der | curl -sS --cacert $R -H 'Content-Type: application/pkcs10' --data-binary @- \
    -o empty -w '%{http_code} ' $E/simpleenroll
test ! -s empty
openssl x509 -in two.crt -noout -subject
"#,
    )
    .ok();
    assert!(printed.contains("401 ") && printed.contains("gw.example"), "{printed}");
    assert_eq!(printed.matches(": OK").count(), 2, "{printed}");
}
