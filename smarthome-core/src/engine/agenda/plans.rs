//! The schedules in force, and what changes about them: an edit takes effect at once, never makes a slot fire again that
//! fired, and never hides one that was missed.

use super::Agenda;
use crate::engine::event::Revision;
use crate::engine::journal::SlotState;
use crate::engine::turn::Turn;
use crate::schedule::{Book, Entry, When};
use crate::{Mono, Schedule, Slot};
use alloc::collections::VecDeque;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use core::time::Duration;

/// A schedule that appears so soon after an equal one vanished, or before it, is that one with another title.
const RENAMED: Duration = Duration::from_secs(60);
/// How long what fired is remembered for a schedule that appears with another title: the store's clock may run behind,
/// and a slot before its stamp seems to be its business.
pub(super) const REMEMBERED: Duration = Duration::from_secs(600);

/// A revision that is not in force any more, with slots that were due before and are not judged.
#[derive(Debug)]
pub(super) struct Overdue {
    pub(super) title: String,
    pub(super) entry: Entry,
    /// What was due earlier than this is its business.
    pub(super) until: DateTime<Utc>,
    pub(super) deleted: bool,
}

/// A schedule that vanished a short while ago.
#[derive(Debug)]
struct Gone {
    at: Mono,
    wall: DateTime<Utc>,
    title: String,
    entry: Entry,
}

/// A slot that was decided a short while ago.
#[derive(Debug)]
struct Fired {
    at: Mono,
    slot: Slot,
    fingerprint: u64,
    title: String,
}

/// A schedule got another title while slots of it were not judged.
#[derive(Debug)]
struct Inherited {
    from: String,
    to: String,
    /// What was due earlier than this was the old title's.
    until: DateTime<Utc>,
}

#[derive(Debug, Default)]
pub(super) struct Plans {
    pub(super) book: Book,
    pub(super) overdue: VecDeque<Overdue>,
    gone: Vec<Gone>,
    inherited: Vec<Inherited>,
    young: Vec<(Mono, String)>,
    /// In the order of their times.
    fired: VecDeque<Fired>,
}

impl Plans {
    /// What was read from the copy is not new.
    pub(super) fn forget_young(&mut self) {
        self.young.clear();
    }

    pub(super) fn next_gone(&self) -> Option<Mono> {
        self.gone.iter().map(|gone| gone.at.after(RENAMED)).min()
    }

    /// Whether an older revision of that title, or the one that vanished, has slots that are not judged.
    pub(super) fn owes(&self, title: &str) -> bool {
        self.overdue.iter().any(|old| old.title == title)
            || self.gone.iter().any(|gone| gone.title == title && waits_for(&gone.entry, gone.wall))
            || self.inherited.iter().any(|heir| heir.from == title && self.heir_owes(heir))
    }

    fn heir_owes(&self, heir: &Inherited) -> bool {
        let gone = || self.gone.iter().find(|gone| gone.title == heir.to).map(|gone| &gone.entry);
        self.book.get(&heir.to).or_else(gone).is_some_and(|entry| waits_for(entry, heir.until))
    }

    /// What the new title has judged is nobody's any more.
    pub(super) fn forget_inherited(&mut self) {
        let mut inherited = core::mem::take(&mut self.inherited);
        inherited.retain(|heir| self.heir_owes(heir));
        self.inherited = inherited;
    }

    /// The clock was set back: what lies ahead again is the business of what is in force when it comes.
    pub(super) fn set_back(&mut self, now: DateTime<Utc>) {
        self.overdue.iter_mut().for_each(|old| old.until = old.until.min(now));
        self.gone.iter_mut().for_each(|gone| gone.wall = gone.wall.min(now));
    }

    /// A title appears.
    fn appears(&mut self, title: &str, now: Mono) {
        self.young.retain(|(at, young)| young != title && now.since(*at) < RENAMED);
        self.young.push((now, title.into()));
    }

    /// A slot was decided.
    pub(super) fn fired(&mut self, title: &str, slot: Slot, fingerprint: u64, now: Mono) {
        while self.fired.front().is_some_and(|fired| now.since(fired.at) >= REMEMBERED) {
            self.fired.pop_front();
        }
        self.fired.push_back(Fired { at: now, slot, fingerprint, title: title.into() });
    }

    /// The title under which this schedule had this slot decided before it appeared: it is being renamed, and the old
    /// title is still there. Two that stood side by side when they came due are two.
    pub(super) fn twin(&self, title: &str, slot: Slot, fingerprint: u64) -> Option<&str> {
        let (appeared, _) = self.young.iter().find(|(_, young)| young == title)?;
        // It may have been edited since it fired.
        let is_now = |title: &str| self.book.get(title).map(|entry| entry.schedule().fingerprint());
        let equal =
            |fired: &Fired| fired.fingerprint == fingerprint || is_now(&fired.title) == Some(fingerprint);
        let same = |fired: &&Fired| fired.slot == slot && fired.title != title && equal(fired);
        self.fired.iter().filter(same).find(|fired| fired.at <= *appeared).map(|fired| fired.title.as_str())
    }

    fn take_gone(&mut self, fingerprint: u64, now: Mono) -> Option<Gone> {
        let same =
            |gone: &Gone| now.since(gone.at) < RENAMED && gone.entry.schedule().fingerprint() == fingerprint;
        let at = self.gone.iter().position(same)?;
        Some(self.gone.remove(at))
    }

