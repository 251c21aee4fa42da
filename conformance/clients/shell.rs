//! Commands as a user types them.

use std::path::Path;
use std::process::Command;

use chancery_tests::{Ran, run};

/// A shell script in a folder; it ends at the first command that fails.
pub fn sh(folder: &Path, script: &str) -> Ran {
    run(Command::new("bash").args(["-euo", "pipefail", "-c", script]).current_dir(folder))
}

/// The URL of the operations of an RA profile, found by `chancery profile list`.
pub fn operations(server: &chancery_tests::Server, profile: &str) -> String {
    let listed: serde_json::Value =
        serde_json::from_str(&server.cli(["profile", "list", "--json"]).ok()).expect("JSON");
    let profiles = listed.as_array().expect("a list");
    let found = profiles.iter().find(|p| p["name"] == profile).unwrap_or_else(|| panic!("{profile} in {listed}"));
    let text = |keys: &[&str]| {
        let found = keys.iter().find_map(|key| found[*key].as_str());
        found.unwrap_or_else(|| panic!("none of {keys:?} in {found:?}")).to_owned()
    };
    format!(
        "https://{}/api/v2/operations/authorities/{}/raProfiles/{}",
        server.ready().https,
        text(&["authorityUuid", "authorityInstanceUuid", "authority"]),
        text(&["uuid", "id"])
    )
}
