//! Which effect leaves when: a lane for each kind, so that none waits for another.
//!
//! Pure: what is to leave goes in, what may leave now comes out. Nothing is tried twice here; that is the engine's
//! business.

use super::batch::waited_for;
use smarthome_core::engine::{DeliveryId, Effect, EffectId, Intent};
use smarthome_core::ports::{ErrorKind, PortError};
use smarthome_core::{Frame, Mono};
use std::collections::VecDeque;

/// Answers under way at once. What is written into a socket cannot be called back, so it is not much.
pub(super) const ANSWERS_UNDER_WAY: usize = 16;
/// Answers, or fault lines, that wait for their turn at most.
pub(super) const WAITING: usize = 1_024;

/// The lane an effect is on, with what has to be known when it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    Command,
    Answer,
    Alert,
    Report,
    State,
    Document,
    Copy,
}

/// An effect that may start now.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Job {
    pub(super) lane: Lane,
    pub(super) id: EffectId,
    /// The delivery that waits for it.
    pub(super) cause: Option<DeliveryId>,
    pub(super) what: Intent,
}

/// An effect that ends without having started.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Over {
    pub(super) id: EffectId,
    /// The delivery that waited for it.
    pub(super) cause: Option<DeliveryId>,
    pub(super) why: PortError,
}

impl Over {
    fn because(effect: &Effect, why: &str) -> Over {
        Over { id: effect.id, cause: waited_for(effect), why: PortError::new(ErrorKind::GiveUp, why) }
    }
}

/// What happens next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    Start(Job),
    Over(Over),
}

/// All lanes of one home.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    commands: VecDeque<Effect>,
    answers: VecDeque<Effect>,
    answers_under_way: usize,
    /// No waiting answer expires before this.
    answers_expire: Option<Mono>,
    state: VecDeque<Effect>,
    state_under_way: bool,
    alerts: VecDeque<Effect>,
    alert_under_way: bool,
    reports: VecDeque<Effect>,
    report_under_way: bool,
    reports_dropped: u64,
    /// The engine sends one write a document at a time, and few documents at once: no order to keep here.
    documents: VecDeque<Effect>,
    /// The engine asks for few copies, once.
    copies: VecDeque<Effect>,
    /// Turned away before they could wait.
    over: VecDeque<Over>,
}

impl Lanes {
    /// Takes in an effect.
    pub(super) fn admit(&mut self, effect: Effect) {
        match &effect.what {
            Intent::SendCommand { .. } => self.commands.push_back(effect),
            Intent::Answer { .. } => self.admit_answer(effect),
            Intent::WriteDocument(_) => self.documents.push_back(effect),
            Intent::ReadCopy(_) | Intent::ReadList(_) => self.copies.push_back(effect),
            Intent::Report { .. } => self.admit_report(effect),
            Intent::Alert { .. } => self.alerts.push_back(effect),
            Intent::ServerState { .. } => {
                if let Some(old) = self.state.pop_front() {
                    self.over.push_back(Over::because(&old, "replaced by a newer one"));
                }
                self.state.push_back(effect);
            }
            // Neither leaves by a lane: the journal and the log have them.
            Intent::Record(_) | Intent::Note(_) => {}
        }
    }

    fn admit_answer(&mut self, effect: Effect) {
        if self.answers.len() >= WAITING {
            return self.over.push_back(Over::because(&effect, "too many answers wait to leave"));
        }
        self.answers_expire = [self.answers_expire, effect.valid_until].into_iter().flatten().min();
        self.answers.push_back(effect);
    }

    fn admit_report(&mut self, effect: Effect) {
        if self.reports.len() < WAITING {
            return self.reports.push_back(effect);
        }
        if self.reports_dropped == 0 {
            tracing::warn!("fault lines come faster than the broker takes them: dropping");
        }
        self.reports_dropped = self.reports_dropped.saturating_add(1);
        self.over.push_back(Over::because(&effect, "too many fault lines wait to leave"));
    }

