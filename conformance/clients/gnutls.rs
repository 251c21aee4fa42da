//! GnuTLS: a request by certtool, and its judgement of certificate, chain and CRL.

use serde_json::json;

use crate::openssl::download;
use crate::shell::sh;
use crate::start;

#[tokio::test]
async fn certtool_asks_and_verifies() {
    let server = start();
    let api = server.api();
    std::fs::write(
        server.folder().join("request.cfg"),
        "cn = \"gnutls.example\"\ndns_name = \"gnutls.example\"\nip_address = \"192.0.2.9\"\ntls_www_server\nsigning_key\n",
    )
    .unwrap();
    let script = "certtool --generate-privkey --key-type ecdsa --curve secp256r1 --outfile gnutls.key 2>&1 >/dev/null
        certtool --generate-request --load-privkey gnutls.key --template request.cfg --outfile gnutls.csr 2>&1 >/dev/null
        cat gnutls.csr";
    // certtool writes the request's text before its PEM.
    let pem = sh(server.folder(), script).ok();
    let path = format!("{}/certificates", api.operations("tls-server").await);
    let (uuid, _) = api.post(&path, &json!({"request": pem, "attributes": []})).await.issued();
    download(&server, &uuid, "gnutls").await;
    let script = format!(
        "cat gnutls.pem gnutls-chain.pem > bundle.pem
         certtool --verify --verify-purpose 1.3.6.1.5.5.7.3.1 --verify-hostname gnutls.example \
            --load-ca-certificate {} --infile bundle.pem 2>&1",
        server.ready().root_pem.display()
    );
    let printed = sh(server.folder(), &script).ok();
    assert!(printed.contains("Verified. The certificate is trusted"), "{printed}");
    // certtool holds a CRL against one issuer alone: the one whose name it has.
    let script = format!(
        "cat gnutls-chain.pem {} | csplit -s -z -f issuer- - '/BEGIN CERTIFICATE/' '{{*}}'
         for crl in gnutls-[0-9]*.crl; do
            openssl crl -inform DER -in $crl -out crl.pem
            echo a CRL of $crl
            certtool --crl-info --infile crl.pem 2>&1
            for issuer in issuer-*; do
                [ \"$(openssl x509 -in $issuer -noout -subject | cut -d= -f2-)\" = \"$(openssl crl -in crl.pem -noout -issuer | cut -d= -f2-)\" ] || continue
                certtool --verify-crl --load-ca-certificate $issuer --infile crl.pem 2>&1
                echo this one verified
                break
            done
         done",
        server.ready().root_pem.display()
    );
    let printed = sh(server.folder(), &script).ok();
    assert!(printed.contains("CRL Number"), "{printed}");
    assert_eq!(printed.matches("this one verified").count(), printed.matches("a CRL of").count(), "{printed}");
    assert!(!printed.contains("Not verified"), "{printed}");
}

#[test]
fn gnutls_cli_trusts_the_listener() {
    let server = start();
    let script = format!(
        "gnutls-cli --x509cafile {} --verify-hostname localhost --port {} 127.0.0.1 </dev/null 2>&1",
        server.ready().root_pem.display(),
        server.ready().https.port()
    );
    let printed = sh(server.folder(), &script).ok();
    assert!(printed.contains("The certificate is trusted"), "{printed}");
}
