//! RFC 8555 sections 7.1.2 and 7.3.

use chancery_acme::{ProblemType, Resource};
use serde_json::json;
use uuid::Uuid;

use crate::house::{BASE, Client, House, join, object, origin, system};

#[tokio::test]
async fn rfc8555_7_3_a_new_account_answers_201_with_its_url_and_object() {
    let house = House::new().await;
    let mut client = house.client();
    let new = json!({
        "contact": ["mailto:admin@example.com"], "termsOfServiceAgreed": true,
        // Not shown again, and no error.
        "onlyReturnExisting": false, "status": "revoked", "newField": 1,
    });
    let reply = client.register(new).await.unwrap();
    assert_eq!(reply.status, 201);
    let url = client.account.clone().unwrap();
    assert!(url.starts_with(&format!("{BASE}/acme/tls-server/account/")), "{url}");
    let shown = json!({
        "status": "valid", "contact": ["mailto:admin@example.com"], "termsOfServiceAgreed": true,
        "orders": format!("{url}/orders"),
    });
    assert_eq!(object(&reply), shown);
    let read = client.ask(Resource::Account(client.id()), None).await.unwrap();
    assert_eq!((read.status, object(&read)), (200, shown));
    let told = house.told("acme.account.create").await;
    assert!(told[0].contains(&client.id().to_string()) && told[0].contains("mailto:admin@example.com"), "{told:?}");
}

#[tokio::test]
async fn rfc8555_7_3_1_the_same_key_again_answers_200_and_changes_nothing() {
    let house = House::new().await;
    let mut client = house.client();
    client.register(json!({ "contact": ["mailto:a@example.com"] })).await.unwrap();
    let first = client.account.take();
    let again = client.register(json!({ "contact": ["tel:not-even-looked-at"] })).await.unwrap();
    assert_eq!((again.status, &client.account), (200, &first));
    assert_eq!(object(&again)["contact"], json!(["mailto:a@example.com"]));
    client.account = None;
    let only = client.register(json!({ "onlyReturnExisting": true })).await.unwrap();
    assert_eq!((only.status, &client.account), (200, &first));
}

#[tokio::test]
async fn rfc8555_7_3_1_only_return_existing_makes_nothing() {
    let house = House::new().await;
    let mut client = house.client();
    for _ in 0..2 {
        let problem = client.register(json!({ "onlyReturnExisting": true })).await.unwrap_err();
        assert_eq!((problem.kind, problem.status), (ProblemType::AccountDoesNotExist, 400));
    }
}

#[tokio::test]
async fn one_key_in_parallel_makes_one_account() {
    let house = House::new().await;
    let client = house.client();
    let mut answers = Vec::new();
    for _ in 0..50 {
        answers.push(client.ask(Resource::NewAccount, Some(json!({}))));
    }
    let mut made = 0;
    let mut urls = std::collections::BTreeSet::new();
    for answer in join(answers).await {
        let reply = answer.unwrap();
        made += u32::from(reply.status == 201);
        urls.insert(reply.location.unwrap());
    }
    assert_eq!((made, urls.len()), (1, 1));
}

#[tokio::test]
async fn rfc8555_7_3_contacts_and_terms_are_asked_for() {
    let house = House::new().await;
    house
        .set(|settings| {
            settings.require_contact = true;
            settings.require_terms_agreement = true;
            settings.terms_of_service = Some("https://ca.example/terms".into());
        })
        .await;
    let mut client = house.client();
    let contact = json!(["mailto:a@example.com"]);
    for (new, kind, status) in [
        (json!({ "termsOfServiceAgreed": true }), ProblemType::InvalidContact, 400),
        (json!({ "contact": ["tel:1"], "termsOfServiceAgreed": true }), ProblemType::UnsupportedContact, 400),
        (json!({ "contact": "mailto:a@example.com", "termsOfServiceAgreed": true }), ProblemType::Malformed, 400),
        (json!({ "contact": contact }), ProblemType::UserActionRequired, 403),
        (json!({ "contact": contact, "termsOfServiceAgreed": false }), ProblemType::UserActionRequired, 403),
        (json!({ "contact": contact, "termsOfServiceAgreed": "true" }), ProblemType::Malformed, 400),
    ] {
        let problem = client.register(new.clone()).await.unwrap_err();
        assert_eq!((problem.kind, problem.status), (kind, status), "{new}: {problem}");
        if kind == ProblemType::UserActionRequired {
            assert_eq!(problem.links, [("https://ca.example/terms".to_owned(), "terms-of-service")]);
        }
    }
    let good = json!({ "contact": contact, "termsOfServiceAgreed": true });
    assert_eq!(client.register(good).await.unwrap().status, 201);
}

