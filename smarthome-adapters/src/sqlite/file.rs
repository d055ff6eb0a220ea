//! Making, checking, migrating and setting aside the program's own SQLite files.

use super::error::{SqliteError, means_damage};
use chrono::{DateTime, SecondsFormat, Utc};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior, params};
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a statement waits for another process, such as a person's `sqlite3`, to let go of the file.
const BUSY: Duration = Duration::from_secs(2);

/// Files up to this size are checked at every start: reading 1.5 MiB took 2 ms, 14 MiB took 20 ms.
const ALWAYS_CHECKED: u64 = 2 * 1024 * 1024;

/// One kind of file.
///
/// Every kind has a table `meta` with one row and the columns `only`, `created`, `written_by` and `clean`.
/// A new kind of value in a column that older versions parse needs a new layout too, or they take it for damage.
pub(crate) struct Layout {
    /// Its name in messages.
    pub(crate) what: &'static str,
    /// Tells it from other SQLite files.
    pub(crate) application_id: i32,
    /// What leads from each layout to the next, from nothing to the newest.
    pub(crate) migrations: &'static [&'static str],
    /// What a person does about a damaged one.
    pub(crate) remedy: &'static str,
}

impl Layout {
    fn newest(&self) -> i64 {
        i64::try_from(self.migrations.len()).unwrap_or(i64::MAX)
    }

    pub(crate) fn damaged(&self, path: &Path, detail: impl Into<String>) -> SqliteError {
        SqliteError::Damaged {
            path: path.into(),
            what: self.what,
            detail: detail.into(),
            remedy: self.remedy,
        }
    }

    /// An error of SQLite's, told apart by whether the file is to blame.
    pub(crate) fn error(&self, path: &Path, operation: &'static str, source: rusqlite::Error) -> SqliteError {
        if means_damage(&source) {
            return self.damaged(path, format!("cannot {operation}: {source}"));
        }
        SqliteError::Sql { path: path.into(), operation, source }
    }
}

/// What was found on opening.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Findings {
    /// The layout before it was brought up to date.
    pub(crate) migrated_from: Option<i64>,
    /// Whether the whole file was read and checked.
    pub(crate) checked: bool,
}

/// Tells a file from another one that came to its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identity(Option<(u64, u64)>);

impl Identity {
    /// The file that is at `path` now.
    pub(crate) fn of(path: &Path) -> Identity {
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            Identity(fs::metadata(path).ok().map(|file| (file.dev(), file.ino())))
        }
        #[cfg(not(unix))]
        Identity(path.exists().then_some((0, 0)))
    }

    /// An error when the file is not there any more: SQLite would go on writing into what nobody finds again.
    pub(crate) fn check(self, path: &Path) -> Result<(), SqliteError> {
        if Identity::of(path) == self { Ok(()) } else { Err(SqliteError::Gone { path: path.into() }) }
    }
}

/// Makes a file where none is; `first` fills in `meta`. It appears under its name when it is complete.
pub(crate) fn create(
    path: &Path,
    layout: &Layout,
    first: impl FnOnce(&Connection) -> rusqlite::Result<()>,
) -> Result<(), SqliteError> {
    let unfinished = beside(path, ".new");
    for leftover in family(&unfinished) {
        remove(&leftover)?;
    }
    make_private(&unfinished)?;
    let sql = |source| SqliteError::Sql { path: path.into(), operation: "create", source };
    let mut connection = connect(&unfinished).map_err(sql)?;
    let filled = (|| {
        configure(&connection)?;
        connection.pragma_update(None, "application_id", layout.application_id)?;
        migrate(&mut connection, layout, 0)?;
        first(&connection)
    })();
    filled.map_err(sql)?;
    connection.close().map_err(|(_, source)| sql(source))?;
    fs::rename(&unfinished, path).map_err(|source| io_error(path, "create", source))?;
    sync_directory(path)
}

