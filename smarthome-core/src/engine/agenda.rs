//! Schedules, from their documents to their frames: which are in force, which slot is due, and what becomes of it.

mod disposal;
mod judge;
mod plans;

use super::config::Config;
use super::effect::{EffectId, Intent};
use super::event::{Collection, Content, Documents, Done, Revision, Versioned};
use super::journal::{CopyChange, Entry, SlotKey, SlotRow};
use super::lane::Lane;
use super::ledger::Ledger;
use super::modes::Modes;
use super::timekeeper::{Step, Timekeeper};
use super::turn::{Fate, Turn};
use super::{Wake, Why};
use crate::message::{Fault, quoted};
use crate::ports::PortError;
use crate::schedule::When;
use crate::{Calendar, Mono, Now};
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::string::String;
use alloc::vec::Vec;
use chrono::{DateTime, TimeDelta, Utc};
use core::time::Duration;
use disposal::Disposal;
use plans::Plans;

/// How long the store's first complete lists are waited for before the journal's copy has to do.
const LISTS: Duration = Duration::from_secs(10);
/// How often something is looked at anew that is due and has to wait.
const LOOK: Duration = Duration::from_secs(1);
/// How long nobody must have set the clock before it says what is old.
const STEADY: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3_600);

#[derive(Debug)]
pub(crate) struct Agenda {
    calendar: Box<dyn Calendar>,
    clock: Timekeeper,
    ledger: Ledger,
    plans: Plans,
    modes: Modes,
    disposal: Disposal,
    /// When the journal was made: what was due before is nobody's business here.
    created: DateTime<Utc>,
    started: Now,
    /// Copies that are being read.
    copying: BTreeMap<EffectId, Collection>,
    /// Whose complete list this run has seen.
    listed: BTreeSet<Collection>,
    /// Whose copy in the journal is complete.
    complete: BTreeSet<Collection>,
    /// News that came before the copies were read.
    held: VecDeque<Documents>,
    /// Revisions about which it was told that something of them is refused.
    told: BTreeSet<(String, Revision)>,
    /// Wrong documents that are still to be named.
    wrong: VecDeque<Fault>,
    /// Something is due and has to wait.
    waiting: bool,
    /// When old rows were last forgotten.
    pruned_at: Option<Mono>,
}

impl Agenda {
    pub(crate) fn new(calendar: Box<dyn Calendar>) -> Agenda {
        Agenda {
            calendar,
            clock: Timekeeper::default(),
            ledger: Ledger::default(),
            plans: Plans::default(),
            modes: Modes::default(),
            disposal: Disposal::new(),
            created: DateTime::UNIX_EPOCH,
            started: Now::EPOCH,
            copying: BTreeMap::new(),
            listed: BTreeSet::new(),
            complete: BTreeSet::new(),
            held: VecDeque::new(),
            told: BTreeSet::new(),
            wrong: VecDeque::new(),
            waiting: false,
            pruned_at: None,
        }
    }

    /// Takes over what an earlier run left, and asks for the copies.
    pub(crate) fn restore(
        &mut self,
        slots: Vec<SlotRow>,
        created: DateTime<Utc>,
        lane: &Lane,
        turn: &mut Turn<'_>,
    ) {
        // A stamp later than now counts as now.
        self.created = created.min(turn.now.wall());
        self.started = turn.now;
        let over: BTreeSet<EffectId> = turn.fates.iter().map(|(id, _)| *id).collect();
        self.ledger.restore(slots, |id| lane.has(id) || over.contains(&id), turn);
        for collection in [Collection::Modes, Collection::Schedules] {
            let id = turn.detached(Intent::ReadCopy(collection), None);
            self.copying.insert(id, collection);
        }
    }

    /// Looks at the clock.
    pub(crate) fn look(&mut self, turn: &mut Turn<'_>) {
        if self.clock.look(turn.now) == Some(Step::Back) {
            self.ledger.void(turn.now.wall(), turn);
            let (ledger, from) = (&self.ledger, plans::minute(turn.now.wall()));
            self.plans
                .book
                .plan_all(from, &*self.calendar, |title, slot| ledger.state(title, slot).is_some());
        }
    }