#[tokio::test]
async fn rfc8555_7_3_2_an_update_changes_contacts_and_nothing_else() {
    let house = House::new().await;
    let client = house.client().registered().await;
    let account = Resource::Account(client.id());
    let update = json!({
        "contact": ["mailto:b@example.com"], "termsOfServiceAgreed": true, "orders": "https://evil.example/",
        "status": "revoked",
    });
    let updated = client.ask(account.clone(), Some(update)).await.unwrap();
    let shown = json!({
        "status": "valid", "contact": ["mailto:b@example.com"],
        "orders": format!("{}/orders", client.account.as_ref().unwrap()),
    });
    assert_eq!((updated.status, object(&updated)), (200, shown.clone()));
    let wrong = client.ask(account.clone(), Some(json!({ "contact": ["mailto:a@example.com?bcc=b"] }))).await;
    assert_eq!(wrong.unwrap_err().kind, ProblemType::InvalidContact);
    // An empty object is what older clients read it with.
    assert_eq!(object(&client.ask(account.clone(), Some(json!({}))).await.unwrap()), shown);
    let emptied = client.ask(account, Some(json!({ "contact": [] }))).await.unwrap();
    assert_eq!(object(&emptied)["contact"], json!([]));
}

#[tokio::test]
async fn rfc8555_7_3_6_a_deactivated_account_answers_401_for_ever() {
    let house = House::new().await;
    let mut client = house.client().registered().await;
    let account = Resource::Account(client.id());
    let ended = client.ask(account.clone(), Some(json!({ "status": "deactivated" }))).await.unwrap();
    assert_eq!((ended.status, &object(&ended)["status"]), (200, &json!("deactivated")));
    for payload in [None, Some(json!({ "status": "valid" })), Some(json!({ "contact": [] }))] {
        let problem = client.ask(account.clone(), payload).await.unwrap_err();
        assert_eq!((problem.kind, problem.status), (ProblemType::Unauthorized, 401));
    }
    client.account = None;
    for new in [json!({}), json!({ "onlyReturnExisting": true })] {
        let problem = client.register(new).await.unwrap_err();
        assert_eq!((problem.kind, problem.status), (ProblemType::Unauthorized, 401));
    }
    assert_eq!(house.told("acme.account.end").await.len(), 1);
}

