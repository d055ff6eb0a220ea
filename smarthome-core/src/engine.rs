//! The engine: one home's brain, without any input or output of its own.

mod accounts;
mod agenda;
mod config;
mod effect;
mod event;
mod expectation;
mod faults;
mod health;
mod journal;
mod lane;
mod ledger;
mod modes;
mod note;
mod on_delivery;
mod on_schedule_request;
mod outbox;
#[cfg(feature = "testing")]
mod sizes;
mod timekeeper;
mod turn;
mod wake;

pub use config::Config;
pub use effect::{Alert, AlertCode, Class, Effect, EffectId, Intent};
pub use event::{
    Collection, Content, Delivery, DeliveryId, Documents, Done, Event, Link, OperatorRequest, ReplyTo,
    Revision, Versioned,
};
pub use journal::{
    AlertRow, CommandRow, CommandState, CopyChange, Entry, KnownStatus, MissedSlots, Restored, SlotKey,
    SlotRow, SlotState, Write, WriteRow,
};
pub use note::Note;
#[cfg(feature = "testing")]
pub use sizes::Sizes;
pub use wake::{Wake, Why};

use crate::message::{Fault, Rejected, Sender, quoted};
use crate::ports::PortError;
use crate::retry::Backoff;
use crate::{Calendar, HomeSensors, Mono, Now, Status};
use accounts::Accounts;
use agenda::{Agenda, Ended, Own};
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;
use faults::Faults;
use health::Health;
use lane::{Lane, Order};
use on_delivery::HeldSignIn;
use on_schedule_request::Answers;
use outbox::{Outbox, Progress};
use turn::{Ids, Turn};

/// The part that the connection to the broker is, in health events and alerts.
const BROKER: &str = "broker";
/// The wall clock.
const CLOCK: &str = "clock";
/// The pause between two wrong documents that are named: half of what is told of one sender.
const NAMING: Duration = Duration::from_millis(100);
/// The part that the store is.
const STORE: &str = "store";

/// One home's brain.
///
/// Everything it knows came in by [`handle`](Engine::handle); the same events at the same times give the same effects,
/// always.
#[derive(Debug)]
pub struct Engine {
    config: Config,
    ids: Ids,
    /// When it was last called.
    handled: Now,
    link_up: bool,
    lane: Lane,
    agenda: Agenda,
    accounts: Accounts,
    outbox: Outbox,
    faults: Faults,
    health: Health,
    sensors: Option<HomeSensors>,
    /// Sign-ins that came before the users were read.
    held: VecDeque<HeldSignIn>,
    /// Answers that wait for the store.
    answers: Answers,
    state: ServerState,
    /// When a wrong document was last named.
    named_at: Option<Mono>,
}

/// The retained word that says whether the server runs.
#[derive(Debug)]
struct ServerState {
    leaving: Option<EffectId>,
    pending: bool,
    pause: Backoff,
}

impl Engine {
    /// The brain of a home that is set up like this. Its first event is [`Event::Restored`].
    pub fn new(config: Config) -> Engine {
        let zone = config.zone;
        Engine::with_calendar(config, Box::new(zone))
    }

    /// The same with a calendar of one's own in the place of the home's zone.
    pub fn with_calendar(config: Config, calendar: Box<dyn Calendar>) -> Engine {
        Engine {
            agenda: Agenda::new(calendar),
            faults: Faults::new(config.faults_per_second),
            config,
            ids: Ids::default(),
            handled: Now::EPOCH,
            link_up: false,
            lane: Lane::new(),
            accounts: Accounts::default(),
            outbox: Outbox::new(),
            health: Health::default(),
            sensors: None,
            held: VecDeque::new(),
            answers: Answers::default(),
            named_at: None,
            state: ServerState {
                leaving: None,
                pending: false,
                pause: Backoff::new(Duration::from_secs(1), Duration::from_secs(30)),
            },
        }
    }

    /// Takes in one event and appends what is to be done. Never blocks, never fails, never panics.
    pub fn handle(&mut self, event: Event, now: Now, out: &mut Vec<Effect>) {
        if let Event::Restored(restored) = &event {
            self.ids = Ids::of_epoch(restored.epoch);
        }
        self.handled = now;
        let cause = match &event {
            Event::Delivery(delivery) => Some(delivery.id),
            _ => None,
        };
        let mut ids = core::mem::take(&mut self.ids);
        let mut turn = Turn::new(now, cause, &mut ids, out);
        self.agenda.look(&mut turn);
        self.route(event, &mut turn);
        self.tick(&mut turn);
        self.ids = ids;
    }

    /// When to call [`handle`](Engine::handle) with [`Event::Wake`], if nothing happens before.
    pub fn next_wakeup(&self) -> Option<Wake> {
        self.wakes(self.handled.mono()).min_by_key(|wake| wake.at)
    }

