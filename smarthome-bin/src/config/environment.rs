//! The environment.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::error::{ConfigError, Place};
use super::keys::KEYS;
use super::value::Value;
use super::{Config, secret};

const PREFIX: &str = "SMARTHOME_";

/// What container runtimes set for a service that is called "smarthome"; not meant for us.
const SERVICE_LINKS: [&str; 2] = ["SMARTHOME_PORT", "SMARTHOME_SERVICE_"];

/// What crash tests set; only debug builds look at them, so only there they are no mistake.
const FAULTS: [&str; 2] = ["SMARTHOME_KILL_AT", "SMARTHOME_HOLD_FILE"];

/// The environment's variables, as they were at the start.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

/// Names only: values may be passwords.
impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys().filter(|name| name.starts_with(PREFIX))).finish()
    }
}

impl Environment {
    /// That of this process. What is not UTF-8 is left out, as no setting of ours can be meant by it.
    pub fn of_process() -> Environment {
        std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect()
    }

    /// A variable; an empty one counts as not set.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// A variable that is an absolute path; others are ignored, as the XDG directories ask for.
    pub(super) fn path(&self, name: &str) -> Option<PathBuf> {
        self.get(name).map(PathBuf::from).filter(|path| path.is_absolute())
    }

    /// Sets a variable.
    pub fn set(&mut self, name: &str, value: &str) {
        self.0.insert(name.into(), value.into());
    }

    /// Lays the variables over the configuration.
    pub(super) fn overlay(&self, config: &mut Config) -> Vec<ConfigError> {
        let ours = self.0.keys().filter(|name| name.starts_with(PREFIX));
        let ours = ours.filter(|name| !SERVICE_LINKS.iter().any(|link| name.starts_with(link)));
        let ours = ours.filter(|name| !cfg!(debug_assertions) || !FAULTS.contains(&name.as_str()));
        let set = ours.filter_map(|name| Some((name.as_str(), self.get(name)?)));
        set.filter_map(|(name, value)| variable(name, value, config).err()).collect()
    }
}

fn variable(name: &str, value: &str, config: &mut Config) -> Result<(), ConfigError> {
    let wrong = |key: &str, what| Err(ConfigError::new(Place::Named(name.into()), key, what));
    if secret::is_variable(name) {
        return Ok(());
    }
    let Some(key) = KEYS.iter().find(|key| key.variable() == name) else {
        let near = KEYS
            .iter()
            .map(|key| key.variable())
            .min_by_key(|known| strsim::damerau_levenshtein(known, name));
        return wrong("", format!("is no setting; did you mean {}?", near.unwrap_or_default()));
    };
    match (key.set)(config, &Value::Variable(value), Path::new("")) {
        Ok(()) => Ok(()),
        Err(what) => wrong(key.path, format!("{what}; allowed is {}", key.allowed)),
    }
}

impl FromIterator<(String, String)> for Environment {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(variables: I) -> Environment {
        Environment(variables.into_iter().collect())
    }
}
