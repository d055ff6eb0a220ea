//! What the store tells of modes and schedules, and the journal's copy of it. All of it is taken in the order in which it
//! came, and long lists in pieces, so that nothing else has to wait for them.

use super::own::{Ended, Own};
use super::{Agenda, LISTS};
use crate::engine::effect::EffectId;
use crate::engine::event::{Collection, Content, Documents, Done, Revision, Versioned};
use crate::engine::journal::{CopyChange, Entry};
use crate::engine::turn::Turn;
use crate::ports::PortError;
use crate::schedule::fnv;
use crate::{Mode, Schedule};
use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::{String, ToString};
use alloc::vec::{self, Vec};
use core::ops::Bound;

/// How many documents are taken in at once.
const AT_ONCE: usize = 256;

/// What is still to be taken in.
#[derive(Debug, Default)]
pub(super) struct Reading {
    /// Copies, which come before everything else.
    copies: VecDeque<(Collection, vec::IntoIter<Versioned<Content>>)>,
    news: VecDeque<News>,
}

#[derive(Debug)]
enum News {
    Listed(Listing),
    Changed(Collection, Versioned<Content>),
    Deleted(Collection, String, Revision),
    Own { title: String, own: Own },
    OwnEnded { title: String, row: EffectId, ended: Ended },
}

/// A complete list of the store, as far as it is not taken in.
#[derive(Debug)]
pub(super) struct Listing {
    pub(super) collection: Collection,
    pub(super) documents: vec::IntoIter<Versioned<Content>>,
    /// What is newer than this is not missing.
    pub(super) newest: Revision,
    /// It was read because an earlier one lacked so much.
    pub(super) second: bool,
    /// The last id that was taken in.
    at: Option<String>,
}

impl Reading {
    pub(super) fn is_empty(&self) -> bool {
        self.copies.is_empty() && self.news.is_empty()
    }

    /// Whether a copy is still to be taken in.
    pub(super) fn has_copies(&self) -> bool {
        !self.copies.is_empty()
    }
}

impl Agenda {
    /// News from the store.
    pub(crate) fn news(&mut self, documents: Documents, turn: &mut Turn<'_>) {
        self.reading.news.push_back(match documents {
            Documents::Snapshot(collection, documents, newest) => {
                News::Listed(Listing::new(collection, documents, newest, false))
            }
            Documents::Changed(collection, document) => News::Changed(collection, document),
            Documents::Deleted(collection, id, revision) => News::Deleted(collection, id, revision),
        });
        self.read(turn);
    }

    /// A list was read a second time.
    pub(super) fn listed_again(&mut self, listing: Listing, turn: &mut Turn<'_>) {
        self.reading.news.push_back(News::Listed(listing));
        self.read(turn);
    }

    /// An own write is decided: it is in force from then on.
    pub(crate) fn writing(&mut self, title: String, own: Own, turn: &mut Turn<'_>) {
        self.reading.news.push_back(News::Own { title, own });
        self.read(turn);
    }

    /// As [`writing`](Self::writing), of what an earlier run decided.
    pub(crate) fn was_writing(&mut self, title: String, own: Own) {
        self.reading.news.push_back(News::Own { title, own });
    }

    /// How an own write ended.
    pub(crate) fn written(&mut self, title: String, row: EffectId, ended: Ended, turn: &mut Turn<'_>) {
        self.reading.news.push_back(News::OwnEnded { title, row, ended });
        self.read(turn);
    }

    /// A copy was read, or there is none. What the store told meanwhile is taken as a difference to it.
    pub(super) fn copied(
        &mut self,
        collection: Collection,
        result: Result<Done, PortError>,
        turn: &mut Turn<'_>,
    ) {
        match result {
            Ok(Done::Copy(Some(documents))) => {
                self.complete.insert(collection);
                self.reading.copies.push_back((collection, documents.into_iter()));
            }
            // One that cannot be read is not one that is not there; but schedules cannot wait for ever.
            Err(_) if turn.mono() < self.started.mono().after(LISTS) => {
                self.unread.insert(collection);
                self.copy_pause.failed(turn.mono());
            }
            _ => {}
        }
        self.read(turn);
    }

