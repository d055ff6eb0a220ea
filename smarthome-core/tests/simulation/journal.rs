//! The journal: what was committed, and nothing else, is there after a crash.

use chrono::DateTime;
use smarthome_core::engine::*;
use std::collections::BTreeMap;

#[derive(Debug, Default)]
pub(crate) struct Journal {
    pub(crate) rows: BTreeMap<EffectId, Entry>,
    status: Option<KnownStatus>,
    epoch: u32,
    pub(crate) fails: bool,
}

impl Journal {
    pub(crate) fn commit(&mut self, entries: &[Entry]) {
        for entry in entries {
            match entry {
                Entry::Command(CommandRow { id, .. })
                | Entry::Progress(CommandRow { id, .. })
                | Entry::Write(WriteRow { id, .. })
                | Entry::Alert(AlertRow { id, .. }) => drop(self.rows.insert(*id, entry.clone())),
                Entry::Remove(id) => drop(self.rows.remove(id)),
                Entry::Status(known) => self.status = Some(*known),
                _ => {}
            }
        }
    }

    pub(crate) fn restore(&mut self) -> Restored {
        self.epoch += 1;
        let mut restored = Restored::empty(DateTime::UNIX_EPOCH);
        (restored.epoch, restored.status) = (self.epoch, self.status);
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
