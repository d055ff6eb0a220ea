//! Schedules and modes among what happens to an engine: made, edited, deleted and listed, with the clock set over them.

use super::engine::Host;
use crate::Calendar;
use crate::engine::*;
use alloc::string::ToString;
use alloc::vec::Vec;
use chrono::{Datelike, TimeDelta};
use serde_json::{Map, Value, json};

const TITLES: [&str; 3] = ["tea", "night", "weekend"];
const MODES: [&str; 3] = ["1. indoor", "2. going out", "2. twice"];
const HOUR: i64 = 3_600_000;

impl Host<'_> {
    pub(super) fn plans(&mut self, what: u8) {
        let title = |host: &mut Self| host.bytes.pick(&TITLES).to_string();
        let mode = |host: &mut Self| host.bytes.pick(&MODES).to_string();
        match what {
            // Of one kind of document the bytes mean a title, which slot, and what.
            0..=5 => {
                let document = self.schedule();
                self.happens(Event::Documents(Documents::Changed(Collection::Schedules, document)));
            }
            6 => {
                let (id, revision) = (title(self), self.newer());
                self.happens(Event::Documents(Documents::Deleted(Collection::Schedules, id, revision)));
            }
            7 => {
                let document = self.mode();
                self.happens(Event::Documents(Documents::Changed(Collection::Modes, document)));
            }
            8 => {
                let (id, revision) = (mode(self), self.newer());
                self.happens(Event::Documents(Documents::Deleted(Collection::Modes, id, revision)));
            }
            9 | 10 => self.lists(),
            // To the next minute, and the engine is woken as often as it wants before that.
            11 | 12 => self.minute(),
            13 => {
                let far = [-24 * HOUR, -HOUR, -60_000, 60_000, HOUR, 24 * HOUR, 12 * 365 * 24 * HOUR];
                let ahead = self.ahead + self.bytes.pick(&far);
                // Not before 1970 and not beyond 2199.
                self.ahead = if ahead.abs() < 50 * 365 * 24 * HOUR { ahead } else { 0 };
            }
            14 => self.ahead = 0,
            _ => self.restart(),
        }
    }

    fn newer(&mut self) -> Revision {
        self.revision += 1;
        Revision(self.revision)
    }

    fn lists(&mut self) {
        let modes = (0..self.bytes.byte() % 3).map(|_| self.mode()).collect();
        self.happens(Event::Documents(Documents::Snapshot(
            Collection::Modes,
            by_id(modes),
            Revision(self.revision),
        )));
        let schedules = (0..self.bytes.byte() % 4).map(|_| self.schedule()).collect();
        self.happens(Event::Documents(Documents::Snapshot(
            Collection::Schedules,
            by_id(schedules),
            Revision(self.revision),
        )));
    }

    fn minute(&mut self) {
        let into = self.wall().timestamp_millis().rem_euclid(60_000) as u64;
        let until = self.millis + 60_000 - into;
        for _ in 0..20 {
            self.millis = self.wakes().filter(|at| *at <= until).unwrap_or(until).max(self.millis);
            self.happens(Event::Wake);
            if self.millis >= until {
                return;
            }
        }
        self.millis = until;
    }

    /// A schedule whose slot is a few minutes around now; now and then a document that says nothing.
    fn schedule(&mut self) -> Versioned<Content> {
        let id = self.bytes.pick(&TITLES).to_string();
        let (when, what, revision) = (self.bytes.byte(), self.bytes.byte(), self.newer());
        let around = TimeDelta::minutes(i64::from(when % 8) - 3);
        let local = self.config.zone.local(self.wall() + around);
        let mut days = [true; 7];
        days[local.weekday().num_days_from_sunday() as usize] = when & 0x20 == 0;
        let mut document = json!({
            "enabled": what & 0x80 == 0, "repeat": when & 0x10 == 0, "startTime": local.format("%H%M").to_string(),
            "daysOfWeek": days, "activeDate": local.format("%Y.%m.%d").to_string(), "modeNum": what >> 5 & 3,
            "lightColor": 9, "lightMode": 0,
        });
        let late = [None, Some(json!("skip")), Some(json!(90)), Some(json!(100_000))];
        if let Some(late) = &late[usize::from(when >> 6)] {
            document["catchUp"] = late.clone();
        }
        for (bit, field) in ["windowOpen", "gasValveEnable", "lightEnable"].into_iter().enumerate() {
            if what >> bit & 1 != 0 {
                document[field] = json!(what & 0x10 != 0);
            }
        }
        let updated = self.wall() - TimeDelta::seconds(if what & 8 == 0 { 0 } else { 400 });
        let value = if what == 0xff { "[".into() } else { document.to_string().into() };
        Versioned { id, revision, updated, value }
    }

    fn mode(&mut self) -> Versioned<Content> {
        let id = self.bytes.pick(&MODES).to_string();
        let (what, revision) = (self.bytes.byte(), self.newer());
        let mut document: Map<String, Value> = Map::new();
        let switches = ["airconEnable", "lightEnable", "windowOpen", "gasValveEnable"];
        for (bit, field) in switches.into_iter().enumerate() {
            document.insert(field.into(), json!(what >> bit & 1 != 0));
        }
        let number = id.chars().next().and_then(|digit| digit.to_digit(10));
        document.extend([("modeNum".into(), json!(number)), ("modeName".into(), json!(&id))]);
        document.extend([("lightColor".into(), json!(2)), ("lightMode".into(), json!(0))]);
        let value = if what == 0xff { "[".into() } else { Value::Object(document).to_string().into() };
        Versioned { id, revision, updated: self.wall(), value }
    }
}

/// One of each id, ascending.
fn by_id(mut documents: Vec<Versioned<Content>>) -> Vec<Versioned<Content>> {
    documents.sort_by(|a, b| a.id.cmp(&b.id));
    documents.dedup_by(|a, b| a.id == b.id);
    documents
}
