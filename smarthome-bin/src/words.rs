//! Frames in plain words.

use smarthome_core::{Appliance, Colour, Command, Digit, Frame, LightMode, Part, Status};

/// What the nine positions are called.
pub const POSITIONS: [&str; 9] = [
    "mode",
    "air conditioner",
    "wind level",
    "light",
    "brightness",
    "colour",
    "light mode",
    "window",
    "gas valve",
];

/// As what a frame is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// What a home is told.
    Command,
    /// What a home reports.
    Status,
}

/// What each digit says, in the order of the frame.
pub fn digits(frame: Frame, reading: Reading) -> [String; 9] {
    let [mode, air, wind, light, brightness, colour, light_mode, window, gas] = frame.digits();
    // Beside a switch that is not on, a command's digits are ignored, while a home remembers its own.
    let beside = |switch: Digit, meaning: String| match (switch.value(), reading) {
        (1, _) => meaning,
        (0, Reading::Status) => format!("{meaning}, when it is on again"),
        _ => "ignored".into(),
    };
    [
        mode_words(mode),
        switch_words(air, "off", "on"),
        beside(air, format!("{} %", wind.percent())),
        switch_words(light, "off", "on"),
        beside(light, format!("{} %", brightness.percent())),
        beside(light, colour_words(colour.into())),
        beside(light, light_mode_words(light_mode.into())),
        switch_words(window, "closed", "open"),
        switch_words(gas, "closed", "open"),
    ]
}

/// A status as one sentence.
pub fn status(status: Status) -> String {
    let parts: Vec<String> =
        Appliance::ALL.into_iter().map(|appliance| status_part(status, appliance)).collect();
    format!("{}{}", mode_before(status.mode()), parts.join(", "))
}

/// A command as one sentence: only what it changes.
pub fn command(command: Command) -> String {
    let wanted: Vec<String> = Part::ALL
        .into_iter()
        .filter(|part| *part != Part::Mode)
        .filter_map(|part| command.wanted(part).map(|wanted| wanted.to_string()))
        .collect();
    match wanted.is_empty() {
        true if command.mode() == Digit::ZERO => "nothing but the mode digit 0".into(),
        true => format!("nothing but the mode digit {}", command.mode()),
        false => format!("{}{}", mode_before(command.mode()), wanted.join(", ")),
    }
}

fn status_part(status: Status, appliance: Appliance) -> String {
    let on = status.is_on(appliance);
    match appliance {
        Appliance::AirConditioner if on => format!("{appliance} on at {} %", status.wind().percent()),
        Appliance::Light if on => format!(
            "light on at {} % ({}, {})",
            status.brightness().percent(),
            colour_words(status.colour()),
            light_mode_words(status.light_mode())
        ),
        Appliance::AirConditioner | Appliance::Light => format!("{appliance} off"),
        Appliance::Window | Appliance::GasValve => {
            format!("{appliance} {}", if on { "open" } else { "closed" })
        }
    }
}

fn mode_before(mode: Digit) -> String {
    match mode {
        Digit::ZERO => String::new(),
        mode => format!("mode {mode}: "),
    }
}

fn mode_words(mode: Digit) -> String {
    // The four that every home has; the numbers above are the owner's.
    let name = match mode.value() {
        0 => return "no mode: appliances set one by one".into(),
        1 => " (indoor)",
        2 => " (going out)",
        3 => " (sleep)",
        4 => " (eco)",
        _ => "",
    };
    format!("mode {mode}{name}")
}

fn switch_words(digit: Digit, off: &str, on: &str) -> String {
    match digit.value() {
        0 => off.into(),
        1 => on.into(),
        _ => "stays as it is".into(),
    }
}

fn colour_words(colour: Colour) -> String {
    colour.name().map_or_else(|| format!("colour {}, which has no name", colour.digit()), str::to_owned)
}

fn light_mode_words(mode: LightMode) -> String {
    mode.name().map_or_else(|| format!("light mode {}, which has no name", mode.digit()), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_name_what_is_on_and_what_changes() {
        let say = |text: &str| status(text.parse().unwrap());
        assert_eq!(say("009060210"), "air conditioner off, light off, window open, gas valve closed");
        assert_eq!(
            say("315152001"),
            "mode 3: air conditioner on at 50 %, light on at 50 % (blue, normal), window closed, gas valve open"
        );
        let say = |text: &str| command(text.parse().unwrap());
        assert_eq!(say("022222202"), "window closed");
        assert_eq!(say("122222222"), "nothing but the mode digit 1");
    }
}
