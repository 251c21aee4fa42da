//! RFC 8555 section 7.3: accounts.

use std::sync::Arc;

use chancery_tests::AcmeClient;
use reqwest::Method;
use serde_json::{Value, json};

use super::lab;

#[tokio::test]
async fn rfc8555_7_1_2_an_account_has_what_the_rfc_says_and_no_more() {
    let lab = lab();
    let client = lab.client().await;
    let payload = json!({
        "termsOfServiceAgreed": true,
        "contact": ["mailto:admin@example.org"],
        "onlyReturnExisting": false,
        "status": "revoked",
        "orders": "https://evil.example/",
        "initialIp": "192.0.2.1",
        "unknown": {"a": [1, 2]},
    });
    let answer = client.post(&client.url("newAccount"), &payload).await;
    let account = answer.json(201);
    let url = answer.location();
    assert!(url.starts_with(&lab.server.ready().base_url), "{url}");
    assert_eq!(account["status"], "valid");
    assert_eq!(account["contact"], json!(["mailto:admin@example.org"]));
    // Section 7.1.2: the list of orders is a required member.
    assert_eq!(account["orders"], format!("{url}/orders"));
    for member in ["onlyReturnExisting", "unknown", "initialIp", "externalAccountBinding"] {
        assert!(account.get(member).is_none(), "{account}");
    }
}

#[tokio::test]
async fn rfc8555_7_3_1_the_same_key_again_is_the_same_account() {
    let lab = lab();
    let client = lab.client().await;
    let url = client.url("newAccount");
    // Section 7.3.1: nothing is made for who only asks.
    client.post(&url, &json!({"onlyReturnExisting": true})).await.problem(400, "accountDoesNotExist");
    let first = client.post(&url, &json!({"contact": ["mailto:a@example.org"]})).await;
    assert_eq!(first.status, 201, "{}", first.text());
    for payload in [
        json!({"contact": ["mailto:b@example.org"]}),
        json!({}),
        json!({"onlyReturnExisting": true}),
        json!({"onlyReturnExisting": true, "contact": ["tel:1"], "termsOfServiceAgreed": false}),
    ] {
        let again = client.post(&url, &payload).await;
        assert_eq!(again.json(200)["contact"], json!(["mailto:a@example.org"]), "the request's fields are ignored");
        assert_eq!(again.location(), first.location());
    }
    // The key is the same whatever its members' order is (RFC 7638).
    let (jwk, nonce) = (client.key.jwk(), client.nonce().await);
    let text = format!(
        "{{\"url\":\"{url}\",\"nonce\":\"{nonce}\",\"alg\":\"ES256\",\"jwk\":{{\"y\":{},\"kid\":\"mine\",\"use\":\"sig\",\
         \"x\":{},\"kty\":\"EC\",\"crv\":\"P-256\"}}}}",
        jwk["y"], jwk["x"]
    );
    let again = client.post_body(&url, client.key.sign_text(&text, "{}").to_string()).await;
    assert_eq!((again.status, again.location()), (200, first.location()), "{}", again.text());
}

/// AC-36: 50 at once.
#[tokio::test]
async fn rfc8555_7_3_1_parallel_requests_with_one_key_make_one_account() {
    let lab = lab();
    let client = Arc::new(lab.client().await);
    let url = client.url("newAccount");
    let mut all = Vec::new();
    for _ in 0..50 {
        let nonce = client.get(&client.url("newNonce")).await.header("replay-nonce").unwrap().to_owned();
        let protected = json!({"alg": "ES256", "jwk": client.key.jwk(), "nonce": nonce, "url": url});
        let (client, url) = (client.clone(), url.clone());
        all.push(tokio::spawn(async move {
            let answer = client.post_signed(&url, &protected, "{}").await;
            (answer.status, answer.location())
        }));
    }
    let mut locations = std::collections::BTreeSet::new();
    let mut made = 0;
    for one in all {
        let (status, location) = one.await.unwrap();
        made += usize::from(status == 201);
        assert!(status == 200 || status == 201, "{status}");
        locations.insert(location);
    }
    assert_eq!((made, locations.len()), (1, 1), "{locations:?}");
}

