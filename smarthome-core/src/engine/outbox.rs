//! What waits to be told to the store and the operator, survives a crash, and is bounded.

use super::config::Config;
use super::effect::{Alert, AlertCode, EffectId, Intent};
use super::event::Done;
use super::journal::{AlertRow, Entry, WriteRow};
use super::note::Note;
use super::turn::Turn;
use crate::Mono;
use crate::ports::{ErrorKind, PortError};
use crate::retry::Backoff;
use crate::topic::FAULT_ERROR;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

/// How many of a kind are on their way at once.
const LEAVING: usize = 16;

/// What a row costs beside its texts, about.
const ROW: usize = 128;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Write,
    Alert,
}

/// What an outcome means.
#[derive(Debug)]
pub(crate) enum Progress {
    /// The store did it.
    Done(WriteRow, Done),
    /// The store does not work; it is tried again.
    WriteFailed(String),
    /// The store will never take it.
    WriteRefused(WriteRow, PortError),
    /// About an alert, and nothing follows.
    Told,
}

#[derive(Debug)]
pub(crate) struct Outbox {
    writes: BTreeMap<EffectId, WriteRow>,
    alerts: BTreeMap<EffectId, AlertRow>,
    /// Effects on their way, with their rows.
    leaving: BTreeMap<EffectId, (Kind, EffectId)>,
    store: Backoff,
    link: Backoff,
    bytes: usize,
    dropped_alerts: u64,
    told_full: bool,
}

impl Outbox {
    pub(crate) fn new() -> Outbox {
        Outbox {
            writes: BTreeMap::new(),
            alerts: BTreeMap::new(),
            leaving: BTreeMap::new(),
            store: Backoff::new(Duration::from_secs(1), Duration::from_secs(30)),
            link: Backoff::new(Duration::from_secs(1), Duration::from_secs(30)),
            bytes: 0,
            dropped_alerts: 0,
            told_full: false,
        }
    }

    /// Takes over what an earlier run left.
    pub(crate) fn restore(&mut self, writes: Vec<WriteRow>, alerts: Vec<AlertRow>) {
        self.bytes = writes.iter().map(write_size).chain(alerts.iter().map(alert_size)).sum();
        self.writes = writes.into_iter().map(|row| (row.id, row)).collect();
        self.alerts = alerts.into_iter().map(|row| (row.id, row)).collect();
    }

    /// Whether there is room for more.
    pub(crate) fn has_room(&self, config: &Config) -> bool {
        self.writes.len().saturating_add(self.alerts.len()) < config.outbox_rows
            && self.bytes < config.outbox_bytes
    }

    /// Takes in a document write. It is never refused: the host stops reading instead.
    pub(crate) fn write(&mut self, row: WriteRow, config: &Config, turn: &mut Turn<'_>) {
        while !self.has_room(config) && self.drop_oldest_alert(turn) {}
        self.bytes = self.bytes.saturating_add(write_size(&row));
        turn.record(Entry::Write(row.clone()));
        self.writes.insert(row.id, row);
        if !self.has_room(config) && !self.told_full {
            self.told_full = true;
            let text = format!(
                "{} rows wait for the store: no more requests are read until it works again",
                self.writes.len()
            );
            self.keep(Alert { code: AlertCode::OutboxFull, text }, turn);
        }
    }

    /// Takes in an alert, or only counts it.
    pub(crate) fn raise(&mut self, alert: Alert, config: &Config, turn: &mut Turn<'_>) {
        if self.has_room(config) {
            self.keep(alert, turn);
        } else {
            turn.note(Note::Raised(alert));
            self.dropped_alerts = self.dropped_alerts.saturating_add(1);
        }
    }

    /// Sends what may leave.
    pub(crate) fn pump(&mut self, link_up: bool, config: &Config, turn: &mut Turn<'_>) {
        if self.has_room(config) {
            self.told_full = false;
            if self.dropped_alerts > 0 {
                let text = format!("{} alerts were dropped while the outbox was full", self.dropped_alerts);
                self.dropped_alerts = 0;
                self.keep(Alert { code: AlertCode::OutboxFull, text }, turn);
            }
        }
        self.pump_writes(turn);
        if link_up {
            self.pump_alerts(turn);
        }
    }

