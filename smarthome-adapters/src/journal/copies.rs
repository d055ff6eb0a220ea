//! The copies of the store's collections, from which a start without the store works.

use super::rows::{collection_named, parsed, time};
use crate::sqlite::file::time_text;
use rusqlite::{Connection, Row, Transaction, params};
use smarthome_core::engine::{Collection, Content, CopyChange, Revision, Versioned};

/// Changes a copy.
pub(super) fn apply(
    transaction: &Transaction<'_>,
    collection: Collection,
    change: &CopyChange,
) -> rusqlite::Result<()> {
    let collection = collection.to_string();
    match change {
        CopyChange::Put(document) => {
            let put = "INSERT OR REPLACE INTO copy (collection, id, revision, updated, content) \
                VALUES (?1, ?2, ?3, ?4, ?5)";
            let revision = document.revision.0.cast_signed();
            let values =
                params![collection, document.id, revision, time_text(document.updated), &*document.value];
            transaction.prepare_cached(put)?.execute(values)
        }
        CopyChange::Remove(id) => {
            let delete = "DELETE FROM copy WHERE collection = ?1 AND id = ?2";
            transaction.prepare_cached(delete)?.execute(params![collection, id])
        }
        CopyChange::Complete => {
            let mark = "INSERT OR IGNORE INTO copy_complete (collection) VALUES (?1)";
            transaction.prepare_cached(mark)?.execute(params![collection])
        }
    }
    .map(drop)
}

/// The copy of a collection, ascending by id, when it is complete.
pub(super) fn load(
    connection: &Connection,
    collection: Collection,
) -> rusqlite::Result<Option<Vec<Versioned<Content>>>> {
    let name = collection.to_string();
    let complete = "SELECT EXISTS (SELECT 1 FROM copy_complete WHERE collection = ?1)";
    if !connection.query_row(complete, params![name], |row| row.get::<_, bool>(0))? {
        return Ok(None);
    }
    let select = "SELECT id, revision, updated, content FROM copy WHERE collection = ?1 ORDER BY id";
    let mut statement = connection.prepare(select)?;
    statement.query_map(params![name], document)?.collect::<Result<_, _>>().map(Some)
}

/// Reads every copy and keeps nothing: what cannot be read is damage, and is to be found at the start.
pub(super) fn check(connection: &Connection) -> rusqlite::Result<()> {
    let select = "SELECT collection, updated, id, content FROM copy";
    let mut statement = connection.prepare(select)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        parsed(row, 0, collection_named)?;
        time(row, 1)?;
        parsed(row, 2, |_| Some(()))?;
        parsed(row, 3, |_| Some(()))?;
    }
    Ok(())
}

fn document(row: &Row<'_>) -> rusqlite::Result<Versioned<Content>> {
    Ok(Versioned {
        id: row.get(0)?,
        revision: Revision(row.get::<_, i64>(1)?.cast_unsigned()),
        updated: time(row, 2)?,
        value: row.get::<_, String>(3)?.into(),
    })
}
