//! What nobody decent sends: a precise refusal, never a 500, and the service goes on.

use std::time::Duration;

use chancery_pki::KeyType;
use chancery_tests::{Api, Key, Request, send_tls};
use reqwest::Method;
use serde_json::{Value, json};

use crate::start;

#[tokio::test]
async fn bodies_that_are_no_json() {
    let server = start();
    let api = server.api();
    let path = format!("{}/certificates", api.operations("tls-server").await);
    let good = format!(r#"{{"request":"{}","attributes":[]}}"#, Request::host("x.example").base64());
    let bodies: Vec<(&str, Vec<u8>)> = vec![
        ("nothing", Vec::new()),
        ("half of it", good.as_bytes()[..good.len() / 2].to_vec()),
        ("more than it", format!("{good}{good}").into_bytes()),
        ("NaN", br#"{"request":NaN,"attributes":[]}"#.to_vec()),
        ("a doubled key", format!(r#"{{"request":"AA==",{}"#, &good[1..]).into_bytes()),
        ("a byte order mark", format!("\u{feff}{good}").into_bytes()),
        ("UTF-16", good.encode_utf16().flat_map(u16::to_le_bytes).collect()),
        ("no UTF-8", b"{\"request\":\"\xff\xfe\",\"attributes\":[]}".to_vec()),
        ("deep nesting", format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)).into_bytes()),
        ("a list", b"[]".to_vec()),
        ("a number", b"7".to_vec()),
        ("null", b"null".to_vec()),
    ];
    for (what, body) in bodies {
        let request = api.request(Method::POST, &path).header("content-type", "application/json").body(body);
        let answer = Api::read(request).await.unwrap();
        assert_eq!(answer.status, 400, "{what}: {}", answer.text());
    }
    let large = vec![b' '; 3 << 20];
    let request = api.request(Method::POST, &path).header("content-type", "application/json").body(large);
    // The server may refuse before it has read everything, and close.
    if let Ok(answer) = Api::read(request).await {
        assert_eq!(answer.status, 413, "{}", answer.text());
    }
    let request = api.request(Method::POST, &path).header("content-type", "text/xml").body(good.clone());
    assert_eq!(Api::read(request).await.unwrap().status, 415);
    let request = api.request(Method::POST, &path).header("content-type", "application/json").body(good);
    Api::read(request).await.unwrap().issued();
}

#[tokio::test]
async fn every_field_with_every_wrong_type() {
    let server = start();
    let api = server.api();
    let operations = api.operations("tls-server").await;
    let (uuid, _) = api.issue("tls-server", &Request::host("x.example")).await;
    let profile = api.profile("tls-server").await;
    let wrong = [
        json!(1),
        json!(1.5),
        json!(true),
        json!({}),
        json!([1]),
        json!([[]]),
        json!("\u{0}"),
        json!("x".repeat(9000)),
    ];
    let targets: [(&str, String, &[&str]); 6] = [
        (
            "POST",
            format!("{operations}/certificates"),
            &["request", "format", "attributes", "customAttributes", "csrAttributes", "signatureAttributes", "keyUuid"],
        ),
        ("POST", format!("{operations}/certificates/{uuid}/renew"), &["request", "format", "replaceInLocations"]),
        (
            "POST",
            format!("{operations}/certificates/{uuid}/rekey"),
            &["request", "format", "keyUuid", "replaceInLocations"],
        ),
        ("POST", format!("{operations}/certificates/{uuid}/revoke"), &["reason", "attributes", "destroyKey"]),
        ("POST", "/api/v1/certificates/create".into(), &["raProfileUuid", "request", "issueAttributes"]),
        (
            "POST",
            "/api/v1/certificates".into(),
            &["filters", "itemsPerPage", "pageNumber", "includeArchived", "cursor"],
        ),
    ];
    for (_, path, fields) in &targets {
        for field in *fields {
            for value in &wrong {
                let mut body = json!({"raProfileUuid": profile["uuid"], "issueAttributes": [], "attributes": []});
                body[*field] = value.clone();
                let answer = api.post(path, &body).await;
                // A number, true or a text may be right for its field: then it is 2xx or the rule's own refusal.
                assert!(
                    matches!(answer.status, 200 | 204 | 400 | 404 | 422),
                    "{path} {field}={value}: {} {}",
                    answer.status,
                    answer.text()
                );
            }
        }
    }
    api.issue("tls-server", &Request::host("still.example")).await;
}

#[tokio::test]
async fn identifiers_that_are_none() {
    let server = start();
    let api = server.api();
    let operations = api.operations("tls-server").await;
    let long = "a".repeat(10 << 10);
    for bad in
        ["x", "%00", "..%2f..%2fetc%2fpasswd", "1", "11111111-1111-4111-8111-11111111111g", "%27%20OR%201=1--", &long]
    {
        for path in [
            format!("/api/v1/certificates/{bad}"),
            format!("/api/v1/certificates/{bad}/chain"),
            format!("/api/v1/raProfiles/{bad}"),
            operations.replace(operations.rsplit('/').next().unwrap(), bad) + "/attributes/issue",
        ] {
            let answer = api.get(&path).await;
            assert!(matches!(answer.status, 400 | 404 | 414 | 431), "{path:.80}: {} {}", answer.status, answer.text());
        }
    }
    // Upper case is the same identifier; dots are not followed.
    let (uuid, _) = api.issue("tls-server", &Request::host("x.example")).await;
    assert_eq!(api.get(&format!("/api/v1/certificates/{}", uuid.to_uppercase())).await.status, 200);
}

#[tokio::test]
async fn requests_that_are_none() {
    let server = start();
    let api = server.api();
    let path = format!("{}/certificates", api.operations("tls-server").await);
    let request = Request::host("csr.example");
    let mut broken = request.der().to_vec();
    let last = broken.len() - 1;
    broken[last] ^= 1;
    let mut trailing = request.der().to_vec();
    trailing.extend_from_slice(b"\0\0");
    use base64::Engine;
    let encode = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
    for (what, text) in [
        ("a signature that does not verify", encode(&broken)),
        ("trailing bytes", encode(&trailing)),
        ("two blocks", format!("{}{}", request.pem(), request.pem())),
        ("half a block", request.pem()[..200].to_owned()),
        ("a certificate's armour", request.pem().replace("CERTIFICATE REQUEST", "CERTIFICATE")),
        ("no Base64", "%%%%".to_owned()),
        ("nothing of that kind", encode(b"hello, world")),
        ("an empty SEQUENCE", encode(&[0x30, 0])),
        ("a length that lies", encode(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff])),
        ("white space", "  \n ".to_owned()),
    ] {
        let answer = api.post(&path, &json!({"request": text, "attributes": []})).await;
        assert!(matches!(answer.status, 400 | 422), "{what}: {} {}", answer.status, answer.text());
        assert!(answer.text().len() > 20, "{what}: {}", answer.text());
    }
    let refused = api.post(&path, &json!({"request": encode(&broken), "attributes": []})).await;
    let faults = refused.faults();
    assert!(faults.join(" ").to_lowercase().contains("signature"), "{faults:?}");
}

#[tokio::test]
async fn weak_keys_are_refused_with_the_rule_s_name() {
    let server = start();
    let api = server.api();
    let path = format!("{}/certificates", api.operations("tls-server").await);
    for (file, word) in [
        (include_str!("../fixtures/rsa-1024.csr.pem"), "1024"),
        (include_str!("../fixtures/rsa-exponent-3.csr.pem"), "exponent"),
        (include_str!("../fixtures/rsa-close-primes.csr.pem"), "Fermat"),
    ] {
        let answer = api.post(&path, &json!({"request": file, "attributes": []})).await;
        let faults = answer.faults().join(" ");
        assert!(faults.to_lowercase().contains(&word.to_lowercase()), "{word}: {faults}");
    }
}

#[tokio::test]
async fn names_with_teeth_bite_nobody() {
    let server = start();
    let api = server.api();
    let key = Key::new(KeyType::P256);
    let path = format!("{}/certificates", api.operations("tls-client").await);
    for name in ["<script>alert(1)</script>", "{{7*7}}", "${jndi:ldap://x}", "' OR 1=1--", "%_\\\\", "\u{202e}evil"] {
        let escaped: String =
            name.chars().map(|c| if "<>+;,\"\\".contains(c) { format!("\\{c}") } else { c.to_string() }).collect();
        let request = key.request(&format!("CN={escaped}"), &[]);
        let answer = api.post(&path, &json!({"request": request.pem(), "attributes": []})).await;
        if answer.status == 200 {
            let (uuid, _) = answer.issued();
            assert_eq!(api.certificate(&uuid).await["commonName"], name);
            let filter = json!({"fieldSource": "property", "fieldIdentifier": "COMMON_NAME", "condition": "EQUALS", "value": name});
            let found = api.post("/api/v1/certificates", &json!({"filters": [filter]})).await.json(200);
            assert_eq!(found["totalItems"], 1, "{name}");
        } else {
            answer.faults();
        }
    }
    // Control characters are refused or shown escaped; a log line stays one line.
    let request = include_str!("../fixtures/control-characters.csr.pem");
    let answer = api.post(&path, &json!({"request": request, "attributes": []})).await;
    assert!(matches!(answer.status, 200 | 422), "{}", answer.text());
    assert!(!answer.text().contains('\u{1b}'), "an escape sequence comes back: {}", answer.text());
    assert!(!server.log().contains('\u{1b}'), "an escape sequence is in the log");
    assert!(!server.log().contains("\nX-Evil"), "a name broke a line of the log");
}

#[tokio::test]
async fn lists_with_odd_wishes() {
    let server = start();
    let api = server.api();
    for number in 0..3 {
        api.issue("tls-server", &Request::host(&format!("list-{number}.example"))).await;
    }
    let search = async |body: Value| api.post("/api/v1/certificates", &body).await;
    for body in [
        json!({"itemsPerPage": -1}),
        json!({"itemsPerPage": 0}),
        json!({"itemsPerPage": 1_000_000_000}),
        json!({"pageNumber": 0}),
        json!({"pageNumber": -5}),
        json!({"pageNumber": 2_000_000_000, "itemsPerPage": 1000}),
        json!({"filters": [{"fieldSource": "property", "fieldIdentifier": "1; DROP TABLE certificates", "condition": "EQUALS", "value": "x"}]}),
        json!({"filters": [{"fieldSource": "property", "fieldIdentifier": "COMMON_NAME", "condition": "LIKE", "value": "x"}]}),
        json!({"filters": [{"fieldSource": "property", "fieldIdentifier": "COMMON_NAME", "condition": "EQUALS", "value": "x".repeat(900_000)}]}),
    ] {
        let answer = search(body.clone()).await;
        assert!(matches!(answer.status, 200 | 400 | 422), "{body:.200}: {} {}", answer.status, answer.text());
    }
    // What looks like a pattern is text.
    for (condition, value, found) in [
        ("CONTAINS", "list-", 3),
        ("CONTAINS", "%", 0),
        ("CONTAINS", "_ist-", 0),
        ("CONTAINS", "\\", 0),
        ("EQUALS", "' OR '1'='1", 0),
        ("STARTS_WITH", "list-1", 1),
        ("ENDS_WITH", ".example", 3),
        ("CONTAINS", "\u{0}", 0),
        ("CONTAINS", "🦀", 0),
    ] {
        let filter = json!({"fieldSource": "property", "fieldIdentifier": "COMMON_NAME", "condition": condition, "value": value});
        let answer = search(json!({"filters": [filter]})).await;
        if answer.status != 200 {
            assert!(matches!(answer.status, 400 | 422) && value == "\u{0}", "{value:?}: {}", answer.text());
            continue;
        }
        assert_eq!(answer.json(200)["totalItems"], found, "{condition} {value:?}");
    }
    let page = search(json!({"itemsPerPage": 2, "pageNumber": 2})).await.json(200);
    assert_eq!(page["itemsPerPage"], 2);
    assert_eq!(page["pageNumber"], 2);
    assert!(page["totalPages"].as_i64().unwrap() >= 2);
}

#[tokio::test]
async fn methods_and_paths_that_are_not_there() {
    let server = start();
    let api = server.api();
    let operations = api.operations("tls-server").await;
    for (method, path) in [
        (Method::DELETE, format!("{operations}/certificates")),
        (Method::PUT, "/api/v1/info".to_owned()),
        (Method::DELETE, "/api/v1/info".to_owned()),
        (Method::PATCH, "/api/v1/certificates/search".to_owned()),
    ] {
        let answer = api.try_send(method.clone(), &path, None).await.unwrap();
        assert_eq!(answer.status, 405, "{method} {path}: {}", answer.text());
        assert!(answer.header("allow").is_some_and(|allow| !allow.is_empty()), "{method} {path}");
    }
    // There is no way to touch the trail.
    for path in [
        "/api/v1/audit",
        "/api/v1/auditLogs",
        "/api/v2/nothing",
        "/api",
        "/",
        "/..",
        "/api/v1/operations/tls-server/endentity",
    ] {
        for method in [Method::GET, Method::DELETE] {
            let status = api.try_send(method.clone(), path, None).await.unwrap().status;
            assert!(matches!(status, 404 | 405), "{method} {path}: {status}");
        }
    }
    // A doubled slash is what some clients send; an override of the method is not obeyed.
    assert_eq!(api.get("//api/v1/raProfiles").await.status, 200);
    let request = api.request(Method::GET, "/api/v1/raProfiles").header("x-http-method-override", "DELETE");
    assert_eq!(Api::read(request).await.unwrap().status, 200);
}

#[tokio::test]
async fn forwarded_headers_of_strangers_are_not_believed() {
    let server = start();
    let api = server.api();
    let managed = api.operations("tls-server").await.replace("/v2/operations", "/v1");
    let (authority, _) = managed.rsplit_once('/').unwrap();
    let body = json!({"name": "evil-host", "attributes": api.profile("tls-server").await["attributes"]});
    let request = api
        .request(Method::POST, authority)
        .header("host", "evil.example")
        .header("x-forwarded-host", "evil.example")
        .header("forwarded", "host=evil.example;proto=http")
        .json(&json!({"name": body["name"], "attributes": []}));
    let answer = Api::read(request).await.unwrap();
    assert!(!format!("{:?}{}", answer.headers, answer.text()).contains("evil.example"), "{answer:?}");
}

#[tokio::test]
async fn heads_that_are_no_http() {
    let server = start();
    let long = format!("GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: {}\r\n\r\n", "a".repeat(200_000));
    let many = format!("GET / HTTP/1.1\r\nHost: localhost\r\n{}\r\n", "X-Many: 1\r\n".repeat(5000));
    let cases: [(&str, &[u8]); 6] = [
        ("not HTTP", b"\x16\x03\x01\x00\x00\r\n\r\n"),
        ("a bad version", b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n"),
        ("a long header", long.as_bytes()),
        ("many headers", many.as_bytes()),
        ("two lengths", b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
        (
            "a length and chunks",
            b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
        ),
    ];
    for (what, bytes) in cases {
        let raw = send_tls(server.ready(), bytes, Duration::from_secs(20)).await;
        assert!(raw.status().is_none_or(|status| (400..500).contains(&status)), "{what}: {}", raw.text);
    }
    server.api().issue("tls-server", &Request::host("still.example")).await;
}
