//! RFC 8555 section 7.4: orders, and which identifiers they may have.

use chancery_tests::Request;
use reqwest::Method;
use serde_json::{Value, json};

use super::lab;

fn identifiers(names: &[&str]) -> Value {
    json!({"identifiers": names.iter().map(|name| json!({"type": "dns", "value": name})).collect::<Vec<_>>()})
}

#[tokio::test]
async fn rfc8555_7_4_new_order_is_201_with_all_that_an_order_has() {
    let lab = lab();
    let client = lab.account().await;
    let (url, order) = client.order(&["a.test", "b.test"]).await;
    assert_eq!(order["status"], "pending");
    // RFC 8555 section 7.1.3: required while pending.
    assert!(order["expires"].as_str().unwrap().ends_with('Z'), "{order}");
    let wanted = json!([{"type": "dns", "value": "a.test"}, {"type": "dns", "value": "b.test"}]);
    assert_eq!(order["identifiers"], wanted);
    assert_eq!(order["authorizations"].as_array().unwrap().len(), 2);
    assert!(order["finalize"].as_str().unwrap().starts_with(&url));
    for absent in ["certificate", "error", "notBefore", "notAfter", "replaces", "profile"] {
        assert!(order.get(absent).is_none(), "{order}");
    }
    assert_eq!(client.read(&url).await.json(200), order);
}

#[tokio::test]
async fn rfc8555_7_1_3_an_order_has_what_the_rfc_says() {
    let lab = lab();
    let client = lab.account().await;
    let (url, order, _) = client.issue(&["done.test"], &Request::host("done.test"), &lab.challenges).await;
    for required in ["status", "expires", "identifiers", "authorizations", "finalize", "certificate"] {
        assert!(order.get(required).is_some(), "{required}: {order}");
    }
    assert!(order.get("error").is_none(), "{order}");
    // Identifiers and authorizations are those that it began with.
    let again = client.read(&url).await.json(200);
    assert_eq!(again, order);
}

