//! A slot that is due: fired, or not and why.

use super::plans::Overdue;
use super::{Agenda, Config};
use crate::engine::effect::AlertCode;
use crate::engine::event::{Collection, Revision};
use crate::engine::journal::{MissedSlots, SlotKey, SlotRow, SlotState};
use crate::engine::lane::{Lane, Order};
use crate::engine::turn::Turn;
use crate::schedule::{Due, Entry, Rule, What};
use crate::{CatchUp, Command, Origin, Origins, Part, PartSet, Slot};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use chrono::{DateTime, TimeDelta, Utc};

/// How many slots are decided a call.
const AT_ONCE: usize = 256;
/// What fires so soon after it was due is not late.
const PUNCTUAL: TimeDelta = TimeDelta::seconds(2);

/// A slot that is being judged.
struct Case<'a> {
    title: &'a str,
    entry: &'a Entry,
    slot: Slot,
    due: Due,
}

/// What is decided about a slot.
#[derive(Debug)]
enum Verdict {
    /// Not yet.
    Wait,
    Over(SlotState, String),
    Send(Order),
}

impl Agenda {
    /// Decides what is due.
    pub(super) fn fire(&mut self, lane: &mut Lane, config: &Config, turn: &mut Turn<'_>) {
        for _ in 0..self.plans.overdue.len().min(AT_ONCE) {
            if let Some(old) = self.plans.overdue.pop_front() {
                self.judge_old(old, lane, config, turn);
            }
        }
        let now = turn.now.wall();
        let settled = lane.is_settled(self.started.mono(), config, turn.mono());
        // Those that wait must not stand before those that need not.
        let may = |at: DateTime<Utc>| settled || now.signed_duration_since(at) <= PUNCTUAL;
        let due = self.plans.book.due(now).filter(|(at, _)| may(*at));
        let titles: Vec<String> = due.map(|(_, title)| title.to_string()).take(AT_ONCE).collect();
        for title in titles {
            let Some(entry) = self.plans.book.get(&title).cloned() else { continue };
            let Some((slot, due)) = entry.next() else { continue };
            let case = Case { title: &title, entry: &entry, slot, due };
            let Some(from) = self.judge(&case, lane, config, turn) else { continue };
            let ledger = &self.ledger;
            self.plans.book.plan(&title, from, &*self.calendar, |slot| ledger.state(&title, slot).is_some());
        }
        self.waiting = self.plans.book.next_due().is_some_and(|at| at <= now);
    }

    /// What an older revision left: its slots are judged by what it said.
    fn judge_old(&mut self, old: Overdue, lane: &mut Lane, config: &Config, turn: &mut Turn<'_>) {
        let Overdue { title, mut entry, until, deleted } = old;
        while let Some((slot, due)) = entry.next().filter(|(_, due)| due.at < until) {
            let case = Case { title: &title, entry: &entry, slot, due };
            let from = if deleted {
                let row =
                    self.row(&case, SlotState::Missed, "it was deleted before it could fire".into(), turn);
                self.missed(row, turn);
                Some(due.at)
            } else {
                self.judge(&case, lane, config, turn)
            };
            let Some(from) = from else {
                return self.plans.overdue.push_back(Overdue { title, entry, until, deleted });
            };
            entry.plan(from, &*self.calendar, |slot| self.ledger.state(&title, slot).is_some());
        }
    }

    /// Judges a slot. Answers from when on the next one is looked for; `None`: it has to wait.
    fn judge(
        &mut self,
        case: &Case<'_>,
        lane: &mut Lane,
        config: &Config,
        turn: &mut Turn<'_>,
    ) -> Option<DateTime<Utc>> {
        match self.verdict(case, lane, config, turn) {
            Verdict::Wait => return None,
            Verdict::Over(SlotState::Missed, why) => return Some(self.miss(case, why, config, turn)),
            Verdict::Over(state, why) => {
                if state == SlotState::Refused {
                    turn.alert(AlertCode::ScheduleRefused, format!("schedule {:?}: {why}", case.title));
                }
                let row = self.row(case, state, why, turn);
                self.ledger.put(row, turn);
            }
            Verdict::Send(order) => self.claim(case, order, lane, config, turn),
        }
        self.disposal.look_at(case.title);
        Some(case.due.at)
    }

    fn verdict(&self, case: &Case<'_>, lane: &Lane, config: &Config, turn: &Turn<'_>) -> Verdict {
        let (schedule, now) = (case.entry.schedule(), turn.now.wall());
        let late = now.signed_duration_since(case.due.at);
        let catch_up = catch_up(schedule.catch_up, config);
        if case.due.rule == Rule::NoSuchDay {
            return Verdict::Over(SlotState::Missed, "that day does not exist here".into());
        }
        if late > catch_up.max(PUNCTUAL) {
            return Verdict::Over(SlotState::Missed, self.reason(case.due.at, turn));
        }
        if let Some(twin) = self.plans.twin(case.title, case.slot, schedule.fingerprint()) {
            return Verdict::Over(
                SlotState::NoChange,
                format!("it fired as {twin:?}, of which it is the new title"),
            );
        }
        if late > PUNCTUAL && !lane.is_settled(self.started.mono(), config, turn.mono()) {
            return Verdict::Wait;
        }
        let Some((command, origins)) = self.command(schedule.what, lane) else {
            if !self.listed.contains(&Collection::Modes) {
                return Verdict::Wait;
            }
            return Verdict::Over(SlotState::Refused, format!("there is no mode {}", schedule.what.mode()));
        };
        let leave_by = case.due.at.checked_add_signed(catch_up);
        let leave_by = leave_by.map(|at| super::mono_of(at, turn.now));
        let order = Order { leave_by, quiet: self.is_told(case), ..Order::all(command, origins) };
        let order =
            if late > PUNCTUAL { after_others(order, lane.touched_since(case.due.at)) } else { order };
        if order.parts.without(Part::Mode).is_empty()
            && (order.parts.is_empty() || schedule.what.mode() == crate::Digit::ZERO)
            && !command.parts().without(Part::Mode).is_empty()
        {
            return Verdict::Over(
                SlotState::Superseded,
                "somebody changed all of it since it was due".into(),
            );
        }
        if lane.shows(order.command, order.parts, turn.mono()) {
            return Verdict::Over(SlotState::NoChange, "the home was like that already".into());
        }
        Verdict::Send(order)
    }

