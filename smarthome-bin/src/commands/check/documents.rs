//! Which schedules and modes the daemon leaves alone: wrong ones, and once-schedules that nobody judges any more.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{DateTime, Utc};
use smarthome_adapters::{journal, sqlite};
use smarthome_core::engine::Collection;
use smarthome_core::schedule::When;
use smarthome_core::{Calendar, Digit, HomeZone, Mode, Schedule, Slot};

use super::super::document;
use super::{Report, Verdict};
use crate::control::{Connection, DocumentEntry, Request};
use crate::documents::entry;
use crate::exit::Failure;
use crate::wiring;

/// A line for each document that has no effect.
pub(super) async fn check(
    directory: &Path,
    daemon: bool,
    zone: HomeZone,
    report: &mut Report,
) -> Result<(), Failure> {
    let begun = match begun(&directory.join(wiring::JOURNAL)) {
        Ok(begun) => begun,
        Err(why) => return report.line("journal", Verdict::Fail, why),
    };
    let (modes, schedules) = match (
        all(directory, daemon, Collection::Modes).await,
        all(directory, daemon, Collection::Schedules).await,
    ) {
        (Ok(modes), Ok(schedules)) => (modes, schedules),
        (Err(why), _) | (_, Err(why)) => return report.line("documents", Verdict::Fail, why),
    };
    report.line("documents", Verdict::Ok, format!("{} modes, {} schedules", modes.len(), schedules.len()))?;
    for (id, why) in wrong_modes(&modes) {
        report.line("mode", Verdict::Warn, format!("{id:?} is left out: {why}"))?;
    }
    for DocumentEntry { id, fields } in &schedules {
        match Schedule::from_fields(fields, &zone) {
            Err(fault) => report.line("schedule", Verdict::Warn, format!("{id:?} is left out: {fault}"))?,
            Ok(schedule) => {
                if let Some(slot) = never_judged(&schedule, begun, zone) {
                    let text = format!(
                        "{id:?} stays and never fires: {slot} was before this home's journal; delete it, or give it \
                         a date to come"
                    );
                    report.line("schedule", Verdict::Warn, text)?;
                }
            }
        }
    }
    Ok(())
}

/// From when on slots are judged: since the journal was begun, or from now on when there is none yet.
fn begun(path: &Path) -> Result<DateTime<Utc>, String> {
    if !path.exists() {
        return Ok(Utc::now());
    }
    journal::created(path).map_err(|error| error.line())
}

/// Every document of a kind: from the daemon when one runs, else from the store, which this leaves as it is.
async fn all(directory: &Path, daemon: bool, collection: Collection) -> Result<Vec<DocumentEntry>, String> {
    if daemon {
        let asked = async {
            let connection = Connection::require(directory).await?;
            document::through_daemon(connection, &Request::Documents { collection }).await
        };
        return asked.await.map_err(|failure| failure.to_string());
    }
    let path = directory.join(wiring::STORE);
    if !path.exists() {
        return Ok(Vec::new());
    }
    let found = sqlite::read(&path, collection).map_err(|error| error.line())?;
    Ok(found.into_iter().map(entry).collect())
}

/// The modes that cannot be used, and why: as the daemon says it.
fn wrong_modes(modes: &[DocumentEntry]) -> Vec<(&str, String)> {
    let mut first: BTreeMap<Digit, &str> = BTreeMap::new();
    let mut wrong = Vec::new();
    for DocumentEntry { id, fields } in modes {
        match Mode::from_fields(fields) {
            Err(fault) => wrong.push((id.as_str(), fault.to_string())),
            Ok(mode) => {
                let winner = *first.entry(mode.number()).or_insert(id);
                if winner != id {
                    wrong.push((id, format!("mode {} is {winner:?} already", mode.number())));
                }
            }
        }
    }
    wrong
}

/// The slot of a once-schedule that was due before the journal: nobody judges it, so it is not deleted either.
fn never_judged(schedule: &Schedule, begun: DateTime<Utc>, zone: HomeZone) -> Option<Slot> {
    let When::Once { at, on } = schedule.when else { return None };
    let slot = Slot { date: on, at };
    (zone.due(slot).at < begun.min(Utc::now())).then_some(slot)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn once(at: &str) -> Schedule {
        let (date, time) = at.split_once('T').unwrap();
        let fields = json!({"enabled": true, "repeat": false, "startTime": time, "activeDate": date});
        Schedule::from_fields(fields.as_object().unwrap(), &HomeZone::default()).unwrap()
    }

    #[test]
    fn what_was_due_since_the_journal_was_begun_is_the_daemons_business() {
        let zone = HomeZone::default();
        // 07:30 in Seoul.
        let begun = "2025-03-01T22:30:00Z".parse().unwrap();
        let judged = |at: &str| never_judged(&once(at), begun, zone).is_none();
        assert_eq!(
            ["2025-03-02T0729", "2025-03-02T0730", "9999-01-01T0000"].map(judged),
            [false, true, true]
        );
        let weekly = json!({"enabled": true, "repeat": true, "startTime": "0729", "daysOfWeek": [1, 1, 1, 1, 1, 1, 1]});
        let weekly = Schedule::from_fields(weekly.as_object().unwrap(), &zone).unwrap();
        assert_eq!(never_judged(&weekly, begun, zone), None);
    }

    #[test]
    fn wrong_modes_are_named_and_of_two_with_one_number_the_later() {
        let mode = |id: &str, number: u8| DocumentEntry {
            id: id.into(),
            fields: json!({"modeNum": number, "modeName": "x", "airconEnable": false, "lightEnable": false,
                "windowOpen": false, "gasValveEnable": false})
            .as_object()
            .unwrap()
            .clone(),
        };
        let modes = [mode("a", 3), mode("b", 12), mode("c", 3), mode("d", 4)];
        let wrong = wrong_modes(&modes);
        assert_eq!(wrong[0].0, "b");
        assert_eq!(wrong[1..], [("c", "mode 3 is \"a\" already".to_string())]);
    }
}
