//! Passwords: from variables, files of their own and systemd credentials, never from the configuration itself.

use std::path::{Path, PathBuf};

use secrecy::SecretString;

use super::error::{ConfigError, Place};
use super::keys::variable;
use super::{Config, Environment};

/// The passwords. Printing them shows nothing.
#[derive(Debug, Clone, Default)]
pub struct Secrets {
    /// Of the user in `broker.url`.
    pub broker: Option<SecretString>,
    /// Of the embedded broker's user.
    pub embedded: Option<SecretString>,
}

const BROKER: &str = "broker.password";
const EMBEDDED: &str = "broker.embedded.password";

/// Longest file that is taken for a password. Longer ones are something else.
const LONGEST: u64 = 4096;

/// Whether this variable holds a password.
pub(super) fn is_variable(name: &str) -> bool {
    [BROKER, EMBEDDED].iter().any(|secret| variable(secret) == name)
}

impl Secrets {
    /// Reads them from where they are.
    pub(super) fn read(config: &Config, environment: &Environment) -> Result<Secrets, Vec<ConfigError>> {
        let broker = find(BROKER, config.broker.password_file.as_deref(), environment);
        let embedded = find(EMBEDDED, config.broker.embedded.password_file.as_deref(), environment);
        match (broker, embedded) {
            (Ok(broker), Ok(embedded)) => Ok(Secrets { broker, embedded }),
            (broker, embedded) => Err([broker.err(), embedded.err()].into_iter().flatten().collect()),
        }
    }
}

fn find(
    key: &str,
    file: Option<&Path>,
    environment: &Environment,
) -> Result<Option<SecretString>, ConfigError> {
    if let Some(password) = environment.get(&variable(key)) {
        return Ok(Some(password.into()));
    }
    if let Some(file) = file {
        return read(key, file).map(Some);
    }
    let credential =
        environment.get("CREDENTIALS_DIRECTORY").map(|directory| PathBuf::from(directory).join(key));
    credential.filter(|path| path.exists()).map(|path| read(key, &path)).transpose()
}

/// The first line of a file.
fn read(key: &str, file: &Path) -> Result<SecretString, ConfigError> {
    let wrong = |what: String| {
        ConfigError::new(Place::Named(file.display().to_string()), format!("({key}_file)"), what)
    };
    let about = std::fs::metadata(file).map_err(|e| wrong(format!("cannot be read: {e}")))?;
    if about.len() > LONGEST {
        return Err(wrong(format!("is {} bytes long, which is no password", about.len())));
    }
    let text = std::fs::read_to_string(file).map_err(|e| wrong(format!("cannot be read: {e}")))?;
    match text.lines().next().unwrap_or_default() {
        "" => Err(wrong("has an empty first line, where the password should be".into())),
        password => Ok(password.into()),
    }
}
