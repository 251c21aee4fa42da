//! What waits for an approval is asked for again when that is given: of the ACME door too.

use aws_lc_rs::hmac;
use chancery_acme::{NewEabKey, Resource};
use chancery_core::{ApprovalList, CertificateState, Error, ProfileEdit, ProfileRef};
use serde_json::{Value, json};
use time::Duration;
use uuid::Uuid;

use crate::finalize::{ask_for_approvals, edit};
use crate::house::{Client, House, binding, object, origin, system};
use crate::path::{csr, resource};

/// A house whose certificates wait for approvals.
async fn house() -> House {
    let house = House::new().await;
    ask_for_approvals(&house).await;
    house
}

/// An order that waits: its id, what it shows, and the approval.
async fn waiting(client: &Client<'_>, name: &str) -> (Uuid, Value, Uuid) {
    let (id, order) = client.order_for(&[name]).await;
    client.prove(&order).await;
    client.house.clock.advance(Duration::seconds(1));
    let reply = client.finalize(id, &csr(&[name])).await.unwrap();
    assert_eq!(object(&reply)["status"], "processing");
    let approvals = client.house.ra.approvals(&system(), &origin(), ApprovalList::All, 0, 1).await.unwrap();
    (id, order, approvals.items[0].id)
}

async fn approve(house: &House, approval: Uuid) -> Result<(), Error> {
    house.ra.approve(&system(), &origin(), approval, None).await
}

/// The approval is refused for this reason, and nothing is issued.
async fn refused(house: &House, approval: Uuid, told: &str) {
    let error = approve(house, approval).await.unwrap_err();
    assert!(matches!(error, Error::Rejected(_)), "{error:?}");
    assert!(error.to_string().contains(told), "{error}, where {told:?} was expected");
    let waiting = house.ra.approval(&system(), &origin(), approval).await.unwrap();
    assert!(waiting.decision.is_none());
    let certificate = house.ra.certificate(&system(), &origin(), waiting.certificate).await.unwrap();
    assert_eq!((certificate.state, certificate.certificate), (CertificateState::PendingApproval, None));
    // Nothing stands in the way of saying no.
    house.ra.reject(&system(), &origin(), approval, None).await.unwrap();
}

#[tokio::test]
async fn an_approval_makes_the_order_valid_at_once() {
    let house = house().await;
    let client = house.client().registered().await;
    let (id, _, approval) = waiting(&client, "a.example.com").await;
    // Past the order's own lifetime, within that of its authorizations.
    house.clock.advance(Duration::hours(12));
    approve(&house, approval).await.unwrap();
    let order = object(&client.ask(Resource::Order(id), None).await.unwrap());
    assert_eq!(order["status"], "valid");
    client.download(&order).await;
}

#[tokio::test]
async fn an_account_that_ended_or_was_off_gets_nothing_later() {
    let house = house().await;
    let client = house.client().registered().await;
    let (id, _, approval) = waiting(&client, "a.example.com").await;
    house.acme.disable_account(&system(), &origin(), client.id(), true).await.unwrap();
    house.acme.disable_account(&system(), &origin(), client.id(), false).await.unwrap();
    let order = object(&client.ask(Resource::Order(id), None).await.unwrap());
    assert_eq!(order["status"], "invalid");
    refused(&house, approval, "does not wait any more").await;

    let (_, _, approval) = waiting(&client, "b.example.com").await;
    let account = resource(client.account.as_ref().unwrap());
    client.ask(account, Some(json!({ "status": "deactivated" }))).await.unwrap();
    refused(&house, approval, "does not wait any more").await;
}

#[tokio::test]
async fn an_authorization_given_up_or_over_proves_nothing_later() {
    let house = house().await;
    let client = house.client().registered().await;
    let (_, order, approval) = waiting(&client, "a.example.com").await;
    let authorization = resource(order["authorizations"][0].as_str().unwrap());
    client.ask(authorization, Some(json!({ "status": "deactivated" }))).await.unwrap();
    refused(&house, approval, "\"a.example.com\": no valid authorization").await;

    let (_, _, approval) = waiting(&client, "b.example.com").await;
    house.clock.advance(Duration::days(1));
    refused(&house, approval, "\"b.example.com\": no valid authorization").await;
}

#[tokio::test]
async fn caa_that_forbids_by_now_is_heard() {
    let house = house().await;
    house
        .set(|settings| {
            settings.caa = true;
            settings.caa_identities = vec!["ca.example".into()];
        })
        .await;
    let client = house.client().registered().await;
    let (_, _, first) = waiting(&client, "a.example.com").await;
    let (_, _, second) = waiting(&client, "b.example.com").await;
    house.prober.forbid("a.example.com");
    // What was allowed lately stands.
    let asked = house.prober.questions().len();
    approve(&house, second).await.unwrap();
    assert_eq!(house.prober.questions().len(), asked);
    house.clock.advance(Duration::hours(8));
    refused(&house, first, "CAA forbids it").await;
    assert_eq!(house.prober.questions().len(), asked + 1);
}

#[tokio::test]
async fn a_directory_that_changed_its_terms_or_closed_issues_nothing() {
    let house = house().await;
    let client = house.client().registered().await;
    let (_, _, approval) = waiting(&client, "a.example.com").await;
    house
        .set(|settings| {
            settings.terms_of_service = Some("https://ca.example/terms".into());
            settings.terms_changed = true;
        })
        .await;
    refused(&house, approval, "terms of service have changed").await;
    house.set(|settings| settings.terms_changed = false).await;

    // Another directory of the same RA profile is not the one through which it was asked for.
    let (_, _, approval) = waiting(&client, "b.example.com").await;
    let reference = chancery_acme::AcmeProfileRef::Name("default".into());
    let off = chancery_acme::AcmeProfileEdit { enabled: Some(false), ..Default::default() };
    house.acme.edit_acme_profile(&system(), &origin(), &reference, off).await.unwrap();
    refused(&house, approval, "is closed").await;
}

#[tokio::test]
async fn a_key_that_was_revoked_or_is_over_stands_for_nobody() {
    let house = house().await;
    for revoked in [true, false] {
        let new = NewEabKey {
            ra_profile: ProfileRef::Name("tls-server".into()),
            acme_profile: None,
            description: String::new(),
            names: None,
            uses: None,
            quota: Some(1),
            expires_at: Some(house.ra.ports().clock.now() + Duration::hours(5)),
        };
        let made = house.acme.create_eab_key(&system(), &origin(), new).await.unwrap();
        let mut client = house.client();
        let url = "https://ca.example/acme/tls-server/new-account";
        let header = json!({ "alg": "HS256", "kid": made.key.id.to_string(), "url": url });
        let bound = binding(hmac::HMAC_SHA256, &made.secret, &header, &client.jwk());
        client.register(json!({ "externalAccountBinding": bound })).await.unwrap();
        let (_, _, approval) = waiting(&client, "a.example.com").await;
        if revoked {
            house.acme.revoke_eab_key(&system(), &origin(), made.key.id).await.unwrap();
        } else {
            house.clock.advance(Duration::hours(6));
        }
        refused(&house, approval, "external account key").await;
    }
}

#[tokio::test]
async fn a_profile_edited_since_is_told_first() {
    let house = house().await;
    let client = house.client().registered().await;
    let (_, _, approval) = waiting(&client, "a.example.com").await;
    let description = Some(Some("another".into()));
    edit(&house, ProfileEdit { description, ..ProfileEdit::default() }).await;
    refused(&house, approval, "has changed since").await;
}
