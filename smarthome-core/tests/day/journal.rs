//! What survives a crash in a day.

use chrono::{DateTime, Utc};
use smarthome_core::engine::*;
use std::collections::BTreeMap;

#[derive(Default)]
pub(crate) struct Journal {
    rows: BTreeMap<EffectId, Entry>,
    status: Option<KnownStatus>,
    slots: BTreeMap<SlotKey, SlotRow>,
    copies: BTreeMap<Collection, (bool, BTreeMap<String, Versioned<Content>>)>,
}

impl Journal {
    /// What the next start finds.
    pub(crate) fn restored(&self, epoch: u32, created: DateTime<Utc>) -> Restored {
        let mut restored = Restored { epoch, status: self.status, ..Restored::empty(created) };
        restored.slots = self.slots.values().cloned().collect();
        for entry in self.rows.values().cloned() {
            match entry {
                Entry::Command(row) | Entry::Progress(row) => restored.commands.push(row),
                Entry::Write(row) => restored.writes.push(row),
                Entry::Alert(row) => restored.alerts.push(row),
                _ => {}
            }
        }
        restored
    }

    pub(crate) fn copy(&self, collection: Collection) -> Option<Vec<Versioned<Content>>> {
        let copy = self.copies.get(&collection).filter(|(complete, _)| *complete);
        copy.map(|(_, documents)| documents.values().cloned().collect())
    }

    /// Keeps an entry; what is worth showing of it in a script.
    pub(crate) fn commit(&mut self, entry: Entry) -> Option<String> {
        match &entry {
            Entry::Command(CommandRow { id, .. })
            | Entry::Progress(CommandRow { id, .. })
            | Entry::Write(WriteRow { id, .. })
            | Entry::Alert(AlertRow { id, .. }) => drop(self.rows.insert(*id, entry)),
            Entry::Remove(id) | Entry::Replaced(id) => drop(self.rows.remove(id)),
            Entry::Status(known) => self.status = Some(*known),
            Entry::Slot(row) => {
                self.slots.insert(row.key.clone(), row.clone());
                return Some(shown(row));
            }
            Entry::RemoveSlot(key) => {
                self.slots.remove(key);
                return Some(format!("slot {} {} forgotten", key.schedule, key.slot));
            }
            Entry::Rename { from, to } => {
                self.rename(from, to);
                return Some(format!("slots of {from} are those of {to}"));
            }
            Entry::Copy(collection, change) => {
                let (complete, copy) = self.copies.entry(*collection).or_default();
                match change {
                    CopyChange::Put(document) => drop(copy.insert(document.id.clone(), document.clone())),
                    CopyChange::Remove(id) => drop(copy.remove(id)),
                    CopyChange::Complete => *complete = true,
                }
            }
        }
        None
    }

    fn rename(&mut self, from: &str, to: &str) {
        let moved: Vec<SlotKey> = self.slots.keys().filter(|key| key.schedule == from).cloned().collect();
        for old in moved {
            let row = self.slots.remove(&old).unwrap();
            let key = SlotKey { schedule: to.into(), slot: old.slot };
            self.slots.insert(key.clone(), SlotRow { key, ..row });
        }
    }
}

fn shown(row: &SlotRow) -> String {
    let SlotKey { schedule, slot } = &row.key;
    let more = row.missed.map(|missed| format!(" ({} since {})", missed.count, missed.first));
    let why = if row.why.is_empty() { String::new() } else { format!(": {}", row.why) };
    format!("slot {schedule} {slot} {}{}{why}", row.state.name(), more.unwrap_or_default())
}
