//! `HomeZone` and the search for the next slot, beside looking at the clocks minute by minute.
#![allow(clippy::unwrap_used)]

mod clocks;

use chrono::{DateTime, Datelike, NaiveDateTime, TimeDelta, Utc};
use clocks::Clocks;
use smarthome_core::schedule::{Calendar, Due, HomeZone, Rule, Slot, StartTime, Weekdays, When};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// Places with something of their own, and when.
const PLACES: [(&str, RangeInclusive<i32>); 16] = [
    ("Europe/Berlin", 2025..=2026),
    ("Europe/Dublin", 2026..=2026),
    ("America/New_York", 2007..=2007),
    ("America/Sao_Paulo", 2018..=2019),   // at midnight
    ("America/St_Johns", 2006..=2006),    // at one past midnight
    ("America/Caracas", 2007..=2016),     // half an hour, once each way
    ("Australia/Lord_Howe", 2026..=2026), // half an hour
    ("Antarctica/Troll", 2026..=2026),    // two hours
    ("Antarctica/Casey", 2009..=2012),    // three hours, also twice in a month
    ("Asia/Pyongyang", 2015..=2018),
    ("Asia/Kathmandu", 1986..=1986),    // a quarter of an hour
    ("Africa/Casablanca", 2026..=2026), // back for Ramadan
    ("Africa/Monrovia", 1972..=1972),   // 44 minutes and 30 seconds
    ("Pacific/Apia", 2011..=2012),      // a day that did not exist
    ("Pacific/Kwajalein", 1993..=1993),
    ("Pacific/Kiritimati", 1994..=1995),
];

#[test]
fn some_places_agree_with_their_clocks() {
    let mut seen = Seen::default();
    for (place, years) in PLACES {
        check(&place.parse().unwrap(), years, &mut seen);
    }
    seen.all_rules();
}

/// About a minute of processor time with optimisation, and far more without.
#[test]
#[ignore = "long: every change of the clocks of every zone in 68 years; run it with --release"]
fn every_place_agrees_with_its_clocks() {
    let zones: Vec<_> = HomeZone::all().collect();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let seen = std::thread::scope(|scope| {
        let shares = (0..threads).map(|first| {
            let share = zones.iter().skip(first).step_by(threads);
            scope.spawn(move || {
                let mut seen = Seen::default();
                share.for_each(|zone| check(zone, 1970..=2037, &mut seen));
                seen
            })
        });
        let shares: Vec<_> = shares.collect();
        shares.into_iter().map(|share| share.join().unwrap()).reduce(Seen::and).unwrap()
    });
    seen.all_rules();
    // Seven names stand for the five places that left out a day, at four times each.
    let enough = zones.len() >= 590 && seen.changes >= 30_000 && seen.slots[&Rule::NoSuchDay] >= 28;
    assert!(enough, "{} zones, {} changes, slots by rule: {:?}", zones.len(), seen.changes, seen.slots);
}

/// How much was compared.
#[derive(Default)]
struct Seen {
    changes: usize,
    slots: BTreeMap<Rule, usize>,
}

impl Seen {
    fn and(mut self, other: Seen) -> Seen {
        self.changes += other.changes;
        other.slots.into_iter().for_each(|(rule, count)| *self.slots.entry(rule).or_default() += count);
        self
    }

    fn all_rules(&self) {
        assert_eq!(self.slots.len(), 4, "a rule was never seen: {:?}", self.slots);
    }
}

/// Compares around every change of a zone's clocks in those years.
fn check(zone: &HomeZone, years: RangeInclusive<i32>, seen: &mut Seen) {
    for hour in clocks::changes(zone, years) {
        let clocks = Clocks::around(zone, hour);
        for at in times(edges(zone, hour)) {
            let slots = clocks.slots(at);
            due_agrees(zone, &slots, seen);
            next_agrees(zone, &slots, hour);
        }
        seen.changes += 1;
    }
}

/// What clocks would show and what they show when they change in that hour, the lower first: between the two lies
/// what they skip or show twice.
fn edges(zone: &HomeZone, hour: DateTime<Utc>) -> [NaiveDateTime; 2] {
    let off = |at: DateTime<Utc>| zone.local(at) - at.naive_utc();
    let before = off(hour);
    let changed = (1..=3600).map(|seconds| hour + TimeDelta::seconds(seconds)).find(|at| off(*at) != before);
    let at = changed.unwrap();
    let mut edges = [at.naive_utc() + before, zone.local(at)];
    edges.sort_unstable();
    edges
}

/// Times of day at the edges and in the middle of what lies between the two, and around midnight.
fn times([low, high]: [NaiveDateTime; 2]) -> Vec<StartTime> {
    let minute = TimeDelta::minutes(1);
    let middle = low + (high - low) / 2;
    let near = [low - minute, low, low + minute, middle, high - minute, high, high + minute];
    let mut times: Vec<_> = near.map(|local| StartTime::of(local.time())).into();
    times.extend(
        [(0, 0), (0, 1), (12, 0), (23, 59)].map(|(hour, minute)| StartTime::new(hour, minute).unwrap()),
    );
    times.sort_unstable();
    times.dedup();
    times
}

/// Each slot is due when the clocks say so, and the calendar keeps its laws.
fn due_agrees(zone: &HomeZone, slots: &[(Slot, Due)], seen: &mut Seen) {
    let mut earlier = DateTime::<Utc>::MIN_UTC;
    for &(slot, expected) in slots {
        let due = zone.due(slot);
        assert_eq!(due, expected, "{slot} in {zone}");
        assert!(earlier <= due.at, "{slot} in {zone} is due before that of an earlier day");
        let away = zone.local(due.at).date() - slot.date;
        assert!(away.abs() <= TimeDelta::days(1), "{slot} in {zone} is due on another day");
        earlier = due.at;
        *seen.slots.entry(due.rule).or_default() += 1;
    }
}

/// The search from around the change finds what looking at every slot finds.
fn next_agrees(zone: &HomeZone, slots: &[(Slot, Due)], hour: DateTime<Utc>) {
    let today = slots.iter().find(|(slot, _)| slot.date == zone.local(hour).date()).unwrap();
    let second = TimeDelta::seconds(1);
    let from = [hour - TimeDelta::days(1), hour, today.1.at - second, today.1.at, today.1.at + second];
    for when in whens(today.0) {
        for from in from {
            let expected: Vec<_> =
                slots.iter().copied().filter(|(slot, due)| when.has(*slot) && due.at >= from).collect();
            let found: Vec<_> = when.occurrences(from, zone).take(expected.len()).collect();
            assert_eq!(found, expected, "{when:?} from {from} in {zone}");
            assert_eq!(when.next(from, zone), expected.first().copied(), "{when:?} from {from} in {zone}");
        }
    }
}

/// Every day, only that day and its neighbours, weekly and once.
fn whens(Slot { date, at }: Slot) -> Vec<When> {
    let mut whens = vec![When::Weekly { at, on: Weekdays::ALL }];
    for on in [date - TimeDelta::days(1), date, date + TimeDelta::days(1)] {
        let weekday = std::array::from_fn(|day| day == on.weekday().num_days_from_sunday() as usize);
        whens.extend([When::Weekly { at, on: <[bool; 7]>::into(weekday) }, When::Once { at, on }]);
    }
    whens
}
