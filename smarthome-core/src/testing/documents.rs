//! Generated documents: good ones, written in all the ways clients write them, and damaged ones, each with the fault
//! that has to be named.

use super::random::Random;
use crate::schedule::{CatchUp, StartTime, What, When};
use crate::{Appliances, Digit, Mode, Schedule};
use alloc::string::{String, ToString};
use chrono::{Datelike, NaiveDate};
use serde_json::{Map, Value, json};
use std::format;

/// A document that is right.
#[derive(Debug, Clone)]
pub struct Good<T> {
    /// Its id.
    pub id: String,
    /// Its content, as some client wrote it.
    pub content: String,
    /// What it says.
    pub means: T,
}

/// A document that is wrong.
#[derive(Debug, Clone)]
pub struct Damaged {
    /// Its id.
    pub id: String,
    /// Its content.
    pub content: String,
    /// The field that the fault has to name; `None` when the content is no object.
    pub field: Option<&'static str>,
}

/// A schedule. `number` makes its title one of its own.
///
/// Timestamps are written for a home in the zone Asia/Seoul, the default.
pub fn good_schedule(random: &mut Random, number: usize) -> Good<Schedule> {
    let means = schedule(random);
    let fields = loosened(random, &means);
    Good { id: format!("schedule {number:04}"), content: Value::Object(fields).to_string(), means }
}

/// A schedule with one thing wrong.
pub fn damaged_schedule(random: &mut Random, number: usize) -> Damaged {
    let good = schedule(random);
    let mut fields = loosened(random, &good);
    let field = if random.chance(5) { None } else { Some(damage_schedule(random, &mut fields)) };
    Damaged { id: format!("schedule {number:04}"), content: told(random, fields, field), field }
}

/// A mode with that number, of which the last digit counts and 0 stands for 1. The name holds the whole number.
pub fn good_mode(random: &mut Random, number: usize) -> Good<Mode> {
    let means = mode(random, number);
    let mut fields = means.canonical();
    loosen_appliances(random, &mut fields, means.appliances());
    loosen_numbers(random, &mut fields);
    Good { id: means.id(), content: Value::Object(fields).to_string(), means }
}

/// A mode with one thing wrong.
pub fn damaged_mode(random: &mut Random, number: usize) -> Damaged {
    let good = mode(random, number);
    let mut fields = good.canonical();
    loosen_numbers(random, &mut fields);
    let field = if random.chance(5) { None } else { Some(damage_mode(random, &mut fields)) };
    Damaged { id: good.id(), content: told(random, fields, field), field }
}

const DAY_ZERO: NaiveDate = NaiveDate::from_ymd_opt(2021, 1, 1).unwrap();

fn schedule(random: &mut Random) -> Schedule {
    let at = StartTime::new(random.within(0..24) as u32, random.within(0..60) as u32).unwrap();
    let when = if random.chance(60) {
        When::Weekly { at, on: core::array::from_fn(|_| random.chance(40)).into() }
    } else {
        When::Once { at, on: DAY_ZERO + chrono::Days::new(random.within(0..4_000)) }
    };
    let number = digit(random, 0..10);
    let what = if number == Digit::ZERO || random.chance(50) {
        What::Appliances(appliances(random, 25))
    } else {
        What::Mode { number, beside: appliances(random, 25) }
    };
    let catch_up = match random.within(0..6) {
        0 => Some(CatchUp::Skip),
        1 => Some(CatchUp::Within(random.within(0..100_000) as u32)),
        _ => None,
    };
    let author = *random.pick(&["", "Kim", "홍길동 🏠", "a \"quoted\" one\n"]);
    Schedule { author: author.into(), enabled: random.chance(70), when, what, catch_up }
}

fn mode(random: &mut Random, number: usize) -> Mode {
    let mut fields = Map::new();
    fields.insert("modeNum".to_string(), json!((number % 10).max(1)));
    fields.insert("modeName".to_string(), json!(format!("name {number}")));
    appliances(random, 0).write(&mut fields);
    Mode::from_fields(&fields).unwrap()
}

/// Appliances whose switches are absent in `absent` of a hundred cases. A light that is on has a colour and a mode.
fn appliances(random: &mut Random, absent: u64) -> Appliances {
    let switch = |random: &mut Random| (!random.chance(absent)).then(|| random.chance(50));
    let level = |random: &mut Random| (!random.chance(10)).then(|| digit(random, 0..10));
    let light = switch(random);
    let chosen = |random: &mut Random, count| {
        (light == Some(true) || random.chance(70)).then(|| digit(random, 0..count))
    };
    Appliances {
        air_conditioner: switch(random),
        wind: level(random),
        light,
        brightness: level(random),
        colour: chosen(random, 8),
        light_mode: chosen(random, 4),
        window: switch(random),
        gas_valve: switch(random),
    }
}

