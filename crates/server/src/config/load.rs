//! Puts the sources together: command line over environment over file over defaults.

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use config::{Config, Environment, File, FileFormat};

use super::Settings;

/// The prefix of our environment variables.
const PREFIX: &str = "CHANCERY__";

/// What the command line says, as key and value.
pub type Overrides = Vec<(&'static str, String)>;

/// A configuration that cannot be used. The text says what, why, and how to mend it.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration file {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not TOML.
    #[error("{place}: {why}")]
    Syntax {
        /// File, line and column.
        place: String,
        /// What the parser says.
        why: String,
    },
    /// Keys that do not exist.
    #[error("{}", .0.join("\n"))]
    Unknown(Vec<String>),
    /// A value that does not fit its key.
    #[error("{0}")]
    Value(String),
    /// Values that do not fit one another.
    #[error("{}", .0.join("\n"))]
    Faults(Vec<String>),
}

/// The settings and where they came from.
#[derive(Debug)]
pub struct Loaded {
    /// What stands.
    pub settings: Settings,
    /// The file that was read.
    pub file: Option<PathBuf>,
    /// What the operator should hear.
    pub warnings: Vec<String>,
    /// Whether a source names the database, so that it is not just the default.
    pub database_named: bool,
}

/// Read the file (when one is given), lay environment and command line over it, and check.
pub fn load(
    file: Option<&Path>,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
    overrides: Overrides,
) -> Result<Loaded, ConfigError> {
    let known = known_keys();
    let mut builder = Config::builder();
    let mut unknown = Vec::new();
    let mut warnings = Vec::new();

    if let Some(path) = file {
        let unreadable = |source| ConfigError::Unreadable { path: path.to_owned(), source };
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        let table = toml::de::DeTable::parse(&text).map_err(|error| ConfigError::Syntax {
            place: place(path, &text, error.span().map_or(0, |span| span.start)),
            why: error.message().to_owned(),
        })?;
        unknown_in_file(&known, path, &text, table.get_ref(), "", &mut unknown);
        let mode = std::fs::metadata(path).map_err(unreadable)?.permissions().mode();
        if mode & 0o077 != 0 && holds_secret(&text) {
            warnings.push(format!(
                "{} holds a secret (keys.passphrase or a database password) and others than its owner can reach it \
                 (mode {:04o}): run `chmod 600` on it, or give the secret by environment, file or systemd credential",
                path.display(),
                mode & 0o7777
            ));
        }
        builder = builder.add_source(File::from_str(&text, FileFormat::Toml));
    }

    let mut variables = HashMap::new();
    for (name, value) in environment {
        let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else { continue };
        let value = value
            .into_string()
            .map_err(|_| ConfigError::Value(format!("environment variable {name}: its value is not UTF-8")))?;
        let key = name[PREFIX.len()..].replace("__", ".").to_ascii_lowercase();
        if !known.contains(&key) {
            let hint = nearest(&known, &key)
                .map(|near| format!("; did you mean {PREFIX}{}?", near.replace('.', "__").to_ascii_uppercase()));
            unknown.push(format!(
                "environment variable {name}: there is no configuration key {key:?}{}",
                hint.unwrap_or_default()
            ));
        }
        variables.insert(name.to_owned(), value);
    }
    if !unknown.is_empty() {
        unknown.sort();
        return Err(ConfigError::Unknown(unknown));
    }
    let source = Environment::with_prefix("CHANCERY").prefix_separator("__").separator("__").source(Some(variables));
    builder = builder.add_source(source);
    for (key, value) in overrides {
        builder = builder.set_override(key, value).map_err(value_error)?;
    }

    let merged = builder.build().map_err(value_error)?;
    let settings: Settings = merged.try_deserialize().map_err(value_error)?;
    let faults = settings.faults();
    if !faults.is_empty() {
        return Err(ConfigError::Faults(faults));
    }
    let database_named = settings.database.url.get().is_some();
    Ok(Loaded { settings, file: file.map(Into::into), warnings, database_named })
}

fn value_error(error: config::ConfigError) -> ConfigError {
    ConfigError::Value(format!("configuration: {error}"))
}

/// Every key with its dots, from the defaults themselves.
pub(super) fn known_keys() -> BTreeSet<String> {
    let defaults = toml::Table::try_from(Settings::default()).expect("the defaults are plain values");
    let mut keys = BTreeSet::new();
    collect(&defaults, "", &mut keys);
    keys
}

fn collect(table: &toml::Table, above: &str, keys: &mut BTreeSet<String>) {
    for (key, value) in table {
        match value {
            toml::Value::Table(below) => collect(below, &format!("{above}{key}."), keys),
            _ => {
                keys.insert(format!("{above}{key}"));
            }
        }
    }
}

fn unknown_in_file(
    known: &BTreeSet<String>,
    path: &Path,
    text: &str,
    table: &toml::de::DeTable<'_>,
    above: &str,
    unknown: &mut Vec<String>,
) {
    for (key, value) in table {
        let name = format!("{above}{}", key.get_ref());
        let section = known.iter().any(|key| key.strip_prefix(&name).is_some_and(|rest| rest.starts_with('.')));
        match value.get_ref() {
            toml::de::DeValue::Table(below) if section => {
                unknown_in_file(known, path, text, below, &format!("{name}."), unknown);
            }
            _ if known.contains(&name) || section => {}
            _ => {
                let hint = nearest(known, &name).map(|near| format!("; did you mean {near:?}?"));
                unknown.push(format!(
                    "{}: there is no configuration key {name:?}{}",
                    place(path, text, key.span().start),
                    hint.unwrap_or_else(|| "; `chancery config example` lists them all".into())
                ));
            }
        }
    }
}

/// The key that was probably meant: alike as a whole, or the same last word elsewhere.
fn nearest<'a>(known: &'a BTreeSet<String>, key: &str) -> Option<&'a str> {
    let last = |key: &str| key.rsplit('.').next().map(ToOwned::to_owned).unwrap_or_default();
    known
        .iter()
        .map(|candidate| {
            let whole = strsim::jaro_winkler(candidate, key);
            let word = strsim::jaro_winkler(&last(candidate), &last(key)) - 0.05;
            (whole.max(word), candidate.as_str())
        })
        .filter(|(likeness, _)| *likeness > 0.84)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

fn place(path: &Path, text: &str, offset: usize) -> String {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1;
    format!("{}:{line}:{column}", path.display())
}

fn holds_secret(text: &str) -> bool {
    let Ok(table) = text.parse::<toml::Table>() else { return false };
    let at = |section: &str, key: &str| table.get(section)?.get(key)?.as_str().map(ToOwned::to_owned);
    at("keys", "passphrase").is_some_and(|text| !text.is_empty())
        || at("database", "url").is_some_and(|url| super::DatabaseUrl::of(url).has_password())
}
