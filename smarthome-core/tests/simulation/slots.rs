//! What the world knows of schedules: what is due by what the server was told, and what was decided about it. Each law is
//! a function of its own.

use crate::books::Books;
use crate::documents::{History, Written};
use crate::journal::Journal;
use crate::told::{Span, minute};
use chrono::{DateTime, TimeDelta, Utc};
use smarthome_core::engine::*;
use smarthome_core::schedule::{Rule, When};
use smarthome_core::{
    Appliance, Calendar, CatchUp, Config, HomeZone, Mode, Mono, Now, Origin, Origins, Part, Schedule, Slot,
    Switch,
};
use std::collections::{BTreeMap, BTreeSet};

/// What fires so soon is not late.
const PUNCTUAL: TimeDelta = TimeDelta::seconds(2);
/// How long the clock must not have been set before it says what is old.
const STEADY: u64 = 60_000;

#[derive(Debug, Default)]
pub(crate) struct Slots {
    pub(crate) created: DateTime<Utc>,
    /// What the server was told: the newest revision of each document, and the modes' content.
    pub(crate) told: BTreeMap<Collection, BTreeMap<String, (Revision, Content)>>,
    /// Of revisions that it was told.
    pub(crate) spans: BTreeMap<Revision, Span>,
    /// What is recorded of slots, committed or not.
    pub(crate) rows: BTreeMap<(String, Slot), SlotState>,
    /// Revisions that came into the journal's copy.
    pub(crate) written_down: BTreeSet<Revision>,
    /// Slots about which something is recorded, by the schedule whose they are.
    decided: BTreeSet<(u64, Slot)>,
    /// The same by what the schedule says: who sees both halves of a rename only after an outage cannot know how long
    /// they lay apart.
    decided_alike: BTreeSet<(u64, Slot)>,
    /// And by the titles it had.
    decided_as: BTreeSet<(String, Slot)>,
    /// Slots that took effect: by which command, and when that was decided.
    pub(crate) fired: BTreeMap<(u64, Slot), BTreeMap<EffectId, DateTime<Utc>>>,
    /// When the server was told that a schedule has no title any more, and what time it is, in milliseconds.
    pub(crate) gone: BTreeMap<u64, u64>,
    pub(crate) millis: u64,
    /// Commands of slots that were decided while the server knew of two titles of one schedule.
    stood: BTreeSet<EffectId>,
    /// A list lacked most of what was told and is read again.
    pub(crate) doubts: bool,
    /// Both clocks, as the server saw them last in this run.
    pub(crate) last: Option<Now>,
    pub(crate) steady_since: Mono,
}

impl Slots {
    /// An event was handled.
    pub(crate) fn after(
        &mut self,
        effects: &[Effect],
        now: Now,
        config: &Config,
        history: &History,
        books: &Books,
    ) {
        let commands: BTreeMap<EffectId, &CommandRow> = effects
            .iter()
            .filter_map(|effect| match &effect.what {
                Intent::Record(Entry::Command(row)) => Some((row.id, row)),
                _ => None,
            })
            .collect();
        for effect in effects {
            if let Intent::WriteDocument(row) = &effect.what
                && row.collection == Collection::Schedules
            {
                self.only_what_is_over_is_deleted(row, history, now);
            }
            let Intent::Record(entry) = &effect.what else { continue };
            self.mirror(entry);
            let Entry::Slot(row) = entry else { continue };
            let written = &history.written[&row.revision];
            self.it_is_a_slot_of_that_revision(row, written, config.zone);
            if row.judged != now.wall() {
                continue;
            }
            match row.state {
                SlotState::Claimed => {
                    let Some(command) = row.command.and_then(|id| commands.get(&id)) else { continue };
                    fires_in_time(row, written, config);
                    self.stands_beside_another(row, written, history);
                    self.says_what_the_document_says(row, written, command, config);
                }
                SlotState::Missed => self.missed_is_too_late(row, written, config),
                SlotState::Refused => {
                    assert!(self.mode(written.schedule.what).is_none(), "the mode is there: {row:?}");
                }
                SlotState::NoChange if row.why.contains("was like that") => {
                    let status = books.last_report().expect("the home said how it is");
                    let mode = self.mode(written.schedule.what);
                    let appliances =
                        mode.map_or(written.schedule.what.appliances(), |mode| mode.appliances());
                    let command = appliances.command(written.schedule.what.mode(), Some(status));
                    let shown =
                        |part: Part| command.wanted(part).is_some_and(|wanted| wanted.shown_by(status));
                    let late = row.judged - row.due > PUNCTUAL;
                    assert!(
                        late || command.parts().into_iter().all(shown),
                        "{status} is not {command}: {row:?}"
                    );
                }
                _ => {}
            }
        }
    }

