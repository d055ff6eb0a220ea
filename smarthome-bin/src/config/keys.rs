//! The table of all settings.

use std::path::Path;
use std::time::Duration;

use smarthome_core::{Interlock, Origin, Topics};

use super::value::Value;
use super::{BrokerUrl, Config, LogFormat, Protocol};

/// A setting.
pub(super) struct Key {
    /// Its name, with dots.
    pub(super) path: &'static str,
    /// What it does, for people.
    pub(super) about: &'static str,
    /// What may be there.
    pub(super) allowed: &'static str,
    /// A value as TOML: the default, or an example where nothing is the default.
    pub(super) example: &'static str,
    /// Whether the example is the default.
    pub(super) is_default: bool,
    /// Takes a value over, or says what is wrong with it ("is 7"). Relative paths begin at the given directory.
    pub(super) set: fn(&mut Config, &Value<'_>, &Path) -> Result<(), String>,
}

impl Key {
    /// The environment variable that sets it.
    pub(super) fn variable(&self) -> String {
        variable(self.path)
    }
}

/// The environment variable of a key.
pub(super) fn variable(path: &str) -> String {
    format!("SMARTHOME_{}", path.replace('.', "_").to_uppercase())
}

/// The sections, with what each is about.
pub(super) const SECTIONS: [(&str, &str); 10] = [
    ("home", "Which home this is."),
    ("state", "What the daemon keeps over a restart."),
    ("broker", "The MQTT broker. Without a url one is started inside this program."),
    ("broker.embedded", "The broker inside this program; only used without broker.url."),
    ("safety", "The gas valve."),
    ("commands", "Commands that this server sends."),
    ("schedules", "What is to happen by itself."),
    ("device", "What the home's light can do. What it lacks is never sent to it."),
    ("faults", "Bad input, answered on a topic."),
    ("log", "The log on standard error. RUST_LOG, where set, takes the place of the level."),
];

/// Every setting there is, in the order of the sections.
pub(super) static KEYS: [Key; 21] = [
    Key {
        path: "home.topic_prefix",
        about: "What all topics begin with. Existing devices speak below webos.",
        allowed: "levels of letters, digits, '-' and '_' separated by '/', at most 64 bytes, not data",
        example: r#""webos""#,
        is_default: true,
        set: |config, value, _| {
            config.home.topics = Topics::new(value.text()?).map_err(|_| format!("is {}", value.shown()))?;
            Ok(())
        },
    },
    Key {
        path: "home.time_zone",
        about: "The home's time zone, in which schedules are due; the machine's own does not matter.",
        allowed: "the IANA name of a zone, such as Europe/Berlin",
        example: r#""Asia/Seoul""#,
        is_default: true,
        set: |config, value, _| {
            config.home.zone = value.text()?.parse().map_err(|_| format!("is {}", value.shown()))?;
            Ok(())
        },
    },
    Key {
        path: "state.directory",
        about: "Where journal, store and control socket are. By default the directory that systemd made\n\
                (StateDirectory=), else $XDG_STATE_HOME/smarthome, else ~/.local/state/smarthome.",
        allowed: "the path of a directory",
        example: r#""/var/lib/smarthome""#,
        is_default: false,
        set: |config, value, base| {
            config.state_directory = Some(value.path(base)?);
            Ok(())
        },
    },
    Key {
        path: "broker.url",
        about: "A broker of your own. Today's ESP32 controllers need RabbitMQ.",
        allowed: "mqtt://[user@]host[:1883], or mqtts://[user@]host[:8883] for TLS; the password stands elsewhere",
        example: r#""mqtt://smarthome@broker.example:1883""#,
        is_default: false,
        set: |config, value, _| {
            config.broker.url = Some(BrokerUrl::parse(value.text()?)?);
            Ok(())
        },
    },
    Key {
        path: "broker.protocol",
        about: "The version of MQTT.",
        allowed: r#""3.1.1" or "5""#,
        example: r#""3.1.1""#,
        is_default: true,
        set: |config, value, _| {
            config.broker.protocol = match value.text()? {
                "3.1.1" => Protocol::V3,
                "5" => Protocol::V5,
                _ => return Err(format!("is {}", value.shown())),
            };
            Ok(())
        },
    },
    Key {
        path: "broker.client_id",
        about: "The name towards the broker, which keeps a session under it: no other client may use it.\n\
                By default smarthome- and the topic prefix.",
        allowed: "1 to 64 letters, digits, '-', '_' and '.'; not PSW_Arduino, which is the home controller's",
        example: r#""smarthome-webos""#,
        is_default: false,
        set: |config, value, _| {
            let legal = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
            let id = value.text()?;
            if !(1..=64).contains(&id.len()) || !id.chars().all(legal) || id == "PSW_Arduino" {
                return Err(format!("is {}", value.shown()));
            }
            config.broker.client_id = Some(id.to_owned());
            Ok(())
        },
    },
    Key {
        path: "broker.password_file",
        about: "The password for the user in the url: the first line of this file. Or set\n\
                SMARTHOME_BROKER_PASSWORD, or pass a systemd credential broker.password.",
        allowed: "the path of a file",
        example: r#""/etc/smarthome/broker.password""#,
        is_default: false,
        set: |config, value, base| {
            config.broker.password_file = Some(value.path(base)?);
            Ok(())
        },
    },
    Key {
        path: "broker.ca_file",
        about: "Certificates (PEM) of the authorities that may have signed the broker's, for mqtts.\n\
                By default those that the system trusts.",
        allowed: "the path of a file",
        example: r#""/etc/smarthome/ca.pem""#,
        is_default: false,
        set: |config, value, base| {
            config.broker.ca_file = Some(value.path(base)?);
            Ok(())
        },
    },
    Key {
        path: "broker.embedded.listen",
        about: "Where it listens. Any address but this machine's own needs user and password.",
        allowed: "an address and a port, as in 127.0.0.1:1883; port 0 takes a free one",
        example: r#""127.0.0.1:1883""#,
        is_default: true,
        set: |config, value, _| {
            config.broker.embedded.listen =
                value.text()?.parse().map_err(|_| format!("is {}", value.shown()))?;
            Ok(())
        },
    },
    Key {
        path: "broker.embedded.user",
        about: "The user that clients must give; without one everybody on this machine is let in.",
        allowed: "a name",
        example: r#""smarthome""#,
        is_default: false,
        set: |config, value, _| match value.text()? {
            "" => Err("is empty".into()),
            user => {
                config.broker.embedded.user = Some(user.to_owned());
                Ok(())
            }
        },
    },
    Key {
        path: "broker.embedded.password_file",
        about: "The password of that user: the first line of this file. Or set\n\
                SMARTHOME_BROKER_EMBEDDED_PASSWORD, or pass a systemd credential broker.embedded.password.",
        allowed: "the path of a file",
        example: r#""/etc/smarthome/embedded.password""#,
        is_default: false,
        set: |config, value, base| {
            config.broker.embedded.password_file = Some(value.path(base)?);
            Ok(())
        },
    },
    Key {
        path: "safety.gas_open_allowed",
        about: "Who may open the gas valve. A command opens it only when everything that caused it is named here:\n\
                a late schedule with a mode needs schedule, catch_up and mode. Closing is always allowed.",
        allowed: r#"a list of "schedule", "mode", "catch_up", "resend", "recommend", "dashboard", "cli", "auto_close""#,
        example: "[]",
        is_default: true,
        set: |config, value, _| {
            let named = |name: &String| Origin::named(name).ok_or_else(|| format!("contains {name:?}"));
            let origins = value.list()?.iter().map(named).collect::<Result<_, _>>()?;
            config.home.interlock = Interlock::allowing(origins);
            Ok(())
        },
    },
    Key {
        path: "safety.gas_max_open",
        about: "After how many seconds an open gas valve is closed.",
        allowed: r#"1 to 86400 (seconds), or "off""#,
        example: r#""off""#,
        is_default: true,
        set: |config, value, _| {
            config.home.gas_max_open = match value {
                Value::Text(text) if text == "off" => None,
                Value::Variable("off") => None,
                other => Some(seconds(other, 86_400)?),
            };
            Ok(())
        },
    },
    Key {
        path: "commands.confirm_within",
        about: "How many seconds the home has to report what it was told, before it is told again.",
        allowed: "1 to 600 (seconds)",
        example: "10",
        is_default: true,
        set: |config, value, _| {
            config.home.confirm_within = seconds(value, 600)?;
            Ok(())
        },
    },
    Key {
        path: "commands.valid_for",
        about: "After how many seconds a command that could not leave is dropped, with an alert.",
        allowed: "1 to 3600 (seconds)",
        example: "120",
        is_default: true,
        set: |config, value, _| {
            config.home.valid_for = seconds(value, 3_600)?;
            Ok(())
        },
    },
    Key {
        path: "schedules.catch_up",
        about: "How late a schedule may still fire when the server was down or the clock was set, unless it says so\n\
                itself. What is later is recorded as missed, with an alert.",
        allowed: "seconds, 0 to 86400",
        example: "600",
        is_default: true,
        set: |config, value, _| {
            config.home.catch_up = Duration::from_secs(value.integer(0..=86_400)?.unsigned_abs());
            Ok(())
        },
    },
    Key {
        path: "device.colours",
        about: "How many colours it has: white, red, blue, green, yellow, purple, orange, sky, two more.",
        allowed: "0 to 10",
        example: "8",
        is_default: true,
        set: |config, value, _| {
            config.home.device.colours = small(value, 0, 10)?;
            Ok(())
        },
    },
    Key {
        path: "device.light_modes",
        about: "How many light modes it has: normal, sleep, guide, tree, six more.",
        allowed: "0 to 10",
        example: "4",
        is_default: true,
        set: |config, value, _| {
            config.home.device.light_modes = small(value, 0, 10)?;
            Ok(())
        },
    },
    Key {
        path: "faults.per_second",
        about: "How many fault lines a second one sender may cause; the others are counted. Two of them are the counts'.",
        allowed: "3 to 255",
        example: "20",
        is_default: true,
        set: |config, value, _| {
            config.home.faults_per_second = small(value, 3, 255)?;
            Ok(())
        },
    },
    Key {
        path: "log.format",
        about: "For people, or one JSON object a line.",
        allowed: r#""text" or "json""#,
        example: r#""text""#,
        is_default: true,
        set: |config, value, _| {
            config.log.format = match value.text()? {
                "text" => LogFormat::Text,
                "json" => LogFormat::Json,
                _ => return Err(format!("is {}", value.shown())),
            };
            Ok(())
        },
    },
    Key {
        path: "log.level",
        about: "How much.",
        allowed: r#""error", "warn", "info", "debug", "trace", or a filter as in "info,smarthome_adapters=debug""#,
        example: r#""info""#,
        is_default: true,
        set: |config, value, _| {
            let level = value.text()?;
            tracing_subscriber::EnvFilter::try_new(level).map_err(|_| format!("is {}", value.shown()))?;
            config.log.level = level.to_owned();
            Ok(())
        },
    },
];

fn seconds(value: &Value<'_>, at_most: i64) -> Result<Duration, String> {
    Ok(Duration::from_secs(value.integer(1..=at_most)?.unsigned_abs()))
}

fn small(value: &Value<'_>, from: u8, to: u8) -> Result<u8, String> {
    let number = value.integer(from.into()..=to.into())?;
    u8::try_from(number).map_err(|_| format!("is {number}"))
}
