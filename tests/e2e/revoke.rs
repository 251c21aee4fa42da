//! Revoking, and what the world sees of it.

use std::time::Duration;

use chancery_pki::{Certificate, Crl, RevocationReason};
use chancery_tests::{Request, Server, eventually, fetch};
use serde_json::json;

use crate::start;

/// The CRL at the address that the certificate carries, its signature checked.
async fn crl(server: &Server, certificate: &Certificate) -> Crl {
    let address = certificate.crl_distribution_points()[0].clone();
    let answer = fetch(&address).await;
    assert_eq!(answer.status, 200, "{address}");
    assert_eq!(answer.header("content-type"), Some("application/pkix-crl"));
    let crl = Crl::from_der(&answer.body).unwrap();
    let issuer = fetch(&certificate.aia_issuers()[0]).await;
    assert_eq!(issuer.header("content-type"), Some("application/pkix-cert"));
    let issuer = Certificate::from_der(&issuer.body).unwrap();
    crl.verify_signed_by(issuer.public_key()).unwrap();
    let root = Certificate::parse(&std::fs::read(&server.ready().root_pem).unwrap()).unwrap();
    issuer.verify_signed_by(root.public_key()).unwrap();
    crl
}

#[tokio::test]
async fn a_revocation_is_in_the_crl_within_five_seconds() {
    let server = start();
    let api = server.api();
    let (uuid, certificate) = api.issue("tls-server", &Request::host("revoked.example")).await;
    let before = crl(&server, &certificate).await;
    assert!(before.entry(certificate.serial()).is_none());

    let path = format!("{}/certificates/{uuid}/revoke", api.operations("tls-server").await);
    api.post(&path, &json!({"reason": "keyCompromise", "attributes": [], "destroyKey": false})).await.empty(204);
    let shown = api.certificate(&uuid).await;
    assert_eq!(shown["state"], "revoked");
    assert_eq!(shown["validationStatus"], "revoked");

    let after = eventually("the revocation is in the CRL", Duration::from_secs(5), || async {
        let crl = crl(&server, &certificate).await;
        crl.entry(certificate.serial()).is_some().then_some(crl)
    })
    .await;
    assert!(after.number() > before.number());
    let entry = after.entry(certificate.serial()).unwrap();
    assert_eq!(entry.reason, Some(RevocationReason::KeyCompromise));

    // A second time is refused, and so is everything else.
    api.post(&path, &json!({"reason": "keyCompromise", "attributes": []})).await.faults();
    let history = api.get(&format!("/api/v1/certificates/{uuid}/history")).await.json(200);
    assert!(history.to_string().contains("Revoke Certificate"), "{history}");
}

#[tokio::test]
async fn all_nine_reasons_and_no_other() {
    let server = start();
    let api = server.api();
    let operations = api.operations("tls-server").await;
    let reasons = [
        json!("unspecified"),
        json!("UNSPECIFIED"),
        json!(null),
        json!("keyCompromise"),
        json!("cACompromise"),
        json!("affiliationChanged"),
        json!("superseded"),
        json!("cessationOfOperation"),
        json!("certificateHold"),
        json!("privilegeWithdrawn"),
        json!("aACompromise"),
    ];
    for reason in reasons {
        let (uuid, _) = api.issue("tls-server", &Request::host("reason.example")).await;
        let path = format!("{operations}/certificates/{uuid}/revoke");
        api.post(&path, &json!({"reason": reason, "attributes": null})).await.empty(204);
    }
    let (uuid, _) = api.issue("tls-server", &Request::host("reason.example")).await;
    let path = format!("{operations}/certificates/{uuid}/revoke");
    for wrong in [json!("removeFromCRL"), json!("keycompromise"), json!(1), json!("")] {
        let status = api.post(&path, &json!({"reason": wrong, "attributes": []})).await.status;
        assert!([400, 422].contains(&status), "{wrong}: {status}");
    }
    let faults = api.post(&path, &json!({"reason": "superseded", "attributes": [], "destroyKey": true})).await.faults();
    assert!(faults.join(" ").contains("destroyKey"), "{faults:?}");
    assert_eq!(api.certificate(&uuid).await["state"], "issued");
}

