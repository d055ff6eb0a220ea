//! What the home's sensors say, read tolerantly.

use alloc::string::String;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A reading of the home's sensors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HomeSensors {
    /// Relative humidity in tenths of a percent, 0 to 1000.
    pub humidity: Option<i32>,
    /// Temperature in tenths of a degree Celsius, -1000 to 1000.
    pub temperature: Option<i32>,
    /// Whether the rain sensor is wet.
    pub rain: Option<bool>,
}

impl HomeSensors {
    /// Reads `{"humi":60,"temp":29.2,"rain":1}`: numbers, or strings that hold numbers. A key that is absent or null is
    /// a reading that is not known; anything else that is no number, or out of range, is an error that names the key.
    ///
    /// ```
    /// use smarthome_core::HomeSensors;
    /// let home = HomeSensors::parse(br#"{"humi":60,"temp":29.2,"rain":"1"}"#).unwrap();
    /// assert_eq!((home.humidity, home.temperature, home.rain), (Some(600), Some(292), Some(true)));
    /// assert_eq!(HomeSensors::parse(br#"{"temp":"hot"}"#).unwrap_err(), "\"temp\" is not a number");
    /// ```
    pub fn parse(payload: &[u8]) -> Result<HomeSensors, &'static str> {
        match serde_json::from_slice(payload) {
            Ok(Value::Object(reading)) => Ok(HomeSensors {
                humidity: tenths(
                    &reading,
                    "humi",
                    0..=1000,
                    "\"humi\" is not a number",
                    "\"humi\" is out of range",
                )?,
                temperature: tenths(
                    &reading,
                    "temp",
                    -1000..=1000,
                    "\"temp\" is not a number",
                    "\"temp\" is out of range",
                )?,
                rain: tenths(
                    &reading,
                    "rain",
                    0..=10,
                    "\"rain\" is not a number",
                    "\"rain\" is neither 0 nor 1",
                )?
                .map(|tenths| tenths != 0),
            }),
            Ok(_) => Err("not a JSON object"),
            Err(_) => Err("not JSON"),
        }
    }
}

fn tenths(
    reading: &Map<String, Value>,
    key: &str,
    range: core::ops::RangeInclusive<i32>,
    no_number: &'static str,
    out_of_range: &'static str,
) -> Result<Option<i32>, &'static str> {
    let number = match reading.get(key) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Number(number)) => number.as_f64().ok_or(no_number)?,
        Some(Value::String(text)) => text.trim().parse::<f64>().map_err(|_| no_number)?,
        Some(Value::Bool(wet)) => f64::from(u8::from(*wet)),
        Some(_) => return Err(no_number),
    };
    if number.is_nan() {
        return Err(no_number);
    }
    let scaled = number * 10.0;
    let half = if scaled < 0.0 { -0.5 } else { 0.5 };
    // A float's cast saturates, so nothing wraps before the range is looked at.
    let tenths = (scaled + half) as i32;
    if range.contains(&tenths) { Ok(Some(tenths)) } else { Err(out_of_range) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn temperature(json: &str) -> Result<Option<i32>, &'static str> {
        HomeSensors::parse(json.as_bytes()).map(|home| home.temperature)
    }

    #[test]
    fn numbers_and_strings_round_to_tenths() {
        for (json, tenths) in [
            (r#"{"temp":29.25}"#, Some(293)),
            (r#"{"temp":-0.04}"#, Some(0)),
            (r#"{"temp":"-3.46"}"#, Some(-35)),
            (r#"{"temp":null}"#, None),
            ("{}", None),
        ] {
            assert_eq!(temperature(json), Ok(tenths), "{json}");
        }
    }

    #[test]
    fn what_is_no_number_or_cannot_be_is_named() {
        for (json, error) in [
            (r#"{"temp":"NaN"}"#, "\"temp\" is not a number"),
            (r#"{"temp":NaN}"#, "not JSON"),
            (r#"{"temp":"inf"}"#, "\"temp\" is out of range"),
            (r#"{"temp":1e300}"#, "\"temp\" is out of range"),
            (r#"{"temp":[]}"#, "\"temp\" is not a number"),
            (r#"{"rain":2}"#, "\"rain\" is neither 0 nor 1"),
            ("[]", "not a JSON object"),
        ] {
            assert_eq!(temperature(json), Err(error), "{json}");
        }
    }
}
