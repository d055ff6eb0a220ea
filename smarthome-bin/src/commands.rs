//! The commands, one file each.

mod apply;
mod decode;

use crate::cli::{Cli, Command};
use crate::config::default_text;
use crate::exit::Failure;
use crate::output;

/// Does what was asked for.
///
/// # Errors
///
/// Why it could not be done.
pub fn dispatch(cli: Cli) -> Result<(), Failure> {
    match cli.command.unwrap_or(Command::Run) {
        Command::Config => output::line(default_text().trim_end()),
        Command::Decode(args) => decode::run(&args),
        Command::Apply(args) => apply::run(&args),
        _ => Err(Failure::Other("not there yet".into())),
    }
}
