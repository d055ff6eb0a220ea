//! Requests about schedules: checked, written, and answered when written or, once recorded, a little later.

use super::agenda::Own;
use super::event::{Collection, Delivery};
use super::journal::{Write, WriteRow};
use super::on_delivery::LARGEST;
use super::turn::Turn;
use super::{EffectId, Engine, Intent};
use crate::message::{Fault, Rejected, Sender};
use crate::schedule::Warning;
use crate::topic::Client;
use crate::{Mono, Schedule};
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;
use serde_json::{Map, Value};

/// How long after its arrival a request may be answered.
const ANSWERED_WITHIN: Duration = Duration::from_secs(5);
/// How long the store is waited for before a recorded request counts as done.
const RECORDED: Duration = Duration::from_secs(2);

/// Where an answer goes, and until when.
#[derive(Debug, Clone)]
struct Return {
    topic: String,
    correlation: Option<Vec<u8>>,
    until: Mono,
}

/// An answer that waits for the store.
#[derive(Debug)]
struct Pending {
    to: Return,
    answer: Answer,
    /// When it is given although the store has said nothing.
    at: Mono,
}

/// What became of a request.
#[derive(Debug)]
struct Answer {
    title: String,
    result: &'static str,
    /// A key, and what it says.
    more: Option<(&'static str, String)>,
}

/// Answers that wait, by the rows of their writes.
#[derive(Debug, Default)]
pub(crate) struct Answers(BTreeMap<EffectId, Pending>);

impl Answers {
    /// When the next is given whatever the store says.
    pub(crate) fn next(&self) -> Option<Mono> {
        self.0.values().map(|pending| pending.at).min()
    }
}

impl Engine {
    pub(super) fn set_schedule(
        &mut self,
        client: Client,
        title: String,
        fields: &Map<String, Value>,
        delivery: &Delivery,
        turn: &mut Turn<'_>,
    ) {
        let to = self.return_of(client, delivery, turn);
        let now = turn.now.wall();
        let schedule = match self.acceptable(&title, fields, turn) {
            Ok(schedule) => schedule,
            Err(reason) => {
                let more = Some(("reason", reason));
                return reply(to, &Answer { title, result: "rejected", more }, turn);
            }
        };
        let mode = self.agenda.mode_of(&schedule);
        let warnings = schedule.warnings(mode, self.config.device, &self.config.interlock);
        let warnings: Vec<String> = warnings.iter().map(Warning::to_string).collect();
        let more = (!warnings.is_empty()).then(|| ("warning", warnings.join("; ")));
        let today = self.agenda.calendar().local(now).date();
        let whole = Value::Object(schedule.canonical(&title, today)).to_string();
        let answer = Answer { title, result: "ok", more };
        self.write_schedule(client, Write::Replace(whole), to, answer, turn);
    }

    pub(super) fn delete_schedule(
        &mut self,
        client: Client,
        title: String,
        delivery: &Delivery,
        turn: &mut Turn<'_>,
    ) {
        let to = self.return_of(client, delivery, turn);
        let result = if self.agenda.has(&title) { "ok" } else { "unknown" };
        let answer = Answer { title, result, more: None };
        self.write_schedule(client, Write::Delete(None), to, answer, turn);
    }

    pub(super) fn list_schedules(&mut self, client: Client, delivery: &Delivery, turn: &mut Turn<'_>) {
        // An old question is nobody's any more.
        let Some(to) = self.return_of(client, delivery, turn) else { return };
        match self.listed_schedules(turn) {
            Ok(payload) => to.carry(payload, turn),
            Err(fault) => {
                let rejected = Rejected { sender: Sender::Client(client), own: true, fault };
                self.faults.report(&rejected, &self.config.topics, turn);
            }
        }
    }

