//! Settings of a protocol's profile as the command line has them: a file with all of them, or one by one.

use clap::Args;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::command::Failure;

/// Settings, by file and one by one.
#[derive(Args, Debug)]
pub struct SettingsArgs {
    /// JSON file with settings, or an object whose `settings` they are; - for standard input
    #[arg(long, value_name = "FILE")]
    pub settings: Option<String>,
    /// One setting by its JSON name, after those of the file; lists with commas
    #[arg(long = "set", value_name = "NAME=VALUE")]
    pub set: Vec<String>,
}

/// Settings as the command line has them.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Settings {
    whole: Option<Value>,
    single: Vec<(String, String)>,
}

impl SettingsArgs {
    /// Read the file.
    pub fn read(&self) -> Result<Settings, Failure> {
        let whole = self.settings.as_deref().map(whole).transpose()?;
        let single = self.set.iter().map(|text| match text.split_once('=') {
            Some((name, value)) => Ok((name.trim().to_owned(), value.trim().to_owned())),
            None => Err(Failure::new(format!("--set {text}: write NAME=VALUE, for example eab=required"))),
        });
        Ok(Settings { whole, single: single.collect::<Result<_, _>>()? })
    }
}

/// An object of settings, or an object that has one: what `acme profile show --json` prints can be given back.
fn whole(file: &str) -> Result<Value, Failure> {
    let mut value: Value = serde_json::from_slice(&crate::read_input(file)?)
        .map_err(|why| Failure::new(format!("{file}: not a JSON document: {why}")))?;
    if let Some(inner) = value.get_mut("settings") {
        value = inner.take();
    }
    Ok(value)
}

impl Settings {
    pub(in crate::command) fn is_empty(&self) -> bool {
        self.whole.is_none() && self.single.is_empty()
    }

    /// These over `base`: a file replaces all of them, single ones change one each.
    pub(in crate::command) fn over<S: Serialize + DeserializeOwned + Default>(self, base: &S) -> Result<S, Failure> {
        let all = |settings: &S| match serde_json::to_value(settings) {
            Ok(Value::Object(all)) => Ok(all),
            _ => Err(Failure::new("the settings cannot be written down")),
        };
        let mut settings = match self.whole {
            None => all(base)?,
            Some(Value::Object(given)) => {
                let mut settings = all(&S::default())?;
                for (name, value) in given {
                    known(&settings, &name)?;
                    settings.insert(name, value);
                }
                settings
            }
            Some(_) => return Err(Failure::new("the settings are not a JSON object")),
        };
        for (name, text) in self.single {
            let value = value_of(known(&settings, &name)?, &text);
            settings.insert(name, value);
        }
        serde_json::from_value(Value::Object(settings))
            .map_err(|why| Failure::new(format!("the settings cannot be read: {why}")))
    }
}

/// The value of a setting that there is.
fn known<'a>(settings: &'a serde_json::Map<String, Value>, name: &str) -> Result<&'a Value, Failure> {
    settings.get(name).ok_or_else(|| {
        let near = settings
            .keys()
            .map(|known| (strsim::jaro_winkler(known, name), known))
            .filter(|(likeness, _)| *likeness > 0.84)
            .max_by(|a, b| a.0.total_cmp(&b.0));
        let hint = match near {
            Some((_, near)) => format!("; did you mean {near}?"),
            None => format!(": one of {}", settings.keys().cloned().collect::<Vec<_>>().join(", ")),
        };
        Failure::new(format!("there is no setting {name:?}{hint}"))
    })
}

/// A value as people write it: JSON; a list with commas where a list stands now; nothing for none; else text.
fn value_of(now: &Value, text: &str) -> Value {
    match (now, serde_json::from_str::<Value>(text)) {
        (Value::Array(_), Ok(list @ Value::Array(_))) => list,
        (Value::Array(_), _) => text.split(',').map(str::trim).filter(|item| !item.is_empty()).collect(),
        (Value::String(_), _) if !text.is_empty() => text.into(),
        (_, Ok(value)) => value,
        (_, Err(_)) if text.is_empty() => Value::Null,
        (_, Err(_)) => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use chancery_acme::{AcmeSettings, EabPolicy};

    use super::*;

    fn settings(single: &[(&str, &str)], whole: Option<Value>) -> Result<AcmeSettings, Failure> {
        let single = single.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Settings { whole, single }.over(&AcmeSettings { caa: true, ..AcmeSettings::default() })
    }

    #[test]
    fn one_setting_is_changed_and_the_others_stay() {
        let changed = settings(
            &[
                ("eab", "required"),
                ("challenges", "dns-01, http-01"),
                ("caaIdentities", "[\"ca.example\"]"),
                ("website", "https://ca.example"),
                ("orderLifetime", "60"),
                ("resolver", ""),
            ],
            None,
        )
        .unwrap();
        assert!(changed.caa);
        assert_eq!(changed.eab, EabPolicy::Required);
        assert_eq!(changed.challenges.len(), 2);
        assert_eq!(changed.caa_identities, ["ca.example"]);
        assert_eq!(changed.website.as_deref(), Some("https://ca.example"));
        assert_eq!(changed.order_lifetime, 60);
    }

    #[test]
    fn a_file_has_all_settings() {
        let changed = settings(&[], Some(serde_json::json!({"eab": "required"}))).unwrap();
        assert_eq!(changed, AcmeSettings { eab: EabPolicy::Required, ..AcmeSettings::default() });
    }

    #[test]
    fn settings_that_are_none_are_named() {
        for (single, says) in [
            (("eabs", "required"), "did you mean eab?"),
            (("zzz", "1"), "termsOfService"),
            (("eab", "sometimes"), "sometimes"),
            (("orderLifetime", "-1"), "-1"),
            (("challenges", "http-02"), "http-02"),
        ] {
            let why = settings(&[single], None).unwrap_err().message;
            assert!(why.contains(says), "{why}");
        }
        assert!(settings(&[], Some(Value::Bool(true))).is_err());
        assert!(settings(&[], Some(serde_json::json!({"eba": "required"}))).is_err());
    }
}
