//! Schedules and modes as people write them: made, edited, renamed and deleted at the worst of times.

use crate::world::{Happening, World};
use chrono::{DateTime, Datelike, TimeDelta, Utc};
use serde_json::{Map, Value, json};
use smarthome_core::engine::*;
use smarthome_core::testing::Random;
use smarthome_core::{Calendar, Schedule};
use std::collections::{BTreeMap, BTreeSet};

const TITLES: [&str; 7] = ["blinds", "coffee", "evening", "night", "tea", "weekend", "zzz"];
const MODES: [&str; 4] = ["1. indoor", "2. going out", "3. sleep", "4. eco"];

/// What somebody wrote as one revision of a schedule.
#[derive(Debug, Clone)]
pub(crate) struct Written {
    pub(crate) title: String,
    /// The same for everything that is one schedule, whatever it is called.
    pub(crate) line: u64,
    pub(crate) schedule: Schedule,
    pub(crate) updated: DateTime<Utc>,
}

/// Everything that was ever written, and by which names.
#[derive(Debug, Default)]
pub(crate) struct History {
    pub(crate) written: BTreeMap<Revision, Written>,
    /// When revisions were deleted.
    pub(crate) ended: BTreeMap<Revision, DateTime<Utc>>,
    /// To which schedule a title belongs.
    lines: BTreeMap<String, u64>,
    last_line: u64,
    /// Titles that somebody is about to rename: nobody else touches them meanwhile.
    renaming: BTreeSet<String>,
    /// The store stamps with a clock of its own, which is right.
    pub(crate) own_clock: bool,
}

impl History {
    pub(crate) fn new(own_clock: bool) -> History {
        History { own_clock, ..History::default() }
    }

    fn line_of(&mut self, title: &str) -> u64 {
        self.last_line += 1;
        *self.lines.entry(title.into()).or_insert(self.last_line)
    }
}

impl World {
    /// Somebody does something about a schedule or a mode.
    pub(crate) fn somebody_plans(&mut self) {
        match self.random.within(0..20) {
            0..=7 => self.makes(),
            8..=11 => self.edits(),
            12..=13 => self.deletes(),
            14..=16 => self.renames(),
            17..=18 => self.makes_a_mode(),
            _ => {
                let id = *self.random.pick(&MODES);
                self.drop_document(Collection::Modes, id);
            }
        }
    }

    /// A schedule that is due soon, most of the time.
    fn makes(&mut self) {
        let title = *self.random.pick(&TITLES);
        if self.history.renaming.contains(title) {
            return;
        }
        let ahead = self.random.within(0..300) as i64 - 60;
        let document = self.random_schedule(title, TimeDelta::seconds(ahead));
        self.put_schedule(title, document);
    }

    fn edits(&mut self) {
        let Some((title, mut document)) = self.one_of_them() else { return };
        let ahead = self.random.within(0..300) as i64 - 60;
        let new = self.random_schedule(&title, TimeDelta::seconds(ahead));
        let fields: &[&str] = match self.random.within(0..5) {
            0 => &["startTime", "activeDate"],
            1 => &["enabled"],
            2 => &["catchUp"],
            3 => &["repeat"],
            _ => &["windowOpen", "airconEnable", "lightEnable", "gasValveEnable", "modeNum"],
        };
        for field in fields {
            match new.get(*field) {
                Some(value) => drop(document.insert((*field).into(), value.clone())),
                None => drop(document.remove(*field)),
            }
        }
        self.put_schedule(&title, document);
    }

    fn deletes(&mut self) {
        if let Some((title, _)) = self.one_of_them() {
            self.drop_document(Collection::Schedules, &title);
        }
    }

    /// A client renames by two writes, in either order and with time between them: more than a minute, and it is
    /// another schedule.
    fn renames(&mut self) {
        let Some((from, document)) = self.one_of_them() else { return };
        let to = *self.random.pick(&TITLES);
        let taken = self.store.of(Collection::Schedules).contains_key(to);
        // One that is over goes by itself, and has no new title.
        let schedule = Schedule::from_fields(&document, &self.config.zone).unwrap();
        let taken = taken || self.slots.knows(to);
        if taken || self.history.renaming.contains(to) || self.slots.is_over(&from, &schedule) {
            return;
        }
        let to = to.to_string();
        let apart = *self.random.pick(&[0, 100, 5_000, 20_000, 50_000, 75_000, 200_000]);
        let shared = apart < 60_000;
        self.history.lines.remove(&to);
        let old_first = self.random.chance(50);
        let second = if old_first {
            if shared {
                let line = self.history.line_of(&from);
                self.history.lines.insert(to.clone(), line);
            }
            self.drop_document(Collection::Schedules, &from);
            Happening::Rewritten { title: to.clone(), document }
        } else {
            self.put_schedule(&to, document);
            Happening::Unwritten { title: from.clone() }
        };
        self.schedule(self.now + apart, second);
        self.history.renaming.extend([from.clone(), to.clone()]);
        let since = self.clocks().wall();
        self.schedule(self.now + apart, Happening::Renamed { titles: [from, to], shared, since });
    }