    /// How an effect of ours ended; `None` when it was none.
    pub(crate) fn outcome(
        &mut self,
        id: EffectId,
        result: Result<Done, PortError>,
        turn: &mut Turn<'_>,
    ) -> Option<Progress> {
        let (kind, row) = self.leaving.remove(&id)?;
        let backoff = if kind == Kind::Write { &mut self.store } else { &mut self.link };
        match &result {
            Err(error) if error.kind != ErrorKind::GiveUp => {
                backoff.failed(turn.mono());
                return Some(if kind == Kind::Write {
                    Progress::WriteFailed(error.text.clone())
                } else {
                    Progress::Told
                });
            }
            _ => backoff.reset(),
        }
        turn.record(Entry::Remove(row));
        if kind == Kind::Alert {
            let size = self.alerts.remove(&row).map_or(0, |row| alert_size(&row));
            self.bytes = self.bytes.saturating_sub(size);
            return Some(Progress::Told);
        }
        let row = self.writes.remove(&row)?;
        self.bytes = self.bytes.saturating_sub(write_size(&row));
        Some(match result {
            Ok(done) => Progress::Done(row, done),
            Err(error) => Progress::WriteRefused(row, error),
        })
    }

    /// The broker is there again: what waits for it need not wait longer.
    pub(crate) fn link_up(&mut self) {
        self.link.reset();
    }

    /// When a pause is over behind which something waits.
    pub(crate) fn next(&self, link_up: bool, now: Mono) -> Option<Mono> {
        let store = self.store.pause(now).filter(|_| !self.writes.is_empty());
        let link = self.link.pause(now).filter(|_| link_up && !self.alerts.is_empty());
        store.into_iter().chain(link).min()
    }

    /// How many writes and alerts wait.
    #[cfg(feature = "testing")]
    pub(crate) fn sizes(&self) -> (usize, usize) {
        (self.writes.len(), self.alerts.len())
    }

    fn keep(&mut self, alert: Alert, turn: &mut Turn<'_>) {
        turn.note(Note::Raised(alert.clone()));
        let row = AlertRow { id: turn.id(), raised: turn.now.wall(), alert };
        self.bytes = self.bytes.saturating_add(alert_size(&row));
        turn.record(Entry::Alert(row.clone()));
        self.alerts.insert(row.id, row);
    }

    fn drop_oldest_alert(&mut self, turn: &mut Turn<'_>) -> bool {
        let Some((id, row)) = self.alerts.pop_first() else { return false };
        self.bytes = self.bytes.saturating_sub(alert_size(&row));
        self.dropped_alerts = self.dropped_alerts.saturating_add(1);
        turn.record(Entry::Remove(id));
        true
    }

    /// One write a document at a time, the oldest first: so they reach the store in order.
    fn pump_writes(&mut self, turn: &mut Turn<'_>) {
        if self.writes.is_empty() || self.store.pause(turn.mono()).is_some() {
            return;
        }
        let busy = self.rows_leaving(Kind::Write);
        let mut taken: BTreeSet<&str> =
            busy.iter().filter_map(|id| self.writes.get(id)).map(|row| row.document.as_str()).collect();
        let mut room = LEAVING.saturating_sub(busy.len());
        let mut next = Vec::new();
        for row in self.writes.values().filter(|row| !busy.contains(&row.id)) {
            if room == 0 {
                break;
            }
            if taken.insert(&row.document) {
                room = room.saturating_sub(1);
                next.push(row.clone());
            }
        }
        for row in next {
            let id = row.id;
            let effect = turn.detached(Intent::WriteDocument(row), None);
            self.leaving.insert(effect, (Kind::Write, id));
        }
    }

    fn pump_alerts(&mut self, turn: &mut Turn<'_>) {
        if self.alerts.is_empty() || self.link.pause(turn.mono()).is_some() {
            return;
        }
        let busy = self.rows_leaving(Kind::Alert);
        let waiting = self.alerts.values().filter(|row| !busy.contains(&row.id));
        let next: Vec<AlertRow> = waiting.take(LEAVING.saturating_sub(busy.len())).cloned().collect();
        for row in next {
            let intent = Intent::Alert { topic: String::from(FAULT_ERROR), alert: row.alert };
            let effect = turn.detached(intent, None);
            self.leaving.insert(effect, (Kind::Alert, row.id));
        }
    }

    fn rows_leaving(&self, kind: Kind) -> BTreeSet<EffectId> {
        self.leaving.values().filter(|(other, _)| *other == kind).map(|(_, row)| *row).collect()
    }
}

fn write_size(row: &WriteRow) -> usize {
    row.document.len().saturating_add(row.write.text().len()).saturating_add(ROW)
}

fn alert_size(row: &AlertRow) -> usize {
    row.alert.text.len().saturating_add(ROW)
}
