//! The calendar as somebody without any theory would find it out: look at the clocks of a place, minute by minute, and
//! read off when they show what.

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use smarthome_core::schedule::{Calendar, Due, HomeZone, Rule, Slot, StartTime};

/// What clocks showed, at regular instants.
pub(crate) struct Clocks {
    shown: Vec<(DateTime<Utc>, NaiveDateTime)>,
    step: TimeDelta,
}

impl Clocks {
    /// From a week before that instant, a full minute, until two weeks after it.
    pub(crate) fn around(zone: &HomeZone, at: DateTime<Utc>) -> Clocks {
        let (start, end) = (at - TimeDelta::days(7), at + TimeDelta::days(14));
        // Liberia was 44 minutes and 30 seconds off until 1972.
        let odd = |at| zone.local(at).and_utc().timestamp() % 60 != 0;
        let step = TimeDelta::seconds(if odd(start) || odd(end) { 30 } else { 60 });
        let instants = std::iter::successors(Some(start), |at| Some(*at + step));
        let shown = instants.take_while(|at| *at <= end).map(|at| (at, zone.local(at))).collect();
        Clocks { shown, step }
    }

    /// The slots with that start time and when they are due, for every day but the outermost four at each end.
    pub(crate) fn slots(&self, at: StartTime) -> Vec<(Slot, Due)> {
        let date = |at: Option<&(DateTime<Utc>, NaiveDateTime)>| at.unwrap().1.date();
        let first = date(self.shown.first()) + TimeDelta::days(4);
        let last = date(self.shown.last()) - TimeDelta::days(4);
        let slots = first.iter_days().take_while(|date| *date <= last).map(|date| Slot { date, at });
        slots.map(|slot| (slot, self.due(slot))).collect()
    }

    fn due(&self, slot: Slot) -> Due {
        let wanted = slot.local();
        // Clocks are nowhere further from UTC than that, the length of a gap included.
        let near = wanted.and_utc() - TimeDelta::days(3)..wanted.and_utc() + TimeDelta::days(3);
        let index = |instant| self.shown.partition_point(|(at, _)| *at < instant);
        let shown = &self.shown[index(near.start)..index(near.end)];
        let mut shows = shown.iter().filter(|(_, shown)| *shown == wanted).map(|(at, _)| *at);
        match (shows.next(), shows.next()) {
            (Some(at), None) => Due { at, rule: Rule::Plain },
            (Some(at), Some(_)) => Due { at, rule: Rule::Overlap },
            (None, _) => self.due_when_skipped(slot, shown),
        }
    }

    fn due_when_skipped(&self, slot: Slot, shown: &[(DateTime<Utc>, NaiveDateTime)]) -> Due {
        let wanted = slot.local();
        let jump = shown.windows(2).find(|pair| pair[0].1 < wanted && wanted < pair[1].1).unwrap();
        let (last_before, (at, first_after)) = (jump[0].1, jump[1]);
        if !shown.iter().any(|(_, shown)| shown.date() == slot.date) {
            return Due { at, rule: Rule::NoSuchDay };
        }
        let gap = first_after - last_before - self.step;
        let later = |(now, shown): &&(DateTime<Utc>, NaiveDateTime)| *now >= at && *shown == wanted + gap;
        Due { at: shown.iter().find(later).unwrap().0, rule: Rule::Gap }
    }
}

/// Every hour in those years, its first included, after which clocks are not as far from UTC as before it.
pub(crate) fn changes(zone: &HomeZone, years: std::ops::RangeInclusive<i32>) -> Vec<DateTime<Utc>> {
    let new_year = |year| {
        chrono::NaiveDate::from_ymd_opt(year, 1, 1).unwrap().and_time(chrono::NaiveTime::MIN).and_utc()
    };
    let hour = TimeDelta::hours(1);
    let off = |at: DateTime<Utc>| zone.local(at) - at.naive_utc();
    let (mut at, end) = (new_year(*years.start()), new_year(years.end() + 1));
    let (mut changes, mut before) = (Vec::new(), off(at));
    while at < end {
        let after = off(at + hour);
        if before != after {
            changes.push(at);
        }
        (at, before) = (at + hour, after);
    }
    changes
}
