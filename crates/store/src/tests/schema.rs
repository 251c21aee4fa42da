//! Rules about the migrations themselves.

use std::path::Path;

fn migrations(engine: &str) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations").join(engine);
    let mut files: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path().join("up.sql")).collect();
    files.sort();
    files.into_iter().map(|file| std::fs::read_to_string(file).unwrap()).collect()
}

/// The statements without their comments.
fn statements(sql: &str) -> Vec<String> {
    let code: String = sql.lines().map(|line| line.split("--").next().unwrap_or("").to_owned() + "\n").collect();
    code.split(';').map(|statement| statement.trim().to_lowercase()).filter(|statement| !statement.is_empty()).collect()
}

fn of_a_door(name: &str) -> bool {
    ["acme_", "scep_", "est_"].iter().any(|prefix| name.trim_start_matches('"').starts_with(prefix))
}

/// Core tables that a statement makes point at a door's table.
fn offences(sql: &str) -> Vec<String> {
    let mut offences = Vec::new();
    for statement in statements(sql) {
        let words: Vec<&str> =
            statement.split(|c: char| c.is_whitespace() || c == '(' || c == ')').filter(|w| !w.is_empty()).collect();
        let Some(table) = words.iter().position(|word| *word == "table").and_then(|at| words.get(at + 1)) else {
            continue;
        };
        for (at, word) in words.iter().enumerate() {
            if *word == "references" && !of_a_door(table) && words.get(at + 1).is_some_and(|target| of_a_door(target)) {
                offences.push(format!("{table} -> {}", words[at + 1]));
            }
        }
    }
    offences
}

#[test]
fn no_core_table_points_at_a_doors_table() {
    for engine in ["sqlite", "postgresql"] {
        for sql in migrations(engine) {
            assert_eq!(offences(&sql), Vec::<String>::new());
        }
    }
    assert_eq!(offences("CREATE TABLE certificates (o BLOB REFERENCES acme_orders (id));").len(), 1);
    assert!(offences("CREATE TABLE acme_orders (c BLOB REFERENCES certificates (id));").is_empty());
}

#[test]
fn only_the_shared_subset_of_sql_is_used() {
    for sql in migrations("postgresql") {
        for statement in statements(&sql) {
            for word in [
                "listen ",
                "notify ",
                "lock table",
                "deferrable",
                "advisory",
                "serial,",
                "create extension",
                "unlogged",
            ] {
                assert!(!statement.contains(word), "{word} in {statement}");
            }
        }
    }
}

#[test]
fn both_engines_have_the_same_migrations() {
    let folder = |engine: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations").join(engine);
        let mut names: Vec<_> = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(folder("sqlite"), folder("postgresql"));
}
