//! RFC 8555 sections 6.1, 6.3, 7.1.1 and 7.2: what is read without a signature.

use reqwest::Method;

use super::lab;

#[tokio::test]
async fn rfc8555_7_1_1_the_first_start_opens_a_directory() {
    let lab = lab();
    let client = lab.client().await;
    let base = lab.server.ready().base_url.clone();
    for name in ["newNonce", "newAccount", "newOrder", "newAuthz", "revokeCert", "keyChange", "renewalInfo"] {
        let url = client.url(name);
        assert!(url.starts_with(&format!("{base}/acme/tls-server/")) && !url.ends_with('/'), "{name}: {url}");
    }
    let meta = client.directory()["meta"].clone();
    assert_ne!(meta["externalAccountRequired"], true, "{meta}");
    let log = lab.server.log();
    assert!(log.contains(&format!("{base}/acme/tls-server/directory")), "{log}");
}

#[tokio::test]
async fn the_platforms_paths_are_the_same_directory() {
    let lab = lab();
    let mut client = lab.client().await;
    client.register().await;
    let path = "/api/v1/protocols/acme/raProfile/tls-server/directory";
    let mut other = chancery_tests::AcmeClient::new(lab.server.ready(), path).await;
    assert!(other.url("newAccount").contains("/api/v1/protocols/acme/raProfile/tls-server/"), "{}", other.directory());
    // The same account, found by its key, with the URL of the directory that it is asked at.
    other.key = client.key.copy();
    other.register().await;
    let id = |url: &Option<String>| url.as_ref().unwrap().rsplit('/').next().unwrap().to_owned();
    assert_eq!(id(&client.kid), id(&other.kid));
    assert_ne!(client.kid, other.kid);
    // Section 6.2: the account's URL is that of the directory that is asked.
    let url = client.kid.clone().unwrap();
    client.kid = other.kid.clone();
    client.read(&url).await.problem(400, "accountDoesNotExist");
}

#[tokio::test]
async fn rfc8555_7_2_new_nonce_answers_head_with_200_and_get_with_204() {
    let lab = lab();
    let client = lab.client().await;
    let url = client.url("newNonce");
    let head = client.send(client.request(Method::HEAD, &url)).await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    let get = client.get(&url).await;
    assert_eq!((get.status, get.body.len()), (204, 0));
    assert_ne!(head.header("replay-nonce"), get.header("replay-nonce"));
    assert_eq!(get.header("cache-control"), Some("no-store"));
}

#[tokio::test]
async fn rfc8555_6_3_directory_and_new_nonce_take_post_as_get_too() {
    let lab = lab();
    let client = lab.account().await;
    let directory = client.read(client.directory_url()).await;
    assert_eq!(&directory.json(200), client.directory());
    let nonce = client.read(&client.url("newNonce")).await;
    assert!(nonce.status == 200 || nonce.status == 204, "{}", nonce.text());
}

#[tokio::test]
async fn rfc8555_6_3_get_on_anything_else_is_405_and_malformed() {
    let lab = lab();
    let client = lab.account().await;
    let (order, body) = client.order(&["get.test"]).await;
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let authorization = text(&body["authorizations"][0]);
    let challenge = text(&client.read(&authorization).await.json(200)["challenges"][0]["url"]);
    let account = client.kid.clone().unwrap();
    let mut urls = vec![order, text(&body["finalize"]), authorization, challenge, format!("{account}/orders"), account];
    urls.extend(["newAccount", "newOrder", "newAuthz", "revokeCert", "keyChange"].map(|name| client.url(name)));
    for url in urls {
        for method in [Method::GET, Method::HEAD] {
            let answer = client.request(method.clone(), &url);
            if method == Method::HEAD {
                // An answer to HEAD has no body to be checked.
                let answer = answer.send().await.unwrap();
                assert_eq!(answer.status(), 405, "{method} {url}");
                assert_eq!(answer.headers()["allow"], "POST");
                continue;
            }
            let answer = client.send(answer).await;
            answer.problem(405, "malformed");
            assert_eq!(answer.header("allow"), Some("POST"), "{url}");
        }
    }
}

