//! The lists of clauses (`conformance/clauses/*.toml`): every clause is held by a test that exists, or says why not.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// One file: the demands of one document.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    /// As documents are cited: `RFC 8555`.
    document: String,
    /// What the tests' names begin with, the section following: `rfc8555`.
    prefix: String,
    /// Its demands, in the document's order.
    clause: Vec<Clause>,
}

/// One demand.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Clause {
    /// The section: `7.3.5`.
    clause: String,
    /// The demand, in our words.
    says: String,
    /// The tests that hold it, at least one of them named after the clause.
    #[serde(default)]
    test: Vec<String>,
    state: State,
    /// Why it is not applicable.
    why: Option<String>,
}

/// How we stand to a demand.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd)]
#[serde(rename_all = "kebab-case")]
enum State {
    /// Held, and tests show it.
    Tested,
    /// Not held on purpose: the reason is in DIVERGENCES.md.
    Diverges,
    /// No test yet.
    Open,
    /// It binds clients, or what is not offered.
    NotApplicable,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn documents() -> Vec<(String, Document)> {
    let folder = root().join("conformance/clauses");
    let mut files: Vec<PathBuf> =
        folder.read_dir().expect("the lists").map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    let read = |path: &PathBuf| {
        let text = std::fs::read_to_string(path).expect("a list");
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let document = toml::from_str(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
        (name, document)
    };
    files.iter().filter(|path| path.extension().is_some_and(|extension| extension == "toml")).map(read).collect()
}

/// The names of all tests in the tree.
fn tests() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut folders: Vec<PathBuf> =
        ["crates", "adapters", "tests", "conformance"].iter().map(|folder| root().join(folder)).collect();
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir().expect("a folder of the tree") {
            let path = entry.expect("an entry").path();
            if path.is_dir() && !path.ends_with("target") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                names.extend(tests_of(&std::fs::read_to_string(&path).expect("a source file")));
            }
        }
    }
    names
}

/// The functions that carry a test attribute.
fn tests_of(source: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut marked = false;
    for line in source.lines().map(str::trim) {
        if line.starts_with("#[test]") || (line.starts_with("#[") && line.contains("::test")) {
            marked = true;
        } else if let Some((before, name)) = line.split_once("fn ")
            && before.split_whitespace().all(|word| ["pub", "async"].contains(&word))
        {
            if marked {
                names
                    .push(name.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default().to_owned());
            }
            marked = false;
        } else if !line.starts_with("#[") && !line.starts_with("//") && !line.is_empty() {
            marked = false;
        }
    }
    names
}

#[test]
fn every_clause_is_held_by_a_test_that_exists_or_says_why_not() {
    let tests = tests();
    let divergences = std::fs::read_to_string(root().join("conformance/DIVERGENCES.md")).expect("DIVERGENCES.md");
    let mut faults = Vec::new();
    let mut states: BTreeMap<State, usize> = BTreeMap::new();
    for (file, document) in documents() {
        assert!(!document.clause.is_empty(), "{file} lists nothing");
        for clause in document.clause {
            let cited = format!("{file}: {} section {} ({})", document.document, clause.clause, clause.says);
            *states.entry(clause.state).or_default() += 1;
            for test in clause.test.iter().filter(|test| !tests.contains(*test)) {
                faults.push(format!("{cited}: there is no test {test}"));
            }
            // The sections of drafts still move.
            let named_after = match document.document.starts_with("draft-") {
                true => document.prefix.clone(),
                false => format!("{}_{}", document.prefix, clause.clause.replace('.', "_")),
            };
            let after = |test: &String| {
                test.strip_prefix(&named_after).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
            };
            match clause.state {
                State::Tested if !clause.test.iter().any(after) => {
                    faults.push(format!("{cited}: no test of {:?} is named {named_after}_...", clause.test));
                }
                State::Diverges => {
                    let words = [document.document.as_str(), &format!("section {} ", clause.clause)];
                    let line = divergences.lines().find(|line| words.iter().all(|word| line.contains(word)));
                    if line.is_none() {
                        faults.push(format!("{cited}: it diverges, and no line of DIVERGENCES.md has {words:?}"));
                    }
                }
                State::NotApplicable if clause.why.is_none() => faults.push(format!("{cited}: `why` is missing")),
                _ => {}
            }
        }
    }
    println!("clauses by state: {states:?}");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn tests_are_told_from_other_functions() {
    let source = "#[test]\nfn one() {}\nfn other() {}\n    #[tokio::test(flavor = \"x\")]\n    #[ignore]\n    async fn two() {\n\
                  #[test]\nstruct No;\nfn none() {}\nproptest! {\n    #[test]\n    fn three(x in 0..1) {}\n}";
    assert_eq!(tests_of(source), ["one", "two", "three"]);
}
