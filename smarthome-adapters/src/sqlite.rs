//! The store in an SQLite file: documents that belong to people, for homes without Firebase.
//!
//! One thread owns the file; every write is on the disk before it returns. Each collection is a table with the
//! columns `id`, `revision`, `updated` (microseconds since 1970, UTC) and `fields` (a JSON object as text):
//! `sqlite3 -readonly store.db 'SELECT id, fields FROM user_account'`; the others are `modes` and `schedule_mode`.
//!
//! - Revisions come from one counter for the whole file that only grows, so a document made anew is newer than the
//!   deletion of the one before.
//! - Watchers see what this process writes. What another process writes shows at the next start of a watch.
//! - A document that is not a JSON object can only come from outside, since the tables refuse it. It is left out of
//!   snapshots, and the log names it once.
//! - A file of a newer version, of another program, or a damaged one is refused and left alone: people's data is
//!   never replaced by an empty store. `quick_check` reads the whole file, so it is done when the last run that wrote
//!   did not end cleanly, and always for files up to 2 MiB.

mod error;
pub(crate) mod file;
mod keeper;
mod lazy;
mod table;
pub(crate) mod worker;

pub use error::SqliteError;

use async_trait::async_trait;
use keeper::Keeper;
use lazy::Lazy;
use smarthome_core::engine::{Collection, Content, Event, Revision, Versioned};
use smarthome_core::ports::{Documents, ErrorKind, Inbox, PortError};
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use worker::Worker;

/// What can go wrong with the store.
pub type StoreError = SqliteError;

/// The documents of a collection in the file at `path`, ascending by id. Rows that are no JSON objects are left out.
///
/// Changes nothing, and may be used while a daemon has the file. A file that no version with the collection has opened
/// yet holds none of it.
pub fn read(path: impl AsRef<Path>, collection: Collection) -> Result<Vec<Versioned<Content>>, StoreError> {
    keeper::read(path.as_ref(), collection)
}

/// The [`Documents`] in an SQLite file.
///
/// Dropping it finishes what was handed over, marks the file as cleanly closed, and waits for that.
pub struct SqliteStore {
    path: PathBuf,
    worker: Worker<Lazy>,
}

impl std::fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteStore").field("path", &self.path).finish_non_exhaustive()
    }
}

impl SqliteStore {
    /// Opens the store at `path`, or makes an empty one where there is no file. Takes a few milliseconds.
    ///
    /// Several processes may have one store open.
    pub fn open(path: impl AsRef<Path>) -> Result<SqliteStore, StoreError> {
        SqliteStore::start(Lazy::open(path.as_ref().into())?, path.as_ref())
    }

    /// As [`open`](SqliteStore::open), but a file that cannot be opened for a reason that may pass (its disk is not
    /// there, another program has locked it, its rights are wrong) is opened later: that is tried whenever something
    /// is asked of the store, which fails until it succeeds. A file that is not there any more is waited for, and
    /// none is made in its place.
    ///
    /// # Errors
    /// What cannot pass by itself: a file of a newer version, of another program, or a damaged one.
    pub fn open_now_or_later(path: impl AsRef<Path>) -> Result<SqliteStore, StoreError> {
        SqliteStore::start(Lazy::open_now_or_later(path.as_ref().into())?, path.as_ref())
    }

    fn start(file: Lazy, path: &Path) -> Result<SqliteStore, StoreError> {
        let worker = Worker::start("store", file, Lazy::close).map_err(|source| StoreError::Io {
            path: path.into(),
            operation: "start the thread that writes",
            source,
        })?;
        Ok(SqliteStore { path: path.into(), worker })
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Keeper) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, PortError> {
        let failed = |error: StoreError| {
            tracing::warn!(kind = ?error.kind(), "store: {}", error.line());
            PortError::from(error)
        };
        // That the file cannot be opened is said once, by whoever is told.
        let done = self.worker.run(move |file| job(file.keeper()?).map_err(failed)).await;
        done.unwrap_or_else(|| Err(failed(StoreError::Stopped { path: self.path.clone() })))
    }
}

#[async_trait]
impl Documents for SqliteStore {
    async fn watch(&self, collection: Collection, to: &dyn Inbox) -> Result<Infallible, PortError> {
        let (snapshot, mut news) = self.run(move |keeper| keeper.watch(collection)).await?;
        to.push(Event::Documents(snapshot)).await;
        while let Some(change) = news.recv().await {
            to.push(Event::Documents(change)).await;
        }
        let behind =
            format!("watching the {collection} fell too far behind their changes, or the store is closed");
        Err(PortError::new(ErrorKind::Retry, behind))
    }

    async fn merge(&self, collection: Collection, id: &str, fields: &str) -> Result<Revision, PortError> {
        let (id, fields) = (id.to_string(), fields.to_string());
        self.run(move |keeper| keeper.merge(collection, id, &fields)).await
    }

    async fn replace(&self, collection: Collection, id: &str, document: &str) -> Result<Revision, PortError> {
        let (id, document) = (id.to_string(), document.to_string());
        self.run(move |keeper| keeper.replace(collection, id, &document)).await
    }

    async fn delete(
        &self,
        collection: Collection,
        id: &str,
        expected: Option<Revision>,
    ) -> Result<Option<Revision>, PortError> {
        let id = id.to_string();
        self.run(move |keeper| keeper.delete(collection, id, expected)).await
    }

    async fn get(&self, collection: Collection, id: &str) -> Result<Option<Versioned<Content>>, PortError> {
        let id = id.to_string();
        self.run(move |keeper| keeper.get(collection, &id)).await
    }
}
