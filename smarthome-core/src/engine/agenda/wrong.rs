//! Wrong documents: each is named once per content, whoever tells of it again.

use crate::engine::event::{Collection, Revision};
use crate::message::{Fault, quoted};
use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::{String, ToString};

#[derive(Debug)]
struct Known {
    revision: Revision,
    /// What was named, in short.
    named: u64,
}

#[derive(Debug, Default)]
pub(super) struct Wrong {
    known: BTreeMap<(Collection, String), Known>,
    /// Still to be named.
    queue: VecDeque<Fault>,
}

impl Wrong {
    /// A document is wrong. It is named unless the same was named before; `content` is what makes it the same.
    pub(super) fn found(
        &mut self,
        collection: Collection,
        id: &str,
        revision: Revision,
        content: u64,
        why: String,
    ) {
        let named = self.known.insert((collection, id.to_string()), Known { revision, named: content });
        if named.is_none_or(|known| known.named != content) {
            self.queue.push_back(Fault::WrongDocument { collection, id: quoted(id), why });
        }
    }

    /// It is right now, or gone.
    pub(super) fn forget(&mut self, collection: Collection, id: &str) {
        self.known.remove(&(collection, id.to_string()));
    }

    /// Which revision of a wrong document is known.
    pub(super) fn revision(&self, collection: Collection, id: &str) -> Option<Revision> {
        self.known.get(&(collection, id.to_string())).map(|known| known.revision)
    }

    /// The ids of all that are wrong.
    pub(super) fn ids(&self, collection: Collection) -> impl Iterator<Item = &str> {
        self.known.keys().filter(move |(kind, _)| *kind == collection).map(|(_, id)| id.as_str())
    }

    /// The next one to be named.
    pub(super) fn next(&mut self) -> Option<Fault> {
        self.queue.pop_front()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }
}
