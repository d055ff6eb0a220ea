//! The book of schedules, beside a list that is searched from one end to the other.
#![allow(clippy::unwrap_used)]

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use smarthome_core::HomeZone;
use smarthome_core::engine::Revision;
use smarthome_core::schedule::{Appliances, Book, Entry, Schedule, Slot, StartTime, What, When};

/// The book, done without any thought: the titles and entries in no order.
#[derive(Default)]
struct List(Vec<(String, Entry)>);

impl List {
    fn remove(&mut self, title: &str) -> Option<Entry> {
        let position = self.0.iter().position(|(other, _)| other == title)?;
        Some(self.0.swap_remove(position).1)
    }

    fn put(&mut self, title: &str, entry: Entry) -> Option<Entry> {
        let old = self.remove(title);
        self.0.push((title.into(), entry));
        old
    }

    fn get_mut(&mut self, title: &str) -> Option<&mut Entry> {
        self.0.iter_mut().find(|(other, _)| other == title).map(|(_, entry)| entry)
    }

    fn sorted(&self) -> Vec<(&str, &Entry)> {
        let mut all: Vec<_> = self.0.iter().map(|(title, entry)| (title.as_str(), entry)).collect();
        all.sort_unstable_by_key(|(title, _)| *title);
        all
    }

    fn due(&self, by: DateTime<Utc>) -> Vec<(DateTime<Utc>, &str)> {
        let waiting = self.0.iter().filter_map(|(title, entry)| Some((entry.next()?.1.at, title.as_str())));
        let mut due: Vec<_> = waiting.filter(|(at, _)| *at <= by).collect();
        due.sort_unstable();
        due
    }
}

/// A seeded generator.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as u32 % end
    }

    /// Few titles, so that edits meet; one a prefix of another, one empty, some beyond ASCII.
    fn title(&mut self) -> String {
        ["", "a", "a ", "가", "é"][self.below(5) as usize].repeat(self.below(4) as usize)
    }

    /// Few times, so that several are due at once; now and then in a gap, for nothing or disabled.
    fn entry(&mut self) -> Entry {
        let at = StartTime::new([2, 3, 7][self.below(3) as usize], 30).unwrap();
        let when = match self.below(3) {
            0 => When::Once { at, on: NaiveDate::from_ymd_opt(2026, 3, 25 + self.below(7)).unwrap() },
            _ => When::Weekly { at, on: std::array::from_fn::<_, 7, _>(|_| self.below(3) == 0).into() },
        };
        let what = What::Appliances(Appliances::default());
        let schedule = Schedule { author: "".into(), enabled: self.below(8) > 0, when, what, catch_up: None };
        Entry::new(schedule, Revision(u64::from(self.below(1_000))), DateTime::UNIX_EPOCH)
    }

    fn instant(&mut self) -> DateTime<Utc> {
        let start: DateTime<Utc> = "2026-03-25T00:00:00Z".parse().unwrap();
        start + TimeDelta::minutes(30 * i64::from(self.below(7 * 48)))
    }
}

#[test]
fn random_edits_leave_the_same_as_in_a_list_that_is_searched() {
    for seed in 0..200 {
        let mut random = Random(seed);
        let (mut book, mut list) = (Book::new(), List::default());
        for _ in 0..200 {
            edit(&mut random, &mut book, &mut list);
            same(&mut book, &list, random.instant());
        }
    }
}

fn edit(random: &mut Random, book: &mut Book, list: &mut List) {
    let zone: HomeZone = "Europe/Berlin".parse().unwrap();
    let (title, from) = (random.title(), random.instant());
    let parity = random.below(4);
    let judged = |slot: Slot| slot.date.to_epoch_days().rem_euclid(4) == parity.cast_signed();
    match random.below(20) {
        0..=5 => {
            let entry = random.entry();
            assert_eq!(book.put(&title, entry.clone()), list.put(&title, entry));
        }
        6..=8 => {
            let mut entry = random.entry();
            entry.plan(from, &zone, judged);
            assert_eq!(book.put(&title, entry.clone()), list.put(&title, entry));
        }
        9..=11 => assert_eq!(book.remove(&title), list.remove(&title)),
        12..=17 => {
            let next = book.plan(&title, from, &zone, judged);
            let entry = list.get_mut(&title);
            assert_eq!(
                next,
                entry.and_then(|entry| {
                    entry.plan(from, &zone, judged);
                    entry.next()
                })
            );
        }
        18 => {
            book.plan_all(|_| from, &zone, |title, slot| title.len() > 3 && judged(slot));
            for (title, entry) in &mut list.0 {
                entry.plan(from, &zone, |slot| title.len() > 3 && judged(slot));
            }
        }
        _ => *book = list.0.iter().map(|(title, entry)| (title.as_str(), entry.clone())).collect(),
    }
}

fn same(book: &mut Book, list: &List, by: DateTime<Utc>) {
    assert_eq!(book.iter().collect::<Vec<_>>(), list.sorted());
    assert_eq!((book.len(), book.is_empty()), (list.0.len(), list.0.is_empty()));
    assert!(list.0.iter().all(|(title, entry)| book.get(title) == Some(entry)));
    assert_eq!(book.due(by).collect::<Vec<_>>(), list.due(by));
    assert_eq!(book.next_due(), list.due(DateTime::<Utc>::MAX_UTC).first().map(|(at, _)| *at));
}

#[test]
fn several_due_at_one_minute_come_in_title_order() {
    let mut random = Random(1);
    let mut entry = random.entry();
    while entry.next().is_none() {
        entry = random.entry();
        entry.plan(random.instant(), &HomeZone::default(), |_| false);
    }
    let mut book: Book = ["b", "a", "c", "B", "aa"].into_iter().map(|title| (title, entry.clone())).collect();
    let at = book.next_due().unwrap();
    let titles: Vec<_> = book.due(at).map(|(_, title)| title).collect();
    assert_eq!(titles, ["B", "a", "aa", "b", "c"]);
    assert_eq!(book.due(at - TimeDelta::nanoseconds(1)).count(), 0);
}

#[test]
fn of_several_with_one_title_the_last_counts() {
    let mut random = Random(2);
    let mut entries = ["a", "b", "a", "b", "c"].map(|title| (title, random.entry()));
    for (_, entry) in &mut entries {
        entry.plan(random.instant(), &HomeZone::default(), |_| false);
    }
    let mut book: Book = entries.clone().into_iter().collect();
    let mut last: Book = entries[2..].iter().cloned().collect();
    for title in ["d", "e", "f"] {
        assert_eq!(book, last);
        let far = DateTime::<Utc>::MAX_UTC;
        assert_eq!(book.due(far).collect::<Vec<_>>(), last.due(far).collect::<Vec<_>>());
        book.put(title, entries[0].1.clone());
        last.put(title, entries[0].1.clone());
    }
}

#[test]
fn a_schedule_judged_for_all_time_waits_for_nothing() {
    let when = When::Weekly { at: StartTime::new(7, 30).unwrap(), on: [true; 7].into() };
    let what = What::Appliances(Appliances::default());
    let schedule = Schedule { author: "".into(), enabled: true, when, what, catch_up: None };
    let mut entry = Entry::new(schedule, Revision(1), DateTime::UNIX_EPOCH);
    entry.plan(DateTime::UNIX_EPOCH, &HomeZone::default(), |_| true);
    assert_eq!(entry.next(), None);
}
