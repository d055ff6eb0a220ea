//! What the world knows of schedules: what the server was told, what is due by that, and what was decided about it. Each
//! law is a function of its own.

use crate::books::Books;
use crate::documents::{History, Written};
use crate::journal::Journal;
use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use smarthome_core::engine::*;
use smarthome_core::schedule::{Rule, What, When};
use smarthome_core::{
    Appliance, Calendar, CatchUp, Config, HomeZone, Mode, Mono, Now, Origin, Origins, Part, Slot, Switch,
};
use std::collections::{BTreeMap, BTreeSet};

/// What fires so soon is not late.
const PUNCTUAL: TimeDelta = TimeDelta::seconds(2);
/// A step of the clock by more than this is one.
const SLACK: TimeDelta = TimeDelta::seconds(1);
/// How long the clock must not have been set before it says what is old.
const STEADY: u64 = 60_000;

/// From when until when a revision's slots are its business.
#[derive(Debug, Clone)]
struct Span {
    from: DateTime<Utc>,
    until: DateTime<Utc>,
}

#[derive(Debug, Default)]
pub(crate) struct Slots {
    created: DateTime<Utc>,
    /// What the server was told: the newest revision of each document, and the modes' content.
    told: BTreeMap<Collection, BTreeMap<String, (Revision, Content)>>,
    /// Of revisions that it was told.
    spans: BTreeMap<Revision, Span>,
    /// Revisions that came into the journal's copy.
    written_down: BTreeSet<Revision>,
    /// Slots about which something is recorded, by the schedule whose they are.
    decided: BTreeSet<(u64, Slot)>,
    /// The same by what the schedule says: who sees both halves of a rename only after an outage cannot know how long
    /// they lay apart.
    decided_alike: BTreeSet<(u64, Slot)>,
    /// And by the titles it had.
    decided_as: BTreeSet<(String, Slot)>,
    /// Slots that took effect: by which command, and when that was decided.
    fired: BTreeMap<(u64, Slot), BTreeMap<EffectId, DateTime<Utc>>>,
    /// When the server was told that a schedule has no title any more, and what time it is, in milliseconds.
    gone: BTreeMap<u64, u64>,
    pub(crate) millis: u64,
    /// A list lacked most of what was told and is read again.
    doubts: bool,
    /// Both clocks, as the server saw them last in this run.
    last: Option<Now>,
    steady_since: Mono,
}

impl Slots {
    /// A new run knows what was committed, and nothing else.
    pub(crate) fn starts(&mut self, journal: &Journal, history: &History, now: Now) {
        self.created = journal.created;
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
            Event::Documents(documents) => self.told(documents, false, now, history),
            Event::Outcome { result: Ok(Done::Listed(documents)), .. } if self.doubts => {
                self.told(documents, true, now, history);
            }
            _ => {}
        }
    }

    fn told(&mut self, documents: &Documents, second: bool, now: Now, history: &History) {
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

    /// An event was handled.
    pub(crate) fn after(
        &mut self,
        effects: &[Effect],
        now: Now,
        config: &Config,
        history: &History,
        journal: &Journal,
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
                self.only_what_is_over_is_deleted(row, journal, history, now);
            }
            let Intent::Record(Entry::Slot(row)) = &effect.what else { continue };
            let written = &history.written[&row.revision];
            self.it_is_a_slot_of_that_revision(row, written, config.zone);
            if row.judged != now.wall() {
                continue;
            }
            match row.state {
                SlotState::Claimed => {
                    let Some(command) = row.command.and_then(|id| commands.get(&id)) else { continue };
                    fires_in_time(row, written, config);
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

    /// The mode that is meant, as the server was told.
    fn mode(&self, what: What) -> Option<Mode> {
        let What::Mode { number, .. } = what else { return None };
        let modes = self.told.get(&Collection::Modes)?.values();
        modes.filter_map(|(_, content)| Mode::read(content).ok()).find(|mode| mode.number() == number)
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
            self.no_slot_fires_twice(key, command, row, history);
        }
    }

    fn no_slot_fires_twice(&mut self, key: (u64, Slot), command: EffectId, row: &SlotRow, history: &History) {
        // As long as the server knows of the old title too, they are two.
        let told = self.told[&Collection::Schedules].iter();
        let mut others = told.filter(|(title, _)| **title != row.key.schedule);
        let two = others.any(|(_, (revision, _))| history.written[revision].line == key.0);
        let before = self.fired.entry(key).or_default();
        let once = before.is_empty() || before.contains_key(&command) || two;
        assert!(once, "it fired as {before:?} already: {row:?}");
        before.insert(command, row.judged);
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

    /// Once-schedules go by themselves, a missed one when the clock was not set for a while; never one that somebody
    /// edited. That its slot is over needs no model of the world.
    fn only_what_is_over_is_deleted(&self, write: &WriteRow, journal: &Journal, history: &History, now: Now) {
        let Write::Delete(Some(revision)) = write.write else { panic!("{write:?}") };
        let When::Once { at, on } = history.written[&revision].schedule.when else { panic!("{write:?}") };
        // It may have another title by now.
        let (slot, line) = (Slot { date: on, at }, history.written[&revision].line);
        let fingerprint = history.written[&revision].schedule.fingerprint();
        let its = |row: &&SlotRow| {
            let written = &history.written[&row.revision];
            row.key.slot == slot && (written.line == line || row.fingerprint == fingerprint)
        };
        let states: BTreeSet<SlotState> = journal
            .slots
            .values()
            .filter(its)
            .map(|row| row.state)
            .filter(|state| state.is_final())
            .collect();
        let steady = now.mono().since(self.steady_since).as_millis() as u64;
        let missed = !states.is_empty() && states.iter().all(|state| *state == SlotState::Missed);
        assert!(!missed || steady >= STEADY, "the clock was set {steady} ms ago");
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
            let from = span.from.max(self.created);
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

fn minute(at: DateTime<Utc>) -> DateTime<Utc> {
    at.duration_trunc(TimeDelta::minutes(1)).unwrap()
}
