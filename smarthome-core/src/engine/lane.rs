//! The command lane: own commands from their decision until the home follows, and what everybody else commands
//! meanwhile.
//!
//! One frame is in flight at a time, so that no redelivery changes their order; closing the gas valve alone goes beside
//! it and waits for nothing. What a newer command names, an older one does not send any more.

mod decide;
mod echo;
mod judge;
mod row;
mod seen;

use super::config::Config;
use super::effect::{AlertCode, EffectId, Intent};
use super::event::Done;
use super::expectation::Expectations;
use super::journal::{CommandRow, CommandState, Entry, KnownStatus};
use super::note::Note;
use super::turn::Turn;
use crate::ports::{ErrorKind, PortError};
use crate::retry::Backoff;
use crate::{Digit, Frame, Mono, Origin, Part, PartSet, Status};
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::vec::Vec;
use chrono::{DateTime, Utc};
use core::time::Duration;
pub(crate) use decide::{Decision, Order};
use echo::Echoes;
use row::{Phase, Row, close_alone, closes_gas, screened_anew};

/// The connection as far as commands are concerned.
#[derive(Debug, Default)]
struct Gate {
    up: bool,
    /// When it went down; `None` when that was in an earlier run.
    down_since: Option<Mono>,
    /// What queued up while the connection was down has been read, or was waited for long enough.
    read: bool,
    /// Until when a fresh status is waited for after the connection came up.
    settle_by: Option<Mono>,
}

/// Whose newer command takes the place of an older one. An own one is in the journal itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Own,
    Other,
}

#[derive(Debug)]
pub(crate) struct Lane {
    rows: BTreeMap<EffectId, Row>,
    expectations: Expectations,
    echoes: Echoes,
    /// Effects on their way, with their rows, and whether they are urgent.
    leaving: BTreeMap<EffectId, (EffectId, bool)>,
    gate: Gate,
    pause: Backoff,
    /// That of urgent rows, which wait for no other.
    urgent_pause: Backoff,
    /// Counts commands, everybody's, in the order in which they were seen or decided.
    order: u64,
    /// The mode digit of the newest command.
    newest_mode: Option<Digit>,
    /// The last status the journal knows.
    recorded: Option<Status>,
    /// The status that is to be recorded.
    unrecorded: Option<KnownStatus>,
    /// The last status the journal knew at the start.
    before: Option<Status>,
    gas_open_since: Option<Mono>,
    /// When the home last reported, in this run.
    reported_at: Option<Mono>,
    /// When somebody else, or the home itself, last changed each part.
    touched: BTreeMap<Part, DateTime<Utc>>,
}

impl Lane {
    pub(crate) fn new() -> Lane {
        Lane {
            rows: BTreeMap::new(),
            expectations: Expectations::default(),
            echoes: Echoes::default(),
            leaving: BTreeMap::new(),
            gate: Gate::default(),
            pause: Backoff::new(Duration::from_millis(500), Duration::from_secs(30)),
            urgent_pause: Backoff::new(Duration::from_millis(500), Duration::from_secs(30)),
            order: 0,
            newest_mode: None,
            recorded: None,
            unrecorded: None,
            before: None,
            gas_open_since: None,
            reported_at: None,
            touched: BTreeMap::new(),
        }
    }

    /// Takes over what an earlier run left.
    pub(crate) fn restore(
        &mut self,
        rows: Vec<CommandRow>,
        status: Option<KnownStatus>,
        config: &Config,
        turn: &mut Turn<'_>,
    ) {
        for row in rows {
            let row = screened_anew(row, config, turn);
            if row.outstanding.is_empty() {
                turn.record(Entry::Remove(row.id));
                turn.note(Note::Superseded { id: row.id });
                continue;
            }
            let order = self.next_order();
            let valid_until = turn.now.deadline_for(row.valid_until, config.valid_for);
            self.newest_mode = Some(row.command.mode());
            // What waited out a crash says nothing about what a newer one names.
            self.supersede(row.outstanding, order, By::Own, |_| true, turn);
            self.rows.insert(row.id, Row::restored(row, order, valid_until));
        }
        if let Some(known) = status {
            self.recorded = Some(known.status);
            self.before = Some(known.status);
            self.expectations.last_known(known.status);
        }
    }

