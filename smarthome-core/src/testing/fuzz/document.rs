//! Any bytes as documents.

use crate::testing::bytes::Bytes;
use crate::testing::laws::a_line_is_short_and_prints;
use crate::{Device, HomeZone, Interlock, Mode, PartSet, Schedule};
use alloc::string::ToString;
use chrono::DateTime;
use serde_json::{Map, Value, json};

/// Any bytes as a schedule's and a mode's document; bytes that are no JSON object as choices of what the fields hold.
pub fn document(bytes: &[u8]) {
    let content = core::str::from_utf8(bytes).unwrap_or_default();
    match Schedule::read(content, &HomeZone::default()) {
        Err(fault) if fault.field().is_none() => {
            a_line_is_short_and_prints(&fault.to_string());
            assert_eq!(Mode::read(content), Err(fault));
            keeps_the_laws(&chosen(Bytes(bytes)));
        }
        _ => keeps_the_laws(&serde_json::from_str(content).unwrap()),
    }
}

/// A document whose fields are chosen by two bytes each: mostly from what is right there, else from anything.
fn chosen(mut bytes: Bytes<'_>) -> Map<String, Value> {
    let (fields, anything) = (right(), anything());
    let mut document = Map::new();
    for (field, right) in fields.as_object().unwrap() {
        let (how, which) = (bytes.byte(), usize::from(bytes.byte()));
        let values = if how < 16 { &anything } else { right };
        let values = values.as_array().unwrap();
        document.insert(field.clone(), values[which % values.len()].clone());
    }
    document
}

fn right() -> Value {
    let switch = json!([true, false, null, "true", "FALSE", 1, 0.0]);
    let level = json!([null, 0, 9, "5", 6.0]);
    let date =
        json!(["2021.09.02", "2021.9.2", "2021-09-02", "2021-09-01T15:00:00Z", {"_seconds": 1_630_508_400}]);
    let days = json!([
        [0, 1, 0, 1, 0, 1, "true"],
        [true, true, true, true, true, true, true],
        [0, 0, 0, 0, 0, 0, 0]
    ]);
    json!({
        "startTime": ["0730", "730", 730, "07:30", 0, "2359", 5.0],
        "repeat": [true, false, "true", 0],
        "enabled": [true, false, "false", 1],
        "activeDate": date,
        "daysOfWeek": days,
        "modeNum": [0, 3, null, "1", 9.0],
        "modeName": ["indoor", "", "\u{202e}\n"],
        "name": ["Kim", "", null, "\u{10ffff}"],
        "catchUp": [null, "skip", 0, "600", 4_294_967_295_u32],
        "airconEnable": switch,
        "airconWindPower": level,
        "lightEnable": switch,
        "lightBrightness": level,
        "lightColor": [0, 7, "9", -7, null],
        "lightMode": [0, 3, "13", -15, null, 4.0],
        "windowOpen": switch,
        "gasValveEnable": switch,
    })
}

fn anything() -> Value {
    json!([
        null, true, "yes", 2, 10, 5.5, -1, "-7", "25:61", "2400", 2561, "2021-02-29", "0000.01.01", "9999-12-31T23:59:59Z",
        "0001-01-01T00:00:00Z", {"seconds": i64::MAX}, {"seconds": -62_135_596_800_i64}, i64::MAX, u64::MAX, 1e300, -0.0,
        "never", "", "\u{202e}\n", [], [0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 3], {},
    ])
}

fn keeps_the_laws(fields: &Map<String, Value>) {
    a_schedule_keeps_the_laws(fields);
    a_mode_keeps_the_laws(fields);
}

/// What is read is written in the one form, and that form reads as the same.
fn a_schedule_keeps_the_laws(fields: &Map<String, Value>) {
    let (zone, now) = (HomeZone::default(), DateTime::UNIX_EPOCH);
    match Schedule::from_fields(fields, &zone) {
        Ok(schedule) => {
            let canonical = schedule.canonical("a title", now.date_naive());
            assert!(canonical.values().all(|value| !value.is_null()), "{canonical:?}");
            let again = Schedule::from_fields(&canonical, &zone).unwrap();
            assert_eq!(again, schedule);
            assert_eq!(again.fingerprint(), schedule.fingerprint());
            if let Err(why) = schedule.acceptable("a title", Device::default(), &zone, now) {
                a_line_is_short_and_prints(&why.to_string());
            }
            for warning in schedule.warnings(None, Device::default(), &Interlock::default()) {
                a_line_is_short_and_prints(&warning.to_string());
            }
        }
        Err(fault) => a_line_is_short_and_prints(&fault.to_string()),
    }
}

fn a_mode_keeps_the_laws(fields: &Map<String, Value>) {
    match Mode::from_fields(fields) {
        Ok(mode) => {
            assert_eq!(Mode::from_fields(&mode.canonical()), Ok(mode.clone()));
            let parts = mode.command(None).parts();
            assert_eq!(parts, PartSet::ALL, "a mode keeps nothing");
        }
        Err(fault) => a_line_is_short_and_prints(&fault.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Random;

    #[test]
    fn many_choices_are_documents() {
        let (mut schedules, mut modes) = (0, 0);
        for seed in 0..1_000 {
            let bytes = Random::new(seed).bytes(40);
            let fields = chosen(Bytes(&bytes));
            schedules += usize::from(Schedule::from_fields(&fields, &HomeZone::default()).is_ok());
            modes += usize::from(Mode::from_fields(&fields).is_ok());
        }
        assert!(schedules > 100 && modes > 50, "{schedules} schedules and {modes} modes of 1,000");
    }
}
