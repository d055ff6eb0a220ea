//! What comes in: everybody's commands, the home's status, the state of the connection.

use super::row::Phase;
use super::{By, Lane};
use crate::engine::config::Config;
use crate::engine::effect::EffectId;
use crate::engine::expectation::Owner;
use crate::engine::journal::{CommandState, Entry, KnownStatus};
use crate::engine::note::Note;
use crate::engine::turn::Turn;
use crate::{Command, Frame, Mono, Part, PartSet, Status};
use chrono::{DateTime, Utc};
use core::time::Duration;

/// How long a report counts as what the home is like.
const FRESH: Duration = Duration::from_secs(90);

impl Lane {
    /// A command on its way to the home: an own one comes back, or somebody else's.
    pub(crate) fn command_seen(&mut self, command: Command, config: &Config, turn: &mut Turn<'_>) {
        let frame = Frame::from(command);
        if self.echoes.again(frame, turn.mono()) {
            // Its place in the broker's order is where it was seen first. Should it be an equal one that left later, that
            // is expected soon enough without having been seen.
        } else if let Some((id, to_be_set)) = self.echoes.take(frame, turn.mono()) {
            if to_be_set {
                self.expect(id, config, turn);
            }
        } else if let Some(id) = self.restored_row_of(command) {
            self.restored_seen(id, turn);
        } else {
            self.foreign(command, config, turn);
        }
    }

    fn foreign(&mut self, command: Command, config: &Config, turn: &mut Turn<'_>) {
        turn.note(Note::CommandSeen { command });
        let order = self.next_order();
        self.supersede(command.parts(), order, By::Other, |_| true, turn);
        self.touched.extend(command.parts().iter().map(|part| (part, turn.now.wall())));
        self.newest_mode = Some(command.mode());
        if self.gate.up && !self.gate.read {
            // It may be old, and the home has long answered: it only counts as somebody's wish.
            return self.expectations.clear(command.parts());
        }
        let deadline = turn.mono().after(config.confirm_within);
        for wanted in Part::ALL.into_iter().filter_map(|part| command.wanted(part)) {
            self.expectations.set(wanted, Owner::Other(order), deadline);
        }
    }

    /// In a backlog, a frame that equals an own one of the last run is that one.
    fn restored_row_of(&self, command: Command) -> Option<EffectId> {
        if self.gate.read {
            return None;
        }
        let restored = |row: &&super::Row| matches!(row.phase, Phase::InDoubt | Phase::Restored);
        let same = |row: &&super::Row| row.row.command == command || row.frame(command.mode()) == command;
        self.rows.values().filter(restored).find(same).map(|row| row.row.id)
    }

    /// It left before the crash: nothing is in doubt, and its place is here in the broker's order.
    fn restored_seen(&mut self, id: EffectId, turn: &mut Turn<'_>) {
        let order = self.next_order();
        let Some(row) = self.rows.get_mut(&id) else { return };
        row.order = order;
        row.phase = Phase::Restored;
        row.row.sends = row.row.sends.max(1);
        row.row.state = CommandState::Sent;
        turn.record(Entry::Command(row.row.clone()));
        let (parts, mode) = (row.row.outstanding, row.row.command.mode());
        if parts.contains(Part::Mode) {
            self.newest_mode = Some(mode);
        }
        self.supersede(parts, order, By::Own, |_| true, turn);
    }

    /// From now on the home has to follow this row.
    pub(super) fn expect(&mut self, id: EffectId, config: &Config, turn: &mut Turn<'_>) {
        let Some(row) = self.rows.get_mut(&id) else { return };
        if row.phase == Phase::Queued {
            // Its broker's word was lost, and here it comes back: it left after all.
            row.phase = Phase::Expected;
            row.row.sends = row.row.sends.saturating_add(1);
            row.row.state = CommandState::Sent;
            turn.record(Entry::Command(row.row.clone()));
        }
        let deadline = turn.mono().after(row.patience(config));
        let (command, outstanding) = (row.row.command, row.row.outstanding);
        let mut shown = PartSet::default();
        for part in outstanding {
            let wanted = command.wanted(part);
            if wanted.is_some_and(|wanted| self.expectations.set(wanted, Owner::Own(id), deadline)) {
                shown = shown.with(part);
            }
        }
        self.followed(id, shown, turn);
    }

    /// The home showed these parts of a row.
    fn followed(&mut self, id: EffectId, parts: PartSet, turn: &mut Turn<'_>) {
        let Some(row) = self.rows.get_mut(&id).filter(|_| !parts.is_empty()) else { return };
        row.row.outstanding = row.row.outstanding.difference(parts);
        if row.row.outstanding.is_empty() {
            self.finish(id, turn);
            turn.note(Note::Confirmed { id });
        } else {
            // The home reports it again.
            turn.record(Entry::Progress(row.row.clone()));
        }
    }

