//! The journal in an SQLite file: what the daemon must not forget, whatever the store is.
//!
//! One thread owns the file and writes each batch in one transaction that is on the disk before
//! [`commit`](Journal::commit) returns (write-ahead log, `synchronous = FULL`). People can read the file while it is
//! in use: `sqlite3 -readonly journal.db 'SELECT * FROM command'`.
//!
//! - A file of a newer version, or of another program, is refused and left alone.
//! - A file of an older version is brought up to date.
//! - A damaged file is set aside as `journal.db.damaged-<UTC>`, with its log, and a fresh one is made; the text for
//!   the operator is in [`Restored::trouble`]. Damaged means: empty, no database, failing SQLite's `quick_check`, or
//!   holding a row that cannot be read. `quick_check` reads the whole file, so it is done when the last run did not
//!   end cleanly, and always for files up to 2 MiB.
//! - A start's epoch is greater than that of every earlier start, also across a damaged file: the old epoch is read
//!   from what was set aside, or else the count goes on from the number of seconds since 2020.

mod copies;
mod history;
mod rows;
mod schema;
mod slots;

pub use history::{created, history};

use crate::sqlite::file::{self, Findings, Identity};
use crate::sqlite::worker::Worker;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use rusqlite::{Connection, OpenFlags, TransactionBehavior, params};
use schema::LAYOUT;
use smarthome_core::Now;
use smarthome_core::engine::{Collection, Content, Entry, Restored, Versioned};
use smarthome_core::ports::{Journal, PortError};
use std::path::{Path, PathBuf};

/// What can go wrong with the journal.
pub type JournalError = crate::sqlite::SqliteError;

/// What [`SqliteJournal::open`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Opened {
    /// There was none before, or none that could be used.
    pub created: bool,
    /// Where the damaged one is now.
    pub set_aside: Option<PathBuf>,
    /// The layout it had before this version brought it up to date.
    pub migrated_from: Option<i64>,
    /// Whether the whole file was read and checked.
    pub checked: bool,
}

/// The [`Journal`] in an SQLite file.
///
/// Dropping it finishes what was handed over, marks the file as cleanly closed, and waits for that.
pub struct SqliteJournal {
    path: PathBuf,
    worker: Worker<Writer>,
}

impl std::fmt::Debug for SqliteJournal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteJournal").field("path", &self.path).finish_non_exhaustive()
    }
}

impl SqliteJournal {
    /// Opens the journal at `path`, or makes it; `now` stamps what is made or set aside. Takes a few milliseconds.
    ///
    /// The caller holds the lock of the state directory: two programs must never use one journal.
    pub fn open(path: impl AsRef<Path>, now: Now) -> Result<(SqliteJournal, Opened), JournalError> {
        let path = path.as_ref().to_path_buf();
        let (writer, opened) = Writer::open(path.clone(), now.wall())?;
        let worker = Worker::start("journal", writer, Writer::close);
        let worker = worker.map_err(|source| JournalError::Io {
            path: path.clone(),
            operation: "start the thread that writes",
            source,
        })?;
        Ok((SqliteJournal { path, worker }, opened))
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Lets the file grow to so many pages of 4 KiB at most, so that a full disk can be tried.
    #[doc(hidden)]
    pub async fn limit_pages(&self, pages: u32) {
        self.worker.run(move |writer| writer.limit_pages(pages)).await;
    }

    async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Writer) -> Result<T, JournalError> + Send + 'static,
    ) -> Result<T, PortError> {
        let done = self.worker.run(job).await;
        let result = done.unwrap_or_else(|| Err(JournalError::Stopped { path: self.path.clone() }));
        result.map_err(|error| {
            tracing::warn!(kind = ?error.kind(), "journal: {}", error.line());
            error.into()
        })
    }
}

#[async_trait]
impl Journal for SqliteJournal {
    async fn restore(&self, now: Now) -> Result<Restored, PortError> {
        self.run(move |writer| writer.restore(now.wall())).await
    }

    async fn copy(&self, collection: Collection) -> Result<Option<Vec<Versioned<Content>>>, PortError> {
        self.run(move |writer| writer.copy(collection)).await
    }

    async fn commit(&self, batch: &[Entry]) -> Result<(), PortError> {
        if batch.is_empty() {
            return Ok(());
        }
        let batch = batch.to_vec();
        self.run(move |writer| writer.commit(&batch)).await
    }
}

/// What the thread owns.
struct Writer {
    path: PathBuf,
    /// `None` only between setting a damaged file aside and making a fresh one.
    connection: Option<Connection>,
    identity: Identity,
    trouble: Option<String>,
}