/// AC-34: RFC 8555 section 7.3.
#[tokio::test]
async fn rfc8555_7_3_contacts_are_plain_addresses_of_known_schemes() {
    let lab = lab();
    let client = lab.account().await;
    let account = client.kid.clone().unwrap();
    let new = lab.client().await;
    for (contact, kinds) in [
        ("mailto:a@b.example,c@d.example", &["invalidContact"] as &[&str]),
        ("mailto:a@b.example?subject=x", &["invalidContact"]),
        ("mailto:", &["invalidContact"]),
        ("mailto:nobody", &["invalidContact"]),
        ("mailto:a@b@c", &["invalidContact"]),
        ("mailto:a b@c.example", &["invalidContact"]),
        ("tel:+1-201-555-0123", &["unsupportedContact"]),
        ("javascript:alert(1)", &["unsupportedContact", "invalidContact"]),
        ("https://example.org", &["unsupportedContact"]),
        ("admin@example.org", &["unsupportedContact", "invalidContact"]),
        ("", &["unsupportedContact", "invalidContact"]),
    ] {
        for (client, url) in [(&new, new.url("newAccount")), (&client, account.clone())] {
            let answer = client.post(&url, &json!({"contact": [contact]})).await;
            assert_eq!(answer.status, 400, "{contact}: {}", answer.text());
            assert!(kinds.contains(&&*answer.kind()), "{contact}: {}", answer.text());
        }
    }
    for contact in [json!("mailto:a@b.example"), json!([7]), json!({}), json!([null])] {
        client.post(&account, &json!({"contact": contact})).await.problem(400, "malformed");
    }
    let many: Vec<_> = (0..1_000).map(|n| format!("mailto:a{n}@b.example")).collect();
    let answer = client.post(&account, &json!({"contact": many})).await;
    assert_eq!(answer.status, 400, "{}", answer.text());
    // Nothing of it changed the account, and nothing made one.
    assert_eq!(client.read(&account).await.json(200).get("contact").unwrap_or(&json!([])), &json!([]));
    new.post(&new.url("newAccount"), &json!({"onlyReturnExisting": true})).await.problem(400, "accountDoesNotExist");
}

#[tokio::test]
async fn rfc8555_7_3_2_an_account_may_change_its_contacts_and_nothing_else() {
    let lab = lab();
    let client = lab.account().await;
    let url = client.kid.clone().unwrap();
    let before = client.read(&url).await.json(200);
    let payload = json!({
        "contact": ["mailto:new@example.org", "mailto:two@example.org"],
        "orders": "https://evil.example",
        "status": "valid",
        "externalAccountBinding": {},
        "termsOfServiceAgreed": false,
    });
    let changed = client.post(&url, &payload).await.json(200);
    assert_eq!(changed["contact"], json!(["mailto:new@example.org", "mailto:two@example.org"]));
    assert_eq!((&changed["orders"], &changed["status"]), (&before["orders"], &before["status"]));
    assert_eq!(client.read(&url).await.json(200), changed);
    // Any other status than deactivated is ignored: only the server revokes.
    assert_eq!(client.post(&url, &json!({"status": "revoked"})).await.json(200)["status"], "valid");
    assert_eq!(client.post(&url, &json!({"contact": []})).await.json(200)["status"], "valid");
}

#[tokio::test]
async fn rfc8555_7_3_6_a_deactivated_account_is_401_for_good() {
    let lab = lab();
    let client = lab.account().await;
    let url = client.kid.clone().unwrap();
    let (order, body) = client.order(&["bye.test"]).await;
    let ended = client.post(&url, &json!({"status": "deactivated"})).await.json(200);
    assert_eq!(ended["status"], "deactivated");
    let authorization = body["authorizations"][0].as_str().unwrap();
    for url in [&*url, &*order, authorization, &*client.url("newNonce"), &format!("{url}/orders")] {
        client.read(url).await.problem(401, "unauthorized");
    }
    for (url, payload) in [
        (url.clone(), json!({"status": "valid"})),
        (url.clone(), json!({"contact": ["mailto:a@b.example"]})),
        (client.url("newOrder"), json!({"identifiers": [{"type": "dns", "value": "a.test"}]})),
        (body["finalize"].as_str().unwrap().to_owned(), json!({"csr": "AA"})),
    ] {
        client.post(&url, &payload).await.problem(401, "unauthorized");
    }
    // The same key makes no second account.
    let mut again = lab.client().await;
    again.key = client.key.copy();
    for payload in [json!({}), json!({"onlyReturnExisting": true})] {
        let answer = again.post(&again.url("newAccount"), &payload).await;
        answer.problem(401, "unauthorized");
    }
}

