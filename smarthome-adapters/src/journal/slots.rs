//! The ledger: what became of slots.

use super::rows::{counter, parsed, time};
use crate::sqlite::file::time_text;
use rusqlite::types::Type;
use rusqlite::{Connection, Row, Transaction, params};
use smarthome_core::engine::{EffectId, MissedSlots, Revision, SlotKey, SlotRow, SlotState};

const COLUMNS: &str = "schedule, slot, state, due, judged, revision, fingerprint, epoch, counter, frame, why, \
    missed_first, missed_count";

/// Puts a row in place of the one of its key.
pub(super) fn put(transaction: &Transaction<'_>, row: &SlotRow) -> rusqlite::Result<()> {
    let put = format!(
        "INSERT OR REPLACE INTO slot ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)"
    );
    transaction.prepare_cached(&put)?.execute(params![
        row.key.schedule,
        row.key.slot.to_string(),
        row.state.name(),
        time_text(row.due),
        time_text(row.judged),
        row.revision.0.cast_signed(),
        format!("{:016x}", row.fingerprint),
        row.command.map(|id| id.epoch),
        row.command.map(counter).transpose()?,
        row.frame.map(|frame| frame.to_string()),
        row.why,
        row.missed.map(|missed| missed.first.to_string()),
        row.missed.map(|missed| missed.count),
    ])?;
    Ok(())
}

/// Removes the row of that key.
pub(super) fn remove(transaction: &Transaction<'_>, key: &SlotKey) -> rusqlite::Result<()> {
    let delete = "DELETE FROM slot WHERE schedule = ?1 AND slot = ?2";
    transaction.prepare_cached(delete)?.execute(params![key.schedule, key.slot.to_string()]).map(drop)
}

/// Gives the rows of one title to another, in place of those that it has for the same slots.
pub(super) fn rename(transaction: &Transaction<'_>, from: &str, to: &str) -> rusqlite::Result<()> {
    let update = "UPDATE OR REPLACE slot SET schedule = ?2 WHERE schedule = ?1";
    transaction.prepare_cached(update)?.execute(params![from, to]).map(drop)
}

/// All of them, in the order of their keys.
pub(super) fn all(connection: &Connection) -> rusqlite::Result<Vec<SlotRow>> {
    let select = format!("SELECT {COLUMNS} FROM slot ORDER BY schedule, slot");
    connection.prepare(&select)?.query_map([], slot_row)?.collect()
}

/// Those of one schedule, or all of them, the newest first.
pub(super) fn newest_first(
    connection: &Connection,
    schedule: Option<&str>,
) -> rusqlite::Result<Vec<SlotRow>> {
    let select = format!("SELECT {COLUMNS} FROM slot WHERE ?1 IS NULL OR schedule = ?1");
    let mut statement = connection.prepare(&select)?;
    let mut rows: Vec<SlotRow> = statement.query_map([schedule], slot_row)?.collect::<Result<_, _>>()?;
    rows.sort_by(|a, b| b.due.cmp(&a.due).then_with(|| a.key.cmp(&b.key)));
    Ok(rows)
}

fn slot_row(row: &Row<'_>) -> rusqlite::Result<SlotRow> {
    Ok(SlotRow {
        key: SlotKey { schedule: row.get(0)?, slot: parsed(row, 1, |text| text.parse().ok())? },
        state: parsed(row, 2, SlotState::named)?,
        due: time(row, 3)?,
        judged: time(row, 4)?,
        revision: Revision(row.get::<_, i64>(5)?.cast_unsigned()),
        fingerprint: parsed(row, 6, |text| u64::from_str_radix(text, 16).ok())?,
        command: command(row)?,
        frame: optional(row, 9, |text| text.parse().ok())?,
        why: row.get(10)?,
        missed: missed(row)?,
    })
}

/// The id of its command; half of one is damage.
fn command(row: &Row<'_>) -> rusqlite::Result<Option<EffectId>> {
    if row.get_ref(7)?.data_type() == Type::Null && row.get_ref(8)?.data_type() == Type::Null {
        return Ok(None);
    }
    let counter = row.get::<_, i64>(8)?;
    let counter = u64::try_from(counter).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(8, counter))?;
    Ok(Some(EffectId { epoch: row.get(7)?, counter }))
}

/// The missed ones that share the row; half of that is damage.
fn missed(row: &Row<'_>) -> rusqlite::Result<Option<MissedSlots>> {
    let first = optional(row, 11, |text| text.parse().ok())?;
    match first {
        Some(first) => Ok(Some(MissedSlots { first, count: row.get(12)? })),
        None if row.get_ref(12)?.data_type() == Type::Null => Ok(None),
        None => Err(rusqlite::Error::InvalidColumnType(11, "missed_first".into(), Type::Null)),
    }
}

fn optional<T>(
    row: &Row<'_>,
    column: usize,
    parse: impl FnOnce(&str) -> Option<T>,
) -> rusqlite::Result<Option<T>> {
    match row.get_ref(column)?.data_type() {
        Type::Null => Ok(None),
        _ => parsed(row, column, parse).map(Some),
    }
}
