//! One own command, from its decision to its end.

use crate::engine::config::Config;
use crate::engine::effect::{AlertCode, EffectId};
use crate::engine::journal::{CommandRow, CommandState, Entry};
use crate::engine::turn::Turn;
use crate::{Appliance, Command, Digit, Mono, Origins, Part, PartSet, Switch};
use alloc::format;
use core::time::Duration;

/// The first send and three more.
pub(super) const SENDS: u8 = 4;

/// Where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Decided before a crash, and nobody knows whether it left.
    InDoubt,
    /// Sent before a restart, not yet expected again.
    Restored,
    /// To leave as soon as it may, for the first time or again.
    Queued,
    /// On its way to the broker.
    Leaving,
    /// Taken by the broker, to be followed by the home.
    Expected,
}

#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) row: CommandRow,
    pub(super) phase: Phase,
    /// Its place in the order of all commands, everybody's.
    pub(super) order: u64,
    pub(super) valid_until: Mono,
    /// Closes the gas valve and nothing else: waits for nothing.
    pub(super) urgent: bool,
    /// It waited out a crash.
    pub(super) restored: bool,
}

impl Row {
    /// What leaves: the parts that are outstanding, everything else as it is.
    pub(super) fn frame(&self, mode: Digit) -> Command {
        let mode = if self.row.outstanding.contains(Part::Mode) { self.row.command.mode() } else { mode };
        self.row.command.only(self.row.outstanding).with_mode(mode)
    }

    /// How long after this send the home has to have followed.
    pub(super) fn patience(&self, config: &Config) -> Duration {
        let [second, third] = config.resend_after;
        match self.row.sends {
            0 | 1 => config.confirm_within,
            2 => second,
            3 => third,
            _ => config.give_up_after,
        }
    }

    /// Whether it is not just about to leave for the first time.
    pub(super) fn has_waited(&self) -> bool {
        self.restored || self.phase != Phase::Queued || self.row.sends > 0
    }

    pub(super) fn restored(row: CommandRow, order: u64, valid_until: Mono) -> Row {
        let phase = match row.state {
            CommandState::Claimed => Phase::InDoubt,
            CommandState::Sent => Phase::Restored,
        };
        let urgent = row.outstanding == PartSet::from(Part::GasValve) && closes_gas(row.command);
        Row { row, phase, order, valid_until, urgent, restored: true }
    }
}

/// A row that is about to be decided.
pub(super) fn claimed(
    id: EffectId,
    command: Command,
    outstanding: PartSet,
    origins: Origins,
    now: crate::Now,
    valid_until: Mono,
) -> CommandRow {
    CommandRow {
        id,
        command,
        origins,
        decided: now.wall(),
        valid_until: now.wall_at(valid_until),
        state: CommandState::Claimed,
        sends: 0,
        outstanding,
    }
}

pub(super) fn closes_gas(command: Command) -> bool {
    command.switch(Appliance::GasValve) == Switch::Off
}

/// Closes the gas valve, touches nothing else.
pub(super) fn close_alone(mode: Digit) -> Command {
    Command::keep_all(mode).with_gas_valve(Switch::Off)
}

/// Settings may have changed since it was decided: what they no longer allow stays behind.
pub(super) fn screened_anew(mut row: CommandRow, config: &Config, turn: &mut Turn<'_>) -> CommandRow {
    let (fits, _) = row.command.fit(config.device);
    let (command, _) = config.interlock.screen(fits, row.origins);
    let outstanding = row.outstanding.intersection(command.parts());
    if outstanding != row.outstanding {
        let lost = row.outstanding.difference(outstanding);
        let code =
            if lost.contains(Part::GasValve) { AlertCode::GasRefused } else { AlertCode::BeyondDevice };
        let text = format!(
            "the settings no longer allow what was decided before the start: {} of {}",
            lost, row.command
        );
        turn.alert(code, text);
        (row.command, row.outstanding) = (command, outstanding);
        turn.record(Entry::Command(row.clone()));
    }
    row.command = command;
    row
}