#[tokio::test]
async fn other_accounts_are_answered_alike_whether_they_exist_or_not() {
    let house = House::new().await;
    let (client, other) = (house.client().registered().await, house.client().registered().await);
    let mut answers = Vec::new();
    for id in [other.id(), Uuid::from_u128(5)] {
        for (resource, payload) in [
            (Resource::Account(id), None),
            (Resource::Account(id), Some(json!({ "status": "deactivated" }))),
            (Resource::Orders(id, None), None),
        ] {
            let problem = client.ask(resource, payload).await.unwrap_err();
            answers.push((problem.kind, problem.status, problem.detail));
        }
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!((answers[0].0, answers[0].1), (ProblemType::Unauthorized, 403));
    assert_eq!(other.ask(Resource::Account(other.id()), None).await.unwrap().status, 200);
}

#[tokio::test]
async fn an_account_switched_off_is_refused_until_it_is_on_again() {
    let house = House::new().await;
    let mut client = house.client().registered().await;
    let id = client.id();
    assert!(house.acme.disable_account(&system(), &origin(), id, true).await.unwrap());
    let problem = client.ask(Resource::Account(id), None).await.unwrap_err();
    assert_eq!((problem.kind, problem.status), (ProblemType::Unauthorized, 403));
    let account = client.account.take();
    assert_eq!(client.register(json!({})).await.unwrap_err().kind, ProblemType::Unauthorized);
    client.account = account;
    assert!(house.acme.disable_account(&system(), &origin(), id, false).await.unwrap());
    assert_eq!(client.ask(Resource::Account(id), None).await.unwrap().status, 200);
}

#[tokio::test]
async fn rfc8555_7_1_2_1_the_list_of_orders_is_read_by_post_as_get_alone() {
    let house = House::new().await;
    let client = house.client().registered().await;
    let orders = Resource::Orders(client.id(), None);
    assert_eq!(object(&client.ask(orders.clone(), None).await.unwrap()), json!({ "orders": [] }));
    let problem = client.ask(orders, Some(json!({}))).await.unwrap_err();
    assert_eq!((problem.kind, problem.status), (ProblemType::Malformed, 400));
}

#[tokio::test]
async fn an_account_of_one_directory_is_none_of_another() {
    let house = House::new().await;
    house.activate("tls-client", "default").await;
    let mut client = house.client().registered().await;
    let url = client.account.take().unwrap();
    client.at = "tls-client";
    // The key may register there anew.
    assert_eq!(client.register(json!({})).await.unwrap().status, 201);
    assert_ne!(client.account.as_ref(), Some(&url));
    client.account = Some(url.replace("/tls-server/", "/tls-client/"));
    let problem = client.ask(Resource::Account(client.id()), None).await.unwrap_err();
    assert_eq!(problem.kind, ProblemType::AccountDoesNotExist);
}

#[tokio::test]
async fn rfc8555_7_1_2_1_orders_are_listed_page_by_page_without_invalid_ones() {
    let house = House::new().await;
    let client = house.client().registered().await;
    let mut made = Vec::new();
    for number in 0..103 {
        let order = json!({ "identifiers": [{ "type": "dns", "value": format!("h{number}.example.com") }] });
        let reply = client.ask(Resource::NewOrder, Some(order)).await.unwrap();
        made.push(reply.location.unwrap());
        house.clock.advance(time::Duration::SECOND);
    }
    made.reverse();
    let first = client.ask(Resource::Orders(client.id(), None), None).await.unwrap();
    assert_eq!(object(&first)["orders"], json!(made[..100]));
    let [(next, "next")] = &first.links[..] else { panic!("{:?}", first.links) };
    let cursor = next.split_once("/orders?cursor=").unwrap().1.parse().unwrap();
    let rest = client.ask(Resource::Orders(client.id(), Some(cursor)), None).await.unwrap();
    assert_eq!((&object(&rest)["orders"], rest.links.len()), (&json!(made[100..]), 0));
    // What is over by time is invalid, whatever is stored.
    house.clock.advance(time::Duration::days(40));
    assert_eq!(object(&client.ask(Resource::Orders(client.id(), None), None).await.unwrap())["orders"], json!([]));
}

#[tokio::test]
async fn rfc8555_7_3_3_changed_terms_keep_accounts_out_until_they_are_agreed_to() {
    let house = House::new().await;
    let client = house.client().registered().await;
    house
        .set(|settings| {
            settings.terms_of_service = Some("https://ca.example/terms".into());
            settings.terms_changed_url = Some("https://ca.example/agree".into());
            settings.terms_changed = true;
        })
        .await;
    let problem = client.ask(Resource::Account(client.id()), None).await.unwrap_err();
    assert_eq!((problem.kind, problem.status), (ProblemType::UserActionRequired, 403));
    assert_eq!(problem.instance.as_deref(), Some("https://ca.example/agree"));
    assert_eq!(problem.links, [("https://ca.example/terms".to_owned(), "terms-of-service")]);
    house.set(|settings| settings.terms_changed = false).await;
    assert_eq!(client.ask(Resource::Account(client.id()), None).await.unwrap().status, 200);
}

#[tokio::test]
async fn rfc8555_7_1_2_an_account_shows_nothing_else() {
    let house = House::new().await;
    let mut client = house.client();
    let new = json!({ "contact": [], "orders": "https://evil.example/", "newField": { "a": [1] } });
    let reply = client.register(new).await.unwrap();
    let mut members: Vec<String> = object(&reply).as_object().unwrap().keys().cloned().collect();
    members.sort();
    assert_eq!(members, ["contact", "orders", "status"]);
}

#[tokio::test]
async fn who_signed_is_told_once_it_is_verified() {
    let house = House::new().await;
    let client = house.client().registered().await;
    let key = house.signed_by.lock().unwrap().take().unwrap();
    assert!(key.starts_with("acme-key:"), "{key}");
    let name = Some(format!("acme:{}", client.id()));
    client.ask(Resource::Account(client.id()), None).await.unwrap();
    assert_eq!(*house.signed_by.lock().unwrap(), name);
    // Of what is refused too, but not of what anybody could have sent.
    client.ask(Resource::Order(Uuid::nil()), None).await.unwrap_err();
    assert_eq!(*house.signed_by.lock().unwrap(), name);
    let forger = Client { account: client.account.clone(), ..house.client() };
    forger.ask(Resource::Account(client.id()), None).await.unwrap_err();
    assert_eq!(*house.signed_by.lock().unwrap(), None);
}
