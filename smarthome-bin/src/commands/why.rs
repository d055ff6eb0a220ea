//! `smarthome why`: what became of a schedule's slots. It reads the journal, also while a daemon runs.

use serde_json::json;
use smarthome_adapters::journal;
use smarthome_core::engine::SlotRow;
use smarthome_core::{Calendar, HomeZone, Slot};

use super::load_with_directory;
use crate::cli::{Global, Why};
use crate::exit::Failure;
use crate::{output, wiring};

/// Prints what is known, the newest first.
pub(super) fn run(global: &Global, args: &Why) -> Result<(), Failure> {
    let (loaded, directory) = load_with_directory(global)?;
    let zone = loaded.config.home.zone;
    let path = directory.join(wiring::JOURNAL);
    if !path.exists() {
        return Err(Failure::NoSuchDocument(args.title.clone()));
    }
    let broken = |why: String| Failure::State { directory: directory.clone(), why };
    let rows = journal::history(&path, Some(&args.title)).map_err(|error| broken(error.line()))?;
    let rows: Vec<&SlotRow> = rows.iter().filter(|row| args.at.is_none_or(|at| covers(row, at))).collect();
    if rows.is_empty() {
        output::complain(format_args!("nothing came due of {:?} that this journal knows of", args.title));
    }
    rows.into_iter().try_for_each(|row| {
        if args.json { output::json(&object(row)) } else { output::line(text(row, zone)) }
    })
}

/// Whether the row tells of that slot; missed ones share the latest's.
fn covers(row: &SlotRow, at: Slot) -> bool {
    let first = row.missed.map_or(row.key.slot, |missed| missed.first);
    (first..=row.key.slot).contains(&at)
}

fn object(row: &SlotRow) -> serde_json::Value {
    json!({
        "schedule": row.key.schedule, "slot": row.key.slot, "state": row.state, "due": row.due, "judged": row.judged,
        "frame": row.frame.map(|frame| frame.to_string()), "why": row.why, "missed": row.missed,
    })
}

fn text(row: &SlotRow, zone: HomeZone) -> String {
    let judged = zone.local(row.judged).format("%Y-%m-%d %H:%M:%S").to_string();
    let more = row.missed.map(|missed| format!(" ({} slots since {})", missed.count, missed.first));
    let frame = row.frame.map(|frame| format!(", sent {frame}"));
    let why = if row.why.is_empty() { String::new() } else { format!(": {}", row.why) };
    format!(
        "{}  {}{}  decided {judged}{}{why}",
        row.key.slot,
        row.state.name(),
        more.unwrap_or_default(),
        frame.unwrap_or_default()
    )
}