    fn mirror(&mut self, entry: &Entry) {
        match entry {
            Entry::Slot(row) => {
                self.rows.insert((row.key.schedule.clone(), row.key.slot), row.state);
            }
            Entry::RemoveSlot(key) => drop(self.rows.remove(&(key.schedule.clone(), key.slot))),
            Entry::Rename { from, to } => {
                let rows = std::mem::take(&mut self.rows);
                let (theirs, mut rows): (BTreeMap<_, _>, BTreeMap<_, _>) =
                    rows.into_iter().partition(|((title, _), _)| title == from);
                rows.extend(theirs.into_iter().map(|((_, slot), state)| ((to.clone(), slot), state)));
                self.rows = rows;
            }
            _ => {}
        }
    }

    fn it_is_a_slot_of_that_revision(&self, row: &SlotRow, written: &Written, zone: HomeZone) {
        assert!(written.schedule.enabled && written.schedule.when.has(row.key.slot), "{row:?} {written:?}");
        assert_eq!(zone.due(row.key.slot).at, row.due, "{row:?}");
        // An older revision judges only what was due before the newer one.
        let told = self.told.get(&Collection::Schedules).and_then(|told| told.get(&row.key.schedule));
        if let Some((newest, _)) = told.filter(|(newest, _)| *newest > row.revision)
            && let Some(span) = self.spans.get(newest)
            && (row.state == SlotState::Claimed || row.command.is_none())
            && !row.why.contains("deleted")
        {
            assert!(row.due < span.from, "revision {newest:?} is in force since {}: {row:?}", span.from);
        }
    }

    /// The frame says nothing that the document, or the mode it names, does not; and it speaks for whom it should.
    fn says_what_the_document_says(
        &self,
        row: &SlotRow,
        written: &Written,
        command: &CommandRow,
        config: &Config,
    ) {
        let what = written.schedule.what;
        let mut origins = Origins::from(Origin::Schedule);
        if what.mode() != smarthome_core::Digit::ZERO {
            origins = origins.with(Origin::Mode);
        }
        if row.judged - row.due > PUNCTUAL {
            origins = origins.with(Origin::CatchUp);
        }
        assert_eq!(command.origins, origins, "{row:?}");
        let mode = self.mode(what);
        let appliances = mode.as_ref().map_or(what.appliances(), Mode::appliances);
        let wanted = appliances.command(what.mode(), None);
        let parts = command.command.parts();
        assert!(parts.is_subset(wanted.parts()), "{} for {wanted}: {row:?}", command.command);
        // A gas close that goes ahead carries the mode that is.
        let close = command.outstanding == Part::GasValve.into();
        assert!(close || command.command.mode() == wanted.mode(), "{row:?}");
        for appliance in parts.into_iter().filter_map(Part::appliance) {
            assert_eq!(command.command.switch(appliance), wanted.switch(appliance), "{row:?}");
        }
        let opens = command.command.switch(Appliance::GasValve) == Switch::On;
        assert!(!opens || !config.interlock.screen(command.command, origins).1, "gas is opened: {row:?}");
        let at_most = (command.decided + TimeDelta::from_std(config.valid_for).unwrap())
            .max(row.due + catch_up(written, config) + TimeDelta::milliseconds(1));
        assert!(command.valid_until <= at_most, "valid until {}, {at_most} is the most", command.valid_until);
    }

