//! Puts the sources together: command line over environment over file over defaults. Each value is looked at by itself
//! first, so that every fault is told at once, with the place it stands in.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use config::{Config, Value};
use serde::Deserialize;

use super::Settings;
use super::suggest::{nearest, nearest_section};

/// The prefix of our environment variables.
const PREFIX: &str = "CHANCERY__";
/// What it is easily mistyped as.
const MISTYPED_PREFIX: &str = "CHANCERY_";

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
    /// Everything that is wrong, one line each, with its place.
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

/// A configuration with whatever is wrong with it.
#[derive(Debug)]
pub struct Inspected {
    /// What stands, with the default in the place of every value that does not fit.
    pub loaded: Loaded,
    /// What is wrong, one line each, with its place.
    pub faults: Vec<String>,
    /// Where each key that is not a default was set.
    places: BTreeMap<String, String>,
}

impl Inspected {
    /// Add a fault of this key, with the place where the key was set.
    pub fn add(&mut self, key: &str, why: impl std::fmt::Display) {
        let fault = self.places.get(key).map_or_else(|| why.to_string(), |place| format!("{place}: {why}"));
        self.faults.push(fault);
    }
}

/// Read the file (when one is given), lay environment and command line over it, and check.
///
/// # Errors
/// A file that cannot be read, or every fault.
pub fn load(
    file: Option<&Path>,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
    overrides: Overrides,
) -> Result<Loaded, ConfigError> {
    let Inspected { loaded, faults, .. } = inspect(file, environment, overrides)?;
    if faults.is_empty() { Ok(loaded) } else { Err(ConfigError::Faults(faults)) }
}

/// The same, with the faults beside what stands.
///
/// # Errors
/// A file that cannot be read.
pub fn inspect(
    file: Option<&Path>,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
    overrides: Overrides,
) -> Result<Inspected, ConfigError> {
    let mut sources = Sources { known: known_keys(), ..Sources::default() };
    if let Some(path) = file {
        sources.read_file(path)?;
    }
    sources.read_environment(environment);
    for (key, value) in overrides {
        sources.take(key.to_owned(), value.into(), "command line".to_owned());
    }
    Ok(sources.settle(file))
}

/// What was found so far.
#[derive(Default)]
struct Sources {
    known: BTreeSet<String>,
    values: BTreeMap<String, Value>,
    places: BTreeMap<String, String>,
    /// Keys with a value that does not fit.
    wrong: BTreeSet<String>,
    faults: Vec<String>,
    warnings: Vec<String>,
}

impl Sources {
    /// Take a value, unless it does not fit its key.
    fn take(&mut self, key: String, value: Value, place: String) {
        match fits(&key, value.clone()) {
            Ok(()) => {
                self.values.insert(key.clone(), value);
                self.places.insert(key, place);
            }
            Err(why) => {
                self.faults.push(format!("{place}: {key}: {why}"));
                self.wrong.insert(key);
            }
        }
    }

    fn read_file(&mut self, path: &Path) -> Result<(), ConfigError> {
        let unreadable = |source| ConfigError::Unreadable { path: path.to_owned(), source };
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        let mode = std::fs::metadata(path).map_err(unreadable)?.permissions().mode();
        let (table, errors) = toml::de::DeTable::parse_recoverable(&text);
        for error in &errors {
            let place = place(path, &text, error.span().map_or(0, |span| span.start));
            self.faults.push(format!("{place}: {}", error.message()));
        }
        // What is left of a broken document would be guessed at.
        let Ok(values) = text.parse::<toml::Table>() else { return Ok(()) };
        if mode & 0o077 != 0 && holds_secret(&values) {
            self.warnings.push(format!(
                "{} holds a secret (keys.passphrase or a database password) and others than its owner can reach it \
                 (mode {:04o}): run `chmod 600` on it, or give the secret by environment, file or systemd credential",
                path.display(),
                mode & 0o7777
            ));
        }
        self.read_table(&|offset| place(path, &text, offset), table.get_ref(), &values, "");
        Ok(())
    }

    /// One table of the file, `above` being its name with a dot behind it; `keys` has the places, `values` the values.
    fn read_table(
        &mut self,
        place: &dyn Fn(usize) -> String,
        keys: &toml::de::DeTable<'_>,
        values: &toml::Table,
        above: &str,
    ) {
        for (key, located) in keys {
            let name = format!("{above}{}", key.get_ref());
            let at = place(key.span().start);
            let Some(value) = values.get(key.get_ref().as_ref()) else { continue };
            let section = self.known.iter().any(|known| known.strip_prefix(&name).is_some_and(|r| r.starts_with('.')));
            match (located.get_ref(), value) {
                (toml::de::DeValue::Table(below), toml::Value::Table(values)) if section => {
                    self.read_table(place, below, values, &format!("{name}."));
                }
                _ if section => {
                    self.faults.push(format!(
                        "{at}: {name} is a section, not a value: write [{name}] on a line of its own and its keys below"
                    ));
                }
                _ if self.known.contains(&name) => match Value::deserialize(value.clone()) {
                    Ok(value) => self.take(name, value, at),
                    Err(why) => {
                        self.faults.push(format!("{at}: {name}: {why}"));
                        self.wrong.insert(name);
                    }
                },
                (toml::de::DeValue::Table(_), _) => {
                    let hint = nearest_section(&self.known, &name).map(|near| format!("; did you mean [{near}]?"));
                    let hint = hint.unwrap_or_else(|| "; `chancery config example` lists them all".into());
                    self.faults.push(format!("{at}: there is no configuration section {name:?}{hint}"));
                }
                _ => {
                    let hint = nearest(&self.known, &name).map(|near| format!("; did you mean {near:?}?"));
                    let hint = hint.unwrap_or_else(|| "; `chancery config example` lists them all".into());
                    self.faults.push(format!("{at}: there is no configuration key {name:?}{hint}"));
                }
            }
        }
    }

