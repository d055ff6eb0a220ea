//! The log: for people or for machines, always on standard error.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;

use crate::config::{Environment, Log, LogFormat};

/// What libraries say is for their authors, unless somebody asks for it in a filter of his own.
const QUIET: &str = "mqtt5=warn,mqtt5_protocol=warn,rumqttc=warn";

/// Begins to log. A second call changes nothing.
pub fn start(log: &Log, environment: &Environment) {
    let wanted = environment.get("RUST_LOG").unwrap_or(&log.level);
    let plain = !wanted.contains(['=', ',']);
    let filter = if plain { format!("{wanted},{QUIET}") } else { wanted.to_owned() };
    let filter = EnvFilter::try_new(&filter).unwrap_or_else(|error| {
        crate::output::complain(format_args!("RUST_LOG {wanted:?} is no filter ({error}); logging at info"));
        EnvFilter::new(format!("info,{QUIET}"))
    });
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    // It fails only when a log was started before: by a host that has its own.
    let _ = match log.format {
        LogFormat::Json => builder.json().flatten_event(true).with_current_span(false).try_init(),
        LogFormat::Text => builder.with_target(false).with_ansi(io::stderr().is_terminal()).try_init(),
    };
}

/// The log of a command that people watch: only what goes wrong.
pub fn start_quiet(environment: &Environment) {
    start(&Log { format: LogFormat::Text, level: "warn".into() }, environment);
}
