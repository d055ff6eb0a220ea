//! `smarthome config`: the default configuration.

use crate::config::default_text;
use crate::exit::Failure;
use crate::output;

/// Prints it.
pub(super) fn run() -> Result<(), Failure> {
    output::line(default_text().trim_end())
}
