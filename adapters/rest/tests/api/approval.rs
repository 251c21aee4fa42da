//! Approvals by the published shapes.

use actix_web::http::Method;
use chancery_core::{BUILT_IN_APPROVAL_PROFILE, Role};
use serde_json::{Value, json};

use crate::house::{House, csr, key};

async fn patch(house: &House, token: &str, path: &str, body: Option<Value>) -> crate::house::Answer {
    house.with(token, Method::PATCH, path, body).await
}

/// Ask through tls-server, which asks for approvals: the waiting object's uuid and its approval's.
async fn asked(house: &House, token: &str) -> (String, String) {
    house.clock.advance(time::Duration::seconds(1));
    let body = json!({ "request": csr(&key(), "CN=a.example", "a.example"), "attributes": [] });
    let path = house.at("tls-server", "/certificates").await;
    let answer = house.with(token, Method::POST, &path, Some(body)).await.ok();
    assert_eq!(answer["certificateData"], "");
    let object = answer["uuid"].as_str().unwrap().to_owned();
    let list = house.get(&format!("/api/v1/certificates/{object}/approvals")).await.ok();
    (object, list["approvals"][0]["approvalUuid"].as_str().unwrap().to_owned())
}

async fn house() -> House {
    let house = House::new().await;
    let path = house.managed("tls-server", &format!("/approvalProfiles/{BUILT_IN_APPROVAL_PROFILE}")).await;
    assert_eq!(patch(&house, &house.administrator, &path, None).await.status, 200);
    house
}

#[actix_web::test]
async fn an_approval_is_shown_given_and_kept() {
    let house = house().await;
    let requester = house.token(Role::Requester, &["tls-server"]).await;
    let (object, approval) = asked(&house, &requester).await;
    let at = format!("/api/v1/certificates/{object}");
    assert_eq!(house.get(&at).await.ok()["state"], "pending_approval");

    let mine = house.get("/api/v1/approvals/user").await.ok();
    assert_eq!((&mine["totalItems"], &mine["approvals"][0]["approvalUuid"]), (&json!(1), &json!(approval)));
    let own = house.with(&requester, Method::GET, "/api/v1/approvals/user", None).await.ok();
    assert_eq!(own["totalItems"], 0);
    let shown = house.get(&format!("/api/v1/approvals/{approval}")).await.ok();
    assert_eq!(shown["status"], "PENDING");
    assert_eq!((&shown["resource"], &shown["resourceAction"]), (&json!("certificates"), &json!("issue")));
    assert_eq!(shown["objectUuid"], json!(object));
    assert_eq!(shown["approvalSteps"][0]["approvalStepRecipients"], json!([]));

    let forbidden = patch(&house, &requester, &format!("/api/v1/approvals/{approval}/approve"), None).await;
    assert_eq!(forbidden.status, 403);
    let comment = Some(json!({ "comment": "seen" }));
    let given =
        patch(&house, &house.administrator, &format!("/api/v1/approvals/{approval}/approveRecipient"), comment).await;
    assert_eq!((given.status, given.text.as_str()), (204, ""));
    assert_eq!(house.get(&at).await.ok()["state"], "issued");
    let shown = house.get(&format!("/api/v1/approvals/{approval}")).await.ok();
    assert_eq!(shown["status"], "APPROVED");
    let decided = &shown["approvalSteps"][0]["approvalStepRecipients"][0];
    assert_eq!((&decided["status"], &decided["comment"]), (&json!("APPROVED"), &json!("seen")));
    assert!(shown["closedAt"].is_string());
    patch(&house, &house.administrator, &format!("/api/v1/approvals/{approval}/reject"), None).await.faults();
    let history = house.get("/api/v1/approvals/user?history=true").await.ok();
    assert_eq!(history["totalItems"], 1);
}

#[actix_web::test]
async fn what_is_rejected_is_not_issued_and_says_why() {
    let house = house().await;
    let requester = house.token(Role::Requester, &["tls-server"]).await;
    let (object, approval) = asked(&house, &requester).await;
    let why = Some(json!({ "comment": "not ours" }));
    let path = format!("/api/v1/approvals/{approval}/rejectRecipient");
    assert_eq!(patch(&house, &house.administrator, &path, why).await.status, 204);
    assert_eq!(house.get(&format!("/api/v1/certificates/{object}")).await.ok()["state"], "rejected");
    let history = house.get(&format!("/api/v1/certificates/{object}/history")).await.ok();
    let events: Vec<_> = history.as_array().unwrap().iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert!(events.contains(&"Approve action closed"), "{events:?}");
}

#[actix_web::test]
async fn another_tenant_sees_and_decides_nothing() {
    let house = house().await;
    let requester = house.token(Role::Requester, &["tls-server"]).await;
    let (object, approval) = asked(&house, &requester).await;
    let other = house.token(Role::Operator, &["device"]).await;
    for path in [format!("/api/v1/approvals/{approval}"), format!("/api/v1/certificates/{object}/approvals")] {
        house.with(&other, Method::GET, &path, None).await.refused(404);
    }
    for verb in ["approve", "reject"] {
        patch(&house, &other, &format!("/api/v1/approvals/{approval}/{verb}"), None).await.refused(404);
    }
    let list = house.with(&other, Method::GET, "/api/v1/approvals", None).await.ok();
    assert_eq!(list["totalItems"], 0);
    let operator = house.token(Role::Operator, &["tls-server"]).await;
    let path = format!("/api/v1/approvals/{approval}/approve");
    assert_eq!(patch(&house, &operator, &path, None).await.status, 204);
}

#[actix_web::test]
async fn there_is_one_approval_profile() {
    let house = house().await;
    let list = house.get("/api/v1/approvalProfiles").await.ok();
    assert_eq!((&list["totalItems"], &list["approvalProfiles"][0]["associations"]), (&json!(1), &json!(1)));
    let at = format!("/api/v1/approvalProfiles/{BUILT_IN_APPROVAL_PROFILE}");
    assert_eq!(house.get(&at).await.ok()["approvalSteps"][0]["requiredApprovals"], 1);
    let associations = house.get(&format!("{at}/associations")).await.ok();
    assert_eq!(associations[0]["name"], "tls-server");
    house.with(&house.administrator, Method::PUT, &at, Some(json!({ "approvalSteps": [] }))).await.faults();
    house.with(&house.administrator, Method::DELETE, &at, None).await.faults();
    house.post("/api/v1/approvalProfiles", json!({ "name": "x", "enabled": true, "approvalSteps": [] })).await.faults();
    house.get("/api/v1/approvalProfiles/0d0c8dd6-0ac8-4b0e-8c0f-1d6b3d1c4c5f").await.refused(404);

    let device = house.profile("device").await;
    let association = format!("{at}/associations/raProfiles/{device}");
    assert_eq!(patch(&house, &house.administrator, &association, None).await.status, 204);
    let of = format!("/api/v1/approvalProfiles/associations/raProfiles/{device}");
    assert_eq!(house.get(&of).await.ok().as_array().unwrap().len(), 1);
    assert_eq!(house.with(&house.administrator, Method::DELETE, &association, None).await.status, 204);
    assert_eq!(house.get(&of).await.ok(), json!([]));
    house.get("/api/v1/approvalProfiles/associations/groups/0d0c8dd6-0ac8-4b0e-8c0f-1d6b3d1c4c5f").await.refused(400);
    house.get("/api/v1/approvals?itemsPerPage=0").await.faults();
    house.get("/api/v1/approvals?pageNumber=x").await.refused(400);
}