/// AC-33.
#[tokio::test]
async fn other_methods_are_405_everywhere() {
    let lab = lab();
    let client = lab.client().await;
    for url in [client.directory_url().to_owned(), client.url("newNonce"), client.url("newOrder")] {
        for method in [Method::PUT, Method::DELETE, Method::PATCH, Method::TRACE] {
            let answer = client.send(client.request(method, &url)).await;
            answer.problem(405, "malformed");
            assert!(answer.header("allow").unwrap().contains("POST"));
        }
    }
}

#[tokio::test]
async fn what_is_not_there_is_404_with_a_problem() {
    let lab = lab();
    let client = lab.client().await;
    let base = &lab.server.ready().base_url;
    for path in [
        "/acme/tls-server/nothing",
        "/acme/tls-server/",
        "/acme/tls-server/directory/",
        "/acme/nobody/directory",
        "/acme/email/directory",
        "/acme/tls-server/order/1",
        "/acme/tls-server/order/00000000-0000-0000-0000-00000000000G",
        "/api/v1/protocols/acme/nobody/directory",
    ] {
        let answer = client.request(Method::GET, &format!("{base}{path}")).send().await.unwrap();
        assert_eq!(answer.status(), 404, "{path}");
        assert!(answer.headers().contains_key("replay-nonce"), "{path}");
        let problem: serde_json::Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        assert_eq!(problem["type"], "urn:ietf:params:acme:error:malformed", "{path}");
    }
}

#[tokio::test]
async fn rfc8555_6_1_scripts_of_other_origins_may_ask() {
    let lab = lab();
    let client = lab.client().await;
    let preflight = client
        .request(Method::OPTIONS, &client.url("newOrder"))
        .header("origin", "https://console.example")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "content-type")
        .send()
        .await
        .unwrap();
    assert_eq!(preflight.status(), 204);
    let header = |name: &str| preflight.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("access-control-allow-origin"), "*");
    assert!(header("access-control-allow-methods").contains("POST"));
    assert!(header("access-control-allow-headers").eq_ignore_ascii_case("content-type"));
}

#[tokio::test]
async fn rfc8555_6_1_only_the_tls_listener_answers() {
    let lab = lab();
    let ready = lab.server.ready();
    for path in ["/acme/tls-server/directory", "/acme/tls-server/new-nonce"] {
        let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let raw = chancery_tests::send_plain(ready, head.as_bytes(), std::time::Duration::from_secs(5)).await;
        assert_eq!(raw.status(), Some(404), "{}", raw.text);
        assert_eq!(raw.header("replay-nonce"), None);
    }
}

#[tokio::test]
async fn rfc8555_7_1_every_resource_but_the_directory_links_to_it() {
    let lab = lab();
    let client = lab.account().await;
    assert!(client.get(client.directory_url()).await.links("index").is_empty());
    let account = client.kid.clone().unwrap();
    for answer in [
        client.get(&client.url("newNonce")).await,
        client.read(&account).await,
        client.get(&account).await,
        client.post(&client.url("newOrder"), &serde_json::json!({})).await,
    ] {
        assert_eq!(answer.links("index"), [client.directory_url()], "{} {}", answer.status, answer.text());
    }
}

/// RFC 8555 section 6.4: behind a proxy the URLs are those of the configured base URL, whatever host is asked for.
#[tokio::test]
async fn urls_come_from_the_base_url_and_not_from_the_host_header() {
    let lab = lab();
    let client = lab.client().await;
    let request = client.request(Method::GET, client.directory_url()).header("host", "evil.example");
    let answer = request.header("x-forwarded-host", "evil.example").send().await.unwrap().text().await.unwrap();
    assert!(!answer.contains("evil.example"), "{answer}");
}
