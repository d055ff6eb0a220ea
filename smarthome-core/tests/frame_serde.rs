//! The nine digits as objects.
#![allow(clippy::unwrap_used)]

use serde::Serialize;
use serde::de::DeserializeOwned;
use smarthome_core::{Colour, Command, Device, Digit, Frame, FrameError, Part, PartSet, Status, Wanted};

fn both_ways<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(value: &T, json: &str) {
    assert_eq!(serde_json::to_string(value).unwrap(), json);
    assert_eq!(&serde_json::from_str::<T>(json).unwrap(), value);
}

fn refused<T: DeserializeOwned + std::fmt::Debug>(json: &str) -> String {
    serde_json::from_str::<T>(json).unwrap_err().to_string()
}

#[test]
fn the_documented_shapes() {
    both_ways(&"009060210".parse::<Frame>().unwrap(), r#""009060210""#);
    both_ways(
        &"009060210".parse::<Status>().unwrap(),
        r#"{"mode":0,"air_conditioner":{"on":false,"wind":9},"light":{"on":false,"brightness":6,"colour":0,"mode":2},"window":"open","gas_valve":"closed"}"#,
    );
    both_ways(
        &"022152002".parse::<Command>().unwrap(),
        r#"{"mode":0,"air_conditioner":{"switch":"keep","wind":2},"light":{"switch":"on","brightness":5,"colour":2,"mode":0},"window":"close","gas_valve":"keep"}"#,
    );
    let parts: PartSet = [Part::GasValve, Part::AirConditioner].into_iter().collect();
    both_ways(&parts, r#"["air_conditioner","gas_valve"]"#);
    both_ways(&Colour::SKY, "7");
    both_ways(&Device::default(), r#"{"colours":8,"light_modes":4}"#);
    assert_eq!(serde_json::from_str::<Device>("{}").unwrap(), Device::default());
    let command: Command = "315052011".parse().unwrap();
    let wanted: Vec<Wanted> = Part::ALL.into_iter().filter_map(|part| command.wanted(part)).collect();
    both_ways(
        &wanted,
        r#"[{"mode":3},{"air_conditioner":{"wind":5}},{"off":"light"},"window_open","gas_valve_open"]"#,
    );
    let light = "022152022".parse::<Command>().unwrap().wanted(Part::Light).unwrap();
    both_ways(&light, r#"{"light":{"brightness":5,"colour":2,"mode":0}}"#);
    both_ways(&FrameError::Length { found: 8 }, r#"{"length":{"found":8}}"#);
    both_ways(
        &"009060230".parse::<Command>().unwrap_err(),
        r#"{"byte":{"position":7,"found":51,"allowed":"off_on_keep"}}"#,
    );
}

/// Every switch in every position with three values beside it: nothing is lost.
#[test]
fn objects_lose_nothing() {
    for number in (0..1_000_000_000_u32).step_by(33_331) {
        let text = format!("{number:09}");
        if let Ok(status) = text.parse::<Status>() {
            let json = serde_json::to_string(&status).unwrap();
            assert_eq!(serde_json::from_str::<Status>(&json).unwrap(), status);
        }
    }
    for switches in 0..81_u8 {
        for beside in Digit::ALL.map(Digit::ascii) {
            let [a, b, c, d] = [1, 3, 9, 27].map(|place| b'0' + switches / place % 3);
            let bytes = [beside, a, b'9' - beside + b'0', b, beside, b'7', beside, c, d];
            let command = Command::try_from(&bytes[..]).unwrap();
            let json = serde_json::to_string(&command).unwrap();
            assert_eq!(serde_json::from_str::<Command>(&json).unwrap(), command);
        }
    }
}

#[test]
fn what_is_out_of_range_is_refused() {
    let status = |from: &str, to: &str| {
        let json = serde_json::to_string(&Status::ZERO).unwrap();
        assert!(json.contains(from), "{json}");
        refused::<Status>(&json.replace(from, to))
    };
    let wind = status(r#""wind":0"#, r#""wind":10"#);
    assert!(wind.starts_with("invalid value: integer `10`, expected a digit from 0 to 9"), "{wind}");
    let negative = status(r#""colour":0"#, r#""colour":-7"#);
    assert!(negative.starts_with("invalid value: integer `-7`, expected a digit from 0 to 9"), "{negative}");
    let huge = status(r#""mode":0"#, r#""mode":256"#);
    assert!(huge.starts_with("invalid value: integer `256`"), "{huge}");
    let ajar = status(r#""window":"closed""#, r#""window":"ajar""#);
    assert!(ajar.starts_with("unknown variant `ajar`, expected `closed` or `open`"), "{ajar}");
    let missing = status(r#""wind":0"#, r#""speed":0"#);
    assert!(missing.starts_with("unknown field `speed`, expected `on` or `wind`"), "{missing}");
    assert!(refused::<Status>("{}").starts_with("missing field `mode`"));
    let frame = refused::<Frame>(r#""00906021""#);
    assert!(frame.starts_with("frame has 8 bytes, 9 are needed"), "{frame}");
    assert!(refused::<Frame>("9060210").contains("expected a text of nine digits"));
    assert!(refused::<PartSet>(r#"["door"]"#).starts_with("unknown variant `door`"));
}