    /// Takes in a piece of what is to be taken in.
    pub(crate) fn read(&mut self, turn: &mut Turn<'_>) {
        let mut room = AT_ONCE;
        while let Some((collection, mut documents)) = self.reading.copies.pop_front() {
            let collection = &collection;
            let piece: Vec<_> = documents.by_ref().take(room).collect();
            room = room.saturating_sub(piece.len());
            for document in piece {
                self.take(*collection, document, turn);
            }
            self.plans.forget_young();
            if room == 0 {
                return self.reading.copies.push_front((*collection, documents));
            }
        }
        while room > 0 && !self.awaits_copies() {
            let Some(news) = self.reading.news.pop_front() else { return };
            room = room.saturating_sub(1);
            match news {
                News::Listed(listing) => room = self.list(listing, room, turn),
                News::Changed(collection, document) => self.changed(collection, document, turn),
                News::Deleted(collection, id, revision) => self.deleted(collection, id, revision, turn),
                News::Own { title, own } => self.own_decided(title, own, turn),
                News::OwnEnded { title, row, ended } => self.own_ended(title, row, ended, turn),
            }
        }
    }

    /// A complete list of the store, taken as a difference. Answers for how many more documents there is room.
    fn list(&mut self, mut listing: Listing, room: usize, turn: &mut Turn<'_>) -> usize {
        if listing.at.is_none() && !self.is_credible(&listing, turn) {
            return room;
        }
        let collection = listing.collection;
        let piece: Vec<_> = listing.documents.by_ref().take(room.max(1)).collect();
        let last = piece.last().map(|document| document.id.clone()).filter(|_| listing.documents.len() > 0);
        let gone = self.missing(collection, listing.at.as_deref(), last.as_deref(), &piece, listing.newest);
        let room = room.saturating_sub(piece.len().saturating_add(gone.len()));
        for document in piece {
            self.changed(collection, document, turn);
        }
        // What a first list tells is not new.
        if !self.complete.contains(&collection) {
            self.plans.forget_young();
        }
        for id in gone {
            self.gone(collection, id, turn);
        }
        if last.is_some() {
            listing.at = last;
            self.reading.news.push_front(News::Listed(listing));
            return 0;
        }
        self.listed.insert(collection);
        if collection == Collection::Schedules {
            self.own.listed(listing.newest);
        }
        // Said once: an ordinary start writes nothing.
        if self.complete.insert(collection) {
            turn.record(Entry::Copy(collection, CopyChange::Complete));
        }
        room
    }

    /// What is known, and not in a piece of a list, and should be: between these two ids, the first excluded.
    fn missing(
        &self,
        collection: Collection,
        after: Option<&str>,
        until: Option<&str>,
        piece: &[Versioned<Content>],
        newest: Revision,
    ) -> Vec<String> {
        let known = self.known_between(collection, after, until).into_iter();
        let listed = |id: &str| piece.binary_search_by(|document| document.id.as_str().cmp(id)).is_ok();
        let older = |id: &str| self.known(collection, id).is_some_and(|known| known <= newest);
        known.filter(|id| !listed(id) && older(id)).map(String::from).collect()
    }

    /// A document is new or changed. Older news than what is known changes nothing.
    pub(super) fn changed(
        &mut self,
        collection: Collection,
        document: Versioned<Content>,
        turn: &mut Turn<'_>,
    ) {
        let news = self.known(collection, &document.id).is_none_or(|known| known < document.revision);
        if !news || self.own.deleted_since(collection, &document.id, document.revision) {
            return;
        }
        let change = CopyChange::Put(document.clone());
        if let Some(document) = self.own.lies_over(collection, document) {
            self.take(collection, document, turn);
        }
        self.copy(collection, change, turn);
    }