fn digit(random: &mut Random, range: core::ops::Range<u64>) -> Digit {
    Digit::new(random.within(range) as u8).unwrap()
}

/// The fields of a schedule, written in one of the ways clients write them.
fn loosened(random: &mut Random, schedule: &Schedule) -> Map<String, Value> {
    let mut fields = schedule.canonical("another title", DAY_ZERO);
    let at = schedule.when.at();
    let (hour, minute) = (at.minutes() / 60, at.minutes() % 60);
    let start = match random.within(0..5) {
        0 => json!(hour * 100 + minute),
        1 => json!((hour * 100 + minute).to_string()),
        2 => json!(f64::from(hour * 100 + minute)),
        3 => json!(at.to_string()),
        _ => json!(format!("{hour:02}{minute:02}")),
    };
    fields.insert("startTime".to_string(), start);
    match schedule.when {
        When::Once { on, .. } => {
            set(&mut fields, "activeDate", date(random, on));
            maybe_none(random, &mut fields, "daysOfWeek");
        }
        When::Weekly { .. } => maybe_none(random, &mut fields, "activeDate"),
    }
    loosen_appliances(random, &mut fields, schedule.what.appliances());
    loosen_numbers(random, &mut fields);
    if schedule.what.mode() == Digit::ZERO {
        maybe_none(random, &mut fields, "modeNum");
    }
    if schedule.author.is_empty() {
        maybe_none(random, &mut fields, "name");
    }
    maybe_none(random, &mut fields, "title");
    fields
}

fn date(random: &mut Random, on: NaiveDate) -> Value {
    let (year, month, day) = (on.year(), on.month(), on.day());
    // Midnight to midnight in Seoul is 15:00 to 15:00 in UTC, and 86,399 s long.
    let second = random.within(0..86_400) as i64;
    let stamp = on.and_hms_opt(0, 0, 0).unwrap().and_utc() + chrono::TimeDelta::seconds(second - 9 * 3_600);
    match random.within(0..7) {
        0 => json!(format!("{year}.{month}.{day}")),
        1 => json!(format!("{year}-{month:02}-{day:02}")),
        2 => json!(stamp.to_rfc3339()),
        3 => json!(format!("{}.123456Z", stamp.format("%Y-%m-%dT%H:%M:%S"))),
        4 => json!({"_seconds": stamp.timestamp(), "_nanoseconds": 999_999_999}),
        5 => json!({"seconds": stamp.timestamp().to_string(), "nanos": 0}),
        _ => json!(format!("{year}.{month:02}.{day:02}")),
    }
}

/// What nobody chose as clients write it, and light modes counted on from 10.
fn loosen_appliances(random: &mut Random, fields: &mut Map<String, Value>, means: Appliances) {
    for (field, chosen) in [("lightColor", means.colour), ("lightMode", means.light_mode)] {
        if chosen.is_none() {
            match random.within(0..4) {
                0 => set(fields, field, json!(-7)),
                1 => set(fields, field, json!(-15)),
                2 => set(fields, field, Value::Null),
                _ => {}
            }
        }
    }
    if let Some(mode) = means.light_mode
        && random.chance(20)
    {
        set(fields, "lightMode", json!(random.within(1..20) * 10 + u64::from(mode.value())));
    }
    for (field, absent) in [
        ("airconEnable", means.air_conditioner.is_none()),
        ("airconWindPower", means.wind.is_none()),
        ("gasValveEnable", means.gas_valve.is_none()),
    ] {
        if absent && random.chance(30) {
            set(fields, field, Value::Null);
        }
    }
    if random.chance(20) {
        set(fields, "icon", json!({"of": ["another", "program", null]}));
    }
}

/// Numbers as texts and doubles; switches as texts and numbers, also those in a list.
fn loosen_numbers(random: &mut Random, fields: &mut Map<String, Value>) {
    for value in fields.values_mut() {
        match value {
            Value::Array(entries) => entries.iter_mut().for_each(|entry| loosen(random, entry)),
            plain => loosen(random, plain),
        }
    }
}

