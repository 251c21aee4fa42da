//! RFC 8555 sections 7.4.2 and 9.1.

use chancery_acme::{Body, ProblemType, Resource};
use chancery_pki::{Certificate, parse_certs_only};

use crate::house::House;
use crate::path::{csr, pem, resource};

#[tokio::test]
async fn rfc8555_7_4_2_a_certificate_comes_with_its_chains() {
    let house = House::new().await;
    let client = house.client().registered().await;
    let order = client.issued(&["a.example.com"], &csr(&["a.example.com"])).await;
    let url = order["certificate"].as_str().unwrap();
    let reply = client.ask(resource(url), None).await.unwrap();
    let Body::Bytes { bytes, .. } = &reply.body else { panic!() };
    let text = std::str::from_utf8(bytes).unwrap();
    assert!(text.starts_with("-----BEGIN CERTIFICATE-----\n") && text.ends_with("-----END CERTIFICATE-----\n"));
    assert!(!text.contains('\r') && !text.contains("\n\n"));
    let chain = pem(&reply);
    assert!(chain.len() >= 2);
    for pair in chain.windows(2) {
        pair[0].verify_signed_by(pair[1].public_key()).unwrap();
    }
    for (other, relation) in &reply.links {
        assert_eq!(*relation, "alternate");
        let alternate = client.ask(resource(other), None).await.unwrap();
        let whole = pem(&alternate);
        assert_eq!((&whole[0], whole.last().unwrap().is_self_issued()), (&chain[0], true));
        assert_ne!(whole.len(), chain.len());
        assert_eq!(alternate.links, [(url.to_owned(), "alternate")]);
    }
    let Resource::Certificate(id, _) = resource(url) else { panic!() };
    let problem = client.ask(Resource::Certificate(id, 9), None).await.unwrap_err();
    assert_eq!((problem.kind, problem.status), (ProblemType::Malformed, 404));
    let problem = client.ask(Resource::Certificate(id, 0), Some(serde_json::json!({}))).await.unwrap_err();
    assert_eq!((problem.kind, problem.status), (ProblemType::Malformed, 400));
}

#[tokio::test]
async fn rfc8555_7_4_2_the_accept_header_chooses_the_form() {
    let house = House::new().await;
    let mut client = house.client().registered().await;
    let order = client.issued(&["a.example.com"], &csr(&["a.example.com"])).await;
    let leaf = client.download(&order).await[0].clone();
    let url = order["certificate"].as_str().unwrap();
    client.accept = Some("application/pkix-cert");
    let reply = client.ask(resource(url), None).await.unwrap();
    let Body::Bytes { content_type: "application/pkix-cert", bytes } = &reply.body else { panic!("{reply:?}") };
    assert_eq!(bytes, leaf.der());
    assert!(reply.links.contains(&(leaf.aia_issuers()[0].clone(), "up")), "{:?}", reply.links);
    client.accept = Some("application/pkcs7-mime");
    let reply = client.ask(resource(url), None).await.unwrap();
    let Body::Bytes { content_type: "application/pkcs7-mime", bytes } = &reply.body else { panic!("{reply:?}") };
    assert!(parse_certs_only(bytes).unwrap().contains(&leaf));
}

#[tokio::test]
async fn a_certificate_is_given_to_its_account_alone() {
    let house = House::new().await;
    let (client, other) = (house.client().registered().await, house.client().registered().await);
    let order = client.issued(&["a.example.com"], &csr(&["a.example.com"])).await;
    let certificate = resource(order["certificate"].as_str().unwrap());
    let problem = other.ask(certificate, None).await.unwrap_err();
    assert_eq!((problem.kind, problem.status), (ProblemType::Malformed, 404));
    let _: Vec<Certificate> = client.download(&order).await;
}