#[tokio::test]
async fn two_revocations_at_once_cannot_both_win() {
    let server = start();
    let api = server.api();
    let operations = api.operations("tls-server").await;
    for _ in 0..5 {
        let (uuid, _) = api.issue("tls-server", &Request::host("race.example")).await;
        let path = format!("{operations}/certificates/{uuid}/revoke");
        let body = json!({"reason": "superseded", "attributes": []});
        let racers: Vec<_> = (0..8)
            .map(|_| {
                let (api, path, body) = (api.clone(), path.clone(), body.clone());
                tokio::spawn(async move { api.post(&path, &body).await.status })
            })
            .collect();
        let mut statuses = Vec::new();
        for racer in racers {
            statuses.push(racer.await.unwrap());
        }
        assert_eq!(statuses.iter().filter(|status| **status == 204).count(), 1, "{statuses:?}");
        assert!(statuses.iter().all(|status| [204, 422].contains(status)), "{statuses:?}");
    }
    server.cli(["audit", "verify"]).ok();
}

#[tokio::test]
async fn crl_numbers_only_rise_also_over_a_restart() {
    let mut server = start();
    let (_, certificate) = server.api().issue("tls-server", &Request::host("number.example")).await;
    let first = crl(&server, &certificate).await;
    assert!(server.stop().success());
    server.start();
    let (uuid, certificate) = server.api().issue("tls-server", &Request::host("number.example")).await;
    let second = crl(&server, &certificate).await;
    assert!(second.number() >= first.number());
    let path = format!("{}/certificates/{uuid}/revoke", server.api().operations("tls-server").await);
    server.api().post(&path, &json!({"reason": "superseded", "attributes": []})).await.empty(204);
    eventually("a higher number", Duration::from_secs(5), || async {
        (crl(&server, &certificate).await.number() > second.number()).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_revoked_certificate_of_its_own_is_not_shown_any_more() {
    let mut server = start();
    let own = |server: &Server| {
        let chain = std::fs::read_to_string(server.data().join("tls.pem")).unwrap();
        Certificate::all_from_pem(&chain).unwrap().remove(0)
    };
    let before = own(&server);
    let serial = before.serial().to_hex();
    server.cli(["cert", "revoke", &serial, "--reason", "superseded"]).ok();
    let again = server.cli(["cert", "revoke", &serial]).refused();
    assert!(again.contains("revoked"), "{again}");
    server.stop();
    server.start();
    assert_ne!(own(&server).serial(), before.serial());
}

/// A CA ends by the command line alone; the root's CRL tells it, and nothing more is signed.
#[tokio::test]
async fn a_revoked_ca_signs_nothing_more() {
    let server = start();
    let api = server.api();
    let (_, certificate) = api.issue("tls-server", &Request::host("below.example")).await;
    let issuer = Certificate::from_der(&fetch(&certificate.aia_issuers()[0]).await.body).unwrap();
    let root = Certificate::parse(&std::fs::read(&server.ready().root_pem).unwrap()).unwrap();
    for (wrong, why) in [
        ("zz", "neither"),
        ("00ff00ff", "no certificate"),
        ("2d2ff0b3-3b4c-4a5e-8a4d-0b0a7c523d1e", "certificate"),
        (&root.serial().to_hex(), "trust store"),
    ] {
        let refused = server.cli(["cert", "revoke", wrong]).refused();
        assert!(refused.contains(why), "{refused}");
    }
    server.cli(["cert", "revoke", &issuer.serial().to_hex(), "--reason", "cACompromise"]).ok();
    let path = format!("{}/certificates", api.operations("tls-server").await);
    let refused = api.post(&path, &json!({"request": Request::host("late.example").pem(), "attributes": []})).await;
    assert_eq!(refused.status, 503, "{}", refused.text());
    assert!(refused.header("retry-after").is_some() && refused.text().contains("was revoked"), "{}", refused.text());
    eventually("the root's CRL has the CA", Duration::from_secs(10), || async {
        let crl = Crl::from_der(&fetch(&issuer.crl_distribution_points()[0]).await.body).unwrap();
        crl.verify_signed_by(root.public_key()).unwrap();
        crl.entry(issuer.serial()).is_some().then_some(())
    })
    .await;
}
