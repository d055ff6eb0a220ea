//! `smarthome apply`: what becomes of a status.

use std::str::FromStr;

use serde::Serialize;
use smarthome_core::{Command, Frame, FrameError, PartSet, Status};

use crate::cli::Apply;
use crate::exit::Failure;
use crate::output;

/// Prints the resulting status and nothing else.
pub(super) fn run(args: &Apply) -> Result<(), Failure> {
    let before: Status = parse("status", &args.status)?;
    let command: Command = parse("command", &args.command)?;
    let after = before.apply(command);
    if !args.json {
        return output::line(after);
    }
    output::json(&Applied { frame: after.into(), status: after, changed: before.differences(after) })
}

/// The result for programs.
#[derive(Serialize)]
struct Applied {
    frame: Frame,
    status: Status,
    changed: PartSet,
}

/// The text as a frame of that kind.
pub(super) fn parse<T: FromStr<Err = FrameError>>(what: &str, text: &str) -> Result<T, Failure> {
    text.parse().map_err(|error| Failure::Frame { given: format!("{what} {text:?}"), error })
}
