//! `smarthome decode`: what frames say.

use std::io::{self, BufRead, Read};

use serde::Serialize;
use smarthome_core::{Command, Frame, FrameError, Status};

use crate::cli::Decode;
use crate::exit::Failure;
use crate::output;
use crate::words::{self, POSITIONS, Reading};

/// Longest line that is read at once from standard input; a longer one is no frame anyway.
const LONGEST_LINE: u64 = 4096;

/// Explains every frame that can be read and names every one that cannot.
pub(super) fn run(args: &Decode) -> Result<(), Failure> {
    let mut count = Count::default();
    for given in &args.frames {
        match given.as_str() {
            "-" => standard_input(args, &mut count)?,
            frame => one(args, frame.as_bytes(), &format!("{frame:?}"), &mut count)?,
        }
    }
    match count.wrong {
        0 => Ok(()),
        wrong => Err(Failure::Frames { wrong, all: count.all }),
    }
}

#[derive(Default)]
struct Count {
    all: usize,
    wrong: usize,
}

fn standard_input(args: &Decode, count: &mut Count) -> Result<(), Failure> {
    let broken = |source| Failure::Stream { what: "standard input", source };
    let mut input = io::stdin().lock();
    let mut line = Vec::new();
    for number in 1_u64.. {
        line.clear();
        let read = input.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line).map_err(broken)?;
        if read == 0 {
            break;
        }
        if !line.ends_with(b"\n") && u64::try_from(read).is_ok_and(|read| read == LONGEST_LINE) {
            skip_line(&mut input).map_err(broken)?;
        }
        let frame = line.strip_suffix(b"\n").unwrap_or(&line);
        let frame = frame.strip_suffix(b"\r").unwrap_or(frame);
        one(args, frame, &format!("line {number}"), count)?;
    }
    Ok(())
}

/// Passes over the rest of a line without keeping it.
fn skip_line(input: &mut impl BufRead) -> io::Result<()> {
    loop {
        let buffer = input.fill_buf()?;
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let passed = end.map_or(buffer.len(), |end| end.saturating_add(1));
        let done = end.is_some() || passed == 0;
        input.consume(passed);
        if done {
            return Ok(());
        }
    }
}

fn one(args: &Decode, bytes: &[u8], place: &str, count: &mut Count) -> Result<(), Failure> {
    count.all = count.all.saturating_add(1);
    let reading = if args.status { Reading::Status } else { Reading::Command };
    let explained = match reading {
        Reading::Status => Status::try_from(bytes).map(Frame::from),
        Reading::Command => Command::try_from(bytes).map(Frame::from),
    };
    match explained {
        Ok(frame) if args.json => {
            output::json(&Explained::new(frame, reading).map_err(|error| wrong(place, error))?)
        }
        Ok(frame) => output::line(text(frame, reading)),
        Err(error) => {
            count.wrong = count.wrong.saturating_add(1);
            output::complain(format_args!("error: {place}: {error}"));
            Ok(())
        }
    }
}

fn wrong(place: &str, error: FrameError) -> Failure {
    Failure::Frame { given: place.to_owned(), error }
}

fn text(frame: Frame, reading: Reading) -> String {
    let title = match reading {
        Reading::Command if Status::try_from(frame).is_ok() => {
            "as a command (it could be a status as well: --status)"
        }
        Reading::Command => "as a command",
        Reading::Status => "as a status",
    };
    let lines = POSITIONS.iter().zip(frame.digits()).zip(words::digits(frame, reading)).enumerate();
    let lines = lines.map(|(at, ((name, digit), meaning))| format!("  {at}  {name:<16} {digit}  {meaning}"));
    format!("{frame} {title}\n{}", lines.collect::<Vec<_>>().join("\n"))
}

/// A frame for programs.
#[derive(Serialize)]
struct Explained {
    frame: Frame,
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<Command>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
    digits: Vec<DigitWords>,
}

#[derive(Serialize)]
struct DigitWords {
    position: usize,
    name: &'static str,
    digit: u8,
    meaning: String,
}

impl Explained {
    fn new(frame: Frame, reading: Reading) -> Result<Explained, FrameError> {
        let (command, status) = match reading {
            Reading::Command => (Some(Command::try_from(frame)?), None),
            Reading::Status => (None, Some(Status::try_from(frame)?)),
        };
        let named = POSITIONS.iter().zip(frame.digits()).zip(words::digits(frame, reading)).enumerate();
        let digits = named
            .map(|(position, ((name, digit), meaning))| DigitWords {
                position,
                name,
                digit: digit.value(),
                meaning,
            })
            .collect();
        Ok(Explained { frame, command, status, digits })
    }
}