/// Opens a file that exists, checks that it is what it should be, and brings it up to date.
pub(crate) fn open(path: &Path, layout: &Layout) -> Result<(Connection, Findings), SqliteError> {
    let size = fs::metadata(path).map_err(|source| io_error(path, "open", source))?.len();
    if size == 0 {
        return Err(layout.damaged(path, "it is empty"));
    }
    let error = |operation| move |source| layout.error(path, operation, source);
    let mut connection = connect(path).map_err(error("open"))?;
    // Whatever is found to be wrong is left as it is, the write-ahead log included.
    let keep_evidence = |on| connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, on);
    keep_evidence(true).map_err(error("open"))?;
    let found = identify(&connection, path, layout)?;
    configure(&connection).map_err(error("open"))?;
    let clean: bool = meta(&connection, "clean").map_err(error("read"))?;
    let checked = !clean || size <= ALWAYS_CHECKED;
    if checked {
        check(&connection, path, layout)?;
    }
    keep_evidence(false).map_err(error("open"))?;
    let migrated_from = (found < layout.newest()).then_some(found);
    if migrated_from.is_some() {
        migrate(&mut connection, layout, found).map_err(error("migrate"))?;
    }
    Ok((connection, Findings { migrated_from, checked }))
}

/// Opens a file to read it, which somebody else may have open, and says which layout it has.
pub(crate) fn open_to_read(path: &Path, layout: &Layout) -> Result<(Connection, i64), SqliteError> {
    let size = fs::metadata(path).map_err(|source| io_error(path, "open", source))?.len();
    if size == 0 {
        return Err(layout.damaged(path, "it is empty"));
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opened = Connection::open_with_flags(path, flags).and_then(|connection| {
        connection.busy_timeout(BUSY)?;
        Ok(connection)
    });
    let connection = opened.map_err(|source| layout.error(path, "open", source))?;
    let found = identify(&connection, path, layout)?;
    Ok((connection, found))
}

/// One column of the row of `meta`.
pub(crate) fn meta<T: rusqlite::types::FromSql>(
    connection: &Connection,
    column: &str,
) -> rusqlite::Result<T> {
    connection.query_row(&format!("SELECT {column} FROM meta WHERE only = 1"), [], |row| row.get(0))
}

/// Notes that everything is in order, and closes.
pub(crate) fn close(connection: Connection, path: &Path) {
    let marked = connection.execute("UPDATE meta SET clean = 1 WHERE clean = 0", []);
    if let Err(error) = marked.and_then(|_| connection.close().map_err(|(_, error)| error)) {
        tracing::warn!(path = %path.display(), %error, "not closed cleanly; it will be checked at the next start");
    }
}

/// Renames a file and what belongs to it, and returns the new name.
pub(crate) fn set_aside(path: &Path, now: DateTime<Utc>) -> Result<PathBuf, SqliteError> {
    let stamp = now.format("%Y%m%dT%H%M%SZ");
    let plain = beside(path, &format!(".damaged-{stamp}"));
    let free = |name: &PathBuf| !family(name).iter().any(|file| file.symlink_metadata().is_ok());
    let numbered = (2..).map(|n| beside(&plain, &format!(".{n}")));
    let new = std::iter::once(plain.clone()).chain(numbered).find(free).unwrap_or(plain.clone());
    // The file itself goes first: interrupted, the next start finds an orphaned log and sets that aside too.
    for (from, to) in family(path).into_iter().zip(family(&new)) {
        match fs::rename(&from, &to) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(io_error(path, "set aside the damaged", error));
            }
            _ => {}
        }
    }
    sync_directory(path)?;
    Ok(new)
}

/// Whether a write-ahead log lies there without its file.
pub(crate) fn is_orphaned(path: &Path) -> bool {
    let [file, wal, shm] = family(path);
    !file.exists() && (wal.exists() || shm.exists())
}

/// A time as people read it, without losing any of it.
pub(crate) fn time_text(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if mode != "wal" {
        tracing::warn!(mode, "the file system cannot keep a write-ahead log; writing is slower, and as safe");
    }
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "trusted_schema", false)
}

/// The file's layout, when it is one of ours that this version understands.
fn identify(connection: &Connection, path: &Path, layout: &Layout) -> Result<i64, SqliteError> {
    let number = |pragma: &str| {
        let read = connection.query_row(&format!("PRAGMA {pragma}"), [], |row| row.get::<_, i64>(0));
        read.map_err(|source| layout.error(path, "read", source))
    };
    let id = number("application_id")?;
    if id != i64::from(layout.application_id) {
        return Err(SqliteError::Foreign { path: path.into(), what: layout.what });
    }
    let found = number("user_version")?;
    if found > layout.newest() {
        let written_by = meta(connection, "written_by").unwrap_or_else(|_| "unknown".into());
        return Err(SqliteError::Newer { path: path.into(), found, known: layout.newest(), written_by });
    }
    if found < 1 {
        return Err(layout.damaged(path, format!("it names layout {found}, which never was")));
    }
    Ok(found)
}

