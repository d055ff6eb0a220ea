//! The nine digits by table: what is read, what is refused, what a command does.
#![allow(clippy::unwrap_used)]

use smarthome_core::{
    Allowed, Appliance, Colour, Command, Device, Digit, Frame, FrameError, Light, LightMode, Part, PartSet,
    Status, Switch, Wanted,
};

fn command(text: &str) -> Command {
    text.parse().unwrap()
}

fn status(text: &str) -> Status {
    text.parse().unwrap()
}

fn digit(value: u8) -> Digit {
    Digit::new(value).unwrap()
}

/// Frames seen on real wires, and what they name.
#[test]
fn frames_from_real_wires() {
    for (text, named, is_status) in [
        ("009060210", "mode, air conditioner, light, window, gas valve", false),
        ("002222222", "mode, air conditioner", false),
        ("016222222", "mode, air conditioner", false),
        ("022022222", "mode, light", false),
        ("022152022", "mode, light", false),
        ("022222220", "mode, gas valve", false),
        ("022222221", "mode, gas valve", false),
        ("022222212", "mode, window", false),
        ("022255022", "mode", false),
        ("022222202", "mode, window", false),
        ("000000000", "mode, air conditioner, light, window, gas valve", true),
    ] {
        let is_status = is_status || text == "009060210";
        let command = command(text);
        assert_eq!(command.to_string(), text);
        assert_eq!(command.parts().to_string(), named, "{text}");
        assert_eq!(text.parse::<Status>().is_ok(), is_status, "{text}");
        assert_eq!(Frame::from(command), text.parse().unwrap());
        assert_eq!(format!("{command:?} {:>11}", Frame::from(command)), format!("Command({text})   {text}"));
    }
}

#[test]
fn every_field_of_a_status() {
    let evening = status("319157310");
    assert_eq!(evening.mode(), digit(3));
    assert_eq!(Appliance::ALL.map(|appliance| evening.is_on(appliance)), [true, true, true, false]);
    assert_eq!((evening.wind().percent(), evening.brightness().percent()), (90, 50));
    assert_eq!((evening.colour(), evening.light_mode()), (Colour::SKY, LightMode::TREE));
    assert!(evening.window_open() && !evening.gas_open());
    let rebuilt = Status::ZERO
        .with_mode(digit(3))
        .with_air_conditioner(true, Digit::NINE)
        .with_light(true, Light { brightness: Digit::FIVE, colour: Colour::SKY, mode: LightMode::TREE })
        .with_window(true)
        .with_gas_valve(false);
    assert_eq!(rebuilt, evening);
    assert_eq!(Status::ZERO.to_bytes(), *b"000000000");
    assert!(status("000000001").gas_open());
}

#[test]
fn names_of_colours_and_light_modes() {
    let colours = ["white", "red", "blue", "green", "yellow", "purple", "orange", "sky", "8", "9"];
    assert_eq!(Digit::ALL.map(|digit| Colour(digit).to_string()), colours);
    let modes = ["normal", "sleep", "guide", "tree", "4", "5", "6", "7", "8", "9"];
    assert_eq!(Digit::ALL.map(|digit| LightMode(digit).to_string()), modes);
    assert_eq!(
        Part::ALL.map(|part| part.to_string()).join("/"),
        "mode/air conditioner/light/window/gas valve"
    );
}

#[test]
fn a_refusal_names_the_first_fault() {
    let names = ["mode", "air conditioner", "wind level", "light", "brightness", "colour", "light mode"];
    let names: Vec<_> = names.into_iter().chain(["window", "gas valve"]).collect();
    for position in 0..9 {
        let is_switch = matches!(position, 1 | 3 | 7 | 8);
        for (found, shown) in
            [(b'x', "0x78 'x'"), (b'\n', "0x0a"), (b' ', "0x20 ' '"), (0xec, "0xec"), (b'3', "0x33 '3'")]
        {
            let mut bytes = *b"000000000";
            bytes[position] = found;
            // A second fault behind the first is not the one that is named.
            if position < 8 {
                bytes[8] = b'?';
            } else if found == b'3' {
                continue;
            }
            if found == b'3' && !is_switch {
                continue;
            }
            let allowed = if is_switch { Allowed::OffOnKeep } else { Allowed::AnyDigit };
            let error = Command::try_from(&bytes[..]).unwrap_err();
            assert_eq!(error, FrameError::Byte { position, found, allowed });
            let rule = if is_switch { "0, 1 or 2 (2 keeps it)" } else { "0 to 9" };
            let text = format!(
                "byte {shown} at position {position} ({}) is not allowed there: {rule}",
                names[position]
            );
            assert_eq!(error.to_string(), text);
        }
    }
}