    /// The answer to a question for all schedules.
    fn listed_schedules(&self, turn: &Turn<'_>) -> Result<Vec<u8>, Fault> {
        let schedules = self.agenda.schedules().ok_or(Fault::SchedulesNotReady)?;
        let today = self.agenda.calendar().local(turn.now.wall()).date();
        let mut payload = String::from(r#"{"Producer":"server","command":"return_schedules","schedules":["#);
        for (at, (title, schedule)) in schedules.enumerate() {
            let separator = if at == 0 { "" } else { "," };
            payload.push_str(separator);
            payload.push_str(&Value::Object(schedule.canonical(title, today)).to_string());
            if payload.len() > LARGEST {
                return Err(Fault::TooManySchedules { most: LARGEST });
            }
        }
        payload.push_str("]}");
        Ok(payload.into_bytes())
    }

    /// The schedule that the fields say, if it may be stored.
    fn acceptable(
        &self,
        title: &str,
        fields: &Map<String, Value>,
        turn: &Turn<'_>,
    ) -> Result<Schedule, String> {
        let calendar = self.agenda.calendar();
        let schedule = Schedule::from_fields(fields, calendar).map_err(|fault| fault.to_string())?;
        let acceptable = schedule.acceptable(title, self.config.device, calendar, turn.now.wall());
        acceptable.map_err(|why| why.to_string())?;
        Ok(schedule)
    }

    fn write_schedule(
        &mut self,
        client: Client,
        write: Write,
        to: Option<Return>,
        answer: Answer,
        turn: &mut Turn<'_>,
    ) {
        let (id, decided, document) = (turn.id(), turn.now.wall(), answer.title.clone());
        let content = match &write {
            Write::Replace(whole) => Some(whole.as_str().into()),
            _ => None,
        };
        let collection = Collection::Schedules;
        let row =
            WriteRow { id, collection, document: document.clone(), write, decided, producer: Some(client) };
        self.outbox.write(row, &self.config, turn);
        self.agenda.writing(document, Own { row: id, decided, content }, turn);
        if let Some(to) = to {
            let at = turn.mono().after(RECORDED);
            self.answers.0.insert(id, Pending { to, answer, at });
        }
    }

    /// The store has done a write, or found nothing to delete.
    pub(super) fn schedule_written(&mut self, row: EffectId, found: bool, turn: &mut Turn<'_>) {
        if let Some(Pending { to, mut answer, .. }) = self.answers.0.remove(&row) {
            answer.result = if found { "ok" } else { "unknown" };
            reply(Some(to), &answer, turn);
        }
    }

    /// The store refused a write for good. Whether somebody waited for the answer, and is told so by it.
    pub(super) fn schedule_refused(&mut self, row: EffectId, why: &str, turn: &mut Turn<'_>) -> bool {
        let Some(Pending { to, mut answer, .. }) = self.answers.0.remove(&row) else { return false };
        (answer.result, answer.more) = ("rejected", Some(("reason", why.to_string())));
        reply(Some(to), &answer, turn);
        true
    }

    /// What is recorded is done, as far as whoever asked is concerned: the store will have it.
    pub(super) fn answer_recorded(&mut self, turn: &mut Turn<'_>) {
        let now = turn.mono();
        while let Some(row) = self.answers.0.iter().find(|(_, waits)| waits.at <= now).map(|(row, _)| *row) {
            if let Some(Pending { to, answer, .. }) = self.answers.0.remove(&row) {
                reply(Some(to), &answer, turn);
            }
        }
    }

    /// Where and until when the request may be answered; `None`: not any more.
    fn return_of(&self, client: Client, delivery: &Delivery, turn: &Turn<'_>) -> Option<Return> {
        let until = self.lane.sent_after(delivery.arrived)?.after(ANSWERED_WITHIN);
        let topics = &self.config.topics;
        let own = delivery.reply_to.as_ref().filter(|reply| topics.may_answer_on(&reply.topic));
        let topic = own.map_or_else(|| topics.reply(client), |reply| reply.topic.clone());
        let correlation = own.and_then(|reply| reply.correlation.clone());
        (until > turn.mono()).then_some(Return { topic, correlation, until })
    }
}

impl Return {
    fn carry(self, payload: Vec<u8>, turn: &mut Turn<'_>) {
        let Return { topic, correlation, until } = self;
        turn.detached(Intent::Answer { topic, payload, correlation }, Some(until));
    }
}

fn reply(to: Option<Return>, answer: &Answer, turn: &mut Turn<'_>) {
    if let Some(to) = to.filter(|to| to.until > turn.mono()) {
        to.carry(answer.text().into_bytes(), turn);
    }
}

impl Answer {
    fn text(&self) -> String {
        let mut text = Map::new();
        text.insert("Producer".into(), "server".into());
        text.insert("command".into(), "return_schedule".into());
        text.insert("title".into(), self.title.as_str().into());
        text.insert("result".into(), self.result.into());
        if let Some((key, more)) = &self.more {
            text.insert((*key).into(), more.as_str().into());
        }
        Value::Object(text).to_string()
    }
}
