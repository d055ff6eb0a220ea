//! The configuration: a TOML file, and the environment over it.
//!
//! Every setting is one entry of the table in `config/keys.rs`, which drives reading, errors, environment variables
//! and the text that `smarthome config` prints.
//!
//! The variable of a key is `SMARTHOME_` and the key in capitals, with `_` for each dot: `broker.embedded.listen` is
//! `SMARTHOME_BROKER_EMBEDDED_LISTEN`. Lists are separated by commas there.
//!
//! Passwords are never in the file. Each has, in this order of precedence: a variable
//! (`SMARTHOME_BROKER_PASSWORD`), a file that its `password_file` names, a systemd credential
//! (`$CREDENTIALS_DIRECTORY/broker.password`).

mod environment;
mod error;
mod file;
mod keys;
mod print;
mod secret;
mod url;
mod value;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

pub use environment::Environment;
pub use error::{ConfigError, ConfigErrors, Place};
pub use print::default_text;
pub use secret::Secrets;
pub use url::BrokerUrl;

/// What the owner of a home sets. It holds no secrets; those are in [`Secrets`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Config {
    /// What the engine is told.
    pub home: smarthome_core::Config,
    /// Where the daemon keeps its state, when somebody said so.
    pub state_directory: Option<PathBuf>,
    /// The broker.
    pub broker: Broker,
    /// What is logged.
    pub log: Log,
}

/// Which broker.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Broker {
    /// A broker of one's own; without it the embedded one is started.
    pub url: Option<BrokerUrl>,
    /// How to speak to it.
    pub protocol: Protocol,
    /// The client id of the daemon; made from the topic prefix when not set.
    pub client_id: Option<String>,
    /// Where its password is.
    pub password_file: Option<PathBuf>,
    /// Which authorities may have signed its certificate; the system's usual ones when not set.
    pub ca_file: Option<PathBuf>,
    /// The broker inside this program.
    pub embedded: Embedded,
}

/// The broker inside this program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Embedded {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Whom it lets in; everybody when not set.
    pub user: Option<String>,
    /// Where the password of that user is.
    pub password_file: Option<PathBuf>,
}

impl Default for Embedded {
    fn default() -> Self {
        Embedded { listen: ([127, 0, 0, 1], 1883).into(), user: None, password_file: None }
    }
}

/// A version of MQTT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Protocol {
    /// MQTT 3.1.1, which every broker speaks.
    #[default]
    V3,
    /// MQTT 5.
    V5,
}

/// What is logged, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// For whom.
    pub format: LogFormat,
    /// How much.
    pub level: String,
}

impl Default for Log {
    fn default() -> Self {
        Log { format: LogFormat::Text, level: "info".into() }
    }
}

/// For whom the log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For machines, one JSON object a line.
    Json,
}

impl Config {
    /// The client id of the daemon. Stable, since the broker keeps its session under it, and different for each
    /// home on one broker.
    pub fn client_id(&self) -> String {
        let prefix = self.home.topics.prefix().replace('/', "-");
        self.broker.client_id.clone().unwrap_or_else(|| format!("smarthome-{prefix}"))
    }
}

/// A configuration, and where it came from.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// The passwords.
    pub secrets: Secrets,
    /// The file that was read, if there was one.
    pub file: Option<PathBuf>,
    /// The environment it was read from.
    pub environment: Environment,
}

impl Loaded {
    /// Reads the file (the named one, or the first of the usual ones that exists) and lays the environment over it.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, not only the first of it.
    pub fn read(named: Option<&Path>, environment: &Environment) -> Result<Loaded, ConfigErrors> {
        let file = named.map(Path::to_owned).or_else(|| usual_file(environment));
        let mut config = Config::default();
        let mut errors = Vec::new();
        if let Some(path) = &file {
            errors.extend(file::read(path, &mut config));
        }
        errors.extend(environment.overlay(&mut config));
        let secrets = Secrets::read(&config, environment).unwrap_or_else(|wrong| {
            errors.extend(wrong);
            Secrets::default()
        });
        if errors.is_empty() {
            errors.extend(contradictions(&config, &secrets));
        }
        match errors.is_empty() {
            true => Ok(Loaded { config, secrets, file, environment: environment.clone() }),
            false => Err(ConfigErrors(errors)),
        }
    }

    /// Where the daemon keeps its state: what is configured, else what systemd made, else the user's own place.
    pub fn state_directory(&self) -> Result<PathBuf, ConfigErrors> {
        if let Some(directory) = &self.config.state_directory {
            return Ok(directory.clone());
        }
        let environment = &self.environment;
        // systemd lists several, separated by colons; the unit file that comes with the program asks for one.
        if let Some(made) = environment.get("STATE_DIRECTORY") {
            return Ok(PathBuf::from(made.split(':').next().unwrap_or(made)));
        }
        let home = || environment.path("HOME").map(|home| home.join(".local/state"));
        environment.path("XDG_STATE_HOME").or_else(home).map(|base| base.join("smarthome")).ok_or_else(|| {
            ConfigErrors::one(
                Place::Default,
                "state.directory",
                "is not set, and there is no HOME to derive it from: set it, or give `--state DIRECTORY`",
            )
        })
    }
}

/// The first of the usual files that exists.
fn usual_file(environment: &Environment) -> Option<PathBuf> {
    let home = || environment.path("HOME").map(|home| home.join(".config"));
    let own =
        environment.path("XDG_CONFIG_HOME").or_else(home).map(|base| base.join("smarthome/smarthome.toml"));
    own.into_iter().chain([PathBuf::from("/etc/smarthome/smarthome.toml")]).find(|path| path.exists())
}

/// Settings that are right by themselves and do not fit together.
fn contradictions(config: &Config, secrets: &Secrets) -> Vec<ConfigError> {
    let mut wrong = Vec::new();
    let embedded = &config.broker.embedded;
    let mut says = |key, what: &str| wrong.push(ConfigError::new(Place::Default, key, what));
    match (&embedded.user, &secrets.embedded) {
        (Some(_), None) => says("broker.embedded.user", "has no password: set broker.embedded.password_file"),
        (None, Some(_)) => says("broker.embedded.password_file", "has no user: set broker.embedded.user"),
        (None, None) if config.broker.url.is_none() && !embedded.listen.ip().is_loopback() => says(
            "broker.embedded.listen",
            "would let everybody in the network command the home: set broker.embedded.user and \
             broker.embedded.password_file, or listen on 127.0.0.1",
        ),
        _ => {}
    }
    if let Some(url) = &config.broker.url {
        if url.user.is_none() && secrets.broker.is_some() {
            says("broker.password_file", "has no user: put it into broker.url, as in mqtt://user@host:1883");
        }
        if !url.tls && config.broker.ca_file.is_some() {
            says("broker.ca_file", "is of no use without TLS: broker.url must begin with mqtts://");
        }
    }
    wrong
}

#[cfg(test)]
mod tests;