    fn deleted(&mut self, collection: Collection, id: String, revision: Revision, turn: &mut Turn<'_>) {
        self.own.deletion_shown(collection, &id, revision);
        if self.known(collection, &id).is_some_and(|known| known <= revision) {
            self.gone(collection, id, turn);
        }
    }

    fn gone(&mut self, collection: Collection, id: String, turn: &mut Turn<'_>) {
        if self.own.lies_over_nothing(collection, &id) {
            return self.copy(collection, CopyChange::Remove(id), turn);
        }
        self.wrong.forget(collection, &id);
        match collection {
            Collection::Modes => self.modes.remove(&id),
            _ => self.remove(&id, turn),
        }
        self.copy(collection, CopyChange::Remove(id), turn);
    }

    /// The journal's copy changes: at once, unless a schedule's older revision has slots that are not judged. A crash
    /// before they are must find that revision.
    pub(super) fn copy(&mut self, collection: Collection, change: CopyChange, turn: &mut Turn<'_>) {
        let title = match &change {
            CopyChange::Put(document) => Some(&document.id),
            CopyChange::Remove(id) => Some(id),
            CopyChange::Complete => None,
        };
        if let Some(title) = title.filter(|_| collection == Collection::Schedules).cloned() {
            self.uncopied.remove(&title);
            if self.plans.owes(&title) {
                self.uncopied.insert(title, change);
                return;
            }
        }
        turn.record(Entry::Copy(collection, change));
    }

    /// Copies what had to wait and need not any more.
    pub(super) fn copy_judged(&mut self, turn: &mut Turn<'_>) {
        self.plans.forget_inherited();
        let plans = &self.plans;
        let (waits, judged) =
            core::mem::take(&mut self.uncopied).into_iter().partition(|(title, _)| plans.owes(title));
        self.uncopied = waits;
        let judged: BTreeMap<String, CopyChange> = judged;
        for change in judged.into_values() {
            turn.record(Entry::Copy(Collection::Schedules, change));
        }
    }

    /// Takes a document in. One that cannot be read takes the place of what was there all the same.
    pub(super) fn take(&mut self, collection: Collection, document: Versioned<Content>, turn: &mut Turn<'_>) {
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

    /// The store's revision of a document, as far as it was told.
    fn known(&self, collection: Collection, id: &str) -> Option<Revision> {
        if let Some(under) = self.own.beneath(collection, id) {
            return under;
        }
        let right = match collection {
            Collection::Modes => self.modes.revision(id),
            _ => self.plans.book.get(id).map(crate::schedule::Entry::revision),
        };
        right.or(self.wrong.revision(collection, id))
    }

    /// The ids that are known between these two, the first excluded.
    fn known_between(&self, collection: Collection, after: Option<&str>, until: Option<&str>) -> Vec<&str> {
        let after = after.map_or(Bound::Unbounded, Bound::Excluded);
        let until = until.map_or(Bound::Unbounded, Bound::Included);
        let wrong = self.wrong.ids(collection, (after, until));
        match collection {
            Collection::Modes => self.modes.ids((after, until)).chain(wrong).collect(),
            _ => {
                let own = self.own.ids((after, until));
                self.plans.book.titles((after, until)).chain(wrong).chain(own).collect()
            }
        }
    }

    /// How many documents of a collection are known, and how many of them a list lacks.
    pub(super) fn compared(&self, listing: &Listing) -> (usize, usize) {
        let known = self.known_between(listing.collection, None, None);
        let missing =
            self.missing(listing.collection, None, None, listing.documents.as_slice(), listing.newest);
        (known.len(), missing.len())
    }
}

impl Listing {
    pub(super) fn new(
        collection: Collection,
        documents: Vec<Versioned<Content>>,
        newest: Revision,
        second: bool,
    ) -> Listing {
        Listing { collection, documents: documents.into_iter(), newest, second, at: None }
    }
}