    fn missed_is_too_late(&self, row: &SlotRow, written: &Written, config: &Config) {
        let late = row.judged - row.due > catch_up(written, config).max(PUNCTUAL);
        let no_day = config.zone.due(row.key.slot).rule == Rule::NoSuchDay;
        let told = self.told.get(&Collection::Schedules).and_then(|told| told.get(&row.key.schedule));
        let deleted = told.is_none_or(|(revision, _)| *revision != row.revision);
        assert!(late || no_day || deleted, "it could fire still: {row:?}");
    }

    /// An entry is about to be committed.
    pub(crate) fn committed(&mut self, entry: &Entry, journal: &Journal, history: &History) {
        match entry {
            Entry::Slot(row) => self.recorded(row, history),
            Entry::Copy(Collection::Schedules, CopyChange::Put(document)) => {
                self.written_down.insert(document.revision);
            }
            Entry::RemoveSlot(key) => {
                let Some(row) = journal.slots.get(key) else { return };
                let line = history.written[&row.revision].line;
                // What is only old stays decided; and so far ahead nobody has to look twice.
                let ahead = |now: Now| row.due > now.wall() && row.due < now.wall() + TimeDelta::days(2);
                if row.state == SlotState::Missed && self.last.is_some_and(ahead) {
                    self.decided.remove(&(line, key.slot));
                    self.decided_alike.remove(&(row.fingerprint, key.slot));
                    self.decided_as.remove(&(key.schedule.clone(), key.slot));
                }
            }
            Entry::Rename { from, to } => {
                let theirs = self.decided_as.iter().filter(|(title, _)| title == from);
                let moved: Vec<_> = theirs.map(|(_, slot)| (to.clone(), *slot)).collect();
                self.decided_as.extend(moved);
            }
            _ => {}
        }
    }

    fn recorded(&mut self, row: &SlotRow, history: &History) {
        let Written { line, schedule, .. } = &history.written[&row.revision];
        let key = (*line, row.key.slot);
        if let Some(missed) = row.missed {
            let days = missed.first.date.iter_days().take_while(|date| *date <= row.key.slot.date);
            let slots = days.map(|date| Slot { date, at: missed.first.at });
            let slots: Vec<Slot> = slots.collect();
            self.decided_alike.extend(slots.iter().map(|slot| (row.fingerprint, *slot)));
            self.decided
                .extend(slots.into_iter().filter(|slot| schedule.when.has(*slot)).map(|slot| (*line, slot)));
        }
        self.decided.insert(key);
        self.decided_alike.insert((row.fingerprint, row.key.slot));
        self.decided_as.insert((row.key.schedule.clone(), row.key.slot));
        if let Some(command) = row.command {
            self.no_slot_fires_twice(key, command, row);
        }
    }

    fn no_slot_fires_twice(&mut self, key: (u64, Slot), command: EffectId, row: &SlotRow) {
        let before = self.fired.entry(key).or_default();
        let once = before.is_empty() || before.contains_key(&command) || self.stood.contains(&command);
        assert!(once, "it fired as {before:?} already: {row:?}");
        before.insert(command, row.judged);
    }

    /// As long as the server knows of the old title too, they are two.
    fn stands_beside_another(&mut self, row: &SlotRow, written: &Written, history: &History) {
        let mut others =
            self.told[&Collection::Schedules].iter().filter(|(title, _)| **title != row.key.schedule);
        let same = |other: &Written| other.line == written.line || other.schedule == written.schedule;
        if others.any(|(_, (revision, _))| same(&history.written[revision])) {
            self.stood.extend(row.command);
        }
    }