fn check(connection: &Connection, path: &Path, layout: &Layout) -> Result<(), SqliteError> {
    let verdict = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0));
    match verdict {
        Ok(verdict) if verdict == "ok" => Ok(()),
        Ok(verdict) => Err(layout.damaged(path, verdict.replace('\n', " "))),
        Err(source) => Err(layout.error(path, "check", source)),
    }
}

fn migrate(connection: &mut Connection, layout: &Layout, from: i64) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let done = usize::try_from(from).unwrap_or(usize::MAX);
    for statements in layout.migrations.iter().skip(done) {
        transaction.execute_batch(statements)?;
    }
    transaction.pragma_update(None, "user_version", layout.newest())?;
    transaction.execute("UPDATE meta SET written_by = ?1", params![env!("CARGO_PKG_VERSION")])?;
    transaction.commit()
}

/// The file, its write-ahead log and its shared memory.
fn family(path: &Path) -> [PathBuf; 3] {
    [path.into(), beside(path, "-wal"), beside(path, "-shm")]
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

/// An empty file that only its owner reads; SQLite gives its log the same rights.
fn make_private(path: &Path) -> Result<(), SqliteError> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop).map_err(|source| io_error(path, "create", source))
}

fn remove(path: &Path) -> Result<(), SqliteError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_error(path, "remove", error)),
        _ => Ok(()),
    }
}

/// Makes a rename in the file's directory last.
fn sync_directory(path: &Path) -> Result<(), SqliteError> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let synced = fs::File::open(directory).and_then(|directory| directory.sync_all());
    synced.map_err(|source| io_error(directory, "sync", source))
}

fn io_error(path: &Path, operation: &'static str, source: io::Error) -> SqliteError {
    SqliteError::Io { path: path.into(), operation, source }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const LAYOUT: Layout = Layout {
        what: "trial",
        application_id: 7,
        migrations: &[
            "CREATE TABLE meta (only INTEGER PRIMARY KEY, created TEXT, written_by TEXT, clean INTEGER)",
            "ALTER TABLE meta ADD COLUMN second INTEGER NOT NULL DEFAULT 2",
        ],
        remedy: "do nothing",
    };

    fn first(connection: &Connection) -> rusqlite::Result<()> {
        connection
            .execute("INSERT INTO meta (only, created, written_by, clean) VALUES (1, '', '', 1)", [])
            .map(drop)
    }

    /// A killed process loses nothing that the system has, so only this shows that a power cut does not either.
    #[test]
    fn every_commit_is_synced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("trial.db");
        create(&path, &LAYOUT, first).unwrap();
        let (connection, _) = open(&path, &LAYOUT).unwrap();
        let pragma = |name: &str| {
            connection
                .query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, rusqlite::types::Value>(0))
                .unwrap()
        };
        assert_eq!(pragma("synchronous"), 2.into());
        assert_eq!(pragma("journal_mode"), "wal".to_string().into());
    }

    #[test]
    fn an_older_layout_is_brought_up_to_date_once() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("trial.db");
        let older = Layout { migrations: &LAYOUT.migrations[..1], ..LAYOUT };
        create(&path, &older, first).unwrap();
        for migrated_from in [Some(1), None] {
            let (connection, findings) = open(&path, &LAYOUT).unwrap();
            assert_eq!(findings.migrated_from, migrated_from);
            assert_eq!(meta::<i64>(&connection, "second").unwrap(), 2);
            assert_eq!(meta::<String>(&connection, "written_by").unwrap(), env!("CARGO_PKG_VERSION"));
        }
        assert!(matches!(open(&path, &older), Err(SqliteError::Newer { found: 2, known: 1, .. })));
    }

    #[test]
    fn a_creation_that_was_interrupted_is_begun_anew() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("trial.db");
        for leftover in family(&beside(&path, ".new")) {
            fs::write(leftover, "half of something").unwrap();
        }
        create(&path, &LAYOUT, first).unwrap();
        open(&path, &LAYOUT).unwrap();
        assert!(!beside(&path, ".new").exists());
    }
}
