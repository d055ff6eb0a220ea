//! Document writes: in order for each document, different documents side by side.

use smarthome_core::engine::{Collection, Effect};
use std::collections::{BTreeMap, VecDeque};

/// Documents that are written to at once.
pub(super) const UNDER_WAY: usize = 8;

/// Names a document.
pub(super) type Key = (Collection, String);

/// The writes that wait, and the documents that are being written to.
#[derive(Debug, Default)]
pub(super) struct DocumentLane {
    /// Documents with a write under way, and what waits behind it.
    busy: BTreeMap<Key, VecDeque<Effect>>,
    /// Writes to other documents, in order of arrival of their document.
    free: VecDeque<Key>,
    waiting: BTreeMap<Key, VecDeque<Effect>>,
}

impl DocumentLane {
    /// Takes in a write.
    pub(super) fn admit(&mut self, key: Key, effect: Effect) {
        if let Some(behind) = self.busy.get_mut(&key) {
            return behind.push_back(effect);
        }
        let waiting = self.waiting.entry(key.clone()).or_default();
        if waiting.is_empty() {
            self.free.push_back(key);
        }
        waiting.push_back(effect);
    }

    /// A write that may start; its document is busy until [`DocumentLane::finished`].
    pub(super) fn next(&mut self) -> Option<(Key, Effect)> {
        if self.busy.len() >= UNDER_WAY {
            return None;
        }
        let key = self.free.pop_front()?;
        let mut behind = self.waiting.remove(&key)?;
        let effect = behind.pop_front()?;
        self.busy.insert(key.clone(), behind);
        Some((key, effect))
    }

    /// The write to that document has ended.
    pub(super) fn finished(&mut self, key: &Key) {
        if let Some(behind) = self.busy.remove(key)
            && !behind.is_empty()
        {
            self.free.push_back(key.clone());
            self.waiting.insert(key.clone(), behind);
        }
    }

    /// Whether no write waits.
    pub(super) fn is_empty(&self) -> bool {
        self.free.is_empty() && self.busy.values().all(VecDeque::is_empty)
    }
}