    /// One schedule turns out to be another that got a new title at that time: what fired before that did not fire again.
    /// While both were there they were two.
    pub(crate) fn turns_out_to_be(&mut self, old: u64, new: u64, since: DateTime<Utc>) {
        let theirs = |line: &u64| *line == new;
        let decided: Vec<_> = self.decided.iter().filter(|(line, _)| theirs(line)).copied().collect();
        self.decided.extend(decided.into_iter().map(|(_, slot)| (old, slot)));
        let fired: Vec<_> = self.fired.keys().filter(|(line, _)| theirs(line)).copied().collect();
        for key in fired {
            let (commands, slot) = (self.fired.remove(&key).unwrap(), key.1);
            let before = self.fired.entry((old, slot)).or_default();
            let again = before.values().any(|judged| *judged < since);
            assert!(!again, "{slot} fired as {before:?}, and under its new title as {commands:?}");
            before.extend(commands);
        }
    }

    /// A once-schedule goes when its slot is over and not refused, a missed one when the clock was not set for a
    /// while; never one that somebody edited.
    fn only_what_is_over_is_deleted(&self, write: &WriteRow, history: &History, now: Now) {
        let Write::Delete(Some(revision)) = write.write else { panic!("{write:?}") };
        let When::Once { at, on } = history.written[&revision].schedule.when else { panic!("{write:?}") };
        let state = self.rows.get(&(write.document.clone(), Slot { date: on, at })).copied();
        let over = state.is_some_and(|state| state.is_final() && state != SlotState::Refused);
        assert!(over, "{write:?} is deleted, its slot is {state:?}");
        let steady = now.mono().since(self.steady_since).as_millis() as u64;
        assert!(state != Some(SlotState::Missed) || steady >= STEADY, "the clock was set {steady} ms ago");
    }

    /// Whether a once-schedule is over.
    pub(crate) fn is_over(&self, title: &str, schedule: &Schedule) -> bool {
        let When::Once { at, on } = schedule.when else { return false };
        self.rows.contains_key(&(title.to_string(), Slot { date: on, at }))
    }

    /// Every slot that was due until then by what the server was told fired or is recorded.
    pub(crate) fn no_slot_is_lost(&self, by: DateTime<Utc>, zone: HomeZone, history: &History) {
        for (revision, span) in &self.spans {
            let Written { title, line, schedule, updated } = &history.written[revision];
            // A clock that was set back over all of its life leaves nothing of it.
            if !schedule.enabled || span.until < *updated {
                continue;
            }
            let until = span.until.min(by);
            // What was due before the journal was made is nobody's business.
            let stamped = if *updated <= by { minute(*updated) } else { span.from };
            let from = span.from.max(self.created).max(stamped);
            for (slot, _) in schedule.when.occurrences(from, &zone).take_while(|(_, due)| due.at < until) {
                let known = self.decided.contains(&(*line, slot))
                    || self.decided_alike.contains(&(schedule.fingerprint(), slot))
                    || self.decided_as.contains(&(title.clone(), slot));
                assert!(known, "{title:?} {slot} is lost: {revision:?} of {updated}, {span:?}, {schedule:?}");
            }
        }
    }
}

/// A firing is decided at its minute, and at most so late as the schedule or the home allows.
fn fires_in_time(row: &SlotRow, written: &Written, config: &Config) {
    let late = row.judged - row.due;
    assert!(late >= TimeDelta::zero(), "before its minute: {row:?}");
    assert!(late <= catch_up(written, config).max(PUNCTUAL), "{late} late: {row:?}");
}

fn catch_up(written: &Written, config: &Config) -> TimeDelta {
    let catch_up = written.schedule.catch_up.map_or(config.catch_up, CatchUp::duration);
    TimeDelta::from_std(catch_up).unwrap()
}
