//! A port of one's own: a store that keeps users in memory, held to the same contract as every other store.
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
use smarthome_core::ports::{Clock, Documents, ErrorKind, Inbox, PortError, merged};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::broadcast;

/// Users in a map. Whoever watches hears of every change through a channel.
struct Map {
    clock: smarthome_adapters::clock::SystemClock,
    state: Mutex<State>,
    news: broadcast::Sender<News>,
}

#[derive(Default)]
struct State {
    revision: u64,
    users: BTreeMap<String, Versioned<Content>>,
}

impl Map {
    fn new() -> Result<Map, Box<dyn std::error::Error>> {
        let clock = smarthome_adapters::clock::SystemClock::new()?;
        Ok(Map { clock, state: Mutex::default(), news: broadcast::channel(1_024).0 })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Documents for Map {
    async fn watch(&self, collection: Collection, to: &dyn Inbox) -> Result<Infallible, PortError> {
        // Subscribed and read under one lock: no change falls between the snapshot and the first news.
        let (mut news, snapshot) = {
            let state = self.state();
            (self.news.subscribe(), state.users.values().cloned().collect())
        };
        to.push(Event::Documents(News::Snapshot(collection, snapshot))).await;
        loop {
            match news.recv().await {
                Ok(change) => to.push(Event::Documents(change)).await,
                // Called again, it begins with a snapshot again: nothing is lost.
                Err(error) => return Err(PortError::new(ErrorKind::Retry, error)),
            }
        }
    }

    async fn merge(&self, collection: Collection, id: &str, fields: &str) -> Result<Revision, PortError> {
        if id.is_empty() || id.len() > 1_500 {
            return Err(PortError::new(ErrorKind::GiveUp, "the id is empty or too long"));
        }
        let mut state = self.state();
        let value = merged(state.users.get(id).map(|user| &*user.value), fields)
            .map_err(|error| PortError::new(ErrorKind::GiveUp, error))?;
        state.revision += 1;
        let revision = Revision(state.revision);
        let user = Versioned { id: id.into(), revision, updated: self.clock.now().wall(), value };
        state.users.insert(id.into(), user.clone());
        // An error says that nobody watches.
        let _ = self.news.send(News::Changed(collection, user));
        Ok(revision)
    }

    async fn delete(
        &self,
        collection: Collection,
        id: &str,
        expected: Option<Revision>,
    ) -> Result<bool, PortError> {
        let mut state = self.state();
        let fits = |user: &Versioned<Content>| expected.is_none_or(|expected| user.revision == expected);
        if !state.users.get(id).is_some_and(fits) {
            return Ok(false);
        }
        state.users.remove(id);
        state.revision += 1;
        let _ = self.news.send(News::Deleted(collection, id.into(), Revision(state.revision)));
        Ok(true)
    }

    async fn get(&self, _: Collection, id: &str) -> Result<Option<Versioned<Content>>, PortError> {
        Ok(self.state().users.get(id).cloned())
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