fn loosen(random: &mut Random, value: &mut Value) {
    let way = random.within(0..6);
    let looser = match (&*value, way) {
        (Value::Bool(on), 0) => json!(on.to_string()),
        (Value::Bool(on), 1) => json!(u8::from(*on)),
        (Value::Number(number), 0) => json!(number.to_string().trim_end_matches(".0")),
        (Value::Number(number), 1) => json!(number.as_f64()),
        _ => return,
    };
    *value = looser;
}

fn set(fields: &mut Map<String, Value>, field: &str, value: Value) {
    fields.insert(field.to_string(), value);
}

/// Leaves a field as it is, makes it null, or takes it out.
fn maybe_none(random: &mut Random, fields: &mut Map<String, Value>, field: &str) {
    match random.within(0..3) {
        0 => set(fields, field, Value::Null),
        1 => drop(fields.remove(field)),
        _ => {}
    }
}

/// The content of damaged fields; no object at all when no field is to blame.
fn told(random: &mut Random, fields: Map<String, Value>, field: Option<&str>) -> String {
    let content = Value::Object(fields).to_string();
    match (field, random.within(0..4)) {
        (Some(_), _) => content,
        (None, 0) => format!("[{content}]"),
        (None, 1) => String::new(),
        (None, 2) => "[".repeat(10_000),
        (None, _) => content.strip_suffix('}').unwrap_or_default().to_string(),
    }
}

fn damage_schedule(random: &mut Random, fields: &mut Map<String, Value>) -> &'static str {
    match random.within(0..8) {
        0 => {
            let values =
                json!([null, "25:61", "2400", "1260", 2561, -730, "7:3", "73O", 7.5, "", [7, 30], true]);
            wrong(random, fields, "startTime", values)
        }
        1 => {
            set(fields, "repeat", json!(true));
            let six = [true; 6];
            let values =
                json!([null, [], six, [0, 0, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 2], "0000000", {}]);
            wrong(random, fields, "daysOfWeek", values)
        }
        2 => {
            set(fields, "repeat", json!(false));
            let values =
                json!([null, "", "2021.02.30", "2021.13.01", "21.9.2", "09/02/2021", 20_210_902, {}, true]);
            wrong(random, fields, "activeDate", values)
        }
        3 => wrong(random, fields, "enabled", json!([null, 2, "on", "yes", [], 0.5])),
        4 => wrong(random, fields, "repeat", json!([null, -1, "weekly", {}])),
        5 => wrong(random, fields, "modeNum", json!([10, -1, "ten", 1.5, 1e300, true, []])),
        6 => wrong(random, fields, "catchUp", json!([-1, 1.5, "never", 4_294_967_296_u64, true, {}])),
        _ => {
            set(fields, "modeNum", json!(0));
            damage_appliances(random, fields)
        }
    }
}

fn damage_mode(random: &mut Random, fields: &mut Map<String, Value>) -> &'static str {
    match random.within(0..4) {
        0 => wrong(random, fields, "modeNum", json!([null, 0, 10, -1, "one", 1.5, false])),
        1 => wrong(random, fields, "modeName", json!([null, 7, [], true])),
        2 => {
            let field = *random.pick(&["airconEnable", "lightEnable", "windowOpen", "gasValveEnable"]);
            wrong(random, fields, field, json!([null, 2, "on"]))
        }
        _ => damage_appliances(random, fields),
    }
}

fn damage_appliances(random: &mut Random, fields: &mut Map<String, Value>) -> &'static str {
    match random.within(0..4) {
        0 => {
            let field = *random.pick(&["airconEnable", "windowOpen", "gasValveEnable"]);
            wrong(random, fields, field, json!([2, -1, "open", {}, 0.5]))
        }
        1 => {
            let field = *random.pick(&["airconWindPower", "lightBrightness"]);
            wrong(random, fields, field, json!([10, -1, 90, "high", true, 5.5]))
        }
        on => {
            set(fields, "lightEnable", json!(true));
            set(fields, "lightColor", json!(0));
            set(fields, "lightMode", json!(0));
            let field = if on == 2 { "lightColor" } else { "lightMode" };
            wrong(random, fields, field, json!([null, -7, -15, "-7", -1, "red", 0.5, false]))
        }
    }
}

/// Gives the field one of the values; one that is null may also be taken out.
fn wrong(
    random: &mut Random,
    fields: &mut Map<String, Value>,
    field: &'static str,
    values: Value,
) -> &'static str {
    let value = random.pick(values.as_array().unwrap()).clone();
    if value.is_null() && random.chance(50) {
        fields.remove(field);
    } else {
        set(fields, field, value);
    }
    field
}
