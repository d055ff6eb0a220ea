//! What the store tells of modes and schedules, and the journal's copy of it.

use super::Agenda;
use crate::engine::event::{Collection, Content, Documents, Done, Revision, Versioned};
use crate::engine::journal::{CopyChange, Entry};
use crate::engine::turn::Turn;
use crate::ports::PortError;
use crate::schedule::fnv;
use crate::{Mode, Schedule};
use alloc::collections::BTreeSet;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

impl Agenda {
    /// News from the store.
    pub(crate) fn news(&mut self, documents: Documents, turn: &mut Turn<'_>) {
        if self.copying.is_empty() {
            self.apply(documents, turn);
        } else {
            self.held.push_back(documents);
        }
    }

    /// A copy was read, or there is none. What the store told meanwhile is taken as a difference to it.
    pub(super) fn copied(
        &mut self,
        collection: Collection,
        result: Result<Done, PortError>,
        turn: &mut Turn<'_>,
    ) {
        if let Ok(Done::Copy(Some(documents))) = result {
            self.complete.insert(collection);
            for document in documents {
                self.take(collection, document, turn);
            }
            self.plans.forget_young();
        }
        if self.copying.is_empty() {
            for news in core::mem::take(&mut self.held) {
                self.apply(news, turn);
            }
        }
    }

    fn apply(&mut self, documents: Documents, turn: &mut Turn<'_>) {
        match documents {
            Documents::Snapshot(collection, documents) => self.list(collection, documents, turn),
            Documents::Changed(collection, document) => self.changed(collection, document, turn),
            Documents::Deleted(collection, id, revision) => {
                if self.known(collection, &id).is_some_and(|known| known <= revision) {
                    self.gone(collection, id, turn);
                }
            }
        }
    }

    /// A complete list of the store, taken as a difference.
    fn list(&mut self, collection: Collection, documents: Vec<Versioned<Content>>, turn: &mut Turn<'_>) {
        self.listed.insert(collection);
        let listed: BTreeSet<&str> = documents.iter().map(|document| document.id.as_str()).collect();
        let known = self.ids(collection).into_iter();
        let gone: Vec<String> = known.filter(|id| !listed.contains(id)).map(String::from).collect();
        for document in documents {
            self.changed(collection, document, turn);
        }
        for id in gone {
            self.gone(collection, id, turn);
        }
        // Said once: an ordinary start writes nothing.
        if self.complete.insert(collection) {
            turn.record(Entry::Copy(collection, CopyChange::Complete));
        }
    }

    /// A document is new or changed. Older news than what is known changes nothing.
    fn changed(&mut self, collection: Collection, document: Versioned<Content>, turn: &mut Turn<'_>) {
        if self.known(collection, &document.id).is_none_or(|known| known < document.revision) {
            turn.record(Entry::Copy(collection, CopyChange::Put(document.clone())));
            self.take(collection, document, turn);
        }
    }

    fn gone(&mut self, collection: Collection, id: String, turn: &mut Turn<'_>) {
        self.wrong.forget(collection, &id);
        match collection {
            Collection::Modes => self.modes.remove(&id),
            _ => self.remove(&id, turn),
        }
        turn.record(Entry::Copy(collection, CopyChange::Remove(id)));
    }

    /// Takes a document in. One that cannot be read takes the place of what was there all the same.
    fn take(&mut self, collection: Collection, document: Versioned<Content>, turn: &mut Turn<'_>) {
        let Versioned { id, revision, updated, value } = document;
        let content = fnv(value.as_bytes());
        let fault = match collection {
            Collection::Modes => match Mode::read(&value) {
                Ok(mode) => {
                    self.wrong.forget(collection, &id);
                    self.modes.put(id, revision, mode);
                    return self.name_hidden();
                }
                Err(fault) => fault,
            },
            _ => match Schedule::read(&value, &*self.calendar) {
                Ok(schedule) => {
                    self.wrong.forget(collection, &id);
                    return self.put(id, revision, updated, schedule, turn);
                }
                Err(fault) => fault,
            },
        };
        match collection {
            Collection::Modes => self.modes.remove(&id),
            _ => self.remove(&id, turn),
        }
        self.wrong.found(collection, &id, revision, content, fault.to_string());
    }

    /// Names the modes that another one of the same number hides.
    fn name_hidden(&mut self) {
        for (id, revision, why) in self.modes.hidden() {
            self.wrong.found(Collection::Modes, &id, revision, fnv(why.as_bytes()), why);
        }
    }

    fn known(&self, collection: Collection, id: &str) -> Option<Revision> {
        let right = match collection {
            Collection::Modes => self.modes.revision(id),
            _ => self.plans.book.get(id).map(crate::schedule::Entry::revision),
        };
        right.or(self.wrong.revision(collection, id))
    }

    fn ids(&self, collection: Collection) -> Vec<&str> {
        let wrong = self.wrong.ids(collection);
        match collection {
            Collection::Modes => self.modes.ids().chain(wrong).collect(),
            _ => self.plans.book.iter().map(|(title, _)| title).chain(wrong).collect(),
        }
    }
}
