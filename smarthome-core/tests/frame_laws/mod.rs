//! What holds for any bytes: one function for the fuzzer, the replay of its corpus and the tests.

use smarthome_core::{Appliance, Command, Device, Frame, FrameError, Part, PartSet, Status, Switch, Wanted};

/// Panics when any law of the nine digits does not hold for these bytes.
///
/// The bytes are read as a frame in its three meanings. When there are eighteen and the two halves
/// are a status and a command, the laws that join both are checked as well.
pub(crate) fn check(bytes: &[u8]) {
    reading(bytes);
    if let Some((status, command)) = bytes.split_at_checked(9) {
        if let (Ok(status), Ok(command)) = (Status::try_from(status), Command::try_from(command)) {
            applying(status, command);
            fitting(command, Device::default());
            fitting(command, Device { colours: command.mode().value(), light_modes: status.mode().value() });
        }
        if let (Ok(from), Ok(to)) = (Status::try_from(status), Status::try_from(command)) {
            between(from, to);
        }
    }
}

/// What is accepted is written back as it was read; what is refused is refused for its first fault.
fn reading(bytes: &[u8]) {
    let frame = Frame::try_from(bytes);
    let status = Status::try_from(bytes);
    let command = Command::try_from(bytes);
    refusal(bytes, frame.as_ref().err(), 9);
    refusal(bytes, status.as_ref().err(), 1);
    refusal(bytes, command.as_ref().err(), 2);
    if let Ok(frame) = frame {
        assert_eq!(frame.as_bytes(), bytes);
        assert_eq!(frame.as_str().parse(), Ok(frame));
        assert_eq!(Frame::from(frame.digits()), frame);
        assert_eq!(Status::try_from(frame), status);
        assert_eq!(Command::try_from(frame), command);
    }
    if let Ok(status) = status {
        assert_eq!(status.to_bytes(), bytes);
        assert_eq!(Frame::from(status).as_bytes(), bytes);
        assert!(command.is_ok(), "every status is a command too");
    }
    if let Ok(command) = command {
        assert_eq!(command.to_bytes(), bytes);
        assert_eq!(Frame::from(command).as_bytes(), bytes);
        naming(command);
    }
}

/// An error names the length, or the first byte that is wrong, and shows no control byte.
fn refusal(bytes: &[u8], error: Option<&FrameError>, switch: u8) {
    let highest = [9, switch, 9, switch, 9, 9, 9, switch, switch];
    let wrong = bytes.iter().zip(highest).position(|(byte, highest)| !(b'0'..=b'0' + highest).contains(byte));
    match error {
        None => assert!(bytes.len() == 9 && wrong.is_none()),
        Some(FrameError::Length { found }) => assert!(bytes.len() != 9 && *found == bytes.len()),
        Some(FrameError::Byte { position, found, allowed }) => {
            assert_eq!((bytes.len(), Some(*position)), (9, wrong));
            assert_eq!(*found, bytes[*position]);
            assert_eq!(allowed.highest(), highest[*position]);
        }
    }
    if let Some(error) = error {
        assert!(error.to_string().bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()), "{error}");
    }
}

/// The set of named parts, the single questions and what is wanted tell the same.
fn naming(command: Command) {
    for part in Part::ALL {
        assert_eq!(command.names(part), command.parts().contains(part));
        assert_eq!(command.wanted(part).map(|wanted| wanted.part()), command.names(part).then_some(part));
        assert_eq!(command.keep(part).names(part), part == Part::Mode);
        assert_eq!(command.keep(part).keep(part), command.keep(part));
    }
    assert_eq!(command.only(command.parts()).parts(), command.parts());
    assert_eq!(command.only(PartSet::EMPTY), Command::keep_all(command.mode()));
    assert_eq!(command.only(PartSet::ALL), command);
}

/// An obeyed command shows what it wanted, changes nothing else, and obeying twice is as once.
fn applying(status: Status, command: Command) {
    let after = status.apply(command);
    assert_eq!(after.apply(command), after);
    assert_eq!(after.mode(), command.mode());
    assert!(status.differences(after).is_subset(command.parts()));
    for part in Part::ALL {
        assert!(command.wanted(part).is_none_or(|wanted: Wanted| wanted.shown_by(after)));
    }
    // What is reachable is reached by the smallest command.
    assert_eq!(status.apply(Command::between(status, after)), after);
    between(status, after);
}

/// Whatever cannot be reached are digits beside a switch that is off.
fn between(from: Status, to: Status) {
    let command = Command::between(from, to);
    let reached = from.apply(command);
    for appliance in Appliance::ALL {
        let part = Part::from(appliance);
        assert_eq!(reached.is_on(appliance), to.is_on(appliance));
        if to.is_on(appliance) {
            assert!(!reached.differences(to).contains(part));
        }
        if !from.differences(to).contains(part) {
            assert!(!command.names(part), "smallest");
        }
    }
    assert_eq!(reached.mode(), to.mode());
}

/// What fits does to a home of the device what the command did, except for the refused light.
fn fitting(command: Command, device: Device) {
    let (fitting, refused) = command.fit(device);
    assert_eq!(fitting.fit(device), (fitting, PartSet::EMPTY));
    assert_eq!(fitting.parts(), command.parts().difference(refused));
    assert!(refused.is_subset(Part::Light.into()));
    for part in fitting.parts() {
        assert_eq!(fitting.wanted(part), command.wanted(part));
    }
    if fitting.switch(Appliance::Light) == Switch::On {
        assert!(device.has_colour(fitting.colour()) && device.has_light_mode(fitting.light_mode()));
    }
}
