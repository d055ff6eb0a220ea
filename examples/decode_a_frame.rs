//! Reads nine digits as a status, as a command or both, and says what they mean.
//!
//! ```text
//! cargo run --example decode_a_frame -- 009060210 022152022
//! ```
#![allow(clippy::print_stdout)]

use std::process::ExitCode;

use smarthome_core::{Appliance, Command, FrameError, Part, PartSet, Status};

fn main() -> ExitCode {
    let texts: Vec<String> = std::env::args().skip(1).collect();
    if texts.is_empty() {
        // A status, "light on, half bright, blue", and a window that is told something impossible.
        for text in ["009060210", "022152022", "022222232"] {
            say(text);
        }
        return ExitCode::SUCCESS;
    }
    let good = texts.iter().filter(|text| say(text)).count();
    if good == texts.len() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Prints what the text means or why it means nothing; whether it means something.
fn say(text: &str) -> bool {
    decode(text).inspect_err(|fault| println!("{text:?}: {fault}")).is_ok()
}

fn decode(text: &str) -> Result<(), FrameError> {
    let command: Command = text.parse()?;
    println!("{text} as a command names {}", command.parts());
    for wanted in Part::ALL.into_iter().filter_map(|part| command.wanted(part)) {
        println!("  {wanted}");
    }
    println!("  obeyed by a home where all is off: {}", Status::ZERO.apply(command));
    // Every status can be read as a command too; which one is meant depends on where it came from.
    if let Ok(status) = text.parse::<Status>() {
        println!("{text} as a status: mode {}", status.mode());
        let on: PartSet =
            Appliance::ALL.into_iter().filter(|one| status.is_on(*one)).map(Part::from).collect();
        println!("  on or open: {on}");
        println!(
            "  wind {} %, colour {}, light mode {}",
            status.wind().percent(),
            status.colour(),
            status.light_mode()
        );
    }
    Ok(())
}
