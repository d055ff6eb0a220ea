//! Entries to rows and back.

use super::{copies, slots};
use crate::sqlite::file::time_text;
use chrono::{DateTime, Utc};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};
use smarthome_core::engine::{
    Alert, AlertCode, AlertRow, Collection, CommandRow, CommandState, EffectId, Entry, KnownStatus, Restored,
    Revision, Write, WriteRow,
};
use smarthome_core::topic::Client;
use smarthome_core::{Origin, Origins, Part, PartSet};

/// The tables whose rows have an id.
const TABLES: [&str; 3] = ["command", "document_write", "alert"];

/// Writes one entry.
pub(super) fn apply(transaction: &Transaction<'_>, entry: &Entry) -> rusqlite::Result<()> {
    match entry {
        Entry::Command(row) | Entry::Progress(row) => {
            remove(transaction, row.id, Some("command"))?;
            put_command(transaction, row)
        }
        Entry::Write(row) => {
            remove(transaction, row.id, Some("document_write"))?;
            put_write(transaction, row)
        }
        Entry::Alert(row) => {
            remove(transaction, row.id, Some("alert"))?;
            put_alert(transaction, row)
        }
        Entry::Remove(id) | Entry::Replaced(id) => remove(transaction, *id, None),
        Entry::Status(known) => {
            let put = "INSERT OR REPLACE INTO status (only, frame, at) VALUES (1, ?1, ?2)";
            let values = params![known.status.to_string(), time_text(known.at)];
            transaction.prepare_cached(put)?.execute(values).map(drop)
        }
        Entry::Slot(row) => slots::put(transaction, row),
        Entry::RemoveSlot(key) => slots::remove(transaction, key),
        Entry::Rename { from, to } => slots::rename(transaction, from, to),
        Entry::Copy(collection, change) => copies::apply(transaction, *collection, change),
    }
}

/// Removes what is kept under the id, but for one table whose row is about to be replaced.
fn remove(transaction: &Transaction<'_>, id: EffectId, except: Option<&str>) -> rusqlite::Result<()> {
    for table in TABLES.into_iter().filter(|table| Some(*table) != except) {
        let delete = format!("DELETE FROM {table} WHERE epoch = ?1 AND counter = ?2");
        transaction.prepare_cached(&delete)?.execute(params![id.epoch, counter(id)?])?;
    }
    Ok(())
}

fn put_command(transaction: &Transaction<'_>, row: &CommandRow) -> rusqlite::Result<()> {
    let put = "INSERT OR REPLACE INTO command \
        (epoch, counter, frame, origins, decided, valid_until, state, sends, outstanding) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    transaction.prepare_cached(put)?.execute(params![
        row.id.epoch,
        counter(row.id)?,
        row.command.to_string(),
        row.origins.to_string(),
        time_text(row.decided),
        time_text(row.valid_until),
        state_name(row.state),
        row.sends,
        row.outstanding.to_string(),
    ])?;
    Ok(())
}

fn put_write(transaction: &Transaction<'_>, row: &WriteRow) -> rusqlite::Result<()> {
    let put = "INSERT OR REPLACE INTO document_write \
        (epoch, counter, collection, document, fields, producer, kind, expected, decided) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    let (kind, expected) = match &row.write {
        Write::Merge(_) => ("merge", None),
        Write::Replace(_) => ("replace", None),
        Write::Delete(expected) => ("delete", *expected),
    };
    transaction.prepare_cached(put)?.execute(params![
        row.id.epoch,
        counter(row.id)?,
        row.collection.to_string(),
        row.document,
        row.write.text(),
        row.producer.map(Client::name),
        kind,
        expected.map(|revision| revision.0.cast_signed()),
        time_text(row.decided),
    ])?;
    Ok(())
}

fn put_alert(transaction: &Transaction<'_>, row: &AlertRow) -> rusqlite::Result<()> {
    let put = "INSERT OR REPLACE INTO alert (epoch, counter, raised, code, text) VALUES (?1, ?2, ?3, ?4, ?5)";
    transaction.prepare_cached(put)?.execute(params![
        row.id.epoch,
        counter(row.id)?,
        time_text(row.raised),
        row.alert.code.code(),
        row.alert.text,
    ])?;
    Ok(())
}

/// Counts the start and reads everything, in one transaction.
pub(super) fn count_start_and_load(connection: &mut Connection) -> rusqlite::Result<Restored> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let count = "UPDATE meta SET epoch = epoch + 1, clean = 0, written_by = ?1 WHERE only = 1 \
        RETURNING epoch, created";
    let version = params![env!("CARGO_PKG_VERSION")];
    let (epoch, created) = transaction.query_row(count, version, |row| Ok((row.get(0)?, time(row, 1)?)))?;
    let commands = all(&transaction, "SELECT * FROM command ORDER BY epoch, counter", command_row)?;
    let writes = all(&transaction, "SELECT * FROM document_write ORDER BY epoch, counter", write_row)?;
    let alerts = all(&transaction, "SELECT * FROM alert ORDER BY epoch, counter", alert_row)?;
    let status = transaction.query_row("SELECT frame, at FROM status", [], status_row).optional()?;
    let slots = slots::all(&transaction)?;
    copies::check(&transaction)?;
    transaction.commit()?;
    Ok(Restored { epoch, created, commands, writes, alerts, status, slots, trouble: None })
}

