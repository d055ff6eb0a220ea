//! The ledger: what became of each slot, so that none fires twice and none is lost.
//!
//! A slot that is due has no row. Once it has one, it never fires again, whatever happens to its schedule, to the clock
//! or to this program.

use super::effect::EffectId;
use super::event::Revision;
use super::journal::{Entry, SlotKey, SlotRow, SlotState};
use super::turn::{Fate, Turn};
use crate::Slot;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use chrono::{DateTime, TimeDelta, Utc};

/// How long rows are kept.
const KEPT: TimeDelta = TimeDelta::days(400);

/// What is remembered of a row that is final; the journal has the rest.
#[derive(Debug, Clone, Copy)]
struct Kept {
    state: SlotState,
    due: DateTime<Utc>,
    revision: Revision,
}

#[derive(Debug, Default)]
pub(crate) struct Ledger {
    rows: BTreeMap<String, BTreeMap<Slot, Kept>>,
    /// Rows that are not final, by their commands.
    open: BTreeMap<EffectId, SlotRow>,
}

impl Ledger {
    /// Takes over what an earlier run left. A command that was on its way is in doubt.
    pub(crate) fn restore(
        &mut self,
        rows: Vec<SlotRow>,
        has: impl Fn(EffectId) -> bool,
        turn: &mut Turn<'_>,
    ) {
        for mut row in rows {
            let before = row.state;
            match row.command.filter(|id| has(*id)) {
                Some(_) if row.state == SlotState::Claimed => row.state = SlotState::InDoubt,
                None if !row.state.is_final() => {
                    row.state = SlotState::Expired;
                    row.why = String::from("its command is not in the journal");
                }
                _ => {}
            }
            if row.state == before {
                self.keep(row);
            } else {
                self.put(row, turn);
            }
        }
    }

    /// Records what became of a slot.
    pub(crate) fn put(&mut self, row: SlotRow, turn: &mut Turn<'_>) {
        turn.record(Entry::Slot(row.clone()));
        self.keep(row);
    }

    fn keep(&mut self, row: SlotRow) {
        let kept = Kept { state: row.state, due: row.due, revision: row.revision };
        self.rows.entry(row.key.schedule.clone()).or_default().insert(row.key.slot, kept);
        if let Some(command) = row.command.filter(|_| !row.state.is_final()) {
            self.open.insert(command, row);
        }
    }

    /// What became of a slot; `None` when it is still to be judged.
    pub(crate) fn state(&self, schedule: &str, slot: Slot) -> Option<SlotState> {
        self.rows.get(schedule)?.get(&slot).map(|kept| kept.state)
    }

    /// When the last slot was due that was judged of that revision of a schedule, of those until `by`.
    pub(crate) fn last_due(
        &self,
        schedule: &str,
        revision: Revision,
        by: DateTime<Utc>,
    ) -> Option<DateTime<Utc>> {
        let rows = self.rows.get(schedule)?.values();
        rows.filter(|kept| kept.revision == revision && kept.due <= by).map(|kept| kept.due).max()
    }

    /// Takes in what became of a command. Answers the schedule whose slot that was, when it is.
    pub(crate) fn followed(&mut self, id: EffectId, fate: Fate, turn: &mut Turn<'_>) -> Option<SlotKey> {
        let mut row = self.open.remove(&id)?;
        let key = row.key.clone();
        (row.state, row.why) = match fate {
            Fate::Sent if row.state == SlotState::Sent => {
                self.open.insert(id, row);
                return None;
            }
            Fate::Sent => (SlotState::Sent, row.why),
            Fate::Confirmed => (SlotState::Confirmed, row.why),
            Fate::Unconfirmed(parts) => (SlotState::Unconfirmed, format!("the home did not follow: {parts}")),
            Fate::Superseded => (SlotState::Superseded, String::from("somebody commanded otherwise since")),
            Fate::Expired => (SlotState::Expired, String::from("its frame could not leave in time")),
        };
        self.put(row, turn);
        Some(key)
    }

    /// A schedule has another title: its rows go over.
    pub(crate) fn rename(&mut self, from: &str, to: &str, turn: &mut Turn<'_>) {
        let Some(rows) = self.rows.remove(from) else { return };
        turn.record(Entry::Rename { from: from.into(), to: to.into() });
        // Both may have fired, side by side: of one slot there is one row to follow.
        self.open.retain(|_, row| row.key.schedule != to || !rows.contains_key(&row.key.slot));
        self.rows.entry(to.into()).or_default().extend(rows);
        for row in self.open.values_mut().filter(|row| row.key.schedule == from) {
            row.key.schedule = to.into();
        }
    }

    /// The clock was set back: what was recorded as missed and now lies ahead is to be judged when it comes.
    pub(crate) fn void(&mut self, now: DateTime<Utc>, turn: &mut Turn<'_>) {
        self.forget(|_, _, kept| kept.state == SlotState::Missed && kept.due > now, turn);
    }

    /// Forgets what is old, but for slots that `keep` says are still needed.
    pub(crate) fn prune(
        &mut self,
        now: DateTime<Utc>,
        keep: impl Fn(&str, Slot) -> bool,
        turn: &mut Turn<'_>,
    ) {
        let Some(before) = now.checked_sub_signed(KEPT) else { return };
        let old = |kept: &Kept| kept.state.is_final() && kept.due < before;
        self.forget(|schedule, slot, kept| old(kept) && !keep(schedule, slot), turn);
    }

    fn forget(&mut self, which: impl Fn(&str, Slot, &Kept) -> bool, turn: &mut Turn<'_>) {
        self.rows.retain(|schedule, rows| {
            rows.retain(|slot, kept| {
                let goes = which(schedule, *slot, kept);
                if goes {
                    turn.record(Entry::RemoveSlot(SlotKey { schedule: schedule.clone(), slot: *slot }));
                }
                !goes
            });
            !rows.is_empty()
        });
    }
}