    /// What may start, or is over, now; `None` when everything else has to wait.
    pub(super) fn next(&mut self, now: Mono) -> Option<Next> {
        if let Some(over) = self.over.pop_front() {
            return Some(Next::Over(over));
        }
        if let Some(effect) = self.commands.pop_front() {
            return Some(leave(effect, Lane::Command, now));
        }
        if let Some(next) = self.next_answer(now) {
            return Some(next);
        }
        let write =
            |lanes: &mut Self| lanes.documents.pop_front().map(|effect| leave(effect, Lane::Document, now));
        let copy = |lanes: &mut Self| lanes.copies.pop_front().map(|effect| leave(effect, Lane::Copy, now));
        self.next_single(now).or_else(|| copy(self)).or_else(|| write(self))
    }

    fn next_answer(&mut self, now: Mono) -> Option<Next> {
        if self.answers_under_way < ANSWERS_UNDER_WAY {
            let next = leave(self.answers.pop_front()?, Lane::Answer, now);
            self.answers_under_way += usize::from(matches!(next, Next::Start(_)));
            return Some(next);
        }
        // None may start, but what is too old must not keep its delivery open.
        if self.answers_expire.is_none_or(|at| now < at) {
            return None;
        }
        let expired =
            self.answers.iter().position(|answer| answer.valid_until.is_some_and(|until| until < now));
        if let Some(effect) = expired.and_then(|at| self.answers.remove(at)) {
            return Some(Next::Over(expiry(&effect)));
        }
        // The millisecond in which one expires is still its own.
        let earliest = self.answers.iter().filter_map(|answer| answer.valid_until).min();
        self.answers_expire = earliest.map(|at| at.max(after(now)));
        None
    }

    /// The lanes that have one under way at most.
    fn next_single(&mut self, now: Mono) -> Option<Next> {
        let lanes = [
            (&mut self.state, &mut self.state_under_way, Lane::State),
            (&mut self.alerts, &mut self.alert_under_way, Lane::Alert),
            (&mut self.reports, &mut self.report_under_way, Lane::Report),
        ];
        for (waiting, under_way, lane) in lanes {
            if *under_way {
                continue;
            }
            if let Some(effect) = waiting.pop_front() {
                let next = leave(effect, lane, now);
                *under_way = matches!(next, Next::Start(_));
                return Some(next);
            }
        }
        None
    }

    /// A job of that lane has ended.
    pub(super) fn finished(&mut self, lane: Lane) {
        match lane {
            Lane::Command | Lane::Document | Lane::Copy => {}
            Lane::Answer => self.answers_under_way = self.answers_under_way.saturating_sub(1),
            Lane::Alert => self.alert_under_way = false,
            Lane::State => self.state_under_way = false,
            Lane::Report => {
                self.report_under_way = false;
                self.tell_of_dropped();
            }
        }
    }

    fn tell_of_dropped(&mut self) {
        if self.reports_dropped > 0 && self.reports.len() < WAITING / 2 {
            tracing::warn!(dropped = self.reports_dropped, "fault lines leave again");
            self.reports_dropped = 0;
        }
    }

    /// When to call [`Lanes::next`] although nothing ended: something that waits has become too old.
    pub(super) fn next_expiry(&self) -> Option<Mono> {
        if self.answers.is_empty() { None } else { self.answers_expire }
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.over.is_empty()
            && self.commands.is_empty()
            && self.answers.is_empty()
            && self.state.is_empty()
            && self.alerts.is_empty()
            && self.reports.is_empty()
            && self.documents.is_empty()
            && self.copies.is_empty()
    }
}

/// Whether an effect may still leave.
pub(super) fn is_valid(effect: &Effect, now: Mono) -> bool {
    effect.valid_until.is_none_or(|until| now <= until)
}

/// The frame that may leave without the journal, when there is one and it is not too late.
pub(super) fn lone_close(effect: &Effect, now: Mono) -> Option<Frame> {
    match effect.what {
        Intent::SendCommand { unjournaled, .. } if is_valid(effect, now) => unjournaled,
        _ => None,
    }
}

fn expiry(effect: &Effect) -> Over {
    Over::because(effect, "expired before it could leave")
}

fn after(now: Mono) -> Mono {
    now.after(std::time::Duration::from_millis(1))
}

fn leave(effect: Effect, lane: Lane, now: Mono) -> Next {
    if is_valid(&effect, now) {
        Next::Start(Job { lane, id: effect.id, cause: waited_for(&effect), what: effect.what })
    } else {
        Next::Over(expiry(&effect))
    }
}

#[cfg(test)]
mod tests;