#[test]
fn refusals_by_table() {
    let message = |text: &str| text.parse::<Command>().unwrap_err().to_string();
    assert_eq!(message(""), "frame has 0 bytes, 9 are needed");
    assert_eq!(message("0"), "frame has 1 byte, 9 are needed");
    assert_eq!(message("00906021"), "frame has 8 bytes, 9 are needed");
    assert_eq!(message("0090602100"), "frame has 10 bytes, 9 are needed");
    assert_eq!(message("009060210\n"), "frame has 10 bytes, 9 are needed");
    assert_eq!(message("에어컨"), "byte 0xec at position 0 (mode) is not allowed there: 0 to 9");
    let keep = "022222222".parse::<Status>().unwrap_err();
    assert_eq!(
        keep.to_string(),
        "byte 0x32 '2' at position 1 (air conditioner) is not allowed there: 0 or 1"
    );
    assert!(Frame::try_from(&b"999999999"[..]).is_ok());
    assert_eq!(
        Status::try_from(Frame::from([Digit::TWO; 9])),
        Err(FrameError::Byte { position: 1, found: b'2', allowed: Allowed::OffOn })
    );
    assert!(Command::try_from(Frame::from([Digit::TWO; 9])).is_ok());
}

#[test]
fn applying_by_table() {
    for (before, sent, after) in [
        ("009060210", "022222202", "009060200"), // close the window
        ("009060210", "022152022", "009152010"), // light on, filler elsewhere
        ("319157311", "000000000", "009057300"), // off: what stands beside it stays
        ("009060210", "316222222", "316060210"), // mode and air conditioner
        ("519157311", "022222222", "019157311"), // the mode digit is always taken over
        ("000000000", "919187611", "919187611"), // everything on
        ("000000000", "909087600", "900000000"), // everything off: the levels are ignored
    ] {
        assert_eq!(status(before).apply(command(sent)).to_string(), after, "{before} + {sent}");
    }
}

/// All pairs of small homes: what can be reached is reached.
#[test]
fn between_all_pairs_of_switches_and_values() {
    let homes: Vec<Status> = (0..64_u8)
        .map(|bits| {
            let bit = |n: u8| b'0' + (bits >> n & 1);
            let bytes = [bit(0), bit(1), bit(2), bit(3), bit(4), bit(4), b'0', bit(5), b'0'];
            Status::try_from(&bytes[..]).unwrap()
        })
        .collect();
    for (from, to) in homes.iter().flat_map(|from| homes.iter().map(move |to| (*from, *to))) {
        let command = Command::between(from, to);
        let stuck = (!to.is_on(Appliance::AirConditioner) && from.wind() != to.wind())
            || (!to.is_on(Appliance::Light) && from.light() != to.light());
        assert_eq!(from.apply(command) == to, !stuck, "{from} to {to} by {command}");
        // Smallest: no appliance that it names could have been kept.
        for part in command.parts().without(Part::Mode) {
            assert_ne!(from.apply(command.keep(part)), from.apply(command), "{from} to {to} by {command}");
        }
    }
    assert_eq!(Command::between(status("009060210"), status("309060210")), Command::keep_all(digit(3)));
}

