//! Reading the journal while somebody else has the file.

use super::schema::LAYOUT;
use super::{JournalError, rows, slots};
use crate::sqlite::file;
use chrono::{DateTime, Utc};
use smarthome_core::engine::SlotRow;
use std::path::Path;

/// The first layout with a ledger.
const WITH_LEDGER: i64 = 2;

/// What became of slots, the newest first: those of the schedule of that title, or of all.
///
/// Changes nothing, and may be used while a daemon has the file. A file that no version with a ledger has opened yet
/// holds nothing.
pub fn history(path: impl AsRef<Path>, schedule: Option<&str>) -> Result<Vec<SlotRow>, JournalError> {
    let path = path.as_ref();
    let (connection, layout) = file::open_to_read(path, &LAYOUT)?;
    if layout < WITH_LEDGER {
        return Ok(Vec::new());
    }
    slots::newest_first(&connection, schedule).map_err(|source| LAYOUT.error(path, "read", source))
}

/// When the journal was begun: slots that were due earlier are never judged.
///
/// Changes nothing, and may be used while a daemon has the file.
pub fn created(path: impl AsRef<Path>) -> Result<DateTime<Utc>, JournalError> {
    let path = path.as_ref();
    let (connection, _) = file::open_to_read(path, &LAYOUT)?;
    let created = connection.query_row("SELECT created FROM meta", [], |row| rows::time(row, 0));
    created.map_err(|source| LAYOUT.error(path, "read", source))
}
