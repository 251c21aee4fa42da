//! The plan of the house, kept by cargo's own knowledge: who may know whom.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use chancery_tests::run;
use serde_json::Value;

/// Which crates of ours each crate of ours may know. Dependencies point one way:
/// server -> adapters -> protocol crates -> core -> pki.
fn may_know(name: &str) -> Option<&'static [&'static str]> {
    const INNER: &[&str] = &["core", "pki"];
    Some(match name {
        "pki" => &[],
        "core" => &["pki"],
        "acme" | "scep" | "est" | "authority" | "http" => INNER,
        "acme-validation" => &["acme", "core", "pki"],
        "store" => &["acme", "scep", "est", "core", "pki"],
        // It manages what the protocols' doors serve.
        "rest" => &["http", "acme", "scep", "est", "core", "pki"],
        "status" => &["http", "authority", "core", "pki"],
        "acme-door" => &["http", "acme", "core", "pki"],
        "scep-door" => &["http", "scep", "core", "pki"],
        "est-door" => &["http", "est", "core", "pki"],
        "load" => &["store", "core", "pki"],
        // The top: wiring, and what stands outside the house.
        "" | "tests" | "conformance" => return None,
        other => panic!("chancery-{other} is new: give it its place in the plan, here and in README.md"),
    })
}

const KNOW_ACTIX: &[&str] = &["", "http", "rest", "status", "acme-door", "scep-door", "est-door"];
const KNOW_DIESEL: &[&str] = &["store"];

struct Member {
    name: String,
    folder: PathBuf,
    dependencies: BTreeSet<String>,
}

/// The workspace's members with what they depend on, tests left out.
fn members() -> Vec<Member> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let text = run(Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline", "--locked"])
        .current_dir(root))
    .ok();
    let metadata: Value = serde_json::from_str(&text).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let members = packages.iter().map(|package| Member {
        name: short(package["name"].as_str().unwrap()).unwrap().to_owned(),
        folder: Path::new(package["manifest_path"].as_str().unwrap()).parent().unwrap().to_owned(),
        dependencies: package["dependencies"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|dependency| dependency["kind"] != "dev")
            .map(|dependency| dependency["name"].as_str().unwrap().to_owned())
            .collect(),
    });
    members.collect()
}

/// The name without our prefix; none for a crate that is not ours.
fn short(name: &str) -> Option<&str> {
    if name == "chancery" { Some("") } else { name.strip_prefix("chancery-") }
}

#[test]
fn dependencies_point_inward() {
    let mut wrong = Vec::new();
    for member in members() {
        let Some(allowed) = may_know(&member.name) else { continue };
        for dependency in member.dependencies.iter().filter_map(|name| short(name)) {
            if !allowed.contains(&dependency) {
                wrong.push(format!("chancery-{} -> chancery-{dependency}", member.name));
            }
        }
    }
    assert!(wrong.is_empty(), "arrows that point the wrong way: {wrong:#?}");
}

#[test]
fn the_web_and_the_database_are_known_where_they_belong() {
    let mut wrong = Vec::new();
    for member in members() {
        for dependency in &member.dependencies {
            let allowed = if dependency.starts_with("actix") {
                KNOW_ACTIX
            } else if dependency.starts_with("diesel") || dependency == "pq-sys" || dependency == "libsqlite3-sys" {
                KNOW_DIESEL
            } else {
                continue;
            };
            if !allowed.contains(&member.name.as_str()) {
                wrong.push(format!("chancery-{} -> {dependency}", member.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn pki_and_core_open_no_socket_and_no_file() {
    const FOREIGN: &[&str] =
        &["std::fs", "std::process", "TcpStream", "TcpListener", "UdpSocket", "tokio::net", "tokio::fs", "reqwest"];
    let mut wrong = BTreeMap::new();
    for member in members().iter().filter(|member| ["pki", "core"].contains(&member.name.as_str())) {
        for file in sources(&member.folder.join("src")) {
            let text = std::fs::read_to_string(&file).unwrap();
            // Inner test modules stand at the end of a file, by our own style.
            let code = text.split("#[cfg(test)]").next().unwrap();
            let found: Vec<_> = FOREIGN.iter().filter(|word| code.contains(*word)).collect();
            if !found.is_empty() {
                wrong.insert(file, format!("{found:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Rust files that are not tests.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if ["tests", "tests.rs", "testkit", "testkit.rs"].contains(&name) {
            continue;
        }
        if path.is_dir() {
            files.extend(sources(&path));
        } else if name.ends_with(".rs") {
            files.push(path);
        }
    }
    files
}

#[test]
fn every_member_is_on_the_map_of_the_readme() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    for member in members() {
        let package = if member.name.is_empty() { "chancery".into() } else { format!("chancery-{}", member.name) };
        assert!(readme.contains(&package), "README.md's map of the tree does not name {package}");
    }
}
