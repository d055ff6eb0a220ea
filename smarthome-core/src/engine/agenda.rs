//! Schedules, from their documents to their frames: which are in force, which slot is due, and what becomes of it.

mod disposal;
mod judge;
mod news;
mod own;
mod plans;
mod second;
mod wrong;

pub(crate) use own::{Ended, Own};

use super::config::Config;
use super::effect::{EffectId, Intent};
use super::event::{Collection, Done, Revision};
use super::journal::{CopyChange, SlotRow};
use super::lane::Lane;
use super::ledger::Ledger;
use super::modes::Modes;
use super::timekeeper::{Step, Timekeeper};
use super::turn::{Fate, Turn};
use super::{Wake, Why};
use crate::message::Fault;
use crate::ports::PortError;
use crate::retry::Backoff;
use crate::schedule::{Entry, What, When};
use crate::{Calendar, Mode, Mono, Now, Schedule};
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;
use chrono::{DateTime, TimeDelta, Utc};
use core::time::Duration;
use disposal::Disposal;
use news::Reading;
use own::OwnWrites;
use plans::Plans;
use second::SecondReading;
use wrong::Wrong;

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
    /// Copies that are to be read, after a pause when one could not be.
    unread: BTreeSet<Collection>,
    copy_pause: Backoff,
    /// Copies that are being read.
    copying: BTreeMap<EffectId, Collection>,
    /// Whose complete list this run has seen.
    listed: BTreeSet<Collection>,
    /// Whose copy in the journal is complete.
    complete: BTreeSet<Collection>,
    /// Changes to the copy that wait for an older revision's slots to be judged, by title.
    uncopied: BTreeMap<String, CopyChange>,
    reading: Reading,
    second: SecondReading,
    own: OwnWrites,
    /// Revisions about which it was told that something of them is refused.
    told: BTreeSet<(String, Revision)>,
    wrong: Wrong,
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
            unread: BTreeSet::new(),
            copy_pause: Backoff::new(Duration::from_secs(1), Duration::from_secs(30)),
            copying: BTreeMap::new(),
            listed: BTreeSet::new(),
            complete: BTreeSet::new(),
            uncopied: BTreeMap::new(),
            reading: Reading::default(),
            second: SecondReading::new(),
            own: OwnWrites::default(),
            told: BTreeSet::new(),
            wrong: Wrong::default(),
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
        config: &Config,
        turn: &mut Turn<'_>,
    ) {
        self.created = created;
        self.started = turn.now;
        self.remember_fired(&slots, turn.now);
        let over: BTreeSet<EffectId> = turn.fates.iter().map(|(id, _)| *id).collect();
        self.ledger.restore(slots, |id| lane.has(id) || over.contains(&id), turn);
        // The clock may have been set back while nobody looked.
        if turn.now.wall() >= config.clock_trusted_from {
            self.ledger.void(turn.now.wall(), turn);
        }
        self.unread = [Collection::Modes, Collection::Schedules].into();
        self.ask_for_copies(turn);
    }

    fn ask_for_copies(&mut self, turn: &mut Turn<'_>) {
        if self.copy_pause.pause(turn.mono()).is_none() {
            for collection in core::mem::take(&mut self.unread) {
                let id = turn.detached(Intent::ReadCopy(collection), None);
                self.copying.insert(id, collection);
            }
        }
    }

    /// What fired shortly before the start may be getting another title just now.
    fn remember_fired(&mut self, slots: &[SlotRow], now: Now) {
        for row in slots.iter().filter(|row| row.command.is_some()) {
            let ago = now.wall().signed_duration_since(row.judged);
            if ago.to_std().is_ok_and(|ago| ago < plans::REMEMBERED) {
                self.plans.fired(&row.key.schedule, row.key.slot, row.fingerprint, now.mono());
            }
        }
    }

    /// Whether a copy is still to be read: what the store tells is a difference to it.
    fn awaits_copies(&self) -> bool {
        !self.copying.is_empty() || !self.unread.is_empty()
    }

    /// Looks at the clock.
    pub(crate) fn look(&mut self, turn: &mut Turn<'_>) {
        if self.clock.look(turn.now) == Some(Step::Back) {
            self.ledger.void(turn.now.wall(), turn);
            self.plans.set_back(turn.now.wall());
            let (ledger, now) = (&self.ledger, plans::minute(turn.now.wall()));
            // What it waits for and was due before stays so: nobody judged it yet.
            let from = |entry: &Entry| entry.next().map_or(now, |(_, due)| due.at.min(now));
            self.plans
                .book
                .plan_all(from, &*self.calendar, |title, slot| ledger.state(title, slot).is_some());
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
        let Err(result) = self.read_again(id, result, turn) else { return Ok(()) };
        self.disposal.outcome(id, result, turn.mono())
    }

    /// Takes in what became of commands.
    pub(crate) fn followed(&mut self, fates: Vec<(EffectId, Fate)>, turn: &mut Turn<'_>) {
        for (id, fate) in fates {
            if let Some(key) = self.ledger.followed(id, fate, turn) {
                self.disposal.look_at(&key.schedule);
            }
        }
        // Nothing else may happen for hours.
        self.disposal.tick(&self.plans.book, &self.ledger, &self.own, &self.clock, turn);
    }

    /// What is due by now.
    pub(crate) fn tick(&mut self, lane: &mut Lane, config: &Config, turn: &mut Turn<'_>) {
        self.ask_for_copies(turn);
        self.second.tick(turn);
        self.forget_gone(turn);
        self.waiting = false;
        if self.waits(config, turn.now).is_none() {
            self.fire(lane, config, turn);
        }
        self.copy_judged(turn);
        self.prune(config, turn);
    }

    /// Once a day, with a clock that can be trusted, forgets what is old.
    fn prune(&mut self, config: &Config, turn: &mut Turn<'_>) {
        let steady = turn.mono().since(self.clock.steady_since()) >= STEADY;
        let done = self.pruned_at.is_some_and(|at| turn.mono().since(at) < DAY);
        let early = self.awaits_copies() || self.reading.has_copies();
        if done || !steady || early || turn.now.wall() < config.clock_trusted_from {
            return;
        }
        self.pruned_at = Some(turn.mono());
        let book = &self.plans.book;
        let once = |schedule: &str, slot| {
            let when = book.get(schedule).map(|entry| entry.schedule().when);
            when.is_some_and(|when| matches!(when, When::Once { .. }) && when.has(slot))
        };
        self.ledger.prune(turn.now.wall(), once, turn);
    }

    /// Until when nothing is judged; `None` when it may be. The end of time: until something happens.
    fn waits(&self, config: &Config, now: Now) -> Option<Mono> {
        let lists = self.started.mono().after(LISTS);
        let all = self.listed.contains(&Collection::Modes) && self.listed.contains(&Collection::Schedules);
        let copies = self.awaits_copies() || self.reading.has_copies();
        if copies || now.wall() < config.clock_trusted_from {
            return Some(Mono::MAX);
        }
        let lists = Some(lists).filter(|at| !all && *at > now.mono());
        lists.max(self.clock.waits(now.mono()))
    }

    /// The next wrong document to be named.
    pub(crate) fn next_wrong(&mut self) -> Option<Fault> {
        self.wrong.next()
    }

    pub(crate) fn has_wrong(&self) -> bool {
        !self.wrong.is_empty()
    }

    /// Whether there is something to be taken in still.
    pub(crate) fn is_reading(&self) -> bool {
        self.reading.has_copies() || (!self.awaits_copies() && !self.reading.is_empty())
    }

    pub(crate) fn calendar(&self) -> &dyn Calendar {
        &*self.calendar
    }

    /// The mode that a schedule names, if there is one.
    pub(crate) fn mode_of(&self, schedule: &Schedule) -> Option<&Mode> {
        match schedule.what {
            What::Mode { number, .. } => self.modes.get(number),
            What::Appliances(_) => None,
        }
    }

    /// Whether there is a schedule of that title, as far as is known; also when its document is wrong.
    pub(crate) fn has(&self, title: &str) -> bool {
        self.plans.book.get(title).is_some() || self.wrong.revision(Collection::Schedules, title).is_some()
    }

    /// All schedules by title, once they are known.
    pub(crate) fn schedules(&self) -> Option<impl Iterator<Item = (&str, &Schedule)>> {
        let known =
            [&self.listed, &self.complete].into_iter().any(|set| set.contains(&Collection::Schedules));
        let read = known && !self.awaits_copies() && !self.reading.has_copies();
        read.then(|| self.plans.book.iter().map(|(title, entry)| (title, entry.schedule())))
    }

    /// When something is to be judged, and what.
    pub(crate) fn next(&self, config: &Config, now: Now) -> Option<Wake> {
        let waits = self.waits(config, now);
        let overdue = self.plans.overdue.front().map(|_| now.mono());
        let due = self.plans.book.next_due().map(|at| mono_of(at, now)).into_iter().chain(overdue).min();
        let due = due.map(|at| match waits {
            Some(until) => at.max(until),
            None if self.waiting && at <= now.mono() => now.mono().after(LOOK),
            None => at,
        });
        let due = due.filter(|at| *at < Mono::MAX).map(|at| Wake { at, why: Why::Due });
        let now_on = self.is_reading().then(|| Wake { at: now.mono(), why: Why::Reading });
        let copies = self.copy_pause.pause(now.mono()).filter(|_| !self.unread.is_empty());
        let again = self
            .second
            .next(now.mono())
            .into_iter()
            .chain(copies)
            .min()
            .map(|at| Wake { at, why: Why::Retry });
        let gone = self.plans.next_gone().map(|at| Wake { at, why: Why::Deleted });
        let disposal = self.disposal.next(now.mono()).map(|at| Wake { at, why: Why::Deletion });
        [now_on, due, gone, disposal, again].into_iter().flatten().min_by_key(|wake| wake.at)
    }
}

/// When the monotonic clock will show that wall-clock time, if nobody sets the clock.
fn mono_of(at: DateTime<Utc>, now: Now) -> Mono {
    let ahead = at.signed_duration_since(now.wall()).max(TimeDelta::zero());
    now.mono().after(ahead.to_std().unwrap_or_default())
}
