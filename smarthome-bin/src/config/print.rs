//! The default configuration, as a file with an explanation for every setting.

use std::fmt::Write;

use super::keys::{KEYS, SECTIONS};

const HEAD: &str = "\
# The configuration of smarthome, with every setting at its default. Lines that begin with \"# name =\" show
# settings that have no default. It is read from the file that --config names, else from
# $XDG_CONFIG_HOME/smarthome/smarthome.toml (~/.config/…), else from /etc/smarthome/smarthome.toml.
#
# An environment variable takes precedence over the file: SMARTHOME_ and the name of the setting in capitals, with
# an underscore for each dot, as in SMARTHOME_BROKER_URL. Lists are separated by commas there.
#
# Passwords never stand here: see the password_file settings.
";

/// The default configuration, which reads back as the defaults.
pub fn default_text() -> String {
    let mut text = HEAD.to_owned();
    for (section, about) in SECTIONS {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n# {about}\n[{section}]\n");
        for key in KEYS.iter() {
            let Some((_, name)) = key.path.rsplit_once('.').filter(|(parent, _)| *parent == section) else {
                continue;
            };
            for line in key.about.lines() {
                let _ = writeln!(text, "# {line}");
            }
            let comment = if key.is_default { "" } else { "# " };
            let _ = writeln!(text, "# Allowed: {}\n{comment}{name} = {}", key.allowed, key.example);
        }
    }
    text
}
