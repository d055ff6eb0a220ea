//! Which slots a schedule has, and which one is next.

use super::{Calendar, Due, Slot, When};
use chrono::{DateTime, Days, NaiveDate, Utc};

/// How many days before today a slot may be dated that is still to come: one by the calendar's law, and one because
/// clocks that are set back over midnight show yesterday again.
const BEFORE: Days = Days::new(2);

/// How many slots from there are looked at. Of a daily schedule's, those of the two days before, of today and of the two
/// days after may all be over by the same reckoning, and then one is not; a rarer schedule has fewer in that time.
const LOOKED_AT: usize = 8;

/// The last date of a weekly schedule's slots: no clock is believed that shows a later year.
const LAST: NaiveDate = match NaiveDate::from_ymd_opt(2199, 12, 31) {
    Some(date) => date,
    None => NaiveDate::MAX,
};

impl When {
    /// Its first slot that is due at `from` or later, and when it is. None when there is none: the date has passed,
    /// or there is no weekday.
    ///
    /// The weekday is that of the slot's own date, also when the calendar moves it over midnight.
    pub fn next(self, from: DateTime<Utc>, calendar: &dyn Calendar) -> Option<(Slot, Due)> {
        let start = calendar.local(from).date().checked_sub_days(BEFORE)?;
        let slots = match self {
            When::Once { .. } => self.slots(NaiveDate::MIN),
            When::Weekly { .. } => self.slots(start),
        };
        // So a calendar that breaks its laws costs a slot, and never an endless search.
        slots.take(LOOKED_AT).map(|slot| (slot, calendar.due(slot))).find(|(_, due)| due.at >= from)
    }

    /// The slot that follows that one, and when it is due. With one start time the order of dates is the order in
    /// which slots are due, so this enumerates all of them, also those that are due at once.
    pub fn after(self, slot: Slot, calendar: &dyn Calendar) -> Option<(Slot, Due)> {
        let next = self.slots(slot.date.succ_opt()?).next()?;
        Some((next, calendar.due(next)))
    }

    /// All its slots that are due at `from` or later, in order.
    pub fn occurrences(
        self,
        from: DateTime<Utc>,
        calendar: &dyn Calendar,
    ) -> impl Iterator<Item = (Slot, Due)> {
        core::iter::successors(self.next(from, calendar), move |(slot, _)| self.after(*slot, calendar))
    }

    /// Its slots dated `from` or later, in order; those of a weekly schedule end with the year 2199.
    pub fn slots(self, from: NaiveDate) -> impl Iterator<Item = Slot> {
        let (from, last) = match self {
            When::Once { on, .. } => (from.max(on), on),
            When::Weekly { on, .. } if on.is_empty() => (from, NaiveDate::MIN),
            When::Weekly { .. } => (from, LAST),
        };
        let days = from.iter_days().take_while(move |date| *date <= last);
        days.map(move |date| Slot { date, at: self.at() }).filter(move |slot| self.has(*slot))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::HomeZone;
    use crate::schedule::{Rule, StartTime, Weekdays};
    use alloc::{format, string::String, vec::Vec};

    fn weekly(at: (u32, u32), on: [u8; 7]) -> When {
        When::Weekly { at: StartTime::new(at.0, at.1).unwrap(), on: on.map(|day| day == 1).into() }
    }

    fn first(count: usize, when: When, from: &str, zone: &str) -> Vec<String> {
        let zone: HomeZone = zone.parse().unwrap();
        let slots = when.occurrences(from.parse().unwrap(), &zone).take(count);
        slots.map(|(slot, due)| format!("{slot} {} {:?}", due.at.format("%dT%H:%M"), due.rule)).collect()
    }

    #[test]
    fn a_gap_delays_an_overlap_fires_once_and_a_day_that_does_not_exist_is_named() {
        let daily = weekly((2, 30), [1; 7]);
        assert_eq!(
            first(3, daily, "2026-03-28T00:00:00Z", "Europe/Berlin"),
            [
                "2026-03-28T02:30 28T01:30 Plain",
                "2026-03-29T02:30 29T01:30 Gap",
                "2026-03-30T02:30 30T00:30 Plain"
            ]
        );
        assert_eq!(
            first(2, daily, "2026-10-25T00:00:00Z", "Europe/Berlin"),
            ["2026-10-25T02:30 25T00:30 Overlap", "2026-10-26T02:30 26T01:30 Plain"]
        );
        // At midnight on the line between the days both the skipped day and the next one are due.
        assert_eq!(
            first(3, weekly((0, 0), [1; 7]), "2011-12-30T00:00:00Z", "Pacific/Apia"),
            [
                "2011-12-30T00:00 30T10:00 NoSuchDay",
                "2011-12-31T00:00 30T10:00 Plain",
                "2012-01-01T00:00 31T10:00 Plain"
            ]
        );
    }

    #[test]
    fn the_weekday_is_that_of_the_slots_own_date() {
        // Clocks in São Paulo skipped the first hour of Sunday, 4 November 2018: Sunday's slot is due at 01:00.
        assert_eq!(
            first(2, weekly((0, 0), [1, 0, 0, 0, 0, 0, 0]), "2018-11-04T03:00:00Z", "America/Sao_Paulo"),
            ["2018-11-04T00:00 04T03:00 Gap", "2018-11-11T00:00 11T02:00 Plain"]
        );
    }

    #[test]
    fn what_never_comes_is_none() {
        let (zone, now) = (HomeZone::default(), "2026-03-02T07:00:00Z".parse().unwrap());
        let at = StartTime::new(7, 30).unwrap();
        assert_eq!(When::Weekly { at, on: Weekdays::NONE }.next(now, &zone), None);
        let once = |on| When::Once { at, on };
        assert_eq!(once(NaiveDate::MIN).next(now, &zone), None);
        let today = NaiveDate::from_ymd_opt(2026, 3, 2).unwrap();
        assert_eq!(once(today).next(now, &zone), None, "16:00 in Seoul");
        assert!(once(today.succ_opt().unwrap()).next(now, &zone).is_some());
        let far = NaiveDate::from_ymd_opt(9999, 12, 31).unwrap();
        assert_eq!(once(far).occurrences(now, &zone).count(), 1);
        assert_eq!(once(NaiveDate::MAX).occurrences(now, &zone).count(), 0, "no day after the last");
        let daily = When::Weekly { at, on: Weekdays::ALL };
        assert_eq!(daily.next(DateTime::<Utc>::MAX_UTC, &zone), None);
        assert_eq!(daily.next(DateTime::<Utc>::MIN_UTC, &zone), None, "no day before the first");
    }

    #[test]
    fn a_calendar_that_breaks_its_laws_is_no_endless_search() {
        #[derive(Debug)]
        struct Past;
        impl Calendar for Past {
            fn due(&self, _: Slot) -> Due {
                Due { at: DateTime::UNIX_EPOCH, rule: Rule::Plain }
            }
            fn local(&self, at: DateTime<Utc>) -> chrono::NaiveDateTime {
                at.naive_utc()
            }
        }
        let daily = weekly((7, 30), [1; 7]);
        assert_eq!(daily.next("2026-03-02T07:00:00Z".parse().unwrap(), &Past), None);
        assert_eq!(
            daily.occurrences(DateTime::UNIX_EPOCH, &Past).last().map(|(slot, _)| slot.date),
            Some(LAST)
        );
    }
}
