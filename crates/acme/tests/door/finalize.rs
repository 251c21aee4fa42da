//! RFC 8555 section 7.4, from the request to the certificate.

use chancery_acme::{ProblemType, Resource};
use chancery_core::attribute::{ContentItem, RequestAttribute, Version};
use chancery_core::{CertificateQuery, ProfileEdit, ProfileRef};
use chancery_pki::{CsrTemplate, GeneralName, PrivateKey};
use serde_json::json;
use time::Duration;

use crate::house::{House, encode, object, origin, system};
use crate::path::{csr, csr_of, dns, key};

fn name(value: &str) -> GeneralName {
    GeneralName::Dns(value.into())
}

async fn certificates(house: &House) -> u64 {
    let query = CertificateQuery { limit: 1, ..CertificateQuery::default() };
    house.ra.ports().inventory.certificates(query).await.unwrap().total
}

#[tokio::test]
async fn rfc8555_7_4_the_request_names_exactly_what_was_ordered() {
    let house = House::new().await;
    let client = house.client().registered().await;
    let (id, order) = client.order_for(&["a.example.com", "b.example.com"]).await;
    client.prove(&order).await;
    let before = certificates(&house).await;
    let both = || vec![name("a.example.com"), name("b.example.com")];
    let with = |more: GeneralName| both().into_iter().chain([more]).collect::<Vec<_>>();
    for (common_name, names, told) in [
        (None, vec![name("a.example.com")], "b.example.com"),
        (None, with(name("c.example.com")), "c.example.com"),
        (None, with(name("*.example.com")), "*.example.com"),
        (None, with(GeneralName::Ip([192, 0, 2, 1].into())), "192.0.2.1"),
        (None, with(GeneralName::Email("a@example.com".into())), "a@example.com"),
        (None, with(GeneralName::Uri("https://a.example.com/".into())), "uri:"),
        (Some("c.example.com"), both(), "c.example.com"),
        (Some("192.0.2.1"), both(), "192.0.2.1"),
        (Some("A Company"), both(), "A Company"),
        (None, vec![], "lacks"),
    ] {
        let problem = client.finalize(id, &csr_of(&key(), common_name, names)).await.unwrap_err();
        assert_eq!((problem.kind, problem.status), (ProblemType::BadCsr, 400), "{told}");
        assert!(problem.detail.contains(told), "{problem}");
    }
    assert_eq!((client.status(id).await.as_str(), certificates(&house).await), ("ready", before));
    // Case is no difference, and a common name counts as a name.
    let good = csr_of(&key(), Some("B.example.com"), vec![name("A.Example.com")]);
    let done = object(&client.finalize(id, &good).await.unwrap());
    let chain = client.download(&done).await;
    assert_eq!(chain[0].subject_alt_names(), both());
}

#[tokio::test]
async fn what_is_no_good_request_is_bad_csr_and_leaves_the_order_ready() {
    let house = House::new().await;
    let client = house.client().registered().await;
    let (id, order) = client.order_for(&["a.example.com"]).await;
    client.prove(&order).await;
    let good = csr(&["a.example.com"]);
    let mut forged = good.der().to_vec();
    *forged.last_mut().unwrap() ^= 1;
    let mut longer = good.der().to_vec();
    longer.push(0);
    for (text, kind) in [
        (String::new(), ProblemType::BadCsr),
        ("a+b/".into(), ProblemType::Malformed),
        (format!("{}=", encode(&good.der()[..good.der().len() - 1])), ProblemType::Malformed),
        (encode(good.to_pem()), ProblemType::BadCsr),
        (encode(&forged), ProblemType::BadCsr),
        (encode(&longer), ProblemType::BadCsr),
        (encode(&good.der()[..40]), ProblemType::BadCsr),
    ] {
        let problem = client.ask(Resource::Finalize(id), Some(json!({ "csr": text }))).await.unwrap_err();
        assert_eq!((problem.kind, problem.status), (kind, 400), "{text}: {problem}");
    }
    for payload in [json!({}), json!({ "csr": 1 }), json!({ "csr": null })] {
        let problem = client.ask(Resource::Finalize(id), Some(payload)).await.unwrap_err();
        assert_eq!(problem.kind, ProblemType::Malformed);
    }
    assert_eq!(client.status(id).await, "ready");
    client.finalize(id, &good).await.unwrap();
}