    /// Both halves of a rename are done.
    pub(crate) fn renamed(&mut self, titles: [String; 2], shared: bool, since: DateTime<Utc>) {
        let [from, to] = titles;
        self.history.renaming.remove(&to);
        if !shared {
            self.history.renaming.remove(&from);
            return;
        }
        // Who gives an old title away at once makes one schedule of two, for all that the server can see.
        self.schedule(self.now + 600_000, Happening::Free { title: from.clone() });
        let (old, new) = (self.history.line_of(&from), self.history.line_of(&to));
        if old != new {
            self.slots.turns_out_to_be(old, new, since);
            self.history.written.values_mut().filter(|w| w.line == new).for_each(|w| w.line = old);
        }
        self.history.lines.insert(to, old);
        self.history.lines.remove(&from);
    }

    /// A title that was given up is anybody's again.
    pub(crate) fn free(&mut self, title: &str) {
        self.history.renaming.remove(title);
    }

    fn one_of_them(&mut self) -> Option<(String, Map<String, Value>)> {
        let free = |title: &&String| !self.history.renaming.contains(*title);
        let titles: Vec<String> = self.store.of(Collection::Schedules).keys().filter(free).cloned().collect();
        let title = titles.get(self.random.within(0..titles.len().max(1) as u64) as usize)?.clone();
        let content = &self.store.of(Collection::Schedules)[&title].value;
        let document = serde_json::from_str(content).unwrap();
        Some((title, document))
    }

    fn makes_a_mode(&mut self) {
        let id = *self.random.pick(&MODES);
        let mut document = appliances(&mut self.random, 100);
        document.insert("modeNum".into(), json!(id[..1].parse::<u8>().unwrap()));
        document.insert("modeName".into(), json!(id));
        self.put_document(Collection::Modes, id, &document);
    }

    /// Due so long from now, to the minute, by the server's clock.
    pub(crate) fn random_schedule(&mut self, title: &str, from_now: TimeDelta) -> Map<String, Value> {
        let line = self.history.line_of(title);
        let local = self.config.zone.local(self.clocks().wall() + from_now);
        let random = &mut self.random;
        let mut document = appliances(random, 40);
        let mut days = [true; 7];
        if random.chance(30) {
            days = std::array::from_fn(|_| random.chance(50));
            days[local.weekday().num_days_from_sunday() as usize] = random.chance(90);
        }
        let at = match random.chance(85) {
            true => local.format("%H%M").to_string(),
            false => format!("{:02}{:02}", random.within(0..24), random.within(0..60)),
        };
        // The author makes schedules that are not the same differ.
        document.insert("name".into(), json!(format!("author {line}")));
        document.insert("enabled".into(), json!(random.chance(93)));
        document.insert("repeat".into(), json!(random.chance(50)));
        document.insert("startTime".into(), json!(at));
        document.insert("activeDate".into(), json!(local.format("%Y.%m.%d").to_string()));
        document.insert("daysOfWeek".into(), json!(days));
        document.insert("modeNum".into(), json!(if random.chance(30) { random.within(1..6) } else { 0 }));
        let late = [json!("skip"), json!(0), json!(30), json!(3_600), json!(100_000)];
        if random.chance(40) {
            document.insert("catchUp".into(), random.pick(&late).clone());
        }
        document
    }

    pub(crate) fn put_schedule(&mut self, title: &str, document: Map<String, Value>) {
        let line = self.history.line_of(title);
        let schedule = Schedule::from_fields(&document, &self.config.zone).unwrap();
        let (revision, updated) = self.put_document(Collection::Schedules, title, &document);
        let written = Written { title: title.into(), line, schedule, updated };
        self.history.written.insert(revision, written);
    }
}

/// Appliance fields, each there in so many of a hundred cases.
fn appliances(random: &mut Random, percent: u64) -> Map<String, Value> {
    let mut document = Map::new();
    for field in ["airconEnable", "lightEnable", "windowOpen", "gasValveEnable"] {
        if random.chance(percent) {
            document.insert(field.into(), json!(random.chance(50)));
        }
    }
    // A colour and a light mode have to be there, the levels need not.
    for (field, most, percent) in [
        ("airconWindPower", 10, 80),
        ("lightBrightness", 10, 80),
        ("lightColor", 9, 100),
        ("lightMode", 5, 100),
    ] {
        if random.chance(percent) {
            document.insert(field.into(), json!(random.within(0..most)));
        }
    }
    document
}
