//! What is wrong with a configuration, where, and what is allowed.

use std::fmt;
use std::path::PathBuf;

/// Where something stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In the file.
    File {
        /// Which.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// From 1, in characters.
        column: usize,
    },
    /// In this variable of the environment, or this other file.
    Named(String),
    /// Nowhere in particular.
    Default,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::File { path, line, column } => write!(f, "{}:{line}:{column}: ", path.display()),
            Place::Named(name) => write!(f, "{name}: "),
            Place::Default => f.write_str("configuration: "),
        }
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}{key}{}{what}", if key.is_empty() { "" } else { " " })]
pub struct ConfigError {
    /// Where.
    pub place: Place,
    /// Which key, with dots; empty when the file is no TOML at all.
    pub key: String,
    /// What, and what is allowed. It reads on from the key.
    pub what: String,
}

impl ConfigError {
    /// A fault of that key.
    pub fn new(place: Place, key: impl Into<String>, what: impl Into<String>) -> ConfigError {
        ConfigError { place, key: key.into(), what: what.into() }
    }
}

/// Everything that is wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors(pub Vec<ConfigError>);

impl ConfigErrors {
    /// One single fault.
    pub fn one(place: Place, key: impl Into<String>, what: impl Into<String>) -> ConfigErrors {
        ConfigErrors(vec![ConfigError::new(place, key, what)])
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, error) in self.0.iter().enumerate() {
            write!(f, "{}{error}", if at == 0 { "" } else { "\n       " })?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}
