//! The commands, one file each.

mod apply;
mod check;
mod client;
mod config;
mod decode;
mod document;
mod home;
mod next;
mod run;
mod send;
mod user;
mod watch;
mod why;

use std::path::PathBuf;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::cli::{Cli, Command, Global};
use crate::config::{Environment, Loaded};
use crate::exit::Failure;

/// Does what was asked for.
///
/// # Errors
///
/// Why it could not be done.
pub fn dispatch(cli: Cli) -> Result<(), Failure> {
    let Cli { command, global } = cli;
    match command.unwrap_or(Command::Run) {
        Command::Run => run::run(&global),
        Command::Config => config::run(),
        Command::Check(args) => check::run(&global, &args),
        Command::Decode(args) => decode::run(&args),
        Command::Apply(args) => apply::run(&args),
        Command::Home(args) => home::run(&global, &args),
        Command::Send(args) => send::run(&global, &args),
        Command::Watch(args) => watch::run(&global, &args),
        Command::User(args) => user::run(&global, &args),
        Command::Schedule(args) => document::schedule(&global, &args),
        Command::Mode(args) => document::mode(&global, &args),
        Command::Next(args) => next::run(&global, &args),
        Command::Why(args) => why::run(&global, &args),
    }
}

/// The configuration that the options name.
fn load(global: &Global) -> Result<Loaded, Failure> {
    let mut loaded = Loaded::read(global.config.as_deref(), &Environment::of_process())?;
    if let Some(directory) = &global.state {
        loaded.config.state_directory = Some(directory.clone());
    }
    Ok(loaded)
}

/// The configuration, and the state directory that it leads to.
fn load_with_directory(global: &Global) -> Result<(Loaded, PathBuf), Failure> {
    let loaded = load(global)?;
    let directory = loaded.state_directory()?;
    Ok((loaded, directory))
}

/// Runs to the end what has to wait for something.
fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Failure::Other(format!("no runtime: {error}")))?.block_on(work)
}

/// Waits for Ctrl-C or SIGTERM; both are the ordinary end of what runs until somebody ends it.
async fn interrupted() -> Result<(), Failure> {
    Signals::new()?.next().await;
    Ok(())
}

/// SIGTERM and SIGINT.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> Result<Signals, Failure> {
        let listen = |kind| signal(kind).map_err(|source| Failure::Stream { what: "signals", source });
        Ok(Signals {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