    fn read_environment(&mut self, environment: impl IntoIterator<Item = (OsString, OsString)>) {
        // In the order of their names, so that the same faults always read the same.
        let ours: BTreeMap<String, OsString> = environment
            .into_iter()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
            .filter(|(name, _)| name.starts_with(MISTYPED_PREFIX))
            .collect();
        for (name, value) in ours {
            let Some(key) = name.strip_prefix(PREFIX).map(|key| key.replace("__", ".").to_ascii_lowercase()) else {
                self.look_mistyped(&name);
                continue;
            };
            let place = format!("environment variable {name}");
            if !self.known.contains(&key) {
                let hint = nearest(&self.known, &key).map(|near| format!("; did you mean {}?", variable(near)));
                self.faults.push(format!("{place}: there is no configuration key {key:?}{}", hint.unwrap_or_default()));
                continue;
            }
            match value.into_string() {
                Ok(value) => self.take(key, value.into(), place),
                Err(_) => {
                    self.faults.push(format!("{place}: its value is not UTF-8"));
                    self.wrong.insert(key);
                }
            }
        }
    }

    /// A variable with one underscore where two belong means nothing here, and its author believes that it does.
    fn look_mistyped(&mut self, name: &str) {
        let flat = name[MISTYPED_PREFIX.len()..].to_ascii_lowercase();
        let exact = self.known.iter().find(|key| key.replace('.', "_") == flat).map(String::as_str);
        if let Some(near) = exact.or_else(|| nearest(&self.known, &flat.replacen('_', ".", 1))) {
            let near = variable(near);
            self.warnings.push(format!(
                "environment variable {name} means nothing to this program: did you mean {near}, with two underscores \
                 before each level?"
            ));
        }
    }

    /// What stands, and the rules between values.
    fn settle(self, file: Option<&Path>) -> Inspected {
        let Self { values, places, wrong, faults, warnings, .. } = self;
        let mut all = faults;
        let mut builder = Config::builder();
        for (key, value) in values {
            builder = builder.set_override(key, value).expect("a known key is a plain path");
        }
        let settings: Settings = match builder.build().and_then(Config::try_deserialize) {
            Ok(settings) => settings,
            // Each value fits by itself, so that together they do.
            Err(error) => {
                all.push(format!("configuration: {error}"));
                Settings::default()
            }
        };
        let database_named = settings.database.url.get().is_some();
        let faults = settings.faults();
        let loaded = Loaded { settings, file: file.map(Into::into), warnings, database_named };
        let mut inspected = Inspected { loaded, faults: all, places };
        for fault in faults {
            // A rule that a value in its place breaks is no fault of the operator's.
            if wrong.iter().any(|key| fault.contains(key.as_str())) {
                continue;
            }
            let key = fault.split(':').next().unwrap_or_default().to_owned();
            inspected.add(&key, fault);
        }
        inspected
    }
}

/// The environment's name of a key.
fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.replace('.', "__").to_ascii_uppercase())
}

/// Whether a value fits its key, all others being at their defaults.
fn fits(key: &str, value: Value) -> Result<(), String> {
    let alone = Config::builder().set_override(key, value).and_then(|builder| builder.build());
    alone.and_then(Config::try_deserialize::<Settings>).map(drop).map_err(reason)
}

/// Why, without key and source, which stand before it.
fn reason(error: config::ConfigError) -> String {
    match error {
        config::ConfigError::At { error, .. } => reason(*error),
        config::ConfigError::Type { unexpected, expected, .. } => format!("is {unexpected}; {expected} is expected"),
        config::ConfigError::Message(why) => why,
        other => other.to_string(),
    }
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

fn place(path: &Path, text: &str, offset: usize) -> String {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1;
    format!("{}:{line}:{column}", path.display())
}

fn holds_secret(table: &toml::Table) -> bool {
    let at = |section: &str, key: &str| table.get(section)?.get(key)?.as_str().map(ToOwned::to_owned);
    at("keys", "passphrase").is_some_and(|text| !text.is_empty())
        || at("database", "url").is_some_and(|url| super::DatabaseUrl::of(url).has_password())
}
