//! A port of one's own: a store that keeps documents in memory, held to the same contract as every other store.
//!
//! ```text
//! cargo run --example my_own_adapter
//! ```
//!
//! An adapter needs `smarthome-core` alone. Its feature `testing` brings the contract suite: one call tries every clause
//! of the port's documentation and panics with the name of the one that is broken.

#![allow(clippy::print_stdout)]

use async_trait::async_trait;
use smarthome_core::Mono;
use smarthome_core::engine::{Collection, Content, Documents as News, Event, Revision, Versioned};
use smarthome_core::ports::contract::{self, DocumentsUnderTest};
use smarthome_core::ports::{Clock, Documents, ErrorKind, Inbox, MergeError, PortError, merged};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::broadcast;

/// Documents in a map. Whoever watches hears of every change through a channel.
struct Map {
    clock: smarthome_adapters::clock::SystemClock,
    state: Mutex<State>,
    news: broadcast::Sender<News>,
}

#[derive(Default)]
struct State {
    revision: u64,
    documents: BTreeMap<(Collection, String), Versioned<Content>>,
}

impl Map {
    fn new() -> Result<Map, Box<dyn std::error::Error>> {
        let clock = smarthome_adapters::clock::SystemClock::new()?;
        Ok(Map { clock, state: Mutex::default(), news: broadcast::channel(1_024).0 })
    }

    fn put(
        &self,
        collection: Collection,
        id: &str,
        new: impl FnOnce(Option<&str>) -> Result<Content, MergeError>,
    ) -> Result<Revision, PortError> {
        if id.is_empty() || id.len() > 1_500 {
            return Err(PortError::new(ErrorKind::GiveUp, "the id is empty or too long"));
        }
        let mut state = self.state();
        let key = (collection, id.to_owned());
        let value = new(state.documents.get(&key).map(|document| &*document.value))
            .map_err(|error| PortError::new(ErrorKind::GiveUp, error))?;
        state.revision += 1;
        let revision = Revision(state.revision);
        let document = Versioned { id: id.into(), revision, updated: self.clock.now().wall(), value };
        state.documents.insert(key, document.clone());
        // An error says that nobody watches.
        let _ = self.news.send(News::Changed(collection, document));
        Ok(revision)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the news is about.
fn kind(news: &News) -> Collection {
    match news {
        News::Snapshot(kind, ..) | News::Changed(kind, _) | News::Deleted(kind, ..) => *kind,
    }
}

#[async_trait]
impl Documents for Map {
    async fn watch(&self, collection: Collection, to: &dyn Inbox) -> Result<Infallible, PortError> {
        // Subscribed and read under one lock: no change falls between the snapshot and the first news.
        let (mut news, snapshot, newest) = {
            let state = self.state();
            let own = state.documents.iter().filter(|((kind, _), _)| *kind == collection);
            (
                self.news.subscribe(),
                own.map(|(_, document)| document.clone()).collect(),
                Revision(state.revision),
            )
        };
        to.push(Event::Documents(News::Snapshot(collection, snapshot, newest))).await;
        loop {
            match news.recv().await {
                Ok(change) if kind(&change) == collection => to.push(Event::Documents(change)).await,
                Ok(_) => {}
                // Called again, it begins with a snapshot again: nothing is lost.
                Err(error) => return Err(PortError::new(ErrorKind::Retry, error)),
            }
        }
    }

    async fn merge(&self, collection: Collection, id: &str, fields: &str) -> Result<Revision, PortError> {
        self.put(collection, id, |old| merged(old, fields))
    }

    async fn replace(&self, collection: Collection, id: &str, document: &str) -> Result<Revision, PortError> {
        self.put(collection, id, |_| merged(None, document))
    }

    async fn delete(
        &self,
        collection: Collection,
        id: &str,
        expected: Option<Revision>,
    ) -> Result<Option<Revision>, PortError> {
        let mut state = self.state();
        let fits = |found: &Versioned<Content>| expected.is_none_or(|expected| found.revision == expected);
        let key = (collection, id.to_owned());
        if !state.documents.get(&key).is_some_and(fits) {
            return Ok(None);
        }
        state.documents.remove(&key);
        state.revision += 1;
        let revision = Revision(state.revision);
        let _ = self.news.send(News::Deleted(collection, id.into(), revision));
        Ok(Some(revision))
    }

    async fn get(&self, collection: Collection, id: &str) -> Result<Option<Versioned<Content>>, PortError> {
        Ok(self.state().documents.get(&(collection, id.to_owned())).cloned())
    }
}

/// How the suite gets at a store.
struct Maps;

#[async_trait]
impl DocumentsUnderTest for Maps {
    async fn fresh(&self) -> Box<dyn Documents> {
        match Map::new() {
            Ok(map) => Box::new(map),
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let clock = smarthome_adapters::clock::SystemClock::new()?;
    contract::documents(&Maps, &clock).await;
    println!(
        "every clause of the contract holds, after {} ms",
        clock.now().mono().since(Mono::ZERO).as_millis()
    );
    Ok(())
}
