//! What is wanted of the appliances: their fields in a document, and the frame they become.

use crate::document::{self, DIGIT, DocumentFault, Fields, SWITCH};
use crate::{Colour, Command, Device, Digit, Light, LightMode, Status, Switch};
use alloc::string::String;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What is wanted of the appliances. An absent one is kept as it is.
///
/// The digits beside a switch are there also when it is off, as clients store them; an absent level is filled in when
/// the frame is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Appliances {
    /// The air conditioner on or off.
    pub air_conditioner: Option<bool>,
    /// Its wind level.
    pub wind: Option<Digit>,
    /// The light on or off.
    pub light: Option<bool>,
    /// Its brightness.
    pub brightness: Option<Digit>,
    /// Its colour; absent when none was ever chosen.
    pub colour: Option<Digit>,
    /// Its light mode; absent when none was ever chosen.
    pub light_mode: Option<Digit>,
    /// The window open or closed.
    pub window: Option<bool>,
    /// The gas valve open or closed.
    pub gas_valve: Option<bool>,
}

const COLOUR_OF_A_LIGHT_ON: &str = "a whole number from 0 to 9 while the light is on";
const MODE_OF_A_LIGHT_ON: &str = "a whole number, 0 or more, while the light is on";

impl Appliances {
    /// Reads the appliance fields; each may be absent.
    ///
    /// # Errors
    /// When one is there and is no switch, no digit, no colour or no light mode.
    pub(crate) fn read(fields: Fields<'_>) -> Result<Appliances, DocumentFault> {
        let switch = |field| fields.optional(field, SWITCH, document::switch);
        let level = |field| fields.optional(field, DIGIT, document::digit);
        Ok(Appliances {
            air_conditioner: switch("airconEnable")?,
            wind: level("airconWindPower")?,
            light: switch("lightEnable")?,
            brightness: level("lightBrightness")?,
            colour: fields.optional("lightColor", DIGIT, colour)?.flatten(),
            light_mode: fields.optional("lightMode", "a whole number, 0 or more", light_mode)?.flatten(),
            window: switch("windowOpen")?,
            gas_valve: switch("gasValveEnable")?,
        })
    }

    /// As [`read`](Self::read), of fields that are to become a frame.
    ///
    /// # Errors
    /// Also when the light is on in a colour or a light mode that nobody chose.
    pub(crate) fn read_for_a_frame(fields: Fields<'_>) -> Result<Appliances, DocumentFault> {
        let appliances = Self::read(fields)?;
        if appliances.light == Some(true) && appliances.colour.is_none() {
            return Err(fields.not_allowed("lightColor", COLOUR_OF_A_LIGHT_ON));
        }
        if appliances.light == Some(true) && appliances.light_mode.is_none() {
            return Err(fields.not_allowed("lightMode", MODE_OF_A_LIGHT_ON));
        }
        Ok(appliances)
    }

    /// Writes the fields that are there.
    pub(crate) fn write(self, fields: &mut Map<String, Value>) {
        let number = |digit: Option<Digit>| digit.map(Digit::value);
        document::write(fields, "airconEnable", self.air_conditioner);
        document::write(fields, "airconWindPower", number(self.wind));
        document::write(fields, "lightEnable", self.light);
        document::write(fields, "lightBrightness", number(self.brightness));
        document::write(fields, "lightColor", number(self.colour));
        document::write(fields, "lightMode", number(self.light_mode));
        document::write(fields, "windowOpen", self.window);
        document::write(fields, "gasValveEnable", self.gas_valve);
    }

    /// The command that does this, with that mode digit.
    ///
    /// An absent switch is keep, with filler 2 beside it; otherwise each digit is as it is here, the levels also
    /// beside a switch that is off. Where one is absent: a level beside a switch that is on is the last reported one
    /// if that is 1 to 9, otherwise 5; everything beside a switch that is off is 2. A light that is on in no colour or
    /// no light mode, which no document that was read can want, is kept: nothing is guessed.
    ///
    /// ```
    /// use smarthome_core::{Appliances, Digit};
    ///
    /// let close = Appliances { window: Some(false), ..Appliances::default() };
    /// assert_eq!(close.command(Digit::ZERO, None).to_string(), "022222202");
    ///
    /// let cool = Appliances { air_conditioner: Some(true), ..Appliances::default() };
    /// assert_eq!(cool.command(Digit::ZERO, None).to_string(), "015222222");
    /// assert_eq!(cool.command(Digit::ZERO, "009060210".parse().ok()).to_string(), "019222222");
    /// ```
    #[must_use]
    pub fn command(self, mode: Digit, last: Option<Status>) -> Command {
        let command =
            Command::keep_all(mode).with_window(switch(self.window)).with_gas_valve(switch(self.gas_valve));
        let command = match self.air_conditioner {
            None => command,
            Some(on) => command.with_air_conditioner(on.into(), level(self.wind, on, last.map(Status::wind))),
        };
        match (self.light, self.colour, self.light_mode) {
            (None, ..) | (Some(true), None, _) | (Some(true), _, None) => command,
            (Some(on), colour, mode) => {
                let brightness = level(self.brightness, on, last.map(Status::brightness));
                let colour = Colour(colour.unwrap_or(Digit::TWO));
                let mode = LightMode(mode.unwrap_or(Digit::TWO));
                command.with_light(on.into(), Light { brightness, colour, mode })
            }
        }
    }

    /// The colour that the light would be switched on in and that the device lacks.
    pub(super) fn colour_lacking(self, device: Device) -> Option<Colour> {
        let colour = self.colour.filter(|_| self.light == Some(true)).map(Colour);
        colour.filter(|colour| !device.has_colour(*colour))
    }