#[tokio::test]
async fn rfc8555_11_1_a_certificate_never_has_the_key_of_an_account() {
    let house = House::new().await;
    let (client, other) = (house.client().registered().await, house.client().registered().await);
    let (id, order) = client.order_for(&["a.example.com"]).await;
    client.prove(&order).await;
    for account in [&client, &other] {
        let document = account.key.to_pkcs8v1().unwrap();
        let key = PrivateKey::from_pkcs8_der(document.as_ref()).unwrap();
        let problem = client.finalize(id, &csr_of(&key, None, vec![name("a.example.com")])).await.unwrap_err();
        assert_eq!((problem.kind, problem.status), (ProblemType::BadCsr, 400));
        assert!(problem.detail.contains("key of an account"), "{problem}");
    }
}

#[tokio::test]
async fn rfc8555_7_4_what_is_not_ready_is_not_finalized() {
    let house = House::new().await;
    let client = house.client().registered().await;
    let (id, order) = client.order_for(&["a.example.com", "b.example.com"]).await;
    let good = csr(&["a.example.com", "b.example.com"]);
    // One of two proved makes no order ready.
    client.prove(&json!({ "authorizations": [order["authorizations"][1]] })).await;
    assert_eq!(client.status(id).await, "pending");
    let problem = client.finalize(id, &good).await.unwrap_err();
    assert_eq!((problem.kind, problem.status), (ProblemType::OrderNotReady, 403));
    client.prove(&order).await;
    client.finalize(id, &good).await.unwrap();
    let problem = client.finalize(id, &good).await.unwrap_err();
    assert_eq!((problem.kind, problem.status), (ProblemType::OrderNotReady, 403));
}

