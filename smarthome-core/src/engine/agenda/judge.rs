//! A slot that is due: fired, or not and why.

use super::plans::Overdue;
use super::{Agenda, Config};
use crate::engine::effect::AlertCode;
use crate::engine::event::Collection;
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
    /// Before when a slot is this revision's business.
    until: DateTime<Utc>,
    deleted: bool,
}

impl Case<'_> {
    /// Whether a slot of this revision is not to fire any more, or never could.
    fn is_missed(&self, due: Due, now: DateTime<Utc>, catch_up: TimeDelta) -> bool {
        let late = now.signed_duration_since(due.at);
        self.deleted || due.rule == Rule::NoSuchDay || late > catch_up.max(PUNCTUAL)
    }
}

/// What is decided about a slot.
#[derive(Debug)]
enum Verdict {
    /// Not yet.
    Wait,
    Missed,
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
            // A clock that was set back for a while may have left it waiting for what is none of its business.
            let base = self.judged_from(entry.updated(), turn);
            if due.at < base {
                self.plan(&title, base);
                continue;
            }
            let until = DateTime::<Utc>::MAX_UTC;
            let case = Case { title: &title, entry: &entry, slot, due, until, deleted: false };
            let Some(from) = self.judge(&case, lane, config, turn) else { continue };
            self.plan(&title, from);
        }
        let due = self.plans.book.next_due().is_some_and(|at| at <= now);
        self.waiting = due || !self.plans.overdue.is_empty();
    }

    /// What an older revision left: its slots are judged by what it said.
    fn judge_old(&mut self, old: Overdue, lane: &mut Lane, config: &Config, turn: &mut Turn<'_>) {
        let Overdue { title, mut entry, until, deleted } = old;
        while let Some((slot, due)) = entry.next().filter(|(_, due)| due.at < until) {
            // Another schedule of that title may have had the same slot.
            if self.ledger.state(&title, slot).is_some() {
                entry.plan(due.at, &*self.calendar, |slot| self.ledger.state(&title, slot).is_some());
                continue;
            }
            let case = Case { title: &title, entry: &entry, slot, due, until, deleted };
            let from = self.judge(&case, lane, config, turn);
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
            Verdict::Missed => return Some(self.miss(case, config, turn)),
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
        if case.is_missed(case.due, now, catch_up) {
            return Verdict::Missed;
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
        if order.parts != command.parts() && order.allowed(config).without(Part::Mode).is_empty() {
            return Verdict::Over(
                SlotState::Superseded,
                "somebody changed all of it since it was due that may be sent".into(),
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
    fn miss(&mut self, case: &Case<'_>, config: &Config, turn: &mut Turn<'_>) -> DateTime<Utc> {
        let schedule = case.entry.schedule();
        let (catch_up, now) = (catch_up(schedule.catch_up, config), turn.now.wall());
        let slots = schedule.when.occurrences(case.due.at, &*self.calendar);
        let unjudged = slots.filter(|(slot, _)| self.ledger.state(case.title, *slot).is_none());
        let missed = |due: Due| due.at <= now && due.at < case.until && case.is_missed(due, now, catch_up);
        let (mut last, mut count) = ((case.slot, case.due), 0_u32);
        for (slot, due) in unjudged.take_while(|(_, due)| missed(*due)) {
            (last, count) = ((slot, due), count.saturating_add(1));
        }
        let latest = Case { slot: last.0, due: last.1, ..*case };
        let mut row = self.row(&latest, SlotState::Missed, self.reason(&latest, turn), turn);
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

    fn reason(&self, case: &Case<'_>, turn: &Turn<'_>) -> String {
        if case.deleted {
            return "it was deleted before it could fire".into();
        }
        if case.due.rule == Rule::NoSuchDay {
            return "that day does not exist here".into();
        }
        let late = turn.now.wall().signed_duration_since(case.due.at).num_seconds();
        let why = if case.due.at < self.started.wall() {
            "the server was down"
        } else if self.clock.skipped(case.due.at) {
            "the clock was set over it"
        } else {
            "it could not be decided in time"
        };
        format!("{why}, and it is {late} s late")
    }

    fn is_told(&self, case: &Case<'_>) -> bool {
        self.told.contains(&(case.title.to_string(), case.entry.revision()))
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
