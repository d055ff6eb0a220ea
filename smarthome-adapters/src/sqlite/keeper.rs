//! What the store's thread owns, and does.

use super::error::SqliteError;
use super::file::{self, Findings, Identity};
use super::table::{self, Bad, LAYOUT, Read};
use chrono::{DateTime, Utc};
use rusqlite::{Connection, Transaction, TransactionBehavior, params};
use smarthome_core::engine::{Collection, Content, Documents, Revision, Versioned};
use smarthome_core::ports::merged;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use tokio::sync::mpsc;

/// How many changes a watcher may be behind before it has to begin anew with a snapshot.
const BEHIND: usize = 4096;

/// The longest id in bytes, and the largest document: what Firestore allows, so that a home can move.
const LONGEST_ID: usize = 1_500;
const LARGEST_DOCUMENT: usize = 1_048_576;

/// The open file and who watches it.
pub(super) struct Keeper {
    path: PathBuf,
    connection: Connection,
    identity: Identity,
    watchers: Vec<Watcher>,
    /// Rows that are no documents and were named in the log.
    named: BTreeSet<(Collection, String)>,
}

struct Watcher {
    collection: Collection,
    news: mpsc::Sender<Documents>,
}

impl Keeper {
    /// Opens the file, or makes an empty one where there is none.
    pub(super) fn open_or_create(path: PathBuf) -> Result<Keeper, SqliteError> {
        if !path.exists() && !file::is_orphaned(&path) {
            file::create(&path, &LAYOUT, |connection| {
                let insert =
                    "INSERT INTO meta (only, created, written_by, clean, revision) VALUES (1, ?1, ?2, 1, 0)";
                let values = params![file::time_text(Utc::now()), env!("CARGO_PKG_VERSION")];
                connection.execute(insert, values).map(drop)
            })?;
            tracing::info!(path = %path.display(), "began an empty store");
        }
        Keeper::open(path)
    }

    /// Opens the file that is there.
    pub(super) fn open(path: PathBuf) -> Result<Keeper, SqliteError> {
        if file::is_orphaned(&path) {
            return Err(LAYOUT.damaged(&path, "the file is gone and only its log is there"));
        }
        let (connection, Findings { migrated_from, .. }) = file::open(&path, &LAYOUT)?;
        if let Some(layout) = migrated_from {
            tracing::info!(path = %path.display(), layout, "brought the store up to date");
        }
        let identity = Identity::of(&path);
        Ok(Keeper { path, connection, identity, watchers: Vec::new(), named: BTreeSet::new() })
    }

    /// The collection as it is now, and what will happen to it.
    pub(super) fn watch(
        &mut self,
        collection: Collection,
    ) -> Result<(Documents, mpsc::Receiver<Documents>), SqliteError> {
        let table = table_of(collection)?;
        // Nobody else writes between the two: this thread owns the file.
        let rows = table::all(&self.connection, table).and_then(|rows| {
            let newest = table::newest_revision(&self.connection)?;
            Ok((rows, newest))
        });
        let ((documents, others), newest) =
            rows.map_err(|source| LAYOUT.error(&self.path, "read", source))?;
        for bad in others {
            self.name_once(collection, bad);
        }
        let (news, receiver) = mpsc::channel(BEHIND);
        self.watchers.push(Watcher { collection, news });
        Ok((Documents::Snapshot(collection, documents, newest), receiver))
    }

    pub(super) fn get(
        &mut self,
        collection: Collection,
        id: &str,
    ) -> Result<Option<Versioned<Content>>, SqliteError> {
        let row = table::one(&self.connection, table_of(collection)?, id);
        match row.map_err(|source| LAYOUT.error(&self.path, "read", source))?.transpose() {
            Ok(document) => Ok(document),
            Err(bad) => {
                self.name_once(collection, bad);
                Ok(None)
            }
        }
    }

    /// Sets fields of a document; the rest of it stays.
    pub(super) fn merge(
        &mut self,
        collection: Collection,
        id: String,
        fields: &str,
    ) -> Result<Revision, SqliteError> {
        self.write(collection, id, |old| match old.transpose() {
            Ok(old) => merge_fields(old, fields),
            Err(bad) => Err(format!("what is stored is no document: {}", bad.detail)),
        })
    }

    /// Makes this the whole document, whatever was there.
    pub(super) fn replace(
        &mut self,
        collection: Collection,
        id: String,
        document: &str,
    ) -> Result<Revision, SqliteError> {
        self.write(collection, id, |_| merge_fields(None, document))
    }

