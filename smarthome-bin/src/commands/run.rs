//! `smarthome run`: the daemon.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sd_notify::NotifyState;
use smarthome_core::Event;
use smarthome_core::ports::Inbox;

use super::{Signals, block_on, load_with_directory};
use crate::cli::Global;
use crate::config::Loaded;
use crate::exit::Failure;
use crate::logging;
use crate::wiring::{self, Running};

/// Serves until a signal asks it to stop.
pub(super) fn run(global: &Global) -> Result<(), Failure> {
    let (loaded, directory) = load_with_directory(global)?;
    logging::start(&loaded.config.log, &loaded.environment);
    block_on(serve(&loaded, &directory))
}

async fn serve(loaded: &Loaded, directory: &Path) -> Result<(), Failure> {
    // Before anything else, so that a signal during a slow start is not lost.
    let mut signals = Signals::new()?;
    let mut running = tokio::select! {
        started = wiring::start(loaded, directory) => started?,
        () = signals.next() => return Ok(()),
    };
    introduce(loaded, &running);
    notify(&[NotifyState::Ready, NotifyState::Status(&format!("serving on {}", running.info().broker))]);
    let fed = watchdog(running.heart().clone(), running.handle().inbox());
    let broken = tokio::select! {
        failure = running.broken() => Some(failure),
        () = signals.next() => None,
        () = fed => None,
    };
    notify(&[NotifyState::Stopping, NotifyState::Status("stopping")]);
    match broken {
        Some(failure) => Err(failure),
        None => stop(running, &mut signals).await,
    }
}

async fn stop(running: Running, signals: &mut Signals) -> Result<(), Failure> {
    tracing::info!("stopping; a second signal ends at once");
    tokio::select! {
        stopped = running.stop() => {
            stopped?;
            tracing::info!("stopped");
            Ok(())
        }
        () = signals.next() => Err(Failure::Other("ended at once; the next start goes on from the journal".into())),
    }
}

/// Says what listens where, and what to try next.
fn introduce(loaded: &Loaded, running: &Running) {
    let info = running.info();
    tracing::info!("smarthome {} is running, process {}", info.version, info.process);
    match &loaded.file {
        Some(file) => tracing::info!("configuration: {}", file.display()),
        None => tracing::info!("configuration: the defaults (`smarthome config` prints them)"),
    }
    tracing::info!("state: {}", running.directory().display());
    if !info.embedded {
        tracing::info!("broker: {}", info.broker);
        return;
    }
    let whom = match loaded.config.broker.embedded.user {
        Some(_) => "for its user",
        None => "for every program on this machine",
    };
    tracing::info!("broker: {}, inside this program, {whom}", info.broker);
    let program = std::env::args().next().unwrap_or_else(|| "smarthome".into());
    tracing::info!("try `{program} home` in a second terminal and `{program} send 015222222` in a third");
}

/// Feeds systemd's watchdog while the loop advances; returns never.
async fn watchdog(heart: wiring::Heart, inbox: Arc<dyn Inbox>) {
    let Some(limit) = sd_notify::watchdog_enabled() else {
        return std::future::pending().await;
    };
    let period = (limit / 3).max(Duration::from_millis(100));
    loop {
        let before = heart.beats();
        // An idle loop may rest longer than systemd waits. A full inbox means that it does not rest, or that it hangs,
        // and then its heart tells.
        let _ = tokio::time::timeout(period, inbox.push(Event::Wake)).await;
        tokio::time::sleep(period).await;
        if heart.beats() != before {
            notify(&[NotifyState::Watchdog]);
        }
    }
}

/// Tells systemd, when it is there.
fn notify(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::debug!("systemd was not told: {error}");
    }
}
