//! draft-ietf-acme-profiles, and the management of ACME profiles by the command line.

use serde_json::{Value, json};

use super::lab;

#[tokio::test]
async fn profiles_4_an_order_chooses_among_those_of_the_directory() {
    let lab = lab();
    let profiles: Value = serde_json::from_str(&lab.server.cli(["profile", "list", "--json"]).ok()).unwrap();
    let uuid = |name: &str| {
        let found = profiles.as_array().unwrap().iter().find(|it| it["name"] == name).unwrap();
        found["uuid"].as_str().unwrap().to_owned()
    };
    let client = lab.account().await;
    assert!(client.directory()["meta"].get("profiles").is_none());
    let url = client.url("newOrder");
    let ask = |profile: &str| json!({"identifiers": [{"type": "dns", "value": "p.test"}], "profile": profile});
    client.post(&url, &ask("device")).await.problem(400, "invalidProfile");
    lab.server.cli(["acme", "profile", "activate", "default", "--ra-profile", "device"]).ok();
    lab.server.cli(["acme", "profile", "edit", "default", "--set", &format!("profiles={}", uuid("device"))]).ok();
    let client = lab.account().await;
    let offered = client.directory()["meta"]["profiles"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(offered, ["device", "tls-server"]);
    assert_eq!(client.post(&url, &ask("device")).await.json(201)["profile"], "device");
    assert_eq!(client.order(&["p.test"]).await.1["profile"], "tls-server", "a default is shown too");
    for wrong in ["nobody", "", "email"] {
        client.post(&url, &ask(wrong)).await.problem(400, "invalidProfile");
    }
    let mut body = ask("device");
    body["profile"] = json!(7);
    client.post(&url, &body).await.problem(400, "malformed");
}

#[tokio::test]
async fn profiles_are_managed_by_the_command_line_with_and_without_a_server() {
    let mut lab = lab();
    let cli = |arguments: &[&str]| lab.server.cli(arguments.iter().copied());
    cli(&["acme", "profile", "create", "--name", "second", "--ra-profile", "tls-client", "--set", "eab=required"]).ok();
    let shown: Value = serde_json::from_str(&cli(&["acme", "profile", "show", "second", "--json"]).ok()).unwrap();
    assert_eq!((&shown["settings"]["eab"], &shown["raProfile"]), (&json!("required"), &json!("tls-client")));
    cli(&["acme", "profile", "create", "--name", "second"]).refused();
    for (setting, says) in
        [("eabs=required", "did you mean eab?"), ("orderLifetime=0", "orderLifetime"), ("eab", "NAME=VALUE")]
    {
        let why = cli(&["acme", "profile", "edit", "second", "--set", setting]).refused();
        assert!(why.contains(says), "{why}");
    }
    let listed = cli(&["acme", "profile", "list"]).ok();
    assert!(listed.contains("default") && listed.contains("second") && listed.contains("tls-server"), "{listed}");
    let client = chancery_tests::AcmeClient::new(lab.server.ready(), "/acme/second/directory").await;
    assert_eq!(client.directory()["meta"]["externalAccountRequired"], true);
    assert!(lab.server.stop().success());
    let offline = lab.server.cli(["acme", "profile", "list", "--json"]).ok();
    let offline: Value = serde_json::from_str(&offline).unwrap();
    assert_eq!(offline.as_array().unwrap().len(), 2);
    lab.server.cli(["acme", "profile", "delete", "second"]).refused();
    lab.server.start();
    lab.server.cli(["audit", "verify"]).ok();
}
