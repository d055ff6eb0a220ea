//! Schedules as documents: read as clients write them, written in one form.

use super::{Appliances, Calendar, CatchUp, Schedule, StartTime, Weekdays, What, When};
use crate::Digit;
use crate::document::{self, DIGIT, DocumentFault, Fields, SWITCH, TEXT};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use chrono::{DateTime, Datelike, NaiveDate};
use core::ops::RangeInclusive;
use serde_json::{Map, Value};

const START_TIME: &str = "a time such as \"0730\", from \"0000\" to \"2359\"";
const ACTIVE_DATE: &str = "a date such as \"2021.09.02\", or a timestamp";
const DAYS: &str = "a list of seven, Sunday first, each true or false";
const CATCH_UP: &str = "seconds, a whole number from 0 to 4294967295, or \"skip\"";

impl Schedule {
    /// Reads a schedule's document, a JSON object as text.
    ///
    /// Clients write the same thing in many ways, and all of them are read:
    ///
    /// - whole numbers also as text or as a double without a fraction; switches also as `"true"`, `"false"`, 1, 0;
    /// - `startTime`: `"0730"`, `"730"`, 730, `"07:30"`;
    /// - `activeDate`: `2021.09.02`, `2021.9.2`, `2021-09-02`; a timestamp (RFC 3339, or an object with its `seconds`
    ///   or `_seconds` since 1970) means its date on the clocks of the `calendar`;
    /// - null is as absent. Only `enabled`, `repeat`, `startTime` and, as `repeat` says, `daysOfWeek` or `activeDate`
    ///   have to be there. Without `modeNum` it is 0, without `name` empty; an absent switch keeps its appliance;
    /// - `lightMode` from 10 on means its last digit; -7 and -15 are a colour or light mode that nobody chose yet,
    ///   which is a fault only where the light is switched on with it;
    /// - other fields are ignored, `title` too: the document's id is the title.
    ///
    /// ```
    /// use smarthome_core::{HomeZone, Schedule};
    ///
    /// let seoul = HomeZone::default();
    /// let schedule = Schedule::read(
    ///     r#"{"enabled": 1, "repeat": false, "startTime": 730, "activeDate": "2021.9.2", "windowOpen": "true"}"#,
    ///     &seoul,
    /// )?;
    /// assert_eq!(schedule.when.at().to_string(), "07:30");
    ///
    /// let fault = Schedule::read(r#"{"enabled": true, "repeat": true, "startTime": "25:61"}"#, &seoul).unwrap_err();
    /// assert_eq!(
    ///     fault.to_string(),
    ///     r#"field "startTime" is "25:61", allowed is a time such as "0730", from "0000" to "2359""#
    /// );
    /// # Ok::<(), smarthome_core::DocumentFault>(())
    /// ```
    ///
    /// # Errors
    /// When it is no JSON object, a field that has to be there is absent, or one holds anything else than the above,
    /// also where it has no effect.
    pub fn read(content: &str, calendar: &dyn Calendar) -> Result<Schedule, DocumentFault> {
        Self::from_fields(&document::object(content)?, calendar)
    }

    /// As [`read`](Self::read), of fields that are parsed already.
    ///
    /// # Errors
    /// As for [`read`](Self::read).
    pub fn from_fields(
        fields: &Map<String, Value>,
        calendar: &dyn Calendar,
    ) -> Result<Schedule, DocumentFault> {
        let fields = Fields(fields);
        Ok(Schedule {
            author: fields.optional("name", TEXT, document::text)?.unwrap_or_default().into(),
            enabled: fields.required("enabled", SWITCH, document::switch)?,
            when: when(fields, calendar)?,
            what: what(fields)?,
            catch_up: fields.optional("catchUp", CATCH_UP, catch_up)?,
        })
    }

    /// Its document in the form that every client reads: real integers and booleans, no nulls, `startTime` of four
    /// digits, `activeDate` with dots and always there, seven `daysOfWeek`.
    ///
    /// What stands there only because it must: of a weekly schedule the date, which is `today`; of a schedule that
    /// fires once the days, none of which is set. Read again it gives the same schedule.
    pub fn canonical(&self, title: &str, today: NaiveDate) -> Map<String, Value> {
        let (repeat, days, date) = match self.when {
            When::Weekly { on, .. } => (true, on, today),
            When::Once { on, .. } => (false, Weekdays::NONE, on),
        };
        let mut fields = Map::new();
        document::write(&mut fields, "title", Some(title));
        document::write(&mut fields, "name", Some(&*self.author));
        document::write(&mut fields, "enabled", Some(self.enabled));
        document::write(&mut fields, "repeat", Some(repeat));
        document::write(&mut fields, "startTime", Some(four_digits(self.when.at())));
        document::write(&mut fields, "daysOfWeek", Some(Vec::from(<[bool; 7]>::from(days))));
        document::write(&mut fields, "activeDate", Some(dotted(date)));
        document::write(&mut fields, "modeNum", Some(self.what.mode().value()));
        document::write(&mut fields, "catchUp", self.catch_up.map(Value::from));
        self.what.appliances().write(&mut fields);
        fields
    }
}

