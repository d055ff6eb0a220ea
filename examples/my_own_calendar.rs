//! A calendar of one's own: on public holidays everything is due two hours later. Needs the core only.
//!
//! ```text
//! cargo run --example my_own_calendar
//! ```
//!
//! A [`Calendar`] says when a slot, a local date and start time, is due. This one asks the home's time zone first, so
//! it keeps what that does where clocks are set: in Berlin 02:30 does not exist on 29 March 2026.

#![allow(clippy::print_stdout)]

use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta, Utc};
use smarthome_core::engine::Revision;
use smarthome_core::schedule::{Appliances, Book, Due, Entry, Schedule, StartTime, Weekdays, What, When};
use smarthome_core::{Calendar, HomeZone, Slot};
use std::collections::BTreeSet;
use std::error::Error;

/// Later by less than a day, so that the law holds: no slot is due before that of an earlier date.
#[derive(Debug)]
struct LieIn {
    zone: HomeZone,
    holidays: BTreeSet<NaiveDate>,
}

impl Calendar for LieIn {
    fn due(&self, slot: Slot) -> Due {
        let due = self.zone.due(slot);
        let later = TimeDelta::hours(if self.holidays.contains(&slot.date) { 2 } else { 0 });
        Due { at: due.at + later, ..due }
    }

    fn local(&self, at: DateTime<Utc>) -> NaiveDateTime {
        self.zone.local(at)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let holidays = ["2026-04-03", "2026-04-06"]; // Good Friday and Easter Monday
    let holidays = holidays.into_iter().map(str::parse).collect::<Result<_, _>>()?;
    let calendar = LieIn { zone: "Europe/Berlin".parse()?, holidays };
    let mut now: DateTime<Utc> = "2026-03-27T12:00:00Z".parse()?;
    let until: DateTime<Utc> = "2026-04-07T12:00:00Z".parse()?;

    let mut book = Book::new();
    let weekdays = [false, true, true, true, true, true, false];
    for (title, hour, on) in [("heat the bath", 6, weekdays.into()), ("air the cellar", 2, Weekdays::ALL)] {
        let at = StartTime::new(hour, 30).ok_or("no such time")?;
        book.put(title, Entry::new(schedule(When::Weekly { at, on }), Revision(1), now));
        book.plan(title, now, &calendar, |_| false);
    }
    while let Some(at) = book.next_due().filter(|at| *at < until) {
        let due: Vec<String> = book.due(at).map(|(_, title)| title.to_owned()).collect();
        for title in due {
            let Some((slot, due)) = book.get(&title).and_then(Entry::next) else { continue };
            let shown = calendar.local(due.at).format("%a %d %b %H:%M");
            println!("{slot}  {title:<14}  due {} = {shown}  {:?}", due.at.format("%dT%H:%MZ"), due.rule);
            // This slot is done with. A host would have it in its journal; here the next one is just later.
            book.plan(&title, now.max(due.at), &calendar, |judged| judged <= slot);
        }
        now = at;
    }
    Ok(())
}

fn schedule(when: When) -> Schedule {
    let what = What::Appliances(Appliances { air_conditioner: Some(true), ..Appliances::default() });
    Schedule { author: "kim".into(), enabled: true, when, what, catch_up: None }
}
