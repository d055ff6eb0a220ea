//! A journal in memory.

use super::Faults;
use super::lock;
use crate::Now;
use crate::engine::{
    AlertRow, Collection, CommandRow, Content, CopyChange, EffectId, Entry, KnownStatus, Restored, SlotKey,
    SlotRow, Versioned, WriteRow,
};
use crate::ports::{Journal, PortError};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;
use std::string::String;
use std::sync::{Arc, Mutex};
use std::vec::Vec;

/// A [`Journal`] in memory. Clones share one disk, so that a clone is what the next start finds.
#[derive(Debug, Clone, Default)]
pub struct MemoryJournal {
    disk: Arc<Mutex<Disk>>,
    faults: Arc<Faults>,
}

#[derive(Debug, Default)]
struct Disk {
    epoch: u32,
    created: Option<DateTime<Utc>>,
    rows: BTreeMap<EffectId, Row>,
    status: Option<KnownStatus>,
    slots: BTreeMap<SlotKey, SlotRow>,
    copies: BTreeMap<Collection, Copied>,
    trouble: Option<String>,
    batches: Vec<Vec<Entry>>,
}

#[derive(Debug, Default)]
struct Copied {
    complete: bool,
    documents: BTreeMap<String, Versioned<Content>>,
}

#[derive(Debug, Clone)]
enum Row {
    Command(CommandRow),
    Write(WriteRow),
    Alert(AlertRow),
}

impl MemoryJournal {
    /// What goes wrong with commits and restores.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Every batch that was committed, by all clones, in order.
    pub fn batches(&self) -> Vec<Vec<Entry>> {
        lock(&self.disk).batches.clone()
    }

    /// What the next restore tells as trouble.
    pub fn set_trouble(&self, trouble: impl Into<String>) {
        lock(&self.disk).trouble = Some(trouble.into());
    }
}

impl Disk {
    fn apply(&mut self, entry: &Entry) {
        match entry.clone() {
            Entry::Command(row) | Entry::Progress(row) => drop(self.rows.insert(row.id, Row::Command(row))),
            Entry::Write(row) => drop(self.rows.insert(row.id, Row::Write(row))),
            Entry::Alert(row) => drop(self.rows.insert(row.id, Row::Alert(row))),
            Entry::Remove(id) | Entry::Replaced(id) => drop(self.rows.remove(&id)),
            Entry::Status(known) => self.status = Some(known),
            Entry::Slot(row) => drop(self.slots.insert(row.key.clone(), row)),
            Entry::RemoveSlot(key) => drop(self.slots.remove(&key)),
            Entry::Rename { from, to } => self.rename(&from, &to),
            Entry::Copy(collection, change) => self.copies.entry(collection).or_default().apply(change),
        }
    }

    fn rename(&mut self, from: &str, to: &str) {
        let moved: Vec<SlotKey> = self.slots.keys().filter(|key| key.schedule == from).cloned().collect();
        for row in moved.iter().filter_map(|key| self.slots.remove(key)).collect::<Vec<_>>() {
            let key = SlotKey { schedule: to.into(), slot: row.key.slot };
            self.slots.insert(key.clone(), SlotRow { key, ..row });
        }
    }

    fn start(&mut self, now: Now) -> Restored {
        self.epoch = self.epoch.saturating_add(1);
        let created = *self.created.get_or_insert(now.wall());
        let mut restored = Restored { epoch: self.epoch, status: self.status, ..Restored::empty(created) };
        restored.trouble = self.trouble.take();
        restored.slots = self.slots.values().cloned().collect();
        for row in self.rows.values().cloned() {
            match row {
                Row::Command(row) => restored.commands.push(row),
                Row::Write(row) => restored.writes.push(row),
                Row::Alert(row) => restored.alerts.push(row),
            }
        }
        restored
    }
}

impl Copied {
    fn apply(&mut self, change: CopyChange) {
        match change {
            CopyChange::Put(document) => drop(self.documents.insert(document.id.clone(), document)),
            CopyChange::Remove(id) => drop(self.documents.remove(&id)),
            CopyChange::Complete => self.complete = true,
        }
    }
}

#[async_trait]
impl Journal for MemoryJournal {
    async fn restore(&self, now: Now) -> Result<Restored, PortError> {
        let passed = self.faults.pass().await?;
        let restored = lock(&self.disk).start(now);
        passed.answer(restored)
    }

    async fn copy(&self, collection: Collection) -> Result<Option<Vec<Versioned<Content>>>, PortError> {
        let passed = self.faults.pass().await?;
        let disk = lock(&self.disk);
        let complete = disk.copies.get(&collection).filter(|copied| copied.complete);
        passed.answer(complete.map(|copied| copied.documents.values().cloned().collect()))
    }

    async fn commit(&self, batch: &[Entry]) -> Result<(), PortError> {
        let passed = self.faults.pass().await?;
        let mut disk = lock(&self.disk);
        for entry in batch {
            disk.apply(entry);
        }
        disk.batches.push(batch.to_vec());
        passed.answer(())
    }
}