    /// The home reports its status, or the broker tells what it last was.
    pub(crate) fn status_seen(&mut self, status: Status, retained: bool, turn: &mut Turn<'_>) {
        if retained {
            if self.expectations.fresh().is_none() && self.expectations.known() != Some(status) {
                turn.note(Note::StatusChanged { status, retained });
                self.expectations.last_known(status);
            }
            return;
        }
        self.notice_changes(status, turn);
        self.reported_at = Some(turn.mono());
        let news = KnownStatus { status, at: turn.now.wall() };
        self.unrecorded = Some(news).filter(|_| self.recorded != Some(status));
        if self.expectations.fresh() != Some(status) {
            turn.note(Note::StatusChanged { status, retained });
        }
        self.gas_open_since = status.gas_open().then(|| self.gas_open_since.unwrap_or(turn.mono()));
        let mut followed: alloc::collections::BTreeMap<EffectId, PartSet> = Default::default();
        for (owner, part) in self.expectations.report(status) {
            if let Owner::Own(id) = owner {
                let parts = followed.entry(id).or_default();
                *parts = parts.with(part);
            }
        }
        for (id, parts) in followed {
            self.followed(id, parts, turn);
        }
    }

    /// What differs from the status before, and no own command asked for, somebody changed at the home.
    fn notice_changes(&mut self, status: Status, turn: &Turn<'_>) {
        let Some(last) = self.expectations.fresh().or(self.recorded) else { return };
        let asked_for = |part: Part| {
            let asks = |row: &super::Row| {
                let wanted = row.row.command.wanted(part).filter(|_| row.row.outstanding.contains(part));
                wanted.is_some_and(|wanted| wanted.shown_by(status))
            };
            self.rows.values().any(asks)
        };
        let changed = last.differences(status).iter().filter(|part| !asked_for(*part));
        let changed: alloc::vec::Vec<_> = changed.map(|part| (part, turn.now.wall())).collect();
        self.touched.extend(changed);
    }

    /// The parts that somebody else, or the home itself, changed at `since` or later.
    pub(crate) fn touched_since(&self, since: DateTime<Utc>) -> PartSet {
        self.touched.iter().filter(|(_, at)| **at >= since).map(|(part, _)| *part).collect()
    }

    /// Whether the home is known to be as these parts of the command want it: it reported that a short while ago, and
    /// nobody's command for them is open.
    pub(crate) fn shows(&self, command: Command, parts: PartSet, now: Mono) -> bool {
        let recent = self.reported_at.is_some_and(|at| now.since(at) <= FRESH);
        let own = self.rows.values().any(|row| !row.row.outstanding.intersection(parts).is_empty());
        let others = parts.iter().any(|part| self.expectations.wanted(part).is_some());
        let shown = |status: Status| {
            parts.iter().filter_map(|part| command.wanted(part)).all(|wanted| wanted.shown_by(status))
        };
        recent && !own && !others && self.expectations.fresh().is_some_and(shown)
    }

    /// Whether what queued up is read and the home has reported, or both were waited for long enough since the
    /// connection came up or, without one, since `start`.
    pub(crate) fn is_settled(&self, start: Mono, config: &Config, now: Mono) -> bool {
        if !self.gate.up {
            return now >= start.after(config.settle_within);
        }
        let waited = self.gate.settle_by.is_none_or(|by| by <= now);
        waited || (self.gate.read && self.reported_at.is_some())
    }

    pub(crate) fn link_up(&mut self, resumed: bool, config: &Config, turn: &mut Turn<'_>) {
        self.gate.up = true;
        self.gate.read = !resumed;
        if resumed {
            self.echoes.resumed(turn.mono());
        } else {
            self.echoes.backlog_end(turn.mono());
        }
        self.gate.settle_by = Some(turn.mono().after(config.settle_within));
        self.pause.reset();
        self.urgent_pause.reset();
        // What waited out an outage says nothing about what a newer one names.
        let waiting = self.rows.values().filter(|row| row.phase == Phase::Queued);
        let waiting: alloc::vec::Vec<_> = waiting.map(|row| (row.row.outstanding, row.order)).collect();
        for (parts, order) in waiting {
            self.supersede(parts, order, By::Own, |_| true, turn);
        }
    }

    pub(crate) fn backlog_end(&mut self, now: Mono) {
        self.gate.read = true;
        self.echoes.backlog_end(now);
    }

    pub(crate) fn link_down(&mut self, now: Mono) {
        self.echoes.link_down(now);
        let down_since = self.gate.down_since.filter(|_| !self.gate.up).or(Some(now));
        self.gate = super::Gate { down_since, ..Default::default() };
    }

    /// The earliest time at which what arrived at `arrived` can have been sent: what comes before the end of a backlog
    /// may have queued up since the connection went down. `None`: at any time.
    pub(crate) fn sent_after(&self, arrived: Mono) -> Option<Mono> {
        if self.gate.up && !self.gate.read { self.gate.down_since } else { Some(arrived) }
    }
}
