//! Proof that the accepting pass, the grammar and the table say the same.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::appliance::Appliance;
use crate::{Command, Status};

/// A third opinion, written as plainly as possible: the first position that is wrong.
fn first_wrong(bytes: &[u8; LENGTH], switch: u8) -> Option<usize> {
    let highest = [9, switch, 9, switch, 9, 9, 9, switch, switch];
    (0..LENGTH).find(|&i| !(b'0'..=b'0' + highest[i]).contains(&bytes[i]))
}

/// Checks one string in one meaning; whether it is accepted.
fn agree(bytes: &[u8; LENGTH], switch: Allowed) -> bool {
    let accepted = accepts(bytes, &highest(switch));
    match (grammar::check(bytes, switch), first_wrong(bytes, switch.highest())) {
        (Ok(()), None) => assert!(accepted, "{bytes:?}"),
        (Err(FrameError::Byte { position, found, allowed }), Some(wrong)) => {
            assert!(!accepted && position == wrong && found == bytes[wrong], "{bytes:?}");
            assert_eq!(allowed, LAYOUT[wrong].allows(switch), "{bytes:?}");
        }
        (grammar, wrong) => panic!("{bytes:?}: {grammar:?} but the first wrong position is {wrong:?}"),
    }
    accepted
}

/// Checks one string in all its meanings; whether it is a command, and whether it is a status.
fn check(bytes: &[u8; LENGTH]) -> (bool, bool) {
    let command = agree(bytes, Allowed::OffOnKeep);
    let status = agree(bytes, Allowed::OffOn);
    let slice = bytes.as_slice();
    assert_eq!(Command::try_from(slice).ok().map(Command::to_bytes), command.then_some(*bytes));
    assert_eq!(Status::try_from(slice).ok().map(Status::to_bytes), status.then_some(*bytes));
    (command, status)
}

/// The number written with nine digits.
fn nine(mut number: u32) -> [u8; LENGTH] {
    let mut bytes = [b'0'; LENGTH];
    for byte in bytes.iter_mut().rev() {
        *byte += u8::try_from(number % 10).unwrap();
        number /= 10;
    }
    bytes
}

/// Counts up by one in the decimal system; 999999999 becomes 000000000.
fn count_up(bytes: &mut [u8; LENGTH]) {
    for byte in bytes.iter_mut().rev() {
        if *byte < b'9' {
            *byte += 1;
            return;
        }
        *byte = b'0';
    }
}

/// Checks `count` strings from `first` on: how many commands and statuses are among them.
fn check_range(first: u32, count: u32) -> (u32, u32) {
    let mut bytes = nine(first);
    let (mut commands, mut statuses) = (0, 0);
    for _ in 0..count {
        let (command, status) = check(&bytes);
        assert!(agree(&bytes, Allowed::AnyDigit), "nine digits are a frame");
        commands += u32::from(command);
        statuses += u32::from(status);
        count_up(&mut bytes);
    }
    (commands, statuses)
}

#[test]
#[ignore = "a billion strings: minutes, and only in a release build"]
fn all_strings_of_nine_digits() {
    const HALF: u32 = 500_000_000;
    let (low, high) = std::thread::scope(|scope| {
        let low = scope.spawn(|| check_range(0, HALF));
        (check_range(HALF, HALF), low.join().unwrap())
    });
    assert_eq!(low.0 + high.0, 8_100_000, "commands");
    assert_eq!(low.1 + high.1, 1_600_000, "statuses");
}

#[test]
fn a_dense_sample_of_nine_digits() {
    // A step that is prime to 10 runs through all values of all positions.
    for number in (0..1_000_000_000).step_by(7_919) {
        check(&nine(number));
    }
    // Whole blocks whose first four digits are good: 1,000 × 3 × 3 commands, 1,000 × 2 × 2 statuses
    // (none where a switch among the four is keep).
    assert_eq!(check_range(12_100_000, 100_000), (9_000, 4_000));
    assert_eq!(check_range(32_200_000, 100_000), (0, 0));
    assert_eq!(check_range(922_200_000, 100_000), (9_000, 0));
}

#[test]
fn every_byte_at_every_position_and_pairs_of_strange_ones() {
    let good = *b"009060210";
    for position in 0..LENGTH {
        for byte in 0..=u8::MAX {
            let mut bytes = good;
            bytes[position] = byte;
            check(&bytes);
        }
    }
    let strange = *b"\0\t /0123489:;@A\x7f\x80\xb0\xb1\xff";
    for (first, second) in (0..LENGTH).flat_map(|a| (a + 1..LENGTH).map(move |b| (a, b))) {
        for (one, other) in strange.iter().flat_map(|one| strange.iter().map(move |other| (one, other))) {
            let mut bytes = good;
            (bytes[first], bytes[second]) = (*one, *other);
            check(&bytes);
        }
    }
}

#[test]
fn every_other_length_is_named() {
    for length in (0..=40).filter(|length| *length != LENGTH) {
        let bytes = [b'0'; 40];
        for switch in [Allowed::AnyDigit, Allowed::OffOn, Allowed::OffOnKeep] {
            assert_eq!(Frame::parse(&bytes[..length], switch), Err(FrameError::Length { found: length }));
        }
    }
}

#[test]
fn positions_agree_with_the_table() {
    let frame = Frame(*b"012345678");
    let positions = [
        At::Mode,
        At::AirConditioner,
        At::Wind,
        At::Light,
        At::Brightness,
        At::Colour,
        At::LightMode,
        At::Window,
        At::GasValve,
    ];
    for (index, at) in positions.into_iter().enumerate() {
        assert_eq!(usize::from(frame.digit(at).value()), index);
        assert_eq!(usize::from(frame.with(at, Digit::NINE).0[index]), usize::from(b'9'));
    }
    for appliance in Appliance::ALL {
        let switches: Vec<_> = (0..LENGTH)
            .filter(|&i| LAYOUT[i].part == appliance.into() && LAYOUT[i].is_switch)
            .map(|i| positions[i])
            .collect();
        assert_eq!(switches, [appliance.switch_at()], "{appliance}");
    }
}
