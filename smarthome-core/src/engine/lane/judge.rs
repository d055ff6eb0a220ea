//! What time decides: a home that did not follow, a row in doubt, a command that could not leave.

use super::Lane;
use super::row::{Phase, Row, SENDS};
use crate::engine::config::Config;
use crate::engine::effect::{AlertCode, EffectId};
use crate::engine::expectation::Owner;
use crate::engine::journal::Entry;
use crate::engine::note::Note;
use crate::engine::turn::Turn;
use crate::engine::{Wake, Why};
use crate::retry::Backoff;
use crate::{Mono, PartSet, Wanted};
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

impl Lane {
    /// Judges what is due.
    pub(crate) fn tick(&mut self, config: &Config, turn: &mut Turn<'_>) {
        self.settle(config, turn);
        for id in self.echoes.given_up(turn.mono()) {
            self.expect(id, config, turn);
        }
        self.judge_overdue(turn);
        self.close_gas_left_open(config, turn);
        self.expire_queued(turn);
        self.record_status(turn);
    }

    /// A row in doubt is judged by what changed at the home since the status on record, so that one stays until it is.
    fn record_status(&mut self, turn: &mut Turn<'_>) {
        if self.rows.values().any(|row| row.phase == Phase::InDoubt) {
            return;
        }
        if let Some(news) = self.unrecorded.take() {
            self.recorded = Some(news.status);
            turn.record(Entry::Status(news));
        }
    }

    fn settle(&mut self, config: &Config, turn: &mut Turn<'_>) {
        let waited = self.gate.settle_by.is_some_and(|by| by <= turn.mono());
        if waited {
            self.gate.read = true;
            self.gate.settle_by = None;
            self.echoes.backlog_read(turn.mono());
        }
        if !self.gate.up || !self.gate.read {
            return;
        }
        let in_phase = |rows: &BTreeMap<EffectId, Row>, phase| -> Vec<EffectId> {
            rows.values().filter(|row| row.phase == phase).map(|row| row.row.id).collect()
        };
        for id in in_phase(&self.rows, Phase::Restored) {
            if let Some(row) = self.rows.get_mut(&id) {
                row.phase = Phase::Expected;
            }
            self.expect(id, config, turn);
        }
        if self.expectations.fresh().is_some() || self.gate.settle_by.is_none() {
            for id in in_phase(&self.rows, Phase::InDoubt) {
                self.judge_doubt(id, turn);
            }
        }
    }

    /// Nobody knows whether it left. What the home shows is done; what somebody changed since stands; the rest goes out.
    fn judge_doubt(&mut self, id: EffectId, turn: &mut Turn<'_>) {
        let (fresh, before) = (self.expectations.fresh(), self.before);
        let Some(row) = self.rows.get_mut(&id) else { return };
        let (mut shown, mut changed) = (PartSet::default(), PartSet::default());
        if let Some(fresh) = fresh {
            let since = before.map_or(PartSet::default(), |before| before.differences(fresh));
            for part in row.row.outstanding {
                if row.row.command.wanted(part).is_some_and(|wanted| wanted.shown_by(fresh)) {
                    shown = shown.with(part);
                } else if since.contains(part) {
                    changed = changed.with(part);
                }
            }
        }
        row.row.outstanding = row.row.outstanding.difference(shown).difference(changed);
        row.phase = Phase::Queued;
        if row.row.outstanding.is_empty() {
            self.finish(id, turn);
            turn.note(if changed.is_empty() { Note::Confirmed { id } } else { Note::Superseded { id } });
        } else if !shown.is_empty() || !changed.is_empty() {
            // Killed again before it leaves, it would be judged by a status that has this change in it.
            turn.record(Entry::Command(row.row.clone()));
        }
    }

    fn judge_overdue(&mut self, turn: &mut Turn<'_>) {
        let mut missed: BTreeMap<Owner, Vec<Wanted>> = BTreeMap::new();
        for (owner, wanted) in self.expectations.overdue(turn.mono()) {
            missed.entry(owner).or_default().push(wanted);
        }
        for (owner, wanted) in missed {
            match owner {
                Owner::Own(id) => self.not_followed(id, turn),
                Owner::Other(_) => self.foreign_not_followed(&wanted, turn),
            }
        }
    }

    fn not_followed(&mut self, id: EffectId, turn: &mut Turn<'_>) {
        let Some(row) = self.rows.get_mut(&id) else { return };
        if row.row.sends < SENDS {
            row.phase = Phase::Queued;
            return self.expectations.release(id);
        }
        let Some(row) = self.finish(id, turn) else { return };
        self.expectations.release(id);
        turn.note(Note::Unconfirmed { id, parts: row.outstanding });
        let text = format!(
            "the home did not follow command {} (from {}) after {} sends: {}",
            row.command, row.origins, row.sends, row.outstanding
        );
        turn.alert(AlertCode::Unconfirmed, text);
    }

    fn foreign_not_followed(&mut self, wanted: &[Wanted], turn: &mut Turn<'_>) {
        let shown = |status| wanted.iter().all(|wanted| wanted.shown_by(status));
        if self.expectations.fresh().is_none() && self.expectations.known().is_some_and(shown) {
            return;
        }
        let names: Vec<String> = wanted.iter().map(Wanted::to_string).collect();
        let text = format!("the home did not follow somebody's command: {}", names.join(", "));
        turn.alert(AlertCode::ForeignUnconfirmed, text);
    }

    fn expire_queued(&mut self, turn: &mut Turn<'_>) {
        let late = |row: &&Row| row.valid_until <= turn.mono() && row.phase.waits();
        let late: Vec<EffectId> = self.rows.values().filter(late).map(|row| row.row.id).collect();
        for id in late {
            self.expire(id, turn);
        }
    }

    /// When the lane has something to judge, and what.
    pub(crate) fn next(&self, config: &Config, now: Mono) -> Option<Wake> {
        let waiting = || self.rows.values().filter(|row| row.phase.waits());
        let unsettled = !self.gate.read || self.rows.values().any(|row| row.phase == Phase::InDoubt);
        let settle = self.gate.settle_by.filter(|_| self.gate.up && unsettled);
        let confirm = self.expectations.next_deadline().into_iter().chain(self.echoes.next()).min();
        let retry = |pause: &Backoff, urgent| {
            pause.pause(now).filter(|_| self.gate.up && waiting().any(|row| row.urgent == urgent))
        };
        let retry = retry(&self.pause, false).into_iter().chain(retry(&self.urgent_pause, true)).min();
        let expiry = waiting().map(|row| row.valid_until).min();
        let gas = self.gas_open_since.zip(config.gas_may_stand_open()).map(|(since, most)| since.after(most));
        let wakes = [
            (settle, Why::Settling),
            (confirm, Why::Confirmation),
            (retry, Why::Retry),
            (expiry, Why::Expiry),
            (gas, Why::GasOpen),
        ];
        wakes.into_iter().filter_map(|(at, why)| at.map(|at| Wake { at, why })).min_by_key(|wake| wake.at)
    }
}

impl Phase {
    fn waits(self) -> bool {
        matches!(self, Phase::Queued | Phase::InDoubt)
    }
}
