//! Documents as clients write them: every good one is used, every bad one is named with its fault.
#![allow(clippy::unwrap_used)]

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde_json::{Value, json};
use smarthome_core::schedule::{CatchUp, Slot, StartTime, Unacceptable, Warning, Weekdays, What, When};
use smarthome_core::testing::{Random, documents};
use smarthome_core::{
    Calendar, Colour, Device, Digit, DocumentFault, HomeZone, Interlock, LightMode, Mode, Origin, Schedule,
};

/// Seven days, none of them set: what the car writes for every new schedule.
const NO_DAY: [bool; 7] = [false; 7];

/// A third damaged.
const EACH: usize = 300;

fn today() -> NaiveDate {
    NaiveDate::from_ymd_opt(2021, 9, 2).unwrap()
}

fn named(fault: &DocumentFault, field: Option<&str>, content: &str) {
    assert_eq!(fault.field(), field, "{fault}: {content}");
    let text = fault.to_string();
    assert!(text.len() <= 600 && !text.contains(char::is_control), "{text}");
    assert!(field.is_none_or(|field| text.contains(field)), "{text}");
}

#[test]
fn every_good_schedule_is_used_and_every_bad_one_named() {
    let zone = HomeZone::default();
    for seed in 0..20 {
        let random = &mut Random::new(seed);
        for number in 0..EACH {
            if number % 3 == 0 {
                let bad = documents::damaged_schedule(random, number);
                let fault = Schedule::read(&bad.content, &zone).expect_err(&bad.content);
                named(&fault, bad.field, &bad.content);
                continue;
            }
            let good = documents::good_schedule(random, number);
            let read =
                Schedule::read(&good.content, &zone).unwrap_or_else(|f| panic!("{f}: {}", good.content));
            assert_eq!(read, good.means, "{}", good.content);
            let canonical = read.canonical(&good.id, today());
            is_canonical(&canonical);
            assert_eq!(Schedule::from_fields(&canonical, &zone).unwrap(), read);
        }
    }
}

#[test]
fn every_good_mode_is_used_and_every_bad_one_named() {
    for seed in 0..20 {
        let random = &mut Random::new(seed);
        for number in 0..EACH {
            if number % 3 == 0 {
                let bad = documents::damaged_mode(random, number);
                named(&Mode::read(&bad.content).expect_err(&bad.content), bad.field, &bad.content);
                continue;
            }
            let good = documents::good_mode(random, number);
            let read = Mode::read(&good.content).unwrap_or_else(|f| panic!("{f}: {}", good.content));
            assert_eq!((&read, read.id()), (&good.means, good.id), "{}", good.content);
            assert_eq!(Mode::from_fields(&read.canonical()).unwrap(), read);
        }
    }
}

/// What the app can read without crashing.
fn is_canonical(fields: &serde_json::Map<String, Value>) {
    for (field, value) in fields {
        let right = match field.as_str() {
            "title" | "name" => value.is_string(),
            "startTime" => value.as_str().is_some_and(|text| text.len() == 4),
            "activeDate" => {
                value.as_str().is_some_and(|text| text.len() == 10 && text.split('.').count() == 3)
            }
            "daysOfWeek" => {
                value.as_array().is_some_and(|days| days.len() == 7 && days.iter().all(Value::is_boolean))
            }
            "catchUp" => value.is_u64() || value == "skip",
            "enabled" | "repeat" | "airconEnable" | "lightEnable" | "windowOpen" | "gasValveEnable" => {
                value.is_boolean()
            }
            _ => value.is_u64(),
        };
        assert!(right, "{field}: {value}");
    }
    for field in ["title", "name", "enabled", "repeat", "startTime", "activeDate", "daysOfWeek", "modeNum"] {
        assert!(fields.contains_key(field), "{field}");
    }
}

fn schedule(changes: Value) -> Result<Schedule, DocumentFault> {
    let mut fields = json!({
        "name": "Kim", "enabled": true, "repeat": false, "startTime": "0730", "activeDate": "2021.09.02", "modeNum": 0,
    });
    let all = fields.as_object_mut().unwrap();
    all.extend(changes.as_object().unwrap().clone());
    Schedule::from_fields(all, &HomeZone::default())
}