    /// News from the store. `false`: it is about something else.
    pub(crate) fn news(&mut self, documents: Documents, turn: &mut Turn<'_>) {
        if self.copying.is_empty() {
            self.apply(documents, turn);
        } else {
            self.held.push_back(documents);
        }
    }

    fn apply(&mut self, documents: Documents, turn: &mut Turn<'_>) {
        match documents {
            Documents::Snapshot(collection, documents) => self.list(collection, documents, turn),
            Documents::Changed(Collection::Modes, mode) => {
                let put = CopyChange::Put(mode.clone());
                turn.record(Entry::Copy(Collection::Modes, put));
                let wrong = self.modes.changed(mode);
                self.name(Collection::Modes, wrong);
            }
            Documents::Deleted(Collection::Modes, id, revision) => {
                self.modes.deleted(&id, revision);
                turn.record(Entry::Copy(Collection::Modes, CopyChange::Remove(id)));
            }
            Documents::Changed(_, schedule) => {
                turn.record(Entry::Copy(Collection::Schedules, CopyChange::Put(schedule.clone())));
                self.put(schedule, turn);
            }
            Documents::Deleted(_, title, revision) => {
                turn.record(Entry::Copy(Collection::Schedules, CopyChange::Remove(title.clone())));
                if self.plans.book.get(&title).is_some_and(|known| known.revision() <= revision) {
                    self.remove(&title, turn);
                }
            }
        }
    }

    /// A complete list of the store, taken as a difference.
    fn list(&mut self, collection: Collection, documents: Vec<Versioned<Content>>, turn: &mut Turn<'_>) {
        self.listed.insert(collection);
        if collection == Collection::Modes {
            let known = |mode: &&Versioned<Content>| self.modes.revision(&mode.id) != Some(mode.revision);
            for mode in documents.iter().filter(known) {
                turn.record(Entry::Copy(collection, CopyChange::Put(mode.clone())));
            }
            let gone: Vec<String> =
                self.modes.ids().filter(|id| documents.iter().all(|mode| mode.id != *id)).collect();
            for id in gone {
                turn.record(Entry::Copy(collection, CopyChange::Remove(id)));
            }
            let wrong = self.modes.snapshot(documents);
            self.name(collection, wrong);
        } else {
            let listed: BTreeSet<&str> = documents.iter().map(|schedule| schedule.id.as_str()).collect();
            let gone: Vec<String> = self
                .plans
                .book
                .iter()
                .map(|(title, _)| title)
                .filter(|title| !listed.contains(title))
                .map(String::from)
                .collect();
            for schedule in documents {
                if self.plans.book.get(&schedule.id).is_none_or(|known| known.revision() < schedule.revision)
                {
                    turn.record(Entry::Copy(collection, CopyChange::Put(schedule.clone())));
                    self.put(schedule, turn);
                }
            }
            for title in gone {
                turn.record(Entry::Copy(collection, CopyChange::Remove(title.clone())));
                self.remove(&title, turn);
            }
        }
        // Said once: an ordinary start writes nothing.
        if self.complete.insert(collection) {
            turn.record(Entry::Copy(collection, CopyChange::Complete));
        }
    }

    /// How an effect ended; gives it back when it was none of these.
    pub(crate) fn outcome(
        &mut self,
        id: EffectId,
        result: Result<Done, PortError>,
        turn: &mut Turn<'_>,
    ) -> Result<(), Result<Done, PortError>> {
        if let Some(collection) = self.copying.remove(&id) {
            self.copied(collection, result, turn);
            return Ok(());
        }
        self.disposal.outcome(id, result, turn.mono())
    }

    fn copied(&mut self, collection: Collection, result: Result<Done, PortError>, turn: &mut Turn<'_>) {
        if let Ok(Done::Copy(Some(documents))) = result {
            self.complete.insert(collection);
            if collection == Collection::Modes {
                self.modes.snapshot(documents);
            } else {
                for schedule in documents {
                    self.put(schedule, turn);
                }
                self.plans.forget_young();
            }
        }
        if self.copying.is_empty() {
            for news in core::mem::take(&mut self.held) {
                self.apply(news, turn);
            }
        }
    }