    /// What is to be sent, and on whose behalf; `None`: there is no such mode.
    fn command(&self, what: What, lane: &Lane) -> Option<(Command, Origins)> {
        let origins = Origins::from(Origin::Schedule);
        match what {
            What::Appliances(appliances) => Some((appliances.command(what.mode(), lane.status()), origins)),
            What::Mode { number, .. } => {
                Some((self.modes.get(number)?.command(lane.status()), origins.with(Origin::Mode)))
            }
        }
    }

    /// The slot's frame is decided: its row and its command's are one transaction.
    fn claim(
        &mut self,
        case: &Case<'_>,
        order: Order,
        lane: &mut Lane,
        config: &Config,
        turn: &mut Turn<'_>,
    ) {
        let decision = lane.decide(order, config, turn);
        if decision.remark.is_some() {
            self.told.insert((case.title.to_string(), case.entry.revision()));
        }
        let late = turn.now.wall().signed_duration_since(case.due.at);
        let late = (late > PUNCTUAL).then(|| format!("{} s late", late.num_seconds()));
        let why: Vec<String> = late.into_iter().chain(decision.remark).collect();
        let mut row = self.row(case, SlotState::Claimed, why.join("; "), turn);
        (row.command, row.frame) = (Some(decision.id), Some(decision.command));
        self.plans.fired(case.title, case.slot, row.fingerprint, turn.mono());
        self.ledger.put(row, turn);
    }

    /// Records a missed slot, and with it those after it that are missed too. Answers where to go on.
    fn miss(&mut self, case: &Case<'_>, why: String, config: &Config, turn: &mut Turn<'_>) -> DateTime<Utc> {
        let schedule = case.entry.schedule();
        let limit = catch_up(schedule.catch_up, config).max(PUNCTUAL);
        let now = turn.now.wall();
        let missed = |due: &Due| due.rule == Rule::NoSuchDay || now.signed_duration_since(due.at) > limit;
        let slots = schedule.when.occurrences(case.due.at, &*self.calendar);
        let unjudged = slots.filter(|(slot, _)| self.ledger.state(case.title, *slot).is_none());
        let (mut last, mut count) = ((case.slot, case.due), 0_u32);
        for (slot, due) in unjudged.take_while(|(_, due)| due.at <= now && missed(due)) {
            (last, count) = ((slot, due), count.saturating_add(1));
        }
        let latest = Case { slot: last.0, due: last.1, ..*case };
        let mut row = self.row(&latest, SlotState::Missed, why, turn);
        row.missed = (count > 1).then_some(MissedSlots { first: case.slot, count });
        let at = row.due;
        self.missed(row, turn);
        at
    }

    fn missed(&mut self, row: SlotRow, turn: &mut Turn<'_>) {
        let SlotKey { schedule, slot } = &row.key;
        let more = row.missed.map(|missed| format!(", the last of {} since {}", missed.count, missed.first));
        let text = format!("schedule {schedule:?} missed {slot}{}: {}", more.unwrap_or_default(), row.why);
        turn.alert(AlertCode::Missed, text);
        self.disposal.look_at(schedule);
        self.ledger.put(row, turn);
    }

    fn reason(&self, due: DateTime<Utc>, turn: &Turn<'_>) -> String {
        let late = turn.now.wall().signed_duration_since(due).num_seconds();
        let why = if due < self.started.wall() {
            "the server was down"
        } else if self.clock.skipped(due) {
            "the clock was set over it"
        } else {
            "it could not be decided in time"
        };
        format!("{why}, and it is {late} s late")
    }

    fn is_told(&self, case: &Case<'_>) -> bool {
        self.told.contains(&(case.title.to_string(), Revision(case.entry.revision().0)))
    }

    fn row(&self, case: &Case<'_>, state: SlotState, why: String, turn: &Turn<'_>) -> SlotRow {
        SlotRow {
            key: SlotKey { schedule: case.title.to_string(), slot: case.slot },
            state,
            due: case.due.at,
            judged: turn.now.wall(),
            revision: case.entry.revision(),
            fingerprint: case.entry.schedule().fingerprint(),
            command: None,
            frame: None,
            why,
            missed: None,
        }
    }
}

fn catch_up(own: Option<CatchUp>, config: &Config) -> TimeDelta {
    let catch_up = own.map_or(config.catch_up, CatchUp::duration);
    TimeDelta::from_std(catch_up).unwrap_or(TimeDelta::MAX)
}

/// A late frame leaves alone what somebody else changed since, and says for whom it speaks.
fn after_others(order: Order, touched: PartSet) -> Order {
    Order {
        parts: order.parts.difference(touched),
        origins: order.origins.with(Origin::CatchUp),
        command: order.command.only(order.parts.difference(touched)),
        ..order
    }
}