    /// Whether that command is not over.
    pub(crate) fn has(&self, id: EffectId) -> bool {
        self.rows.contains_key(&id)
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// How many own frames left and were not seen.
    #[cfg(feature = "testing")]
    pub(crate) fn echoes(&self) -> usize {
        self.echoes.len()
    }

    pub(crate) fn status(&self) -> Option<Status> {
        self.expectations.fresh().or(self.expectations.known())
    }

    /// Sends what may leave.
    pub(crate) fn pump(&mut self, turn: &mut Turn<'_>) {
        self.pump_urgent(turn);
        if !self.gate.up || !self.gate.read || self.pause.pause(turn.mono()).is_some() {
            return;
        }
        while !self.leaving.values().any(|(_, urgent)| !urgent) {
            let queued = self.rows.values().filter(|row| row.phase == Phase::Queued && !row.urgent);
            let Some(next) = queued.min_by_key(|row| row.order).map(|row| row.row.id) else { return };
            self.leave(next, turn);
        }
    }

    fn pump_urgent(&mut self, turn: &mut Turn<'_>) {
        if !self.gate.up || self.urgent_pause.pause(turn.mono()).is_some() {
            return;
        }
        let under_way = |id| self.leaving.values().any(|(row, _)| *row == id);
        let queued = |row: &&Row| row.urgent && row.phase == Phase::Queued && !under_way(row.row.id);
        let next: Vec<EffectId> = self.rows.values().filter(queued).map(|row| row.row.id).collect();
        for id in next {
            self.leave(id, turn);
        }
    }

    fn leave(&mut self, id: EffectId, turn: &mut Turn<'_>) {
        let (known, asked) = (self.mode_now(), self.mode_asked());
        let Some(row) = self.rows.get_mut(&id) else { return };
        if row.valid_until <= turn.mono() {
            return self.expire(id, turn);
        }
        let (parts, order, again) = (row.row.outstanding, row.order, row.has_waited());
        self.supersede(parts, order, By::Own, |_| true, turn);
        if again {
            self.yield_to_newer(order, turn);
        }
        let Some(row) = self.rows.get_mut(&id) else { return };
        row.phase = Phase::Leaving;
        row.row.sends = row.row.sends.saturating_add(1);
        let mode = row.row.command.mode();
        let known = known.unwrap_or(mode);
        let frame = Frame::from(row.frame(if row.urgent { known } else { asked.unwrap_or(mode) }));
        let close = closes_gas(row.row.command) && row.row.outstanding.contains(Part::GasValve);
        let unjournaled = close.then(|| Frame::from(close_alone(known)));
        let origins = if row.row.sends > 1 { row.row.origins.with(Origin::Resend) } else { row.row.origins };
        turn.note(Note::Sending { id, frame, send: row.row.sends, origins });
        let effect = turn.detached(Intent::SendCommand { frame, unjournaled }, Some(row.valid_until));
        self.leaving.insert(effect, (id, row.urgent));
        self.echoes.leaves(id, frame, unjournaled);
    }

    /// What leaves again says nothing about what a newer command names that still waits for its turn.
    fn yield_to_newer(&mut self, order: u64, turn: &mut Turn<'_>) {
        let newer = self.rows.values().filter(|row| row.order > order);
        let newer: Vec<_> = newer.map(|row| (row.row.outstanding, row.order)).collect();
        for (parts, newer) in newer {
            self.supersede(parts, newer, By::Own, Row::has_waited, turn);
        }
    }

    /// How a send ended; `Err` gives it back when it was none of ours.
    pub(crate) fn outcome(
        &mut self,
        effect: EffectId,
        result: Result<Done, PortError>,
        turn: &mut Turn<'_>,
    ) -> Result<(), Result<Done, PortError>> {
        let Some((id, urgent)) = self.leaving.remove(&effect) else { return Err(result) };
        match result {
            Ok(_) => self.taken(id, turn),
            Err(error) => self.not_taken(id, urgent, error.kind, turn),
        }
        Ok(())
    }

    fn taken(&mut self, id: EffectId, turn: &mut Turn<'_>) {
        self.pause.reset();
        self.urgent_pause.reset();
        self.echoes.settled(id, true, turn.mono());
        let Some(row) = self.rows.get_mut(&id) else { return };
        // Seen and not followed meanwhile, it waits to leave again.
        if row.phase == Phase::Leaving {
            row.phase = Phase::Expected;
        }
        row.row.state = CommandState::Sent;
        if row.row.sends == 1 {
            // The re-sends have to fit, however long the first send had to wait.
            let fits = turn.mono().after(Duration::from_secs(60));
            row.valid_until = row.valid_until.max(fits);
            row.row.valid_until = turn.now.wall_at(row.valid_until);
        }
        turn.note(Note::Sent { id });
        turn.record(Entry::Progress(row.row.clone()));
    }

    fn not_taken(&mut self, id: EffectId, urgent: bool, kind: ErrorKind, turn: &mut Turn<'_>) {
        if kind != ErrorKind::GiveUp {
            let pause = if urgent { &mut self.urgent_pause } else { &mut self.pause };
            pause.failed(turn.mono());
        }
        if kind == ErrorKind::UnknownOutcome {
            self.echoes.settled(id, false, turn.mono());
        } else {
            self.echoes.stayed(id);
        }
        let Some(row) = self.rows.get_mut(&id) else { return };
        if self.expectations.awaits(id) || row.phase == Phase::Queued {
            // It was seen on its way to the home, whatever became of the broker's word for it.
            if row.phase == Phase::Leaving {
                row.phase = Phase::Expected;
            }
            row.row.state = CommandState::Sent;
            return turn.record(Entry::Command(row.row.clone()));
        }
        row.phase = Phase::Queued;
        row.row.sends = row.row.sends.saturating_sub(1);
        if kind == ErrorKind::GiveUp || row.valid_until <= turn.mono() {
            self.expire(id, turn);
        }
    }

    fn expire(&mut self, id: EffectId, turn: &mut Turn<'_>) {
        let order = self.rows.get(&id).map(|row| row.order);
        let Some(row) = self.finish(id, turn) else { return };
        turn.note(Note::Expired { id });
        // What is older still says nothing about it either.
        if let Some(order) = order {
            self.supersede(row.outstanding, order, By::Other, |_| true, turn);
        }
        let text = format!(
            "command {} (from {}) could not leave in time and was dropped after {} sends: {}",
            row.command, row.origins, row.sends, row.outstanding
        );
        turn.alert(AlertCode::Expired, text);
    }

    fn finish(&mut self, id: EffectId, turn: &mut Turn<'_>) -> Option<CommandRow> {
        let row = self.rows.remove(&id)?;
        turn.record(Entry::Remove(id));
        Some(row.row)
    }

    /// Somebody newer commands these parts: older rows do not any more.
    fn supersede(
        &mut self,
        parts: PartSet,
        order: u64,
        by: By,
        which: fn(&Row) -> bool,
        turn: &mut Turn<'_>,
    ) {
        let named = |row: &Row| !row.row.outstanding.intersection(parts).is_empty();
        let older = |row: &&mut Row| row.order < order && named(row) && which(row);
        let mut done = Vec::new();
        for row in self.rows.values_mut().filter(older) {
            row.row.outstanding = row.row.outstanding.difference(parts);
            if row.row.outstanding.is_empty() {
                done.push(row.row.id);
            } else {
                let row = row.row.clone();
                turn.record(if by == By::Own { Entry::Progress(row) } else { Entry::Command(row) });
            }
        }
        for id in done {
            self.rows.remove(&id);
            turn.record(if by == By::Own { Entry::Replaced(id) } else { Entry::Remove(id) });
            turn.note(Note::Superseded { id });
        }
    }

    /// The mode digit that is asked for as far as was seen, or else that is: what a lone close carries.
    fn mode_now(&self) -> Option<Digit> {
        match self.expectations.wanted(Part::Mode) {
            Some(crate::Wanted::Mode(mode)) => Some(mode),
            _ => self
                .expectations
                .fresh()
                .map(Status::mode)
                .or(self.newest_mode)
                .or(self.status().map(Status::mode)),
        }
    }

    /// The mode digit a frame carries that is not about the mode. When a newer command about it is still to leave or to
    /// be followed, it is that one's: to say an older mode once more would be a step back.
    fn mode_asked(&self) -> Option<Digit> {
        let asked = |row: &&Row| row.phase != Phase::InDoubt && row.row.outstanding.contains(Part::Mode);
        let own = self.rows.values().filter(asked).max_by_key(|row| row.order);
        own.map(|row| row.row.command.mode()).or(self.mode_now())
    }

    /// Whether a command would leave at once.
    fn is_free(&self, now: Mono) -> bool {
        let queued = self.rows.values().any(|row| row.phase == Phase::Queued);
        self.gate.up
            && self.gate.read
            && self.pause.pause(now).is_none()
            && self.leaving.is_empty()
            && !queued
    }

    fn next_order(&mut self) -> u64 {
        self.order = self.order.saturating_add(1);
        self.order
    }
}