/// AC-42.
#[tokio::test]
async fn rfc8555_7_4_the_number_of_identifiers_has_bounds() {
    let lab = lab();
    let client = lab.account().await;
    let url = client.url("newOrder");
    client.post(&url, &json!({"identifiers": []})).await.problem(400, "malformed");
    client.post(&url, &json!({})).await.problem(400, "malformed");
    let names: Vec<String> = (0..101).map(|n| format!("n{n}.test")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let problem = client.post(&url, &identifiers(&names)).await.problem(400, "malformed");
    assert!(problem["detail"].as_str().unwrap().contains("100"), "the limit is named: {problem}");
    let order = client.post(&url, &identifiers(&names[..100])).await.json(201);
    assert_eq!(order["authorizations"].as_array().unwrap().len(), 100);
    let many: Vec<String> = (0..10_000).map(|n| format!("n{n}.test")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    client.post(&url, &identifiers(&many)).await.problem(413, "malformed");
}

/// AC-43.
#[tokio::test]
async fn rfc8555_7_4_identifiers_of_other_types_are_unsupported() {
    let lab = lab();
    let client = lab.account().await;
    let url = client.url("newOrder");
    for kind in ["email", "DNS", "uri", ""] {
        let answer = client.post(&url, &json!({"identifiers": [{"type": kind, "value": "a.test"}]})).await;
        answer.problem(400, "unsupportedIdentifier");
    }
    for identifier in [
        json!({"value": "a.test"}),
        json!({"type": "dns"}),
        json!({"type": "dns", "value": 7}),
        json!({"type": 7, "value": "a.test"}),
        json!({"type": "dns", "value": ["a.test"]}),
        json!("a.test"),
        json!(null),
    ] {
        let answer = client.post(&url, &json!({"identifiers": [identifier]})).await;
        assert_eq!((answer.status, &*answer.kind()), (400, "malformed"), "{identifier}: {}", answer.text());
    }
}

/// AC-44: each wrong name is told as a subproblem with its identifier, RFC 8555 sections 6.7.1 and 7.1.4.
#[tokio::test]
async fn rfc8555_7_1_4_names_that_are_none_are_told_one_by_one() {
    let lab = lab();
    let client = lab.account().await;
    let url = client.url("newOrder");
    let label = "a".repeat(64);
    let long = format!("{}.test", vec!["a".repeat(49); 5].join("."));
    assert!(long.len() > 253);
    let wrong = [
        "",
        ".",
        "a..test",
        "a.test..",
        "_x.test",
        "-a.test",
        "a-.test",
        "a b.test",
        "a%00.test",
        "a\u{0}.test",
        "a\n.test",
        "münchen.test",
        "xn--.test",
        "xn--a-.test",
        "xn--mnchen-3ya-.test",
        "ab--c.test",
        "127.0.0.1",
        "::1",
        "[::1]",
        "0x7f.1",
        "2130706433",
        "*",
        "*.",
        "a.*.test",
        "*.*.test",
        "**.test",
        "*a.test",
        "http://a.test",
        "a.test:80",
        "a@b.test",
        "a/b.test",
        "a.b.c.d.e.f.g.h.i.j.k.test",
    ];
    for name in wrong.iter().copied().chain([&*format!("{label}.test"), &*long]) {
        let answer = client.post(&url, &identifiers(&["good.test", name])).await;
        assert_eq!(answer.status, 400, "{name:?}: {}", answer.text());
        let kind = answer.kind();
        assert!(["malformed", "rejectedIdentifier", "unsupportedIdentifier"].contains(&&*kind), "{name:?}: {kind}");
        let problem = answer.json(400);
        let subproblems = problem["subproblems"].as_array().unwrap_or_else(|| panic!("{name:?}: {problem}"));
        assert_eq!(subproblems.len(), 1, "{name:?}: {problem}");
    }
    // Two at fault, one good.
    let problem = client.post(&url, &identifiers(&["-a.test", "good.test", "_b.test"])).await.json(400);
    let named: Vec<_> =
        problem["subproblems"].as_array().unwrap().iter().map(|it| &it["identifier"]["value"]).collect();
    assert_eq!(named, ["-a.test", "_b.test"], "{problem}");
    // Good ones that look odd.
    for name in
        ["xn--mnchen-3ya.test", "1.test", "a--b.test", "a.b.c.d.e.f.g.h.i.test", &format!("{}.test", "a".repeat(63))]
    {
        client.post(&url, &identifiers(&[name])).await.json(201);
    }
}

/// AC-46.
#[tokio::test]
async fn rfc8555_7_4_names_in_another_case_are_one_name() {
    let lab = lab();
    let client = lab.account().await;
    let order =
        client.post(&client.url("newOrder"), &identifiers(&["Host.TEST", "host.test", "HOST.test"])).await.json(201);
    assert_eq!(order["identifiers"], json!([{"type": "dns", "value": "host.test"}]));
    assert_eq!(order["authorizations"].as_array().unwrap().len(), 1);
}

/// RFC 8738.
#[tokio::test]
async fn rfc8738_3_ip_identifiers_are_canonical_addresses() {
    let lab = lab();
    let client = lab.account().await;
    let url = client.url("newOrder");
    let ask = |value: &str| json!({"identifiers": [{"type": "ip", "value": value}]});
    for wrong in
        ["a.test", "127.1", "0x7f.0.0.1", "127.0.0.1/32", "127.0.0.01", "[::1]", "fe80::1%eth0", "", "1.2.3.4.5"]
    {
        let answer = client.post(&url, &ask(wrong)).await;
        assert_eq!(answer.status, 400, "{wrong}: {}", answer.text());
        assert!(["malformed", "rejectedIdentifier"].contains(&&*answer.kind()), "{wrong}: {}", answer.text());
    }
}

/// AC-47.
#[tokio::test]
async fn rfc8555_7_4_times_are_met_as_asked_or_refused() {
    let lab = lab();
    let client = lab.account().await;
    let url = client.url("newOrder");
    for (from, to) in [
        (Some("yesterday"), None),
        (Some("2030-02-30T00:00:00Z"), None),
        (None, Some("2001-01-01T00:00:00Z")),
        (Some("2031-01-01T00:00:00Z"), Some("2030-01-01T00:00:00Z")),
        (None, Some("2130-01-01T00:00:00Z")),
    ] {
        let mut body = identifiers(&["time.test"]);
        for (name, value) in [("notBefore", from), ("notAfter", to)] {
            if let Some(value) = value {
                body[name] = json!(value);
            }
        }
        let answer = client.post(&url, &body).await;
        assert!([400, 403].contains(&answer.status), "{body}: {}", answer.text());
    }
    let mut body = identifiers(&["time.test"]);
    body["notAfter"] = json!(7);
    client.post(&url, &body).await.problem(400, "malformed");
}

/// The RA profile's policy is asked when the order is made, not when it is finalized.
#[tokio::test]
async fn names_that_the_ra_profile_does_not_allow_are_rejected_at_once() {
    let lab = lab();
    lab.server.cli(["acme", "profile", "activate", "default", "--ra-profile", "email"]).ok();
    let client = chancery_tests::AcmeClient::registered(lab.server.ready(), "/acme/email/directory").await;
    let problem = client.post(&client.url("newOrder"), &identifiers(&["host.test"])).await.json(400);
    assert_eq!(problem["type"], "urn:ietf:params:acme:error:rejectedIdentifier", "{problem}");
    lab.server.cli(["acme", "profile", "deactivate", "--ra-profile", "email"]).ok();
    let gone = client.request(Method::GET, client.directory_url()).send().await.unwrap();
    assert_eq!(gone.status(), 404);
}

/// AC-49: orders, authorizations, challenges and certificates of others.
#[tokio::test]
async fn rfc8555_7_5_what_belongs_to_another_account_is_as_good_as_unknown() {
    let lab = lab();
    let (one, two) = (lab.account().await, lab.account().await);
    let (url, order, _) = two.issue(&["mine.test"], &Request::host("mine.test"), &lab.challenges).await;
    let authorization = order["authorizations"][0].as_str().unwrap();
    let challenge = two.read(authorization).await.json(200)["challenges"][0]["url"].as_str().unwrap().to_owned();
    let certificate = order["certificate"].as_str().unwrap();
    for url in [&*url, authorization, &*challenge, certificate] {
        // The last UUID of the URL, replaced by one that is nobody's.
        let id = url.split('/').find(|part| part.len() == 36).unwrap();
        let unknown = url.replace(id, "0190a2c4-0000-7000-8000-000000000000");
        let (theirs, nobodys) = (one.read(url).await, one.read(&unknown).await);
        assert!([403, 404].contains(&theirs.status), "{url}: {}", theirs.text());
        assert_eq!((theirs.status, theirs.text()), (nobodys.status, nobodys.text()), "{url}");
    }
    let finalize = order["finalize"].as_str().unwrap();
    let request = Request::host("mine.test");
    let answer = one.post(finalize, &json!({"csr": chancery_tests::base64url(request.der())})).await;
    assert!([403, 404].contains(&answer.status), "{}", answer.text());
    let answer = one.post(&challenge, &json!({})).await;
    assert!([403, 404].contains(&answer.status), "{}", answer.text());
    let answer = one.post(authorization, &json!({"status": "deactivated"})).await;
    assert!([403, 404].contains(&answer.status), "{}", answer.text());
    assert_eq!(two.read(authorization).await.json(200)["status"], "valid");
}

#[tokio::test]
async fn rfc8555_7_4_2_only_its_account_can_download_a_certificate() {
    let lab = lab();
    let (one, two) = (lab.account().await, lab.account().await);
    let (_, order, _) = two.issue(&["mine.test"], &Request::host("mine.test"), &lab.challenges).await;
    let url = order["certificate"].as_str().unwrap();
    let answer = one.read(url).await;
    assert!([403, 404].contains(&answer.status), "{}", answer.text());
    assert_eq!(two.read(url).await.status, 200);
}
