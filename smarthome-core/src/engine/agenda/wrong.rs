//! Wrong documents: each is named once per content, whoever tells of it again.

use crate::engine::event::{Collection, Revision};
use crate::message::{Fault, quoted};
use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::{String, ToString};
use core::ops::Bound;

#[derive(Debug)]
struct Known {
    revision: Revision,
    /// What was named, in short.
    named: u64,
}

#[derive(Debug, Default)]
pub(super) struct Wrong {
    known: BTreeMap<Collection, BTreeMap<String, Known>>,
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
        let named = self
            .known
            .entry(collection)
            .or_default()
            .insert(id.to_string(), Known { revision, named: content });
        if named.is_none_or(|known| known.named != content) {
            self.queue.push_back(Fault::WrongDocument { collection, id: quoted(id), why });
        }
    }

    /// It is right now, or gone.
    pub(super) fn forget(&mut self, collection: Collection, id: &str) {
        if let Some(known) = self.known.get_mut(&collection) {
            known.remove(id);
        }
    }

    /// Which revision of a wrong document is known.
    pub(super) fn revision(&self, collection: Collection, id: &str) -> Option<Revision> {
        self.known.get(&collection)?.get(id).map(|known| known.revision)
    }

    /// The ids of those that are wrong, between these two.
    pub(super) fn ids(
        &self,
        collection: Collection,
        (after, until): (Bound<&str>, Bound<&str>),
    ) -> impl Iterator<Item = &str> {
        let known = self.known.get(&collection).into_iter();
        known.flat_map(move |known| known.range::<str, _>((after, until))).map(|(id, _)| id.as_str())
    }

    /// The next one to be named.
    pub(super) fn next(&mut self) -> Option<Fault> {
        self.queue.pop_front()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }
}
