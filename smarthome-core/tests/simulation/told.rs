//! What the server was told of schedules and modes, and since when which revision is in force by that.

use crate::documents::{History, Written};
use crate::journal::Journal;
use crate::slots::Slots;
use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use smarthome_core::engine::*;
use smarthome_core::schedule::What;
use smarthome_core::{Mode, Now};
use std::collections::BTreeSet;

/// A step of the clock by more than this is one.
const SLACK: TimeDelta = TimeDelta::seconds(1);
/// From when until when a revision's slots are its business.
#[derive(Debug, Clone)]
pub(crate) struct Span {
    pub(crate) from: DateTime<Utc>,
    pub(crate) until: DateTime<Utc>,
}

impl Slots {
    /// A new run knows what was committed, and nothing else.
    pub(crate) fn starts(&mut self, journal: &Journal, history: &History, now: Now) {
        self.created = journal.created;
        let rows = journal.slots.values();
        self.rows = rows.map(|row| ((row.key.schedule.clone(), row.key.slot), row.state)).collect();
        self.last = None;
        self.doubts = false;
        self.told.clear();
        for collection in [Collection::Modes, Collection::Schedules] {
            let copy = journal.copy(collection).unwrap_or_default();
            let told = self.told.entry(collection).or_default();
            told.extend(copy.into_iter().map(|d| (d.id, (d.revision, d.value))));
        }
        // What was heard and not written down was never heard.
        let Slots { spans, written_down, .. } = self;
        spans.retain(|revision, _| written_down.contains(revision));
        self.stamps_later_than_now_count_as_now(history, now);
        self.what_is_over_ends_now(now);
    }

    /// An event is about to be handled.
    pub(crate) fn before(&mut self, event: &Event, now: Now, history: &History) {
        self.looks_at_the_clock(now, history);
        match event {
            Event::Documents(documents) => self.hears(documents, false, now, history),
            Event::Outcome { result: Ok(Done::Listed(documents)), .. } if self.doubts => {
                self.hears(documents, true, now, history);
            }
            _ => {}
        }
    }

    fn hears(&mut self, documents: &Documents, second: bool, now: Now, history: &History) {
        match documents {
            Documents::Snapshot(collection, ..) | Documents::Changed(collection, _)
                if *collection == Collection::Users => {}
            Documents::Snapshot(collection, all, newest) => {
                let listed: BTreeSet<&str> = all.iter().map(|document| document.id.as_str()).collect();
                let told = self.told.entry(*collection).or_default();
                let missing =
                    told.iter().filter(|(id, (known, _))| !listed.contains(id.as_str()) && known <= newest);
                let gone: Vec<String> = missing.map(|(id, _)| id.clone()).collect();
                // So much is read a second time first.
                if *collection == Collection::Schedules {
                    let doubtful = gone.len() >= 3 && 2 * gone.len() > told.len();
                    self.doubts = doubtful && !second && !self.doubts;
                    if self.doubts {
                        return;
                    }
                }
                for document in all {
                    self.changed(*collection, document, now, history);
                }
                for id in gone {
                    self.gone(*collection, &id, now, history);
                }
            }
            Documents::Changed(collection, document) => self.changed(*collection, document, now, history),
            Documents::Deleted(collection, id, revision) => {
                let told = self.told.entry(*collection).or_default();
                if told.get(id).is_some_and(|(known, _)| known <= revision) {
                    self.gone(*collection, id, now, history);
                }
            }
        }
    }

    fn looks_at_the_clock(&mut self, now: Now, history: &History) {
        let Some(last) = self.last.replace(now) else {
            self.steady_since = now.mono();
            return;
        };
        let passed = TimeDelta::from_std(now.mono().since(last.mono())).unwrap();
        let off = now.wall() - last.wall() - passed;
        if off.abs() <= SLACK {
            return;
        }
        self.steady_since = now.mono();
        self.stamps_later_than_now_count_as_now(history, now);
        if off < TimeDelta::zero() {
            self.what_is_over_ends_now(now);
        }
    }

    /// The clock may have been set back: what lies ahead again is judged by what is in force when it comes.
    fn what_is_over_ends_now(&mut self, now: Now) {
        for span in self.spans.values_mut().filter(|span| span.until != DateTime::<Utc>::MAX_UTC) {
            span.until = span.until.min(now.wall());
        }
    }

    fn stamps_later_than_now_count_as_now(&mut self, history: &History, now: Now) {
        for (revision, span) in &mut self.spans {
            let updated = history.written[revision].updated;
            span.from =
                if updated > now.wall() { minute(now.wall()) } else { span.from.max(minute(updated)) };
        }
    }

    fn changed(
        &mut self,
        collection: Collection,
        document: &Versioned<Content>,
        now: Now,
        history: &History,
    ) {
        let told = self.told.entry(collection).or_default();
        let old = told.get(&document.id).map(|(known, _)| *known);
        if old.is_some_and(|known| known >= document.revision) {
            return;
        }
        told.insert(document.id.clone(), (document.revision, document.value.clone()));
        if collection != Collection::Schedules {
            return;
        }
        let Written { line, updated, .. } = history.written[&document.revision];
        // Who hears of a new title more than a minute after the old one cannot know that it is one.
        if self.gone.remove(&line).is_some_and(|at| self.millis - at >= 60_000) {
            self.fired.retain(|(other, _), _| *other != line);
        }
        let from = minute(updated.min(now.wall())).max(self.created.min(now.wall()));
        if let Some(old) = old.and_then(|old| self.spans.get_mut(&old)) {
            old.until = old.until.min(from);
        }
        self.spans.insert(document.revision, Span { from, until: DateTime::<Utc>::MAX_UTC });
    }

    fn gone(&mut self, collection: Collection, id: &str, now: Now, history: &History) {
        let Some((revision, _)) = self.told.entry(collection).or_default().remove(id) else { return };
        if let Some(span) = self.spans.get_mut(&revision) {
            let ended = history.ended.get(&revision).copied().unwrap_or(now.wall());
            span.until = span.until.min(ended).min(now.wall());
        }
        if let Some(written) = history.written.get(&revision) {
            self.gone.insert(written.line, self.millis);
        }
    }

    /// The mode that is meant, as the server was told.
    pub(crate) fn mode(&self, what: What) -> Option<Mode> {
        let What::Mode { number, .. } = what else { return None };
        let modes = self.told.get(&Collection::Modes)?.values();
        modes.filter_map(|(_, content)| Mode::read(content).ok()).find(|mode| mode.number() == number)
    }

    /// Whether the server knows of a schedule of that title, perhaps no longer there.
    pub(crate) fn knows(&self, title: &str) -> bool {
        self.told.get(&Collection::Schedules).is_some_and(|told| told.contains_key(title))
    }
}

/// The minute that a moment lies in.
pub(crate) fn minute(at: DateTime<Utc>) -> DateTime<Utc> {
    at.duration_trunc(TimeDelta::minutes(1)).unwrap()
}