#[test]
fn one_start_time_in_many_ways() {
    let at = |value: Value| schedule(json!({"startTime": value})).map(|schedule| schedule.when.at());
    for (value, hour, minute) in [
        (json!(730), 7, 30),
        (json!(730.0), 7, 30),
        (json!("730"), 7, 30),
        (json!("0730"), 7, 30),
        (json!("07:30"), 7, 30),
        (json!("7:30"), 7, 30),
        (json!(0), 0, 0),
        (json!("5"), 0, 5),
        (json!("2359"), 23, 59),
    ] {
        assert_eq!(at(value.clone()), Ok(StartTime::new(hour, minute).unwrap()), "{value}");
    }
    for value in [
        json!("25:61"),
        json!("24:00"),
        json!(1260),
        json!("07:3"),
        json!("00730"),
        json!(":30"),
        json!("-730"),
        json!("0x10"),
        json!([]),
    ] {
        assert_eq!(at(value.clone()).unwrap_err().field(), Some("startTime"), "{value}");
    }
}

#[test]
fn one_date_in_many_ways() {
    let on = |value: Value| match schedule(json!({"activeDate": value})).map(|schedule| schedule.when) {
        Ok(When::Once { on, .. }) => Ok(on),
        Ok(weekly) => panic!("{weekly:?}"),
        Err(fault) => Err(fault),
    };
    for value in [
        json!("2021.09.02"),
        json!("2021.9.2"),
        json!("2021-09-02"),
        // Midnight and the last second in Seoul, nine hours ahead.
        json!("2021-09-01T15:00:00Z"),
        json!("2021-09-02T14:59:59.999999999Z"),
        json!("2021-09-02T00:00:00+09:00"),
        json!({"_seconds": 1_630_508_400, "_nanoseconds": 0}),
        json!({"seconds": "1630594799"}),
    ] {
        assert_eq!(on(value.clone()), Ok(today()), "{value}");
    }
    for value in [
        json!("2021.02.29"),
        json!("2021.09"),
        json!("2021.09.02.1"),
        json!("21.09.02"),
        json!("0000.01.01"),
        json!("9999-12-31T23:59:59Z"),
        json!({"seconds": i64::MAX}),
        json!({"seconds": i64::MIN}),
        json!({}),
        json!(20_210_902),
    ] {
        assert_eq!(on(value.clone()).unwrap_err().field(), Some("activeDate"), "{value}");
    }
}

#[test]
fn faults_say_where_what_and_what_is_allowed() {
    let week = json!([1, 1, 1, 1, 1, 1, "x"]);
    for (changes, says) in [
        (json!({"startTime": null}), "field \"startTime\" is missing, allowed is a time such as \"0730\""),
        (json!({"startTime": 2561}), "field \"startTime\" is 2561, allowed is a time such as \"0730\""),
        (json!({"daysOfWeek": [1, 1, 1, 1, 1, 1]}), "has 6 entries, allowed are seven, Sunday first"),
        (json!({"daysOfWeek": week}), "field \"daysOfWeek\" has \"x\" at 6, allowed is true or false"),
        (json!({"daysOfWeek": {}}), "field \"daysOfWeek\" is an object, allowed is a list of seven"),
        (json!({"repeat": true}), "field \"daysOfWeek\" is missing"),
        (json!({"activeDate": null}), "field \"activeDate\" is missing"),
        (json!({"modeNum": 10}), "field \"modeNum\" is 10, allowed is a whole number from 0 to 9"),
        (json!({"catchUp": "never"}), "field \"catchUp\" is \"never\", allowed is seconds"),
        (json!({"name": 7}), "field \"name\" is 7, allowed is a text"),
    ] {
        let text = schedule(changes).unwrap_err().to_string();
        assert!(text.contains(says), "{text}");
    }
}

#[test]
fn what_is_absent_has_a_meaning() {
    let read = schedule(json!({"name": null, "modeNum": null, "catchUp": null})).unwrap();
    assert_eq!((&*read.author, read.what, read.catch_up), ("", What::Appliances(Default::default()), None));
    let never = schedule(json!({"repeat": true, "activeDate": null, "daysOfWeek": NO_DAY})).unwrap();
    assert!(matches!(never.when, When::Weekly { on: Weekdays::NONE, .. }));
    let skip = schedule(json!({"catchUp": "skip"})).unwrap();
    assert_eq!(skip.catch_up, Some(CatchUp::Skip));
    assert_eq!(schedule(json!({"catchUp": "0"})).unwrap().catch_up, Some(CatchUp::Within(0)));
}

#[test]
fn a_mode_schedule_keeps_the_appliances_beside_it() {
    let fields = json!({"modeNum": "3", "lightEnable": true, "lightColor": -7, "windowOpen": true});
    let read = schedule(fields).unwrap();
    let canonical = Value::Object(read.canonical("t", today()));
    assert_eq!((&canonical["modeNum"], &canonical["windowOpen"]), (&json!(3), &json!(true)));
    assert_eq!((&canonical["lightEnable"], canonical.get("lightColor")), (&json!(true), None));
    assert_eq!(canonical["daysOfWeek"], json!(NO_DAY));
}