    /// Whether deliveries are welcome. When not, the host leaves them where they are, unacknowledged, and goes on with
    /// outcomes and wake-ups until they are again.
    pub fn accepts_deliveries(&self) -> bool {
        self.outbox.has_room(&self.config)
    }

    /// The home's last status, as far as it is known.
    pub fn status(&self) -> Option<Status> {
        self.lane.status()
    }

    /// The home's last sensor reading of this run.
    pub fn sensors(&self) -> Option<HomeSensors> {
        self.sensors
    }

    fn route(&mut self, event: Event, turn: &mut Turn<'_>) {
        match event {
            Event::Restored(restored) => self.on_restored(restored, turn),
            Event::Link(link) => self.on_link(link, turn),
            Event::Delivery(delivery) => self.on_delivery(delivery, turn),
            Event::Outcome { id, result } => self.on_outcome(id, result, turn),
            Event::Documents(documents) => self.on_documents(documents, turn),
            Event::Operator(request) => self.on_operator(request, turn),
            Event::Health { part, trouble: Some(text) } => self.health.lost(&part, text, turn.mono()),
            Event::Health { part, trouble: None } => self.health.back(&part, turn),
            Event::Wake => self.agenda.read(turn),
            Event::Stop => {
                self.faults.summarise(turn, true);
                self.say_state(false, turn);
            }
        }
    }

    /// What is due by now, whatever the event was.
    fn tick(&mut self, turn: &mut Turn<'_>) {
        self.lane.tick(&self.config, turn);
        self.agenda.tick(&mut self.lane, &self.config, turn);
        self.accounts.tick(turn);
        self.drop_held(turn);
        self.answer_recorded(turn);
        self.name_wrong(turn);
        self.trust_clock(turn);
        if self.link_up {
            self.faults.summarise(turn, false);
        }
        self.health.tell(self.config.lost_after, turn);
        for alert in core::mem::take(&mut turn.alerts) {
            self.outbox.raise(alert, &self.config, turn);
        }
        self.outbox.pump(self.link_up, &self.config, turn);
        self.lane.pump(turn);
        self.agenda.followed(core::mem::take(&mut turn.fates), turn);
        if self.state.pending && self.link_up && self.state.pause.pause(turn.mono()).is_none() {
            self.say_state(true, turn);
        }
    }

    fn on_restored(&mut self, restored: Restored, turn: &mut Turn<'_>) {
        self.accounts.restore(turn.mono());
        for row in &restored.writes {
            self.was_writing(row);
        }
        self.lane.restore(restored.commands, restored.status, &self.config, turn);
        self.agenda.restore(restored.slots, restored.created, &self.lane, &self.config, turn);
        self.outbox.restore(restored.writes, restored.alerts);
        self.health.lost(BROKER, "not connected yet".into(), turn.mono());
        if let Some(trouble) = restored.trouble {
            turn.alert(AlertCode::JournalReplaced, trouble);
        }
    }

    /// A write that an earlier run decided is in force as if it had been decided now.
    fn was_writing(&mut self, row: &WriteRow) {
        let content = match (row.collection, &row.write) {
            (Collection::Users, Write::Merge(fields)) => {
                if let Ok(serde_json::Value::Object(fields)) = serde_json::from_str(fields) {
                    self.accounts.writing(&row.document, row.id, fields);
                }
                return;
            }
            (Collection::Schedules, Write::Replace(whole)) => Some(whole.as_str().into()),
            (Collection::Schedules, Write::Delete(_)) => None,
            _ => return,
        };
        let own = Own { row: row.id, decided: row.decided, content };
        self.agenda.was_writing(row.document.clone(), own);
    }

    fn on_link(&mut self, link: Link, turn: &mut Turn<'_>) {
        match link {
            Link::Up { resumed } => {
                self.link_up = true;
                self.state.pending = true;
                self.state.pause.reset();
                self.outbox.link_up();
                self.lane.link_up(resumed, &self.config, turn);
                self.health.back(BROKER, turn);
            }
            Link::BacklogEnd => self.lane.backlog_end(turn.mono()),
            Link::Down { why } => {
                self.link_up = false;
                self.lane.link_down(turn.mono());
                self.health.lost(BROKER, why, turn.mono());
            }
        }
    }

    fn on_documents(&mut self, documents: Documents, turn: &mut Turn<'_>) {
        match documents {
            Documents::Snapshot(Collection::Users, users, newest) => self.accounts.snapshot(users, newest),
            Documents::Changed(Collection::Users, user) => self.accounts.changed(user, turn),
            Documents::Deleted(Collection::Users, id, revision) => {
                self.accounts.deleted(&id, revision, turn);
            }
            about_schedules => self.agenda.news(about_schedules, turn),
        }
        self.answer_held(turn);
    }