#[test]
fn wanted_by_table() {
    let command = command("416057322");
    let wanted = |part| command.wanted(part);
    assert_eq!(wanted(Part::Mode), Some(Wanted::Mode(digit(4))));
    assert_eq!(wanted(Part::AirConditioner), Some(Wanted::AirConditioner { wind: digit(6) }));
    assert_eq!(wanted(Part::Light), Some(Wanted::Off(Appliance::Light)));
    assert_eq!((wanted(Part::Window), wanted(Part::GasValve)), (None, None));
    for (part, shown, hidden) in [
        (Part::Mode, "400000000", "000000000"),
        (Part::AirConditioner, "016000000", "015000000"),
        (Part::AirConditioner, "016111111", "006000000"),
        (Part::Light, "000099900", "000157300"),
    ] {
        assert!(wanted(part).unwrap().shown_by(status(shown)), "{part} in {shown}");
        assert!(!wanted(part).unwrap().shown_by(status(hidden)), "{part} in {hidden}");
    }
    let texts =
        |text: &str| Part::ALL.map(|part| text.parse::<Command>().unwrap().wanted(part).unwrap().to_string());
    assert_eq!(
        texts("315152011"),
        [
            "mode 3",
            "air conditioner on at 50 %",
            "light on at 50 %, colour blue, light mode normal",
            "window open",
            "gas valve open"
        ]
    );
    assert_eq!(
        texts("005052000").join("; "),
        "mode 0; air conditioner off; light off; window closed; gas valve closed"
    );
}

#[test]
fn fitting_by_table() {
    let small = Device { colours: 3, light_modes: 1 };
    for (device, sent, fitting, refused) in [
        (Device::default(), "016157312", "016157312", PartSet::EMPTY),
        (Device::default(), "016158312", "016222212", Part::Light.into()),
        (Device::default(), "016157412", "016222212", Part::Light.into()),
        (Device::default(), "016058412", "016052212", PartSet::EMPTY), // off: only the filler changes
        (Device::default(), "016259012", "016252012", PartSet::EMPTY), // keep: likewise
        (small, "022152022", "022152022", PartSet::EMPTY),
        (small, "022153022", "022222222", Part::Light.into()),
        (small, "022152122", "022222222", Part::Light.into()),
        (Device { colours: 10, light_modes: 10 }, "022159922", "022159922", PartSet::EMPTY),
        (Device { colours: 0, light_modes: 0 }, "022150022", "022222222", Part::Light.into()),
    ] {
        let (left, set) = command(sent).fit(device);
        assert_eq!((left.to_string().as_str(), set), (fitting, refused), "{sent} to {device:?}");
    }
}

#[test]
fn building_and_keeping() {
    let light = Light { brightness: Digit::FIVE, colour: Colour::BLUE, mode: LightMode::NORMAL };
    let built = Command::keep_all(Digit::ZERO)
        .with_air_conditioner(Switch::Off, digit(7))
        .with_light(Switch::On, light)
        .with_gas_valve(Switch::Off);
    assert_eq!(built.to_string(), "007152020");
    assert_eq!(built.keep(Part::AirConditioner).to_string(), "022152020");
    assert_eq!(built.keep(Part::Mode), built);
    assert_eq!(built.only(Part::Light.into()).to_string(), "022152022");
    assert_eq!(built.with_mode(Digit::NINE).only(PartSet::EMPTY), Command::keep_all(Digit::NINE));
    assert_eq!(
        Appliance::ALL.map(|appliance| built.switch(appliance)).map(Switch::digit).map(Digit::value),
        [0, 1, 2, 0]
    );
}

#[test]
fn sets_of_parts() {
    let mut set = PartSet::EMPTY;
    assert!(set.is_empty() && set.to_string() == "none");
    assert!(set.insert(Part::Window) && !set.insert(Part::Window));
    set.extend([Part::Mode]);
    assert_eq!((set.to_string().as_str(), set.len()), ("mode, window", 2));
    assert!(set.remove(Part::Mode) && !set.remove(Part::Mode));
    assert_eq!(PartSet::ALL.iter().collect::<Vec<_>>(), Part::ALL);
    assert_eq!(PartSet::ALL.without(Part::Mode), PartSet::APPLIANCES);
    assert_eq!(PartSet::APPLIANCES.intersection(set), set);
    assert_eq!(set.union(Appliance::Light.into()).difference(set), Part::Light.into());
    assert!(set.is_subset(PartSet::APPLIANCES) && !PartSet::ALL.is_subset(set));
    assert_eq!(
        status("009060210").differences(status("309050210")),
        [Part::Mode, Part::Light].into_iter().collect()
    );
}