#[tokio::test]
async fn an_authorization_that_is_over_proves_nothing() {
    let house = House::new().await;
    house.set(|settings| settings.authorization_lifetime = 3600).await;
    let client = house.client().registered().await;
    let (id, order) = client.order_for(&["a.example.com"]).await;
    client.prove(&order).await;
    house.clock.advance(Duration::hours(1));
    let problem = client.finalize(id, &csr(&["a.example.com"])).await.unwrap_err();
    assert_eq!(problem.kind, ProblemType::OrderNotReady);
    assert_eq!(client.status(id).await, "invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_two_finalizes_at_once_make_one_certificate() {
    let house = House::new().await;
    let client = house.client().registered().await;
    for n in 0..5 {
        let host = format!("h{n}.example.com");
        let (id, order) = client.order_for(&[&host]).await;
        client.prove(&order).await;
        let before = certificates(&house).await;
        let csr = csr(&[&host]);
        let answers = crate::house::join((0..32).map(|_| client.finalize(id, &csr)).collect()).await;
        let done = answers.iter().filter(|answer| answer.is_ok()).count();
        for problem in answers.into_iter().filter_map(Result::err) {
            assert_eq!((problem.kind, problem.status), (ProblemType::OrderNotReady, 403), "{problem}");
        }
        assert_eq!((done, certificates(&house).await - before), (1, 1));
    }
}

#[tokio::test]
async fn rfc8659_5_caa_is_asked_again_when_the_answer_is_old_and_for_each_name() {
    let house = House::new().await;
    house
        .set(|settings| {
            settings.caa = true;
            settings.caa_identities = vec!["ca.example".into()];
        })
        .await;
    let client = house.client().registered().await;
    let names = ["a.example.com", "b.example.com", "c.example.com"];
    let (id, order) = client.order_for(&names).await;
    client.prove(&order).await;
    assert_eq!(house.prober.questions().len(), 3);
    house.clock.advance(Duration::hours(8));
    house.prober.forbid("b.example.com");
    let problem = client.finalize(id, &csr(&names)).await.unwrap_err();
    assert_eq!((problem.kind, problem.status), (ProblemType::Caa, 403));
    assert_eq!(problem.subproblems.len(), 1);
    assert_eq!(problem.subproblems[0].identifier.as_ref().unwrap().value(), "b.example.com");
    assert_eq!(house.prober.questions().len(), 6);
    house.prober.allow("b.example.com");
    client.finalize(id, &csr(&names)).await.unwrap();

    // What was allowed lately is not asked again.
    let (id, order) = client.order_for(&["d.example.com"]).await;
    client.prove(&order).await;
    let asked = house.prober.questions().len();
    client.finalize(id, &csr(&["d.example.com"])).await.unwrap();
    assert_eq!(house.prober.questions().len(), asked);
}

#[tokio::test]
async fn caa_of_many_names_is_asked_at_the_same_time() {
    let house = House::new().await;
    house
        .set(|settings| {
            settings.caa = true;
            settings.caa_identities = vec!["ca.example".into()];
        })
        .await;
    let client = house.client().registered().await;
    let names: Vec<String> = (0..40).map(|n| format!("h{n}.example.com")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (id, order) = client.order_for(&names).await;
    client.prove(&order).await;
    house.clock.advance(Duration::hours(8));
    house.prober.forbid("h7.example.com");
    // Eight at a time, or none of them is ever answered.
    *house.prober.together.lock().unwrap() = Some(std::sync::Arc::new(tokio::sync::Barrier::new(8)));
    let problem = client.finalize(id, &csr(&names)).await.unwrap_err();
    assert_eq!((problem.kind, problem.subproblems.len()), (ProblemType::Caa, 1));
    assert_eq!(problem.subproblems[0].identifier.as_ref().unwrap().value(), "h7.example.com");
    house.prober.allow("h7.example.com");
    client.finalize(id, &csr(&names)).await.unwrap();
}

#[tokio::test]
async fn a_key_that_the_profile_does_not_take_is_bad_csr() {
    let house = House::new().await;
    let client = house.client().registered().await;
    let (id, order) = client.order_for(&["a.example.com"]).await;
    client.prove(&order).await;
    let key = PrivateKey::generate(chancery_pki::KeyType::P521).unwrap();
    let problem = client.finalize(id, &csr_of(&key, None, vec![name("a.example.com")])).await.unwrap_err();
    assert_eq!((problem.kind, problem.status), (ProblemType::BadCsr, 400), "{problem}");
    assert_eq!(client.status(id).await, "ready");
}

pub(crate) async fn edit(house: &House, edit: ProfileEdit) {
    let reference = ProfileRef::Name("tls-server".into());
    house.ra.edit_profile(&system(), &origin(), &reference, edit).await.unwrap();
}

pub(crate) async fn ask_for_approvals(house: &House) {
    let mut attributes = house.ra_profile("tls-server").await.attributes;
    attributes.retain(|attribute| attribute.name != "approvalRequired");
    attributes.push(RequestAttribute {
        uuid: None,
        name: "approvalRequired".into(),
        content_type: None,
        version: Version::V2,
        content: vec![ContentItem::new(true)],
    });
    edit(house, ProfileEdit { attributes: Some(attributes), ..ProfileEdit::default() }).await;
}

#[tokio::test]
async fn rfc8555_7_4_an_order_is_processing_while_an_approval_waits() {
    let house = House::new().await;
    ask_for_approvals(&house).await;
    let client = house.client().registered().await;
    for approve in [true, false] {
        let (id, order) = client.order_for(&["a.example.com"]).await;
        client.prove(&order).await;
        house.clock.advance(Duration::seconds(1));
        let reply = client.finalize(id, &csr(&["a.example.com"])).await.unwrap();
        assert_eq!((reply.status, &object(&reply)["status"]), (200, &json!("processing")));
        assert!(reply.retry_after.is_some() && object(&reply).get("certificate").is_none());
        let read = client.ask(Resource::Order(id), None).await.unwrap();
        assert_eq!((&object(&read)["status"], read.retry_after.is_some()), (&json!("processing"), true));
        let problem = client.finalize(id, &csr(&["a.example.com"])).await.unwrap_err();
        assert_eq!(problem.kind, ProblemType::OrderNotReady);
        let waiting = chancery_core::ApprovalList::All;
        let approvals = house.ra.approvals(&system(), &origin(), waiting, 0, 1).await.unwrap();
        let approval = approvals.items[0].id;
        if approve {
            house.ra.approve(&system(), &origin(), approval, None).await.unwrap();
        } else {
            house.ra.reject(&system(), &origin(), approval, None).await.unwrap();
        }
        let done = client.ask(Resource::Order(id), None).await.unwrap();
        assert_eq!(done.retry_after, None);
        if approve {
            assert_eq!(object(&done)["status"], "valid");
            client.download(&object(&done)).await;
        } else {
            assert_eq!(object(&done)["status"], "invalid");
            assert!(object(&done)["error"]["detail"].as_str().unwrap().contains("not approved"));
        }
    }
}

#[tokio::test]
async fn a_disabled_profile_issues_nothing() {
    let house = House::new().await;
    let client = house.client().registered().await;
    let (id, order) = client.order_for(&["a.example.com"]).await;
    client.prove(&order).await;
    edit(&house, ProfileEdit { enabled: Some(false), ..ProfileEdit::default() }).await;
    let problem = client.finalize(id, &csr(&["a.example.com"])).await.unwrap_err();
    assert_eq!((problem.kind, problem.status), (ProblemType::Unauthorized, 403), "{problem}");
    let problem = client.order(json!({ "identifiers": dns(&["a.example.com"]) })).await.unwrap_err();
    assert_eq!(problem.kind, ProblemType::Unauthorized);
}

#[tokio::test]
async fn must_staple_and_other_extensions_are_the_profiles_matter() {
    let house = House::new().await;
    let client = house.client().registered().await;
    let (id, order) = client.order_for(&["a.example.com"]).await;
    client.prove(&order).await;
    let template = CsrTemplate { subject_alt_names: vec![name("a.example.com")], ..CsrTemplate::default() };
    let done = object(&client.finalize(id, &template.sign(&key()).unwrap()).await.unwrap());
    assert!(!client.download(&done).await[0].is_ca());
}

#[tokio::test]
async fn what_no_authorization_proves_is_not_certified_in_the_subject() {
    let house = House::new().await;
    house.activate("device", "default").await;
    let device = house.ra_profile("device").await.id;
    house.set(|settings| _ = settings.profiles.insert(device)).await;
    let client = house.client().registered().await;
    let named = |subject: &str| {
        let names = vec![GeneralName::Dns("a.example.com".into())];
        let template =
            CsrTemplate { subject: Some(subject.parse().unwrap()), subject_alt_names: names, ..CsrTemplate::default() };
        template.sign(&key()).unwrap()
    };
    // The profile `device` would take both; `tls-server` leaves them out.
    for (profile, subject, refused) in [
        ("device", "CN=a.example.com,O=Victim Corp", true),
        ("device", "CN=a.example.com,SERIALNUMBER=4711", true),
        ("device", "CN=a.example.com", false),
        ("tls-server", "CN=a.example.com,O=Victim Corp", false),
    ] {
        let new = json!({ "identifiers": dns(&["a.example.com"]), "profile": profile });
        let (id, order) = client.order(new).await.unwrap();
        client.prove(&order).await;
        match client.finalize(id, &named(subject)).await {
            Ok(reply) => assert!(!refused, "{profile} {subject}: {reply:?}"),
            Err(problem) => {
                assert!(refused, "{profile} {subject}: {problem}");
                assert_eq!((problem.kind, problem.status), (ProblemType::BadCsr, 400));
            }
        }
    }
}
