//! The journal: what was committed, and nothing else, is there after a crash.

use chrono::{DateTime, Utc};
use smarthome_core::engine::*;
use std::collections::BTreeMap;

#[derive(Debug, Default)]
struct Copy {
    complete: bool,
    documents: BTreeMap<String, Versioned<Content>>,
}

#[derive(Debug, Default)]
pub(crate) struct Journal {
    pub(crate) created: DateTime<Utc>,
    pub(crate) rows: BTreeMap<EffectId, Entry>,
    pub(crate) slots: BTreeMap<SlotKey, SlotRow>,
    copies: BTreeMap<Collection, Copy>,
    status: Option<KnownStatus>,
    pub(crate) epoch: u32,
    pub(crate) fails: bool,
}

impl Journal {
    pub(crate) fn new(created: DateTime<Utc>) -> Journal {
        Journal { created, ..Journal::default() }
    }

    pub(crate) fn commit(&mut self, entries: &[Entry]) {
        for entry in entries {
            match entry {
                Entry::Command(CommandRow { id, .. })
                | Entry::Progress(CommandRow { id, .. })
                | Entry::Write(WriteRow { id, .. })
                | Entry::Alert(AlertRow { id, .. }) => drop(self.rows.insert(*id, entry.clone())),
                Entry::Remove(id) | Entry::Replaced(id) => drop(self.rows.remove(id)),
                Entry::Status(known) => self.status = Some(*known),
                Entry::Slot(row) => drop(self.slots.insert(row.key.clone(), row.clone())),
                Entry::RemoveSlot(key) => drop(self.slots.remove(key)),
                Entry::Rename { from, to } => self.rename(from, to),
                Entry::Copy(collection, change) => self.copy_changes(*collection, change),
            }
        }
    }

    fn rename(&mut self, from: &str, to: &str) {
        let moved: Vec<SlotKey> = self.slots.keys().filter(|key| key.schedule == from).cloned().collect();
        for old in moved {
            let row = self.slots.remove(&old).unwrap();
            let key = SlotKey { schedule: to.into(), slot: old.slot };
            self.slots.insert(key.clone(), SlotRow { key, ..row });
        }
    }

    fn copy_changes(&mut self, collection: Collection, change: &CopyChange) {
        let copy = self.copies.entry(collection).or_default();
        match change {
            CopyChange::Put(document) => drop(copy.documents.insert(document.id.clone(), document.clone())),
            CopyChange::Remove(id) => drop(copy.documents.remove(id)),
            CopyChange::Complete => copy.complete = true,
        }
    }

    /// The last complete copy of a collection.
    pub(crate) fn copy(&self, collection: Collection) -> Option<Vec<Versioned<Content>>> {
        let copy = self.copies.get(&collection).filter(|copy| copy.complete)?;
        Some(copy.documents.values().cloned().collect())
    }

    pub(crate) fn restore(&mut self) -> Restored {
        self.epoch += 1;
        let mut restored = Restored::empty(self.created);
        (restored.epoch, restored.status) = (self.epoch, self.status);
        restored.slots = self.slots.values().cloned().collect();
        for entry in self.rows.values() {
            match entry {
                Entry::Command(row) | Entry::Progress(row) => restored.commands.push(row.clone()),
                Entry::Write(row) => restored.writes.push(row.clone()),
                Entry::Alert(row) => restored.alerts.push(row.clone()),
                _ => unreachable!(),
            }
        }
        restored
    }

    /// The names that are still to be written, the newest for each user.
    pub(crate) fn names_to_write(&self) -> impl Iterator<Item = (String, String)> {
        self.rows.values().filter_map(|entry| match entry {
            Entry::Write(row) => Some((row.document.clone(), crate::store::name_in(row.write.text())?)),
            _ => None,
        })
    }

    /// What is committed is what the engine holds: no row is forgotten on either side.
    pub(crate) fn mirrors(&self, sizes: Sizes) {
        let count = |kind: fn(&Entry) -> bool| self.rows.values().filter(|entry| kind(entry)).count();
        assert_eq!(
            count(|entry| matches!(entry, Entry::Command(_) | Entry::Progress(_))),
            sizes.commands,
            "commands"
        );
        assert_eq!(count(|entry| matches!(entry, Entry::Write(_))), sizes.writes, "writes");
        assert_eq!(count(|entry| matches!(entry, Entry::Alert(_))), sizes.alerts, "alerts");
    }
}
