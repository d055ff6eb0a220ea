//! Reading the file.

use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Config;
use super::error::{ConfigError, Place};
use super::keys::{KEYS, SECTIONS, variable};
use super::value::Value;

/// What a password in the file is called.
const SECRETS: [&str; 5] = ["password", "passwd", "pass", "secret", "token"];

/// Lays the file over the configuration; what is wrong with it is returned, and the rest taken over.
pub(super) fn read(path: &Path, config: &mut Config) -> Vec<ConfigError> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            let place = Place::Named(path.display().to_string());
            return vec![ConfigError::new(place, "", format!("cannot be read: {error}"))];
        }
    };
    Reader { path, text: &text, wrong: Vec::new() }.run(config)
}

struct Reader<'a> {
    path: &'a Path,
    text: &'a str,
    wrong: Vec<ConfigError>,
}

impl Reader<'_> {
    fn run(mut self, config: &mut Config) -> Vec<ConfigError> {
        match DeTable::parse(self.text) {
            Ok(table) => self.table("", table.get_ref(), config),
            Err(error) => {
                let at = error.span().map_or(0, |span| span.start);
                // The library's message may quote a value, and a value may be a password in the wrong place.
                self.fault(at, "", format!("is no TOML: {}", error.message()));
            }
        }
        self.wrong
    }

    fn table(&mut self, section: &str, table: &DeTable<'_>, config: &mut Config) {
        for (key, value) in table {
            let path = match section {
                "" => key.get_ref().to_string(),
                section => format!("{section}.{}", key.get_ref()),
            };
            self.entry(&path, key.span().start, value, config);
        }
    }

    fn entry(&mut self, path: &str, at: usize, value: &Spanned<DeValue<'_>>, config: &mut Config) {
        if SECTIONS.iter().any(|(section, _)| *section == path) {
            match value.get_ref() {
                DeValue::Table(table) => self.table(path, table, config),
                _ => self.fault(
                    at,
                    path,
                    format!("is a section, not a setting: write [{path}] and settings below it"),
                ),
            }
        } else if let Some(key) = KEYS.iter().find(|key| key.path == path) {
            let base = self.path.parent().map(PathBuf::from).unwrap_or_default();
            let taken = (key.set)(config, &Value::of_toml(value.get_ref()), &base);
            if let Err(what) = taken {
                self.fault(value.span().start, path, format!("{what}; allowed is {}", key.allowed));
            }
        } else {
            self.fault(at, path, unknown(path));
        }
    }

    fn fault(&mut self, at: usize, key: &str, what: String) {
        let before = self.text.get(..at).unwrap_or(self.text);
        let line = before.matches('\n').count().saturating_add(1);
        let column = before.rsplit('\n').next().unwrap_or("").chars().count().saturating_add(1);
        let place = Place::File { path: self.path.to_owned(), line, column };
        self.wrong.push(ConfigError::new(place, key, what));
    }
}

/// What to say about a key that there is not.
fn unknown(path: &str) -> String {
    let (section, name) = path.rsplit_once('.').unwrap_or(("", path));
    if SECRETS.contains(&name) {
        let owner = if section == "broker.embedded" { section } else { "broker" };
        return format!(
            "is not read from the configuration file: put it into a file of its own and name that in \
             {owner}.password_file, set {}, or pass it as the systemd credential {owner}.password",
            variable(&format!("{owner}.password"))
        );
    }
    match nearest(path) {
        Some(known) => format!("is unknown; did you mean {known}?"),
        None => "is unknown; `smarthome config` prints every setting".into(),
    }
}

/// The known key or section that looks most like it.
pub(super) fn nearest(path: &str) -> Option<&'static str> {
    let last = path.rsplit('.').next().unwrap_or(path);
    let known = KEYS.iter().map(|key| key.path).chain(SECTIONS.iter().map(|(section, _)| *section));
    let distance = |known: &'static str| {
        let whole = strsim::damerau_levenshtein(path, known);
        // A key that only stands in the wrong section is meant exactly.
        if known.rsplit('.').next() == Some(last) { whole.min(1) } else { whole }
    };
    let (distance, known) = known.map(|known| (distance(known), known)).min()?;
    (distance <= 1.max(path.len() / 4)).then_some(known)
}