    /// Takes in what became of commands.
    pub(crate) fn followed(&mut self, fates: Vec<(EffectId, Fate)>, turn: &mut Turn<'_>) {
        for (id, fate) in fates {
            if let Some(key) = self.ledger.followed(id, fate, turn) {
                self.disposal.look_at(&key.schedule);
            }
        }
    }

    /// What is due by now.
    pub(crate) fn tick(&mut self, lane: &mut Lane, config: &Config, turn: &mut Turn<'_>) {
        self.forget_gone(turn);
        self.waiting = false;
        if self.waits(config, turn.now).is_none() {
            self.fire(lane, config, turn);
        }
        self.disposal.tick(&self.plans.book, &self.ledger, &self.clock, turn);
        self.prune(config, turn);
    }

    /// Once a day, with a clock that can be trusted, forgets what is old.
    fn prune(&mut self, config: &Config, turn: &mut Turn<'_>) {
        let steady = turn.mono().since(self.clock.steady_since()) >= STEADY;
        let done = self.pruned_at.is_some_and(|at| turn.mono().since(at) < DAY);
        if done || !steady || turn.now.wall() < config.clock_trusted_from || !self.copying.is_empty() {
            return;
        }
        self.pruned_at = Some(turn.mono());
        let book = &self.plans.book;
        let once = |key: &SlotKey| {
            let when = book.get(&key.schedule).map(|entry| entry.schedule().when);
            when.is_some_and(|when| matches!(when, When::Once { .. }) && when.has(key.slot))
        };
        self.ledger.prune(turn.now.wall(), once, turn);
    }

    /// Until when nothing is judged; `None` when it may be. The end of time: until something happens.
    fn waits(&self, config: &Config, now: Now) -> Option<Mono> {
        let lists = self.started.mono().after(LISTS);
        let all = self.listed.contains(&Collection::Modes) && self.listed.contains(&Collection::Schedules);
        if !self.copying.is_empty() || now.wall() < config.clock_trusted_from {
            return Some(Mono::MAX);
        }
        let lists = Some(lists).filter(|at| !all && *at > now.mono());
        lists.max(self.clock.waits(now.mono()))
    }

    /// Wrong documents, to be named one by one.
    pub(crate) fn next_wrong(&mut self) -> Option<Fault> {
        self.wrong.pop_front()
    }

    pub(crate) fn has_wrong(&self) -> bool {
        !self.wrong.is_empty()
    }

    fn name(&mut self, collection: Collection, wrong: Vec<super::modes::Named>) {
        let faults =
            wrong.into_iter().map(|(id, why)| Fault::WrongDocument { collection, id: quoted(&id), why });
        self.wrong.extend(faults);
    }

    /// When something is to be judged, and what.
    pub(crate) fn next(&self, config: &Config, now: Now) -> Option<Wake> {
        let waits = self.waits(config, now);
        let due = self.plans.book.next_due().map(|at| mono_of(at, now)).map(|at| match waits {
            Some(until) => at.max(until),
            None if self.waiting && at <= now.mono() => now.mono().after(LOOK),
            None => at,
        });
        let due = due.filter(|at| *at < Mono::MAX).map(|at| Wake { at, why: Why::Due });
        let gone = self.plans.next_gone().map(|at| Wake { at, why: Why::Deleted });
        let disposal = self.disposal.next(now.mono()).map(|at| Wake { at, why: Why::Deletion });
        [due, gone, disposal].into_iter().flatten().min_by_key(|wake| wake.at)
    }
}

/// When the monotonic clock will show that wall-clock time, if nobody sets the clock.
fn mono_of(at: DateTime<Utc>, now: Now) -> Mono {
    let ahead = at.signed_duration_since(now.wall()).max(TimeDelta::zero());
    now.mono().after(ahead.to_std().unwrap_or_default())
}
