//! An own command is decided: what may leave of it becomes a row, and a gas close that would have to wait goes ahead.

use super::row::{Phase, Row, claimed, close_alone, closes_gas};
use super::{By, Lane};
use crate::engine::config::Config;
use crate::engine::effect::{AlertCode, EffectId};
use crate::engine::journal::Entry;
use crate::engine::turn::Turn;
use crate::{Command, Mono, Origin, Origins, Part, PartSet};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// What an own command became.
#[derive(Debug)]
pub(crate) struct Decision {
    /// The row to follow.
    pub(crate) id: EffectId,
    /// The row of the gas close that was split off, to follow as well.
    pub(crate) close: Option<EffectId>,
    /// What will leave.
    pub(crate) command: Command,
    /// What was changed about it, for people.
    pub(crate) remark: Option<String>,
}

/// An own command that is to be decided.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Order {
    pub(crate) command: Command,
    /// What of it is wanted; everything else is left as it is.
    pub(crate) parts: PartSet,
    pub(crate) origins: Origins,
    /// It may leave for so long at least, however short commands are valid.
    pub(crate) leave_by: Option<Mono>,
    /// What is changed about it was told before.
    pub(crate) quiet: bool,
}

impl Order {
    /// All of a command.
    pub(crate) fn all(command: Command, origins: Origins) -> Order {
        Order { command, parts: command.parts(), origins, leave_by: None, quiet: false }
    }

    /// What is wanted of it that may leave.
    pub(crate) fn allowed(&self, config: &Config) -> PartSet {
        let fits = self.command.only(self.parts).fit(config.device).0;
        self.parts.intersection(config.interlock.screen(fits, self.origins).0.parts())
    }
}

impl Lane {
    /// An own command: what may leave of it becomes a row.
    pub(crate) fn decide(&mut self, order: Order, config: &Config, turn: &mut Turn<'_>) -> Decision {
        let Order { command, origins, quiet, .. } = order;
        let (fits, beyond) = command.only(order.parts).fit(config.device);
        let (screened, refused) = config.interlock.screen(fits, origins);
        let mut remarks: Vec<String> = Vec::new();
        if !beyond.is_empty() {
            let text =
                format!("the device has no such colour or light mode, the light is left as it is: {command}");
            if !quiet {
                turn.alert(AlertCode::BeyondDevice, text.clone());
            }
            remarks.push(text);
        }
        if refused {
            let text =
                format!("opening the gas valve is not allowed from {origins}, the rest goes out: {command}");
            if !quiet {
                turn.alert(AlertCode::GasRefused, text.clone());
            }
            remarks.push(text);
        }
        let parts = order.parts.intersection(screened.parts());
        let (id, close) = self.claim(Order { command: screened, parts, ..order }, config, turn);
        let remark = (!remarks.is_empty()).then(|| remarks.join("; "));
        Decision { id, close, command: screened, remark }
    }

    /// Splits off a gas close that would have to wait, and queues the rest. Answers the row to follow and, when that is
    /// the rest's, the close's.
    fn claim(&mut self, order: Order, config: &Config, turn: &mut Turn<'_>) -> (EffectId, Option<EffectId>) {
        let closes = order.parts.contains(Part::GasValve) && closes_gas(order.command);
        if !closes || self.is_free(turn.mono()) {
            return (self.enqueue(order, false, config, turn), None);
        }
        let command = close_alone(self.mode_now().unwrap_or(order.command.mode()));
        let close = Order { command, parts: Part::GasValve.into(), ..order };
        let closing = self.enqueue(close, true, config, turn);
        self.pump_urgent(turn);
        let parts = order.parts.without(Part::GasValve);
        if parts.is_empty() {
            return (closing, None);
        }
        let rest = Order { command: order.command.keep(Part::GasValve), parts, ..order };
        let resting = self.enqueue(rest, false, config, turn);
        if parts.is_subset(Part::Mode.into()) { (closing, None) } else { (resting, Some(closing)) }
    }

    fn enqueue(&mut self, wanted: Order, urgent: bool, config: &Config, turn: &mut Turn<'_>) -> EffectId {
        let Order { command, parts: outstanding, origins, leave_by, .. } = wanted;
        let order = self.next_order();
        if urgent || !self.flows() {
            self.supersede(outstanding, order, By::Own, |_| true, turn);
        } else {
            // What only waits its turn leaves before it, in order: all of several at one minute are sent.
            self.supersede(outstanding, order, By::Own, Row::has_waited, turn);
        }
        if outstanding.contains(Part::Mode) {
            self.newest_mode = Some(command.mode());
        }
        if urgent {
            // It does not wait because an earlier one failed.
            self.urgent_pause.reset();
        }
        let id = turn.id();
        let valid_until = turn.mono().after(config.valid_for).max(leave_by.unwrap_or_default());
        let row = claimed(id, command, outstanding, origins, turn.now, valid_until);
        turn.record(Entry::Command(row.clone()));
        let phase = Phase::Queued;
        self.rows.insert(id, Row { row, phase, order, valid_until, urgent, restored: false });
        id
    }

    /// Whether commands leave as they are decided.
    fn flows(&self) -> bool {
        self.gate.up && self.gate.read
    }

    /// Closes a valve that was left open for too long.
    pub(crate) fn close_gas_left_open(&mut self, config: &Config, turn: &mut Turn<'_>) {
        let (Some(most), Some(since)) = (config.gas_may_stand_open(), self.gas_open_since) else { return };
        if turn.mono().since(since) < most {
            return;
        }
        self.gas_open_since = Some(turn.mono());
        turn.alert(
            AlertCode::GasLeftOpen,
            format!("the gas valve stood open for {} s and is closed", most.as_secs()),
        );
        let close = close_alone(self.mode_now().unwrap_or_default());
        let parts = Part::GasValve.into();
        let order = Order { parts, ..Order::all(close, Origin::AutoClose.into()) };
        self.enqueue(order, true, config, turn);
    }
}
