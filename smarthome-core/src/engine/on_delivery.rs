//! Messages: requests are answered, commands and statuses are watched, everything else is a fault.

use super::event::Delivery;
use super::journal::{Write, WriteRow};
use super::note::Note;
use super::turn::Turn;
use super::{Collection, Engine, Intent};
use crate::message::{Fault, Rejected, Request, Sender, quoted};
use crate::topic::{Client, Inbound};
use crate::{Command, HomeSensors, Mono, Status};
use alloc::collections::VecDeque;
use alloc::string::{String, ToString};
use serde_json::{Map, Value};

/// How many sign-ins wait for the users at most; the oldest go first.
const HELD: usize = 256;

/// The largest answer, in bytes: what brokers and clients carry, less some room for the topic.
pub(super) const LARGEST: usize = 1024 * 1024 - 1024;

/// A sign-in that came before the users were read.
#[derive(Debug)]
pub(crate) struct HeldSignIn {
    client: Client,
    uid: String,
    until: Mono,
}

impl Engine {
    pub(super) fn on_delivery(&mut self, delivery: Delivery, turn: &mut Turn<'_>) {
        match self.config.topics.inbound(&delivery.topic) {
            Some(Inbound::Requests) => self.on_request(&delivery, turn),
            Some(Inbound::Commands) => self.on_command(&delivery, turn),
            Some(Inbound::Status) => self.on_status(&delivery, turn),
            Some(Inbound::HomeSensors) => self.on_home_sensors(&delivery, turn),
            Some(Inbound::Sync) | None => {}
        }
    }

    fn on_request(&mut self, delivery: &Delivery, turn: &mut Turn<'_>) {
        // A stored request was for whoever ran then.
        if delivery.retained {
            return turn.note(Note::Logged { text: "a retained request was ignored".into() });
        }
        match Request::parse(&delivery.payload) {
            Err(rejected) => self.faults.report(&rejected, &self.config.topics, turn),
            Ok(Request::Log { text }) => turn.note(Note::Logged { text }),
            Ok(Request::SignUp { client, uid, name }) => self.sign_up(client, uid, name, turn),
            Ok(Request::ScheduleSet { client, title, fields }) => {
                self.set_schedule(client, title, &fields, delivery, turn);
            }
            Ok(Request::ScheduleDelete { client, title }) => {
                self.delete_schedule(client, title, delivery, turn);
            }
            Ok(Request::ScheduleList { client }) => self.list_schedules(client, delivery, turn),
            Ok(Request::SignIn { client, uid }) => {
                // An answer to an old question greets the wrong person.
                let asked = self.lane.sent_after(delivery.arrived);
                let until = asked.map(|asked| asked.after(self.config.answer_within));
                let Some(until) = until.filter(|until| *until > turn.mono()) else {
                    return turn.note(Note::Logged { text: "a sign-in that is too old was dropped".into() });
                };
                let sign_in = HeldSignIn { client, uid, until };
                if self.accounts.loaded() || self.accounts.document(&sign_in.uid).is_some() {
                    self.sign_in(sign_in, turn);
                } else {
                    self.hold(sign_in, turn);
                }
            }
        }
    }

    fn sign_up(&mut self, client: Client, uid: String, name: String, turn: &mut Turn<'_>) {
        let mut fields = Map::new();
        fields.insert("name".into(), Value::String(name));
        let merge = Value::Object(fields.clone()).to_string();
        let id = turn.id();
        turn.note(Note::SignedUp { client, uid: uid.clone() });
        self.accounts.writing(&uid, id, fields);
        let row = WriteRow {
            id,
            collection: Collection::Users,
            document: uid,
            write: Write::Merge(merge),
            decided: turn.now.wall(),
            producer: Some(client),
        };
        self.outbox.write(row, &self.config, turn);
    }

