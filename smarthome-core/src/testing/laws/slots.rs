//! What must hold of slots, whatever happens: none fires twice, none before its minute, and each end is told once.

use crate::Now;
use crate::engine::{
    AlertCode, CommandRow, EffectId, Entry, Note, SlotKey, SlotRow, SlotState, Write, WriteRow,
};
use crate::{Appliance, Origin, PartSet, Switch};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use chrono::TimeDelta;

/// How long rows are kept.
const KEPT: TimeDelta = TimeDelta::days(400);

/// The ledger as its records say it is, and what one event led to.
#[derive(Debug, Default)]
pub(super) struct Slots {
    rows: BTreeMap<SlotKey, SlotRow>,
    /// The journal is being taken over.
    restoring: bool,
    claimed: Vec<SlotRow>,
    commands: BTreeMap<EffectId, CommandRow>,
    missed: usize,
    refused: usize,
    told_missed: usize,
    told_refused: usize,
}

impl Slots {
    /// A new run begins with what the journal has.
    pub(super) fn restored(&mut self, rows: &[SlotRow]) {
        self.rows = rows.iter().map(|row| (row.key.clone(), row.clone())).collect();
        self.restoring = true;
    }

    /// A command was decided on behalf of a schedule.
    pub(super) fn decided(&mut self, row: &CommandRow) {
        self.commands.insert(row.id, row.clone());
    }

    pub(super) fn recorded(&mut self, entry: &Entry, now: Now) {
        match entry {
            Entry::Slot(row) => self.slot(row, now),
            Entry::RemoveSlot(key) => {
                let row = self.rows.remove(key).expect("what is forgotten was kept");
                let lies_ahead = row.state == SlotState::Missed && row.due > now.wall();
                let old = row.state.is_final() && now.wall() - row.due > KEPT;
                assert!(lies_ahead || old, "{row:?} is forgotten at {}", now.wall());
            }
            Entry::Rename { from, to } => {
                let old = core::mem::take(&mut self.rows);
                let (moved, mut rest): (BTreeMap<_, _>, BTreeMap<_, _>) =
                    old.into_iter().partition(|(key, _)| key.schedule == *from);
                rest.extend(moved.into_values().map(|row| {
                    let key = SlotKey { schedule: to.clone(), slot: row.key.slot };
                    (key.clone(), SlotRow { key, ..row })
                }));
                self.rows = rest;
            }
            _ => {}
        }
    }

    pub(super) fn noted(&mut self, note: &Note) {
        if let Note::Raised(alert) = note {
            self.told_missed += usize::from(alert.code == AlertCode::Missed);
            self.told_refused += usize::from(alert.code == AlertCode::ScheduleRefused);
        }
    }

    fn slot(&mut self, row: &SlotRow, now: Now) {
        let before = self.rows.insert(row.key.clone(), row.clone()).map(|row| row.state);
        let may = may_become(before, row.state) || self.restoring && before == Some(SlotState::Claimed);
        assert!(may, "{:?} becomes {:?}: {row:?}", before, row.state);
        if before.is_some() {
            return;
        }
        assert!(row.due <= now.wall(), "judged at {}, before its minute: {row:?}", now.wall());
        assert_eq!(row.judged, now.wall());
        match row.state {
            SlotState::Claimed => self.claimed.push(row.clone()),
            SlotState::Missed => self.missed += 1,
            SlotState::Refused => self.refused += 1,
            _ => {}
        }
    }

    /// A once-schedule is deleted by itself when its slot is over, and a refused one is not over.
    pub(super) fn deletes(&self, row: &WriteRow) {
        let Write::Delete(revision) = row.write else { return };
        if row.producer.is_none() {
            assert!(revision.is_some(), "{} would be deleted whoever edited it", row.document);
            let over = |slot: &SlotRow| slot.state.is_final() && slot.state != SlotState::Refused;
            let mut rows = self.rows.values().filter(|slot| slot.key.schedule == row.document);
            assert!(rows.any(over), "{} is deleted and no slot of it is over", row.document);
        }
    }

    /// An event was handled: what was recorded of slots is whole.
    pub(super) fn turn_ends(&mut self) {
        for row in core::mem::take(&mut self.claimed) {
            let command = row.command.expect("a claimed slot has a command");
            let command = self.commands.remove(&command).expect("a slot and its command are one transaction");
            assert!(command.origins.contains(Origin::Schedule), "{row:?} speaks for {}", command.origins);
        }
        // What is left over was split off: a gas close that goes ahead.
        for row in core::mem::take(&mut self.commands).values() {
            let close = row.command.switch(Appliance::GasValve) == Switch::Off;
            let alone = row.outstanding.is_subset(PartSet::from(crate::Part::GasValve));
            assert!(close && alone || row.outstanding.is_subset(crate::Part::Mode.into()), "{row:?}");
        }
        assert_eq!(self.told_missed, self.missed, "alerts, and slots that were missed");
        assert_eq!(self.told_refused, self.refused, "alerts, and slots that were refused");
        (self.missed, self.refused, self.told_missed, self.told_refused) = (0, 0, 0, 0);
        self.restoring = false;
    }
}

/// A slot that has a row never fires again, and one that is final never changes.
fn may_become(before: Option<SlotState>, after: SlotState) -> bool {
    use SlotState::{
        Claimed, Confirmed, Expired, InDoubt, Missed, NoChange, Refused, Sent, Superseded, Unconfirmed,
    };
    let ends = matches!(after, Confirmed | Unconfirmed | Superseded | Expired);
    match before {
        None => matches!(after, Claimed | NoChange | Missed | Refused | Superseded),
        Some(Claimed | InDoubt) => ends || after == Sent,
        Some(Sent) => ends,
        Some(_) => false,
    }
}