#[test]
fn a_million_schedules_are_small() {
    assert!(size_of::<Schedule>() <= 64, "{} bytes", size_of::<Schedule>());
}

#[test]
fn some_schedules_are_not_stored() {
    let seoul = HomeZone::default();
    let due = seoul.due(Slot { date: today(), at: StartTime::new(7, 30).unwrap() }).at;
    let judge = |title: &str, changes: Value, now: DateTime<Utc>| {
        schedule(changes).unwrap().acceptable(title, Device::default(), &seoul, now)
    };
    let good = json!({});
    assert_eq!(judge("title", good.clone(), due), Ok(()));
    assert_eq!(judge("title", good.clone(), due + TimeDelta::milliseconds(59_999)), Ok(()));
    let passed = judge("title", good.clone(), due + TimeDelta::minutes(1)).unwrap_err();
    assert!(matches!(passed, Unacceptable::Passed { .. }));
    assert_eq!(
        passed.to_string(),
        "2021-09-02T07:30 has passed: \"activeDate\" and \"startTime\" have to lie ahead"
    );
    for title in ["", "a/b", "..", "__x__", &"x".repeat(1_501)] {
        let refused = judge(title, good.clone(), due);
        assert!(matches!(refused, Err(Unacceptable::IllegalTitle { .. })), "{title:?}");
    }
    assert_eq!(judge(&"x".repeat(1_500), good, due), Ok(()));
    let never = |enabled: bool| json!({"repeat": true, "daysOfWeek": NO_DAY, "enabled": enabled});
    assert_eq!(judge("title", never(true), due), Err(Unacceptable::NoWeekday));
    assert_eq!(judge("title", never(false), due), Ok(()));
    let author = json!({"name": "x".repeat(1_501)});
    let refused = judge("title", author, due);
    assert_eq!(refused, Err(Unacceptable::LongAuthor { found: 1_501, most: 1_500 }));
}

#[test]
fn what_the_device_lacks_is_not_stored_where_it_would_show() {
    let light = |on: bool, colour: u8, mode: u8, number: u8| {
        let fields = json!({"lightEnable": on, "lightColor": colour, "lightMode": mode, "modeNum": number});
        let now = DateTime::UNIX_EPOCH;
        schedule(fields).unwrap().acceptable("title", Device::default(), &HomeZone::default(), now)
    };
    assert_eq!(light(true, 7, 3, 0), Ok(()));
    assert_eq!(light(false, 9, 9, 0), Ok(()));
    assert_eq!(light(true, 9, 9, 1), Ok(()));
    let (colour, mode) = (Colour(Digit::new(8).unwrap()), LightMode(Digit::new(4).unwrap()));
    let refused = light(true, 8, 0, 0).unwrap_err();
    assert_eq!(refused, Unacceptable::LacksColour { colour, colours: 8 });
    assert_eq!(refused.to_string(), "field \"lightColor\" is 8, the device has colours 0 to 7");
    assert_eq!(light(true, 0, 4, 0), Err(Unacceptable::LacksLightMode { mode, modes: 4 }));
}

#[test]
fn what_will_be_refused_is_warned_of() {
    let mode = Mode::read(
        r#"{"modeNum": 1, "modeName": "indoor", "airconEnable": false, "lightEnable": true, "lightColor": 9,
            "lightMode": 0, "windowOpen": false, "gasValveEnable": true}"#,
    )
    .unwrap();
    let warned = |fields: Value, mode: Option<&Mode>, allowed: &[Origin]| {
        let interlock = Interlock::allowing(allowed.iter().copied().collect());
        let warnings = schedule(fields).unwrap().warnings(mode, Device::default(), &interlock);
        warnings.iter().map(Warning::to_string).collect::<Vec<_>>()
    };
    let opens = json!({"gasValveEnable": true});
    let shut = "the gas valve will not be opened: the settings do not allow it for schedule";
    assert_eq!(warned(opens.clone(), None, &[]), [shut]);
    assert!(warned(opens, None, &[Origin::Schedule]).is_empty());
    assert!(warned(json!({"gasValveEnable": false}), None, &[]).is_empty());
    let light = "the light of mode 1 will be left alone: the device lacks its colour or light mode";
    let shut = "the gas valve will not be opened: the settings do not allow it for schedule, mode";
    assert_eq!(warned(json!({"modeNum": 1}), Some(&mode), &[Origin::Schedule]), [light, shut]);
    assert_eq!(warned(json!({"modeNum": 1}), Some(&mode), &[Origin::Schedule, Origin::Mode]), [light]);
    let none = "there is no mode 1: nothing will be done";
    assert_eq!(warned(json!({"modeNum": 1, "gasValveEnable": true}), None, &[]), [none]);
}