    /// The light mode that the light would be switched on in and that the device lacks.
    pub(super) fn light_mode_lacking(self, device: Device) -> Option<LightMode> {
        let mode = self.light_mode.filter(|_| self.light == Some(true)).map(LightMode);
        mode.filter(|mode| !device.has_light_mode(*mode))
    }
}

fn switch(on: Option<bool>) -> Switch {
    on.map_or(Switch::Keep, Switch::from)
}

fn level(wanted: Option<Digit>, on: bool, last: Option<Digit>) -> Digit {
    match wanted {
        Some(level) => level,
        None if on => last.filter(|last| *last != Digit::ZERO).unwrap_or(Digit::FIVE),
        None => Digit::TWO,
    }
}

/// What clients write where nobody chose a colour or a light mode yet.
const NEVER_CHOSEN: [i64; 2] = [-7, -15];

fn colour(value: &Value) -> Option<Option<Digit>> {
    match document::whole(value)? {
        number if NEVER_CHOSEN.contains(&number) => Some(None),
        _ => document::digit(value).map(Some),
    }
}

/// The car counts its light modes on from 10; the last digit is the home's.
fn light_mode(value: &Value) -> Option<Option<Digit>> {
    match document::whole(value)? {
        number if NEVER_CHOSEN.contains(&number) => Some(None),
        number if number < 0 => None,
        number => u8::try_from(number.wrapping_rem(10)).ok().and_then(Digit::new).map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use serde_json::json;

    fn read(fields: &Value) -> Result<Appliances, DocumentFault> {
        Appliances::read_for_a_frame(Fields(fields.as_object().unwrap()))
    }

    #[test]
    fn documents_become_frames() {
        for (fields, mode, last, frame) in [
            (json!({}), 0, None, "022222222"),
            (json!({"windowOpen": false}), 0, None, "022222202"),
            (json!({"windowOpen": true}), 0, None, "022222212"),
            (json!({"gasValveEnable": false}), 0, None, "022222220"),
            (json!({"gasValveEnable": true}), 0, None, "022222221"),
            (json!({"airconEnable": true, "airconWindPower": 6}), 0, None, "016222222"),
            (
                json!({"lightEnable": true, "lightBrightness": 5, "lightColor": 2, "lightMode": 0}),
                0,
                None,
                "022152022",
            ),
            // Everything off, levels as they are.
            (
                json!({"airconEnable": false, "airconWindPower": 9, "lightEnable": false, "lightBrightness": 6,
                    "lightColor": 0, "lightMode": 2, "windowOpen": true, "gasValveEnable": false}),
                0,
                None,
                "009060210",
            ),
            (json!({"airconEnable": false, "airconWindPower": 0}), 0, None, "000222222"),
            // Off, and nothing beside it.
            (json!({"airconEnable": false, "lightEnable": false}), 0, Some("019169310"), "002022222"),
            (
                json!({"lightEnable": false, "lightBrightness": 5, "lightColor": -7, "lightMode": -15}),
                0,
                None,
                "022052222",
            ),
            // A missing switch: filler, whatever stands beside it.
            (
                json!({"airconWindPower": 7, "lightBrightness": 7, "lightColor": 7, "lightMode": 3}),
                3,
                None,
                "322222222",
            ),
            // On without a level: the last one, unless that is 0 or unknown.
            (json!({"airconEnable": true}), 0, Some("009060210"), "019222222"),
            (json!({"airconEnable": true}), 0, Some("000060210"), "015222222"),
            (
                json!({"lightEnable": true, "lightColor": 7, "lightMode": 13}),
                2,
                Some("009060210"),
                "222167322",
            ),
            (json!({"lightEnable": true, "lightColor": 7, "lightMode": 0}), 0, None, "022157022"),
        ] {
            let last = last.map(|text: &str| text.parse().unwrap());
            let command = read(&fields).unwrap().command(Digit::new(mode).unwrap(), last);
            assert_eq!(command.to_string(), frame, "{fields}");
        }
    }

    #[test]
    fn a_light_on_in_a_colour_that_nobody_chose_is_a_fault() {
        for (fields, says) in [
            (
                json!({"lightEnable": true, "lightColor": -7, "lightMode": 0}),
                "field \"lightColor\" is -7, allowed is a whole number from 0 to 9 while the light is on",
            ),
            (
                json!({"lightEnable": 1, "lightColor": 0, "lightMode": "-15"}),
                "field \"lightMode\" is \"-15\", allowed is a whole number, 0 or more, while the light is on",
            ),
            (
                json!({"lightEnable": "true", "lightColor": null, "lightMode": 0}),
                "field \"lightColor\" is missing, allowed is a whole number from 0 to 9 while the light is on",
            ),
            (json!({"lightColor": 10}), "field \"lightColor\" is 10, allowed is a whole number from 0 to 9"),
            (json!({"lightMode": -1}), "field \"lightMode\" is -1, allowed is a whole number, 0 or more"),
            (
                json!({"airconWindPower": 60}),
                "field \"airconWindPower\" is 60, allowed is a whole number from 0 to 9",
            ),
            (json!({"windowOpen": "open"}), "field \"windowOpen\" is \"open\", allowed is true or false"),
        ] {
            assert_eq!(read(&fields).unwrap_err().to_string(), says);
        }
    }

    #[test]
    fn a_light_that_nobody_can_want_is_kept() {
        let light = Appliances { light: Some(true), colour: Some(Digit::ONE), ..Appliances::default() };
        assert_eq!(light.command(Digit::ZERO, None).to_string(), "022222222");
    }
}