fn all<T>(
    connection: &Connection,
    select: &str,
    read: fn(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    connection.prepare(select)?.query_map([], read)?.collect()
}

fn command_row(row: &Row<'_>) -> rusqlite::Result<CommandRow> {
    Ok(CommandRow {
        id: id(row)?,
        command: parsed(row, 2, |text| text.parse().ok())?,
        origins: parsed(row, 3, origins)?,
        decided: time(row, 4)?,
        valid_until: time(row, 5)?,
        state: parsed(row, 6, state_named)?,
        sends: row.get(7)?,
        outstanding: parsed(row, 8, parts)?,
    })
}

fn write_row(row: &Row<'_>) -> rusqlite::Result<WriteRow> {
    let producer = match row.get_ref(5)?.data_type() {
        Type::Null => None,
        _ => Some(parsed(row, 5, Client::named)?),
    };
    Ok(WriteRow {
        id: id(row)?,
        collection: parsed(row, 2, collection_named)?,
        document: row.get(3)?,
        write: write(row)?,
        decided: time(row, 8)?,
        producer,
    })
}

fn write(row: &Row<'_>) -> rusqlite::Result<Write> {
    let fields = row.get(4)?;
    let expected = row.get::<_, Option<i64>>(7)?.map(|revision| Revision(revision.cast_unsigned()));
    parsed(row, 6, |kind| match kind {
        "merge" => Some(Write::Merge(fields)),
        "replace" => Some(Write::Replace(fields)),
        "delete" => Some(Write::Delete(expected)),
        _ => None,
    })
}

fn alert_row(row: &Row<'_>) -> rusqlite::Result<AlertRow> {
    let code = parsed(row, 3, |text| AlertCode::ALL.into_iter().find(|code| code.code() == text))?;
    Ok(AlertRow { id: id(row)?, raised: time(row, 2)?, alert: Alert { code, text: row.get(4)? } })
}

fn status_row(row: &Row<'_>) -> rusqlite::Result<KnownStatus> {
    Ok(KnownStatus { status: parsed(row, 0, |text| text.parse().ok())?, at: time(row, 1)? })
}

fn id(row: &Row<'_>) -> rusqlite::Result<EffectId> {
    let counter = row.get::<_, i64>(1)?;
    let counter = u64::try_from(counter).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(1, counter))?;
    Ok(EffectId { epoch: row.get(0)?, counter })
}

/// SQLite's integers have a sign; no run ever counts so far.
pub(super) fn counter(id: EffectId) -> rusqlite::Result<i64> {
    i64::try_from(id.counter).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

pub(super) fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<DateTime<Utc>> {
    // The strict parser is the fast one; years of five digits need the other.
    let strict = |text: &str| DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc());
    parsed(row, column, |text| strict(text).or_else(|| text.parse().ok()))
}

pub(super) fn parsed<T>(
    row: &Row<'_>,
    column: usize,
    parse: impl FnOnce(&str) -> Option<T>,
) -> rusqlite::Result<T> {
    let value = row.get_ref(column)?;
    let kind = value.data_type();
    let text = value.as_str().map_err(|error| unreadable(column, kind, error.to_string()))?;
    parse(text).ok_or_else(|| unreadable(column, kind, format!("not understood: {text:?}")))
}

pub(super) fn unreadable(column: usize, kind: Type, detail: String) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, kind, detail.into())
}

fn origins(text: &str) -> Option<Origins> {
    list(text).map(Origin::named).collect()
}

/// What `PartSet` displays, back again.
fn parts(text: &str) -> Option<PartSet> {
    if text == "none" {
        return Some(PartSet::EMPTY);
    }
    list(text).map(part_named).collect()
}

fn part_named(name: &str) -> Option<Part> {
    Some(match name {
        "mode" => Part::Mode,
        "air conditioner" => Part::AirConditioner,
        "light" => Part::Light,
        "window" => Part::Window,
        "gas valve" => Part::GasValve,
        _ => return None,
    })
}

fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(", ").filter(|name| !name.is_empty())
}

pub(super) fn collection_named(name: &str) -> Option<Collection> {
    Collection::ALL.into_iter().find(|collection| collection.to_string() == name)
}

fn state_name(state: CommandState) -> &'static str {
    match state {
        CommandState::Claimed => "claimed",
        CommandState::Sent => "sent",
    }
}

fn state_named(name: &str) -> Option<CommandState> {
    [CommandState::Claimed, CommandState::Sent].into_iter().find(|state| state_name(*state) == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_set_of_parts_and_origins_is_read_back() {
        for bits in 0..32_u32 {
            let set: PartSet = Part::ALL.into_iter().filter(|part| bits & (1 << *part as u32) != 0).collect();
            assert_eq!(parts(&set.to_string()), Some(set));
        }
        for bits in 0..256_u32 {
            let set: Origins =
                Origin::ALL.into_iter().filter(|origin| bits & (1 << *origin as u32) != 0).collect();
            assert_eq!(origins(&set.to_string()), Some(set));
        }
        assert_eq!((parts("lamp"), origins("nobody")), (None, None));
    }
}
