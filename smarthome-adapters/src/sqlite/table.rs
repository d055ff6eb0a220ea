//! Rows of a collection's table.

use super::file::Layout;
use chrono::{DateTime, Utc};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::de::IgnoredAny;
use smarthome_core::engine::{Collection, Content, Revision, Versioned};

/// The store's file. Its application id reads `SHst`.
pub(super) const LAYOUT: Layout = Layout {
    what: "store",
    application_id: 0x5348_7374,
    migrations: &[FIRST, SCHEDULES],
    remedy: "stop the program, keep a copy of the file, then put a backup in its place or rescue what is left with \
             `sqlite3 damaged.db .recover | sqlite3 rescued.db`; it is never replaced by itself",
};

const FIRST: &str = "
CREATE TABLE meta (
  only       INTEGER PRIMARY KEY CHECK (only = 1),
  created    TEXT    NOT NULL,                         -- when this file was begun
  written_by TEXT    NOT NULL,                         -- version of the program
  clean      INTEGER NOT NULL CHECK (clean IN (0, 1)), -- 1: closed in order
  revision   INTEGER NOT NULL                          -- the last one given out
) STRICT;
CREATE TABLE user_account (
  id         TEXT    PRIMARY KEY,                      -- the UID
  revision   INTEGER NOT NULL,
  updated    INTEGER NOT NULL,                         -- microseconds since 1970, UTC
  fields     TEXT    NOT NULL CHECK (json_valid(fields) AND json_type(fields) = 'object')
) STRICT, WITHOUT ROWID;
";

/// Modes and schedules.
const SCHEDULES: &str = "
CREATE TABLE modes (
  id         TEXT    PRIMARY KEY,                      -- '1. Indoor mode'
  revision   INTEGER NOT NULL,
  updated    INTEGER NOT NULL,                         -- microseconds since 1970, UTC
  fields     TEXT    NOT NULL CHECK (json_valid(fields) AND json_type(fields) = 'object')
) STRICT, WITHOUT ROWID;
CREATE TABLE schedule_mode (
  id         TEXT    PRIMARY KEY,                      -- the title
  revision   INTEGER NOT NULL,
  updated    INTEGER NOT NULL,                         -- microseconds since 1970, UTC
  fields     TEXT    NOT NULL CHECK (json_valid(fields) AND json_type(fields) = 'object')
) STRICT, WITHOUT ROWID;
";

/// The first layout with the collection's table.
pub(super) fn since(collection: Collection) -> i64 {
    if collection == Collection::Users { 1 } else { 2 }
}

/// The collection's table, if this version keeps it.
pub(super) fn name(collection: Collection) -> Option<&'static str> {
    match collection {
        Collection::Users => Some("user_account"),
        Collection::Modes => Some("modes"),
        Collection::Schedules => Some("schedule_mode"),
        _ => None,
    }
}

/// A row that is no document: its id and what is wrong.
#[derive(Debug)]
pub(super) struct Bad {
    pub(super) id: String,
    pub(super) detail: String,
}

/// A row, as a document or as what is wrong with it.
pub(super) type Read = Result<Versioned<Content>, Bad>;

/// Every row that is a document, ascending by id, and the others.
pub(super) fn all(
    connection: &Connection,
    table: &str,
) -> rusqlite::Result<(Vec<Versioned<Content>>, Vec<Bad>)> {
    let select = format!("SELECT id, revision, updated, fields FROM {table} ORDER BY id");
    let mut statement = connection.prepare_cached(&select)?;
    let mut rows = statement.query([])?;
    let (mut documents, mut others) = (Vec::new(), Vec::new());
    while let Some(row) = rows.next()? {
        match document(row)? {
            Ok(document) => documents.push(document),
            Err(bad) => others.push(bad),
        }
    }
    Ok((documents, others))
}

/// One row.
pub(super) fn one(connection: &Connection, table: &str, id: &str) -> rusqlite::Result<Option<Read>> {
    let select = format!("SELECT id, revision, updated, fields FROM {table} WHERE id = ?1");
    connection.prepare_cached(&select)?.query_row(params![id], document).optional()
}

/// Puts a row in place of the one of its id.
pub(super) fn put(
    connection: &Connection,
    table: &str,
    document: &Versioned<Content>,
) -> rusqlite::Result<()> {
    let put =
        format!("INSERT OR REPLACE INTO {table} (id, revision, updated, fields) VALUES (?1, ?2, ?3, ?4)");
    let values = params![
        document.id,
        document.revision.0.cast_signed(),
        document.updated.timestamp_micros(),
        &*document.value
    ];
    connection.prepare_cached(&put)?.execute(values).map(drop)
}

/// Removes a row.
pub(super) fn remove(connection: &Connection, table: &str, id: &str) -> rusqlite::Result<()> {
    let delete = format!("DELETE FROM {table} WHERE id = ?1");
    connection.prepare_cached(&delete)?.execute(params![id]).map(drop)
}

/// The last revision that was given out.
pub(super) fn newest_revision(connection: &Connection) -> rusqlite::Result<Revision> {
    let revision: i64 = connection
        .prepare_cached("SELECT revision FROM meta WHERE only = 1")?
        .query_row([], |row| row.get(0))?;
    Ok(Revision(revision.cast_unsigned()))
}

/// Gives out the next revision, and notes that the file was written to.
pub(super) fn next_revision(connection: &Connection) -> rusqlite::Result<Revision> {
    let next = "UPDATE meta SET revision = revision + 1, clean = 0 WHERE only = 1 RETURNING revision";
    let revision: i64 = connection.prepare_cached(next)?.query_row([], |row| row.get(0))?;
    Ok(Revision(revision.cast_unsigned()))
}

fn document(row: &Row<'_>) -> rusqlite::Result<Read> {
    let id = row.get_ref(0)?.as_str()?.to_string();
    let revision: i64 = row.get(1)?;
    let fields = match row.get_ref(3)?.as_str() {
        Ok(fields) => fields,
        Err(error) => return Ok(Err(Bad { id, detail: error.to_string() })),
    };
    if let Err(detail) = is_object(fields) {
        return Ok(Err(Bad { id, detail }));
    }
    Ok(Ok(Versioned {
        id,
        revision: Revision(revision.cast_unsigned()),
        updated: time(row)?,
        value: fields.into(),
    }))
}

fn time(row: &Row<'_>) -> rusqlite::Result<DateTime<Utc>> {
    let micros = row.get(2)?;
    DateTime::from_timestamp_micros(micros).ok_or_else(|| {
        let detail = format!("{micros} microseconds are no point in time");
        rusqlite::Error::FromSqlConversionFailure(2, Type::Integer, detail.into())
    })
}

fn is_object(text: &str) -> Result<(), String> {
    serde_json::from_str::<IgnoredAny>(text).map_err(|error| format!("not JSON: {error}"))?;
    if text.trim_start().starts_with('{') { Ok(()) } else { Err("not a JSON object".into()) }
}