    fn sign_in(&mut self, sign_in: HeldSignIn, turn: &mut Turn<'_>) {
        let HeldSignIn { client, uid, until } = sign_in;
        let failed = |fault| Rejected { sender: Sender::Client(client), own: true, fault };
        let Some(mut answer) = self.accounts.document(&uid) else {
            let rejected = failed(Fault::UnknownUser { uid: quoted(&uid) });
            return self.faults.report(&rejected, &self.config.topics, turn);
        };
        answer.insert("Producer".into(), "server".into());
        answer.insert("command".into(), "return_name".into());
        answer.insert("UID".into(), uid.as_str().into());
        let payload = Value::Object(answer).to_string().into_bytes();
        if payload.len() > LARGEST {
            let rejected = failed(Fault::TooLarge { uid: quoted(&uid) });
            return self.faults.report(&rejected, &self.config.topics, turn);
        }
        let topic = self.config.topics.info(client);
        turn.effect(Intent::Answer { topic, payload, correlation: None }, Some(until));
        turn.note(Note::SignedIn { client, uid });
    }

    fn on_command(&mut self, delivery: &Delivery, turn: &mut Turn<'_>) {
        match Command::try_from(delivery.payload.as_slice()) {
            Ok(_) if delivery.retained => {
                turn.note(Note::Logged { text: "a retained command was ignored".into() })
            }
            Ok(command) => self.lane.command_seen(command, &self.config, turn),
            Err(error) => {
                self.fault_of_nobody(Fault::NotACommand { topic: delivery.topic.clone(), error }, turn)
            }
        }
    }

    fn on_status(&mut self, delivery: &Delivery, turn: &mut Turn<'_>) {
        match Status::try_from(delivery.payload.as_slice()) {
            Ok(status) => self.lane.status_seen(status, delivery.retained, turn),
            Err(error) => {
                self.fault_of_nobody(Fault::NotAStatus { topic: delivery.topic.clone(), error }, turn)
            }
        }
    }

    fn on_home_sensors(&mut self, delivery: &Delivery, turn: &mut Turn<'_>) {
        match HomeSensors::parse(&delivery.payload) {
            Ok(reading) => self.sensors = Some(reading),
            Err(why) => {
                self.fault_of_nobody(
                    Fault::NotAReading { topic: delivery.topic.clone(), why: why.to_string() },
                    turn,
                );
            }
        }
    }

    fn fault_of_nobody(&mut self, fault: Fault, turn: &mut Turn<'_>) {
        let rejected = Rejected { sender: Sender::Unknown, own: false, fault };
        self.faults.report(&rejected, &self.config.topics, turn);
    }

    fn hold(&mut self, sign_in: HeldSignIn, turn: &mut Turn<'_>) {
        if self.held.len() >= HELD
            && let Some(oldest) = self.held.pop_front()
        {
            self.not_ready(oldest.client, turn);
        }
        self.accounts.needed(turn.mono());
        self.held.push_back(sign_in);
    }

    fn not_ready(&mut self, client: Client, turn: &mut Turn<'_>) {
        let rejected = Rejected { sender: Sender::Client(client), own: true, fault: Fault::NotReady };
        self.faults.report(&rejected, &self.config.topics, turn);
    }

    /// Answers what waited for the users.
    pub(super) fn answer_held(&mut self, turn: &mut Turn<'_>) {
        if !self.accounts.loaded() {
            return;
        }
        for sign_in in core::mem::take(&mut self.held) {
            if sign_in.until > turn.mono() {
                self.sign_in(sign_in, turn);
            }
        }
    }

    /// Tells those who waited for the users in vain.
    pub(super) fn drop_held(&mut self, turn: &mut Turn<'_>) {
        let held = core::mem::take(&mut self.held);
        let (late, waiting): (VecDeque<_>, VecDeque<_>) =
            held.into_iter().partition(|s| s.until <= turn.mono());
        self.held = waiting;
        for HeldSignIn { client, .. } in late {
            self.not_ready(client, turn);
        }
    }

    pub(super) fn next_held(&self) -> Option<Mono> {
        self.held.iter().map(|sign_in| sign_in.until).min()
    }
}