    fn take_young(&mut self, fingerprint: u64, now: Mono) -> Option<String> {
        self.young.retain(|(at, _)| now.since(*at) < RENAMED);
        let same = |title: &str| {
            self.book.get(title).is_some_and(|entry| entry.schedule().fingerprint() == fingerprint)
        };
        let at = self.young.iter().position(|(_, title)| same(title))?;
        Some(self.young.remove(at).1)
    }

    /// What an older revision has not had judged stays its own.
    fn retire(&mut self, title: &str, entry: Entry, until: DateTime<Utc>, deleted: bool) {
        if waits_for(&entry, until) {
            self.overdue.push_back(Overdue { title: title.into(), entry, until, deleted });
        }
    }
}

/// Whether a slot is not judged that was due before then.
fn waits_for(entry: &Entry, until: DateTime<Utc>) -> bool {
    entry.next().is_some_and(|(_, due)| due.at < until)
}

/// The minute that a moment lies in.
pub(super) fn minute(at: DateTime<Utc>) -> DateTime<Utc> {
    at.duration_trunc(TimeDelta::minutes(1)).unwrap_or(at)
}

impl Agenda {
    /// A schedule is new or changed.
    pub(super) fn put(
        &mut self,
        title: String,
        revision: Revision,
        updated: DateTime<Utc>,
        schedule: Schedule,
        turn: &mut Turn<'_>,
    ) {
        let base = self.judged_from(updated, turn);
        if let Some(old) = self.plans.book.get(&title).cloned() {
            self.plans.retire(&title, old, base, false);
            return self.enter(&title, Entry::new(schedule, revision, updated), base, turn);
        }
        self.plans.appears(&title, turn.mono());
        let gone = self.plans.take_gone(schedule.fingerprint(), turn.mono());
        let entry = Entry::new(schedule, revision, updated);
        match gone {
            Some(gone) => self.rename(&gone.title, &gone.entry, &title, entry, turn),
            None => self.enter(&title, entry, base, turn),
        }
    }

    /// From when on slots of a document are judged: not before this journal, and not before it was written. A stamp
    /// later than now counts as now.
    pub(super) fn judged_from(&self, updated: DateTime<Utc>, turn: &Turn<'_>) -> DateTime<Utc> {
        let now = turn.now.wall();
        minute(updated.min(now)).max(self.created.min(now))
    }

    /// A schedule is in force, with its slots from then on.
    fn enter(&mut self, title: &str, mut entry: Entry, from: DateTime<Utc>, turn: &Turn<'_>) {
        // What an earlier run judged of it need not be looked at again, one by one.
        let judged = self.ledger.last_due(title, entry.revision(), turn.now.wall());
        let next = judged.and_then(|due| due.checked_add_signed(TimeDelta::minutes(1)));
        let from = next.map_or(from, |next| next.max(from));
        entry.plan(from, &*self.calendar, |slot| self.ledger.state(title, slot).is_some());
        self.plans.book.put(title, entry);
        self.disposal.look_at(title);
    }

    /// A schedule has another title: what was its business still is.
    fn rename(&mut self, from: &str, old: &Entry, to: &str, new: Entry, turn: &mut Turn<'_>) {
        self.ledger.rename(from, to, turn);
        self.plans
            .fired
            .iter_mut()
            .filter(|fired| fired.title == from)
            .for_each(|fired| fired.title = to.into());
        let updated = new.updated().min(old.updated());
        let entry = Entry::new(new.schedule().clone(), new.revision(), updated);
        let base = self.judged_from(new.updated(), turn);
        let first = old.next().map_or(base, |(_, due)| due.at.min(base));
        if first < base {
            self.plans.inherited.push(Inherited { from: from.into(), to: to.into(), until: base });
        }
        self.enter(to, entry, first, turn);
    }

    /// Looks for the next slot from then on.
    pub(super) fn plan(&mut self, title: &str, from: DateTime<Utc>) {
        let ledger = &self.ledger;
        self.plans.book.plan(title, from, &*self.calendar, |slot| ledger.state(title, slot).is_some());
    }

    /// A schedule is gone, or its document cannot be read any more.
    pub(super) fn remove(&mut self, title: &str, turn: &mut Turn<'_>) {
        let Some(entry) = self.plans.book.remove(title) else { return };
        let fingerprint = entry.schedule().fingerprint();
        // One that is over goes by itself, and is nobody's old title.
        let young =
            if self.is_over(title, &entry) { None } else { self.plans.take_young(fingerprint, turn.mono()) };
        let renamed = young.and_then(|title| Some((self.plans.book.get(&title)?.clone(), title)));
        match renamed {
            Some((new, to)) => self.rename(title, &entry, &to, new, turn),
            None => {
                let (at, wall) = (turn.mono(), turn.now.wall());
                self.plans.gone.push(Gone { at, wall, title: title.to_string(), entry });
            }
        }
    }

    fn is_over(&self, title: &str, entry: &Entry) -> bool {
        let When::Once { at, on } = entry.schedule().when else { return false };
        self.ledger.state(title, Slot { date: on, at }).is_some_and(SlotState::is_final)
    }

    /// What vanished and did not come back under another title was deleted.
    pub(super) fn forget_gone(&mut self, turn: &mut Turn<'_>) {
        while let Some(at) = self.plans.gone.iter().position(|gone| turn.mono().since(gone.at) >= RENAMED) {
            let Gone { wall, title, entry, .. } = self.plans.gone.remove(at);
            self.plans.retire(&title, entry, wall, true);
        }
    }
}