/// AC-37, RFC 8555 section 7.3.3.
#[tokio::test]
async fn rfc8555_7_3_3_terms_must_be_agreed_to_and_agreed_to_again() {
    let lab = lab();
    let set = |setting: &str| {
        lab.server.cli(["acme", "profile", "edit", "default", "--set", setting]).ok();
    };
    let terms = "https://ca.example/terms-1";
    set(&format!("termsOfService={terms}"));
    set("requireTermsAgreement=true");
    let mut client = lab.client().await;
    assert_eq!(client.directory()["meta"]["termsOfService"], terms);
    let url = client.url("newAccount");
    for payload in [json!({}), json!({"termsOfServiceAgreed": false})] {
        let answer = client.post(&url, &payload).await;
        answer.problem(403, "userActionRequired");
    }
    for wrong in [json!("true"), json!(1), json!([])] {
        client.post(&url, &json!({"termsOfServiceAgreed": wrong})).await.problem(400, "malformed");
    }
    assert_eq!(client.register().await["termsOfServiceAgreed"], true);
    let account = client.kid.clone().unwrap();
    client.read(&account).await.json(200);
    set("termsOfService=https://ca.example/terms-2");
    set("termsChangedUrl=https://ca.example/agree");
    set("termsChanged=true");
    let refused =
        client.post(&client.url("newOrder"), &json!({"identifiers": [{"type": "dns", "value": "terms.test"}]})).await;
    let problem = refused.problem(403, "userActionRequired");
    assert_eq!(problem["instance"], "https://ca.example/agree");
    assert_eq!(refused.links("terms-of-service"), ["https://ca.example/terms-2"]);
    set("termsChanged=false");
    client.order(&["terms.test"]).await;
}

#[tokio::test]
async fn rfc8555_7_1_2_1_orders_are_listed_by_pages() {
    let lab = lab();
    let client = lab.account().await;
    let list = client.read(&client.kid.clone().unwrap()).await.json(200)["orders"].as_str().unwrap().to_owned();
    assert_eq!(client.read(&list).await.json(200), json!({"orders": []}));
    let mut made = std::collections::BTreeSet::new();
    for n in 0..120 {
        made.insert(client.order(&[&format!("n{n}.test")]).await.0);
    }
    let mut listed = Vec::new();
    let mut next = Some(list.clone());
    let mut pages = 0;
    while let Some(url) = next {
        let page = client.read(&url).await;
        let orders: Vec<String> = serde_json::from_value(page.json(200)["orders"].clone()).unwrap();
        listed.extend(orders);
        next = page.links("next").pop();
        pages += 1;
        assert!(pages < 130, "the pages have no end");
    }
    assert_eq!(listed.len(), made.len());
    assert_eq!(listed.into_iter().collect::<std::collections::BTreeSet<_>>(), made);
    // Nobody else's business.
    let other = lab.account().await;
    let answer = other.read(&list).await;
    assert!([403, 404].contains(&answer.status), "{}", answer.text());
}

/// An operator switches an account off and on, and ends it.
#[tokio::test]
async fn an_operator_disables_and_revokes_accounts() {
    let lab = lab();
    let client = lab.account().await;
    let url = client.kid.clone().unwrap();
    let id = url.rsplit('/').next().unwrap();
    let shown: Value = serde_json::from_str(&lab.server.cli(["acme", "account", "list", "--json"]).ok()).unwrap();
    assert_eq!(shown[0]["uuid"], id, "{shown}");
    lab.server.cli(["acme", "account", "disable", id]).ok();
    let answer = client.read(&url).await;
    assert!([401, 403].contains(&answer.status) && answer.kind() == "unauthorized", "{}", answer.text());
    lab.server.cli(["acme", "account", "enable", id]).ok();
    assert_eq!(client.read(&url).await.json(200)["status"], "valid");
    lab.server.cli(["acme", "account", "revoke", id]).ok();
    client.read(&url).await.problem(401, "unauthorized");
    lab.server.cli(["acme", "account", "revoke", id]).refused();
    lab.server.cli(["audit", "verify"]).ok();
}

/// Nobody reads another's account; whether it is there makes no difference.
#[tokio::test]
async fn rfc8555_10_5_accounts_are_nobody_elses_business() {
    let lab = lab();
    let (one, two) = (lab.account().await, lab.account().await);
    let url = two.kid.clone().unwrap();
    let id = url.rsplit('/').next().unwrap();
    let answers = [url.clone(), url.replace(id, "0190a2c4-0000-7000-8000-000000000000")];
    let mut bodies = Vec::new();
    for url in answers {
        let answer = one.read(&url).await;
        assert!([403, 404].contains(&answer.status), "{}", answer.text());
        bodies.push((answer.status, answer.text()));
        let changed = one.post(&url, &json!({"status": "deactivated"})).await;
        assert_eq!(changed.status, answer.status);
    }
    assert_eq!(bodies[0], bodies[1]);
    assert_eq!(two.read(&url).await.json(200)["status"], "valid");
    let unsigned = AcmeClient::new(lab.server.ready(), "/acme/tls-server/directory").await;
    assert_eq!(unsigned.send(unsigned.request(Method::GET, &url)).await.status, 405);
}
