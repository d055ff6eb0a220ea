//! The program `smarthome`: arguments, configuration, wiring, exit codes.
//!
//! Everything the home's brain decides is in `smarthome_core`, everything that reaches outside in
//! `smarthome_adapters`. This crate puts them together; it is a library so that an example can start the same in
//! its own process.

#![cfg_attr(
    not(test),
    warn(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

pub mod cli;
pub mod commands;
pub mod config;
pub mod control;
pub mod documents;
pub mod exit;
pub mod home;
pub mod logging;
pub mod output;
pub mod users;
pub mod wiring;
pub mod words;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use cli::Cli;

/// The program from its arguments to its exit code.
pub fn main() -> ExitCode {
    install_crypto();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help goes to standard output and may meet a closed pipe, as everything there.
            let _ = error.print();
            let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            return ExitCode::from(if asked { 0 } else { 2 });
        }
    };
    match commands::dispatch(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

/// Chooses the one crypto provider of the process. Libraries bring several, and rustls panics when it has to choose.
pub fn install_crypto() {
    // It fails when a host has chosen already, and that choice stands.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
