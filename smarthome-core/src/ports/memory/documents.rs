//! A store in memory.

use super::notify::Notify;
use super::{Faults, lock};
use crate::engine::{Collection, Content, Documents as News, Event, Revision, Versioned};
use crate::ports::{Clock, Documents, ErrorKind, Inbox, MergeError, PortError, merged};
use async_trait::async_trait;
use core::convert::Infallible;
use std::boxed::Box;
use std::collections::{BTreeMap, VecDeque};
use std::format;
use std::string::{String, ToString};
use std::sync::{Arc, Mutex, Weak};
use std::vec::Vec;

/// The longest id, in bytes: Firestore's limit.
const LONGEST_ID: usize = 1_500;

/// A [`Documents`] in memory. Clones share one store.
#[derive(Clone)]
pub struct MemoryDocuments {
    clock: Arc<dyn Clock>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    store: Mutex<Store>,
    news: Notify,
    faults: Faults,
    watch_faults: Faults,
}

#[derive(Default)]
struct Store {
    revision: u64,
    collections: BTreeMap<Collection, BTreeMap<String, Versioned<Content>>>,
    watchers: Vec<Weak<Watcher>>,
}

struct Watcher {
    collection: Collection,
    pending: Mutex<VecDeque<News>>,
    broken: Mutex<Option<PortError>>,
}

impl core::fmt::Debug for MemoryDocuments {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("MemoryDocuments").finish_non_exhaustive()
    }
}

impl MemoryDocuments {
    /// An empty store that stamps documents with that clock's time.
    pub fn new(clock: Arc<dyn Clock>) -> MemoryDocuments {
        MemoryDocuments { clock, shared: Arc::default() }
    }

    /// What goes wrong with merges, deletions and reads.
    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    /// What goes wrong when a watch begins.
    pub fn watch_faults(&self) -> &Faults {
        &self.shared.watch_faults
    }

    /// Ends every watch that runs with this error.
    pub fn break_watches(&self, error: PortError) {
        for watcher in lock(&self.shared.store).watchers.drain(..).filter_map(|watcher| watcher.upgrade()) {
            *lock(&watcher.broken) = Some(error.clone());
        }
        self.shared.news.notify();
    }

    async fn put(
        &self,
        collection: Collection,
        id: &str,
        new: impl FnOnce(Option<&str>) -> Result<Content, MergeError>,
    ) -> Result<Revision, PortError> {
        let passed = self.shared.faults.pass().await?;
        if id.is_empty() || id.len() > LONGEST_ID {
            let text = format!("an id of {} bytes: 1 to {LONGEST_ID} are possible", id.len());
            return Err(PortError::new(ErrorKind::GiveUp, text));
        }
        let updated = self.clock.now().wall();
        let revision = self.change(collection, |store| {
            let old = store.document(collection, id).map(|document| &*document.value);
            let value = new(old).map_err(|error| PortError::new(ErrorKind::GiveUp, error))?;
            let document = Versioned { id: id.to_string(), revision: store.next_revision(), updated, value };
            store.collections.entry(collection).or_default().insert(id.to_string(), document.clone());
            Ok(News::Changed(collection, document))
        });
        passed.answer(revision?)
    }

    fn change(
        &self,
        collection: Collection,
        change: impl FnOnce(&mut Store) -> Result<News, PortError>,
    ) -> Result<Revision, PortError> {
        let mut store = lock(&self.shared.store);
        let news = change(&mut store)?;
        let watchers: Vec<_> = store.watchers.iter().filter_map(Weak::upgrade).collect();
        for watcher in watchers.iter().filter(|watcher| watcher.collection == collection) {
            lock(&watcher.pending).push_back(news.clone());
        }
        store.watchers.retain(|watcher| watcher.strong_count() > 0);
        let revision = Revision(store.revision);
        drop(store);
        self.shared.news.notify();
        Ok(revision)
    }
}

impl Store {
    fn next_revision(&mut self) -> Revision {
        self.revision = self.revision.saturating_add(1);
        Revision(self.revision)
    }

    fn snapshot(&self, collection: Collection) -> News {
        let documents = self.collections.get(&collection).into_iter().flat_map(BTreeMap::values);
        News::Snapshot(collection, documents.cloned().collect(), Revision(self.revision))
    }

    fn document(&self, collection: Collection, id: &str) -> Option<&Versioned<Content>> {
        self.collections.get(&collection)?.get(id)
    }
}

#[async_trait]
impl Documents for MemoryDocuments {
    async fn watch(&self, collection: Collection, to: &dyn Inbox) -> Result<Infallible, PortError> {
        self.shared.watch_faults.pass().await?.answer(())?;
        let watcher = {
            let mut store = lock(&self.shared.store);
            let pending = Mutex::new(VecDeque::from([store.snapshot(collection)]));
            let watcher = Arc::new(Watcher { collection, pending, broken: Mutex::default() });
            store.watchers.push(Arc::downgrade(&watcher));
            watcher
        };
        let look = || match lock(&watcher.pending).pop_front() {
            Some(news) => Some(Ok(news)),
            None => lock(&watcher.broken).take().map(Err),
        };
        loop {
            let news = self.shared.news.until(look).await?;
            to.push(Event::Documents(news)).await;
        }
    }

    async fn merge(&self, collection: Collection, id: &str, fields: &str) -> Result<Revision, PortError> {
        self.put(collection, id, |old| merged(old, fields)).await
    }

    async fn replace(&self, collection: Collection, id: &str, document: &str) -> Result<Revision, PortError> {
        self.put(collection, id, |_| merged(None, document)).await
    }

    async fn delete(
        &self,
        collection: Collection,
        id: &str,
        expected: Option<Revision>,
    ) -> Result<Option<Revision>, PortError> {
        let passed = self.shared.faults.pass().await?;
        let matches =
            |document: &Versioned<Content>| expected.is_none_or(|wanted| wanted == document.revision);
        if !lock(&self.shared.store).document(collection, id).is_some_and(matches) {
            return passed.answer(None);
        }
        let deleted = self.change(collection, |store| {
            store.collections.entry(collection).or_default().remove(id);
            Ok(News::Deleted(collection, id.to_string(), store.next_revision()))
        })?;
        passed.answer(Some(deleted))
    }

    async fn get(&self, collection: Collection, id: &str) -> Result<Option<Versioned<Content>>, PortError> {
        let passed = self.shared.faults.pass().await?;
        let found = lock(&self.shared.store).document(collection, id).cloned();
        passed.answer(found)
    }
}