    fn write(
        &mut self,
        collection: Collection,
        id: String,
        value: impl FnOnce(Option<Read>) -> Result<Content, String>,
    ) -> Result<Revision, SqliteError> {
        let table = table_of(collection)?;
        if id.is_empty() || id.len() > LONGEST_ID {
            let detail = format!("its id has {} bytes, 1 to {LONGEST_ID} are possible", id.len());
            return Err(SqliteError::Refused { subject: subject(collection, &id), detail });
        }
        let updated = now_in_micros();
        let document = self.transact(|transaction| {
            let value = match value(table::one(transaction, table, &id)?) {
                Ok(value) => value,
                Err(detail) => {
                    return Ok(Err(SqliteError::Refused { subject: subject(collection, &id), detail }));
                }
            };
            let revision = table::next_revision(transaction)?;
            let document = Versioned { id, revision, updated, value };
            table::put(transaction, table, &document)?;
            Ok(Ok(document))
        })?;
        let revision = document.revision;
        self.tell(collection, &Documents::Changed(collection, document));
        Ok(revision)
    }

    pub(super) fn delete(
        &mut self,
        collection: Collection,
        id: String,
        expected: Option<Revision>,
    ) -> Result<Option<Revision>, SqliteError> {
        let table = table_of(collection)?;
        let deleted = self.transact(|transaction| {
            let found = match table::one(transaction, table, &id)? {
                None => false,
                // A row that is no document has no revision that anybody could have seen.
                Some(Err(_)) => expected.is_none(),
                Some(Ok(document)) => expected.is_none_or(|expected| expected == document.revision),
            };
            if !found {
                return Ok(Ok(None));
            }
            let revision = table::next_revision(transaction)?;
            table::remove(transaction, table, &id)?;
            Ok(Ok(Some(revision)))
        })?;
        if let Some(revision) = deleted {
            self.tell(collection, &Documents::Deleted(collection, id, revision));
        }
        Ok(deleted)
    }

    pub(super) fn close(self) {
        file::close(self.connection, &self.path);
    }

    /// Does all of it or, on either kind of failure, nothing.
    fn transact<T>(
        &mut self,
        job: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<Result<T, SqliteError>>,
    ) -> Result<T, SqliteError> {
        self.identity.check(&self.path)?;
        let failed = |source| LAYOUT.error(&self.path, "write", source);
        let begun = self.connection.transaction_with_behavior(TransactionBehavior::Immediate);
        let transaction = begun.map_err(failed)?;
        let value = job(&transaction).map_err(failed)??;
        transaction.commit().map_err(failed)?;
        Ok(value)
    }

    fn tell(&mut self, collection: Collection, change: &Documents) {
        self.watchers.retain(|watcher| {
            watcher.collection != collection || watcher.news.try_send(change.clone()).is_ok()
        });
    }

    fn name_once(&mut self, collection: Collection, bad: Bad) {
        let subject = subject(collection, &bad.id);
        if self.named.insert((collection, bad.id)) {
            tracing::error!(path = %self.path.display(), "{subject} is left out: {}", bad.detail);
        }
    }
}

/// The collection as it is now, without the rows that are no documents. Changes nothing, and may be used while somebody
/// else has the file.
pub(super) fn read(path: &Path, collection: Collection) -> Result<Vec<Versioned<Content>>, SqliteError> {
    let (connection, layout) = file::open_to_read(path, &LAYOUT)?;
    if layout < table::since(collection) {
        return Ok(Vec::new());
    }
    let rows = table::all(&connection, table_of(collection)?);
    rows.map(|(documents, _)| documents).map_err(|source| LAYOUT.error(path, "read", source))
}

fn table_of(collection: Collection) -> Result<&'static str, SqliteError> {
    table::name(collection).ok_or_else(|| SqliteError::Refused {
        subject: format!("the collection {collection}"),
        detail: "this version of the store has no table for it".into(),
    })
}

fn merge_fields(old: Option<Versioned<Content>>, fields: &str) -> Result<Content, String> {
    let value = merged(old.as_ref().map(|old| &*old.value), fields).map_err(|error| error.to_string())?;
    if value.len() > LARGEST_DOCUMENT {
        return Err(format!("it would have {} bytes, at most {LARGEST_DOCUMENT} are possible", value.len()));
    }
    Ok(value)
}

fn subject(collection: Collection, id: &str) -> String {
    let short: String = id.chars().take(40).collect();
    let more = if short.len() < id.len() { "…" } else { "" };
    format!("document {short:?}{more} of the {collection}")
}

/// The wall clock, as exact as it is kept.
fn now_in_micros() -> DateTime<Utc> {
    let now = Utc::now();
    DateTime::from_timestamp_micros(now.timestamp_micros()).unwrap_or(now)
}
