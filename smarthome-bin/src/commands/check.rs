//! `smarthome check`: whether everything the daemon needs is there, and which documents it leaves alone.

mod documents;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;
use smarthome_adapters::clock::SystemClock;
use smarthome_adapters::mqtt;

use super::{block_on, client, load};
use crate::cli::{Check, Global};
use crate::config::{BrokerUrl, Loaded};
use crate::control::Info;
use crate::exit::Failure;
use crate::{logging, output, wiring};

/// How a check went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Ok,
    Warn,
    Fail,
}

/// A line of the result.
#[derive(Serialize)]
struct Finding {
    check: &'static str,
    result: Verdict,
    text: String,
}

/// Looks at one after the other and prints a line for each.
pub(super) fn run(global: &Global, args: &Check) -> Result<(), Failure> {
    let loaded = load(global)?;
    logging::start_quiet(&loaded.environment);
    let mut report = Report { json: args.json, all: 0, failed: 0 };
    block_on(async {
        report.line("configuration", Verdict::Ok, source(&loaded))?;
        let directory = loaded.state_directory()?;
        let daemon = state(&directory, &mut report).await?;
        for (name, file) in [("journal", wiring::JOURNAL), ("store", wiring::STORE)] {
            let (result, text) = database(&directory.join(file));
            report.line(name, result, text)?;
        }
        documents::check(&directory, daemon.is_some(), loaded.config.home.zone, &mut report).await?;
        match SystemClock::new() {
            Ok(_) => report.line("clock", Verdict::Ok, chrono::Utc::now().format("%F %T UTC"))?,
            Err(error) => report.line("clock", Verdict::Fail, error)?,
        }
        if args.offline {
            return report.end();
        }
        broker(&loaded, daemon, &mut report).await?;
        report.end()
    })
}

struct Report {
    json: bool,
    all: usize,
    failed: usize,
}

impl Report {
    fn line(&mut self, check: &'static str, result: Verdict, text: impl ToString) -> Result<(), Failure> {
        self.all = self.all.saturating_add(1);
        if result == Verdict::Fail {
            self.failed = self.failed.saturating_add(1);
        }
        let finding = Finding { check, result, text: text.to_string() };
        if self.json {
            return output::json(&finding);
        }
        let result = match result {
            Verdict::Ok => "ok  ",
            Verdict::Warn => "warn",
            Verdict::Fail => "FAIL",
        };
        output::line(format_args!("{result}  {:<14} {}", finding.check, finding.text))
    }

    fn end(&self) -> Result<(), Failure> {
        match self.failed {
            0 => Ok(()),
            failed => Err(Failure::Check { failed, all: self.all }),
        }
    }
}

fn source(loaded: &Loaded) -> String {
    match &loaded.file {
        Some(file) => format!("read from {}", file.display()),
        None => "no file: the defaults, and the environment".into(),
    }
}

/// Whether the directory can be used, and who uses it.
async fn state(directory: &Path, report: &mut Report) -> Result<Option<Info>, Failure> {
    let daemon = match client::daemon(directory).await {
        Ok(daemon) => daemon,
        Err(failure) => {
            report.line("state", Verdict::Fail, &failure)?;
            return Ok(None);
        }
    };
    if let Some(info) = daemon {
        report.line("state", Verdict::Ok, format!("{}, in use by the daemon", directory.display()))?;
        let text = format!("running, process {}, version {}", info.process, info.version);
        let same = info.version == env!("CARGO_PKG_VERSION");
        report.line("daemon", if same { Verdict::Ok } else { Verdict::Warn }, text)?;
        return Ok(Some(info));
    }
    if directory.exists() {
        match wiring::lock(directory) {
            Ok(_) => report.line("state", Verdict::Ok, format!("{}, can be used", directory.display()))?,
            Err(failure) => report.line("state", Verdict::Fail, failure)?,
        }
    } else {
        report.line("state", Verdict::Ok, format!("{}, made at the first start", directory.display()))?;
    }
    report.line("daemon", Verdict::Warn, "none runs here; `smarthome run` starts one")?;
    Ok(None)
}

/// What an SQLite file says about itself in its first hundred bytes. Opening it would repair and migrate it, and a
/// check changes nothing.
fn database(path: &Path) -> (Verdict, String) {
    let shown = path.display();
    if fs::metadata(path).is_ok_and(|file| !file.is_file()) {
        return (Verdict::Fail, format!("{shown} is no file; move away what is there"));
    }
    let bytes = match fs::File::open(path).and_then(head) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return (Verdict::Ok, format!("{shown}, made at the first start"));
        }
        Err(error) => return (Verdict::Fail, format!("{shown} cannot be read: {error}")),
    };
    let layout = bytes.get(60..64).and_then(|four| four.try_into().ok()).map(u32::from_be_bytes);
    match layout {
        Some(layout) if bytes.starts_with(b"SQLite format 3\0") => {
            (Verdict::Ok, format!("{shown}, layout {layout}"))
        }
        _ => (
            Verdict::Fail,
            format!("{shown} is no SQLite file; the daemon tells at its start what becomes of it"),
        ),
    }
}

fn head(mut file: fs::File) -> std::io::Result<Vec<u8>> {
    use std::io::Read;
    let mut bytes = Vec::new();
    file.by_ref().take(100).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Whether the broker lets the server do what it has to.
async fn broker(loaded: &Loaded, daemon: Option<Info>, report: &mut Report) -> Result<(), Failure> {
    if let Some(url) = &loaded.config.broker.url {
        return probe(loaded, url, "", report).await;
    }
    if let Some(url) = daemon.and_then(|info| BrokerUrl::parse(&info.broker).ok()) {
        return probe(loaded, &url, " (inside the daemon)", report).await;
    }
    match wiring::embed(loaded, None).await {
        Ok(Some(broker)) => {
            let url = wiring::own_url(&loaded.config, broker.local_addr());
            probe(loaded, &url, " (the embedded one, started for this check)", report).await?;
            broker.stop().await.map_err(|error| Failure::Other(wiring::chain(&error)))
        }
        Ok(None) => Ok(()),
        Err(failure) => report.line("broker", Verdict::Fail, failure),
    }
}

async fn probe(loaded: &Loaded, url: &BrokerUrl, what: &str, report: &mut Report) -> Result<(), Failure> {
    let clock = match SystemClock::new() {
        Ok(clock) => Arc::new(clock),
        Err(error) => return report.line("broker", Verdict::Fail, error),
    };
    let config = wiring::mqtt_config(loaded, url, loaded.config.client_id());
    match mqtt::probe(&config, clock).await {
        Ok(found) => {
            let text = format!(
                "{url}{what} lets the server in; a message goes through and back in {:.1?}",
                found.round_trip
            );
            report.line("broker", Verdict::Ok, text)
        }
        Err(error) => report.line("broker", Verdict::Fail, format!("{url}{what}: {error}")),
    }
}