impl Writer {
    fn open(path: PathBuf, now: DateTime<Utc>) -> Result<(Writer, Opened), JournalError> {
        let identity = Identity::of(&path);
        let mut writer = Writer { path, connection: None, identity, trouble: None };
        let mut opened = Opened { created: false, set_aside: None, migrated_from: None, checked: false };
        if file::is_orphaned(&writer.path) {
            let damage = LAYOUT.damaged(&writer.path, "the file is gone and only its log is there");
            opened.set_aside = Some(writer.replace(now, &damage)?);
        } else if !writer.path.exists() {
            writer.create(now, 0)?;
        } else {
            match file::open(&writer.path, &LAYOUT) {
                Ok((connection, Findings { migrated_from, checked })) => {
                    writer.connection = Some(connection);
                    return Ok((writer, Opened { migrated_from, checked, ..opened }));
                }
                Err(damage) if damage.is_damage() => opened.set_aside = Some(writer.replace(now, &damage)?),
                Err(error) => return Err(error),
            }
        }
        opened.created = true;
        Ok((writer, opened))
    }

    fn create(&mut self, now: DateTime<Utc>, epoch: u32) -> Result<(), JournalError> {
        file::create(&self.path, &LAYOUT, |connection| {
            let insert =
                "INSERT INTO meta (only, created, written_by, clean, epoch) VALUES (1, ?1, ?2, 1, ?3)";
            let values = params![file::time_text(now), env!("CARGO_PKG_VERSION"), epoch];
            connection.execute(insert, values).map(drop)
        })?;
        self.connection = Some(file::open(&self.path, &LAYOUT)?.0);
        self.identity = Identity::of(&self.path);
        Ok(())
    }

    /// Sets the damaged file aside and begins a fresh one.
    fn replace(&mut self, now: DateTime<Utc>, damage: &JournalError) -> Result<PathBuf, JournalError> {
        self.connection = None;
        let aside = file::set_aside(&self.path, now)?;
        let epoch = salvage_epoch(&aside).unwrap_or_else(|| seconds_since_2020(now));
        self.create(now, epoch)?;
        let detail = match damage {
            JournalError::Damaged { detail, .. } => detail.clone(),
            other => other.line(),
        };
        let trouble = format!(
            "the journal {} was damaged ({detail}); it is kept as {} and a fresh one was begun: commands, sign-ups and \
             alerts that were pending are forgotten, look through the old one with sqlite3",
            self.path.display(),
            aside.display()
        );
        tracing::error!("{trouble}");
        self.trouble = Some(trouble);
        Ok(aside)
    }

    fn restore(&mut self, now: DateTime<Utc>) -> Result<Restored, JournalError> {
        let restored = match self.load() {
            Err(damage) if damage.is_damage() => {
                self.replace(now, &damage)?;
                self.load()
            }
            loaded => loaded,
        };
        Ok(Restored { trouble: self.trouble.take(), ..restored? })
    }

    fn load(&mut self) -> Result<Restored, JournalError> {
        let Writer { path, connection, .. } = self;
        let connection = present(connection, path)?;
        rows::count_start_and_load(connection).map_err(|source| LAYOUT.error(path, "read", source))
    }

    fn copy(&mut self, collection: Collection) -> Result<Option<Vec<Versioned<Content>>>, JournalError> {
        let Writer { path, connection, .. } = self;
        let connection = present(connection, path)?;
        copies::load(connection, collection).map_err(|source| LAYOUT.error(path, "read", source))
    }

    fn commit(&mut self, batch: &[Entry]) -> Result<(), JournalError> {
        let Writer { path, connection, identity, .. } = self;
        identity.check(path)?;
        let connection = present(connection, path)?;
        let written = (|| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            for entry in batch {
                rows::apply(&transaction, entry)?;
            }
            transaction.commit()
        })();
        written.map_err(|source| LAYOUT.error(path, "write", source))
    }

    fn limit_pages(&mut self, pages: u32) {
        if let Some(connection) = &self.connection {
            let limited = connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()));
            if let Err(error) = limited {
                tracing::warn!(%error, "size of the journal not limited");
            }
        }
    }

    fn close(self) {
        if let Some(connection) = self.connection {
            file::close(connection, &self.path);
        }
    }
}

fn present<'a>(
    connection: &'a mut Option<Connection>,
    path: &Path,
) -> Result<&'a mut Connection, JournalError> {
    connection.as_mut().ok_or_else(|| JournalError::Stopped { path: path.into() })
}

/// The epoch in a damaged file, if that much can still be read.
fn salvage_epoch(path: &Path) -> Option<u32> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).ok()?;
    file::meta(&connection, "epoch").ok()
}

/// An epoch that no earlier start can have reached, with at most one start a second.
fn seconds_since_2020(now: DateTime<Utc>) -> u32 {
    const START_OF_2020: i64 = 1_577_836_800;
    u32::try_from(now.timestamp().saturating_sub(START_OF_2020)).unwrap_or(1)
}
