//! The store: it works, is slow or down, and its listener tells what it holds.

use crate::world::{Happening, World};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value};
use smarthome_core::engine::*;
use smarthome_core::ports::{ErrorKind, PortError};
use std::collections::BTreeMap;

/// The name in a document, if there is one.
pub(crate) fn name_in(document: &str) -> Option<String> {
    let document: Map<String, Value> = serde_json::from_str(document).ok()?;
    document.get("name")?.as_str().map(str::to_owned)
}

#[derive(Debug, Default)]
pub(crate) struct Store {
    pub(crate) users: BTreeMap<String, (Revision, Map<String, Value>)>,
    schedules: BTreeMap<String, Versioned<Content>>,
    modes: BTreeMap<String, Versioned<Content>>,
    revision: u64,
    pub(crate) down: bool,
    pub(crate) slow: bool,
    under_way: BTreeMap<EffectId, WriteRow>,
    /// The newest row written for each user.
    newest: BTreeMap<String, EffectId>,
    pub(crate) listener: u64,
    pub(crate) listens: bool,
    last_told: u64,
}

impl Store {
    /// A complete list of modes or schedules.
    pub(super) fn list(&self, collection: Collection) -> Documents {
        let all = self.of(collection).values().cloned().collect();
        Documents::Snapshot(collection, all, Revision(self.revision))
    }

    /// Schedules or modes.
    pub(crate) fn of(&self, collection: Collection) -> &BTreeMap<String, Versioned<Content>> {
        if collection == Collection::Modes { &self.modes } else { &self.schedules }
    }

    fn of_mut(&mut self, collection: Collection) -> &mut BTreeMap<String, Versioned<Content>> {
        if collection == Collection::Modes { &mut self.modes } else { &mut self.schedules }
    }

    fn versioned(&self, id: &str) -> Versioned<Content> {
        let (revision, fields) = &self.users[id];
        let value = Value::Object(fields.clone()).to_string().into();
        Versioned { id: id.into(), revision: *revision, updated: DateTime::UNIX_EPOCH, value }
    }

    /// Writes of one user arrive in the order in which they were accepted, over restarts too.
    fn writes_come_in_order(&mut self, row: &WriteRow) {
        let newest = self.newest.entry(row.document.clone()).or_insert(row.id);
        assert!(*newest <= row.id, "{} is written after {newest}", row.id);
        *newest = row.id;
    }
}

impl World {
    pub(crate) fn write(&mut self, effect: EffectId, row: WriteRow) {
        let twice = self.store.under_way.values().any(|other| other.document == row.document);
        assert!(!twice, "two writes of {} are under way", row.document);
        self.store.under_way.insert(effect, row);
        let within = if self.store.slow { 100..9_000 } else { 1..60 };
        self.soon(within, Happening::Written(effect));
    }

    pub(crate) fn written(&mut self, effect: EffectId) {
        let Some(row) = self.store.under_way.remove(&effect) else { return };
        let fails = |kind| Err(PortError::new(kind, "the store is down"));
        let result = if row.document.starts_with("refused") {
            fails(ErrorKind::GiveUp)
        } else if self.store.down {
            match self.random.within(0..4) {
                0 => {
                    self.does(&row);
                    fails(ErrorKind::UnknownOutcome)
                }
                1 => fails(ErrorKind::UnknownOutcome),
                2 => fails(ErrorKind::AskPerson),
                _ => fails(ErrorKind::Retry),
            }
        } else {
            Ok(self.does(&row))
        };
        self.host.outcomes.push_back(Event::Outcome { id: effect, result });
    }

    fn does(&mut self, row: &WriteRow) -> Done {
        if let Write::Delete(revision) = row.write {
            let revision = revision.expect("the server deletes what it has seen, and nothing newer");
            let stored = self.store.of(row.collection).get(&row.document);
            let same = stored.is_some_and(|stored| stored.revision == revision);
            if same {
                self.drop_document(row.collection, &row.document);
            }
            return Done::Deleted(same.then_some(Revision(self.store.revision)));
        }
        self.store.writes_come_in_order(row);
        let fields: Map<String, Value> = serde_json::from_str(row.write.text()).unwrap();
        Done::Written(self.merge(&row.document, fields))
    }

    /// Makes that a whole document, on whosever behalf.
    pub(crate) fn put_document(
        &mut self,
        collection: Collection,
        id: &str,
        fields: &Map<String, Value>,
    ) -> (Revision, DateTime<Utc>) {
        self.store.revision += 1;
        let (revision, updated) = (Revision(self.store.revision), self.stamp());
        let value = Value::Object(fields.clone()).to_string().into();
        let document = Versioned { id: id.into(), revision, updated, value };
        self.store.of_mut(collection).insert(id.into(), document.clone());
        if self.store.listens {
            self.tell(Documents::Changed(collection, document));
        }
        (revision, updated)
    }

    /// Deletes a document, on whosever behalf.
    pub(crate) fn drop_document(&mut self, collection: Collection, id: &str) {
        let Some(gone) = self.store.of_mut(collection).remove(id) else { return };
        let now = self.stamp();
        self.history.ended.insert(gone.revision, now);
        self.store.revision += 1;
        if self.store.listens {
            let revision = Revision(self.store.revision);
            self.tell(Documents::Deleted(collection, id.into(), revision));
        }
    }

    /// What the store writes on a document as its time.
    fn stamp(&self) -> DateTime<Utc> {
        let ahead =
            if self.history.own_clock { TimeDelta::milliseconds(self.ahead) } else { TimeDelta::zero() };
        self.clocks().wall() - ahead
    }

    /// Sets fields of a document, on whosever behalf.
    pub(crate) fn merge(&mut self, id: &str, fields: Map<String, Value>) -> Revision {
        self.store.revision += 1;
        let revision = Revision(self.store.revision);
        let user = self.store.users.entry(id.into()).or_insert_with(|| (revision, Map::new()));
        user.0 = revision;
        user.1.extend(fields);
        if self.store.listens {
            let user = self.store.versioned(id);
            self.tell(Documents::Changed(Collection::Users, user));
        }
        revision
    }

    fn tell(&mut self, documents: Documents) {
        let listener = self.store.listener;
        let at = self.now + self.random.within(1..400);
        self.store.last_told = self.store.last_told.max(at);
        self.schedule(self.store.last_told, Happening::Told { listener, documents });
    }

    pub(crate) fn watches(&mut self) {
        if !self.host.running || self.store.listens {
            return;
        }
        self.store.listens = true;
        let users = self.store.users.keys().map(|id| self.store.versioned(id)).collect();
        let newest = Revision(self.store.revision);
        self.tell(Documents::Snapshot(Collection::Users, users, newest));
        for collection in [Collection::Modes, Collection::Schedules] {
            self.tell(self.store.list(collection));
        }
    }

    pub(crate) fn told(&mut self, listener: u64, documents: Documents) {
        if listener == self.store.listener {
            self.host.inbox.push_back(Event::Documents(documents));
        }
    }

    pub(crate) fn listener_breaks(&mut self) {
        self.store.listener += 1;
        self.store.listens = false;
    }

    /// The server is gone: what was under way was done, or never will be.
    pub(crate) fn store_is_alone(&mut self) {
        self.listener_breaks();
        for row in std::mem::take(&mut self.store.under_way).into_values() {
            if !row.document.starts_with("refused") && self.random.chance(50) {
                self.does(&row);
            }
        }
    }
}