    fn on_operator(&mut self, request: OperatorRequest, turn: &mut Turn<'_>) {
        let OperatorRequest { token, command, origin } = request;
        if self.lane.len() >= self.config.outbox_rows {
            let remark = Some("too many commands wait to leave".to_string());
            return turn.note(Note::Decided { token, id: None, close: None, command, remark });
        }
        // A decision's alerts and records come before the word that it was made.
        let decision = self.lane.decide(Order::all(command, origin.into()), &self.config, turn);
        let lane::Decision { id, close, command, remark } = decision;
        turn.note(Note::Decided { token, id: Some(id), close, command, remark });
    }

    fn on_outcome(&mut self, id: EffectId, result: Result<Done, PortError>, turn: &mut Turn<'_>) {
        if self.faults.outcome(id, result.is_ok(), turn.mono()) {
            return;
        }
        if self.state.leaving == Some(id) {
            return self.state_said(result.is_ok(), turn.mono());
        }
        let Err(result) = self.lane.outcome(id, result, turn) else { return };
        let Err(result) = self.agenda.outcome(id, result, turn) else { return };
        let Err(result) = self.accounts.outcome(id, result, turn.mono()) else {
            return self.answer_held(turn);
        };
        match self.outbox.outcome(id, result, turn) {
            Some(Progress::WriteFailed(why)) => self.health.lost(STORE, why, turn.mono()),
            Some(Progress::Done(row, done)) => {
                self.health.back(STORE, turn);
                self.on_written(row, done, turn);
            }
            Some(Progress::WriteRefused(row, error)) => self.on_refused(&row, &error, turn),
            Some(Progress::Told) | None => {}
        }
    }

    /// Without a clock no schedule fires, and the operator has to know.
    fn trust_clock(&mut self, turn: &mut Turn<'_>) {
        let (wall, from) = (turn.now.wall(), self.config.clock_trusted_from);
        if wall < from {
            let text = alloc::format!("it shows {wall}, before {from}: set it; no schedule fires until then");
            self.health.lost(CLOCK, text, turn.mono());
        } else {
            self.health.back(CLOCK, turn);
        }
    }

    /// Names wrong documents while somebody can hear it, a few a second, so that none is only counted.
    fn name_wrong(&mut self, turn: &mut Turn<'_>) {
        if !self.link_up || self.named_at.is_some_and(|at| turn.mono() < at.after(NAMING)) {
            return;
        }
        if let Some(fault) = self.agenda.next_wrong() {
            self.named_at = Some(turn.mono());
            let rejected = Rejected { sender: Sender::Unknown, own: false, fault };
            self.faults.report(&rejected, &self.config.topics, turn);
        }
    }

    fn next_wrong(&self) -> Option<Wake> {
        let at = self.named_at.map_or(Mono::ZERO, |at| at.after(NAMING));
        (self.link_up && self.agenda.has_wrong()).then_some(Wake { at, why: Why::WrongDocument })
    }

    fn on_written(&mut self, row: WriteRow, done: Done, turn: &mut Turn<'_>) {
        let WriteRow { id, collection, document, .. } = row;
        let ended = match done {
            Done::Written(revision) | Done::Deleted(Some(revision)) => Ended::Done(revision),
            _ => Ended::Absent,
        };
        match (collection, &ended) {
            (Collection::Users, Ended::Done(revision)) => self.accounts.written(&document, id, *revision),
            (Collection::Schedules, _) => {
                self.schedule_written(id, matches!(ended, Ended::Done(_)), turn);
                self.agenda.written(document, id, ended, turn);
            }
            _ => {}
        }
    }

    fn on_refused(&mut self, row: &WriteRow, error: &PortError, turn: &mut Turn<'_>) {
        let (collection, id) = (row.collection, quoted(&row.document));
        let text = alloc::format!("writing {collection} {id} failed for good: {error}");
        turn.alert(AlertCode::WriteFailed, text);
        let why: String = error.text.chars().take(160).collect();
        let answered = match collection {
            Collection::Schedules => {
                self.agenda.written(row.document.clone(), row.id, Ended::Refused, turn);
                self.schedule_refused(row.id, &why, turn)
            }
            _ => {
                self.accounts.refused(&row.document, row.id);
                false
            }
        };
        if let Some(client) = row.producer.filter(|_| !answered) {
            let fault = Fault::StoreRefused { collection, id, why };
            let rejected = Rejected { sender: Sender::Client(client), own: true, fault };
            self.faults.report(&rejected, &self.config.topics, turn);
        }
    }

    fn say_state(&mut self, online: bool, turn: &mut Turn<'_>) {
        let topic = self.config.topics.server_state();
        self.state.pending = false;
        self.state.leaving = Some(turn.detached(Intent::ServerState { topic, online }, None));
    }

    fn state_said(&mut self, done: bool, now: Mono) {
        self.state.leaving = None;
        if done {
            self.state.pause.reset();
        } else {
            self.state.pending = true;
            self.state.pause.failed(now);
        }
    }
}