fn when(fields: Fields<'_>, calendar: &dyn Calendar) -> Result<When, DocumentFault> {
    let at = fields.required("startTime", START_TIME, start_time)?;
    let repeat = fields.required("repeat", SWITCH, document::switch)?;
    let days =
        fields.optional("daysOfWeek", DAYS, Value::as_array)?.map(|days| weekdays(days)).transpose()?;
    let date = fields.optional("activeDate", ACTIVE_DATE, |value| active_date(value, calendar))?;
    match (repeat, days, date) {
        (true, Some(on), _) => Ok(When::Weekly { at, on }),
        (true, None, _) => Err(DocumentFault::Missing { field: "daysOfWeek", allowed: DAYS }),
        (false, _, Some(on)) => Ok(When::Once { at, on }),
        (false, _, None) => Err(DocumentFault::Missing { field: "activeDate", allowed: ACTIVE_DATE }),
    }
}

fn what(fields: Fields<'_>) -> Result<What, DocumentFault> {
    let number = fields.optional("modeNum", DIGIT, document::digit)?.unwrap_or(Digit::ZERO);
    Ok(if number == Digit::ZERO {
        What::Appliances(Appliances::read_for_a_frame(fields)?)
    } else {
        What::Mode { number, beside: Appliances::read(fields)? }
    })
}

fn start_time(value: &Value) -> Option<StartTime> {
    let (hour, minute) = match value {
        Value::String(text) => match text.trim().split_once(':') {
            Some((hour, minute)) => (digits(hour, 1..=2)?, digits(minute, 2..=2)?),
            None => hour_and_minute(digits(text.trim(), 1..=4)?),
        },
        number => hour_and_minute(u32::try_from(document::whole(number)?).ok()?),
    };
    StartTime::new(hour, minute)
}

const fn hour_and_minute(together: u32) -> (u32, u32) {
    (together.wrapping_div(100), together.wrapping_rem(100))
}

fn four_digits(at: StartTime) -> String {
    format!("{:02}{:02}", at.minutes().wrapping_div(60), at.minutes().wrapping_rem(60))
}

/// The years a date may lie in: those that four digits write. So no date comes near the end of the calendar.
const YEARS: RangeInclusive<i32> = 1..=9999;

fn active_date(value: &Value, calendar: &dyn Calendar) -> Option<NaiveDate> {
    let date = match value {
        Value::String(text) => written_date(text.trim(), '.').or_else(|| written_date(text.trim(), '-')),
        _ => None,
    };
    let date = date.or_else(|| {
        let at = match value {
            Value::String(text) => DateTime::parse_from_rfc3339(text.trim()).ok()?.to_utc(),
            Value::Object(fields) => {
                let seconds = fields.get("_seconds").or_else(|| fields.get("seconds"))?;
                DateTime::from_timestamp(document::whole(seconds)?, 0)?
            }
            _ => return None,
        };
        Some(calendar.local(at).date())
    });
    date.filter(|date| YEARS.contains(&date.year()))
}

fn written_date(text: &str, separator: char) -> Option<NaiveDate> {
    let (year, rest) = text.split_once(separator)?;
    let (month, day) = rest.split_once(separator)?;
    let year = i32::try_from(digits(year, 4..=4)?).ok()?;
    NaiveDate::from_ymd_opt(year, digits(month, 1..=2)?, digits(day, 1..=2)?)
}

fn dotted(date: NaiveDate) -> String {
    format!("{:04}.{:02}.{:02}", date.year(), date.month(), date.day())
}

/// The number that so many ASCII digits write, and nothing but them.
fn digits(text: &str, count: RangeInclusive<usize>) -> Option<u32> {
    let plain = count.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

fn weekdays(entries: &[Value]) -> Result<Weekdays, DocumentFault> {
    let mut days = [false; 7];
    if entries.len() != days.len() {
        return Err(DocumentFault::NotSevenDays { found: entries.len() });
    }
    for (at, (day, entry)) in days.iter_mut().zip(entries).enumerate() {
        *day = document::switch(entry).ok_or_else(|| DocumentFault::day(at, entry))?;
    }
    Ok(days.into())
}

fn catch_up(value: &Value) -> Option<CatchUp> {
    match value {
        Value::String(text) if text.trim() == SKIP => Some(CatchUp::Skip),
        number => u32::try_from(document::whole(number)?).ok().map(CatchUp::Within),
    }
}

const SKIP: &str = "skip";

impl From<CatchUp> for Value {
    /// As the field `catchUp` has it: seconds, or `"skip"`.
    fn from(catch_up: CatchUp) -> Value {
        match catch_up {
            CatchUp::Skip => Value::String(SKIP.to_string()),
            CatchUp::Within(seconds) => Value::from(seconds),
        }
    }
}
