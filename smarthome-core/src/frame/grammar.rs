//! The grammar of frames, for the reader and for the error.
//!
//! ```text
//! frame           = mode air-conditioner light window gas-valve
//! mode            = digit
//! air-conditioner = switch digit              ; wind level
//! light           = switch digit digit digit  ; brightness, colour, light mode
//! window          = switch
//! gas-valve       = switch
//! ```
//!
//! It is written out by hand and not derived from the table of the accepting pass, so that the
//! proof that both agree on all strings of nine digits says something.

use nom::combinator::all_consuming;
use nom::error::{ErrorKind, ParseError};
use nom::sequence::preceded;
use nom::{Err, IResult, Parser};

use super::{Allowed, FrameError, LENGTH};

/// Whether nine bytes are a frame when `switch` is what its switches may be; the first fault
/// otherwise.
///
/// Cold: the accepting pass has already taken every good frame.
#[cold]
#[inline(never)]
pub(crate) fn check(bytes: &[u8; LENGTH], switch: Allowed) -> Result<(), FrameError> {
    match all_consuming(|input| frame(input, switch)).parse(bytes.as_slice()) {
        Ok(_) => Ok(()),
        Err(Err::Error(refusal) | Err::Failure(refusal)) => Err(refusal.into_error(bytes)),
        // Only streaming parsers ask for more; there is none in this grammar.
        Err(Err::Incomplete(_)) => Err(FrameError::Length { found: bytes.len() }),
    }
}

fn frame(input: &[u8], switch: Allowed) -> Parsed<'_> {
    let mode = digit;
    let air_conditioner = preceded(one(switch), digit);
    let light = preceded(one(switch), preceded(digit, preceded(digit, digit)));
    let window = one(switch);
    let gas_valve = one(switch);
    preceded(mode, preceded(air_conditioner, preceded(light, preceded(window, gas_valve)))).parse(input)
}

fn digit(input: &[u8]) -> Parsed<'_> {
    one(Allowed::AnyDigit)(input)
}

/// One byte out of what is allowed.
fn one(allowed: Allowed) -> impl Fn(&[u8]) -> Parsed<'_> {
    move |input| match input.split_first() {
        Some((byte, rest)) if byte.is_ascii_digit() && byte & 0x0f <= allowed.highest() => Ok((rest, ())),
        _ => Err(Err::Error(Refusal { rest: input, allowed })),
    }
}

type Parsed<'a> = IResult<&'a [u8], (), Refusal<'a>>;

/// Where the grammar stopped, and what it would have taken there.
struct Refusal<'a> {
    rest: &'a [u8],
    allowed: Allowed,
}

impl Refusal<'_> {
    fn into_error(self, whole: &[u8]) -> FrameError {
        match self.rest.first() {
            Some(&found) => FrameError::Byte {
                position: whole.len().saturating_sub(self.rest.len()),
                found,
                allowed: self.allowed,
            },
            None => FrameError::Length { found: whole.len() },
        }
    }
}

impl<'a> ParseError<&'a [u8]> for Refusal<'a> {
    fn from_error_kind(rest: &'a [u8], _: ErrorKind) -> Self {
        Self { rest, allowed: Allowed::AnyDigit }
    }

    fn append(_: &'a [u8], _: ErrorKind, first: Self) -> Self {
        first
    }
}
