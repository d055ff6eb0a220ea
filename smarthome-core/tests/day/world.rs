//! Everything around the engine, in memory: a broker, a store, a journal, a home.

mod store;

use crate::day::journal::Journal;
use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use serde_json::Value;
use smarthome_core::engine::*;
use smarthome_core::ports::{ErrorKind, PortError};
use smarthome_core::topic::Topics;
use smarthome_core::{Command, Config, Engine, Interlock, Mono, Now, Origin, PartSet, Status};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

#[derive(PartialEq, Clone, Copy)]
enum Way {
    Works,
    Fails(ErrorKind),
    Silent,
}

pub(crate) struct World {
    config: Config,
    engine: Engine,
    started: bool,
    now: Mono,
    passing: bool,
    epoch: u32,
    journal: Journal,
    documents: BTreeMap<Collection, BTreeMap<String, Versioned<Content>>>,
    listens: bool,
    /// Between a crash and the next start it is not.
    runs: bool,
    /// When the first day begins.
    midnight: DateTime<Utc>,
    /// How far somebody set the clock.
    ahead: TimeDelta,
    broker: Way,
    store: Way,
    users: BTreeMap<String, Value>,
    revision: u64,
    echo: bool,
    home: Option<(Status, PartSet)>,
    pending: Vec<EffectId>,
    /// Writes that the store has not done.
    writes: Vec<Effect>,
    events: VecDeque<Event>,
    delivery: u64,
    done: Vec<String>,
}

fn of_day(time: &str) -> Mono {
    let time: NaiveTime = time.parse().unwrap();
    Mono::from_millis((time - NaiveTime::MIN).num_milliseconds() as u64)
}

impl World {
    pub(crate) fn new() -> World {
        let mut config = Config::default();
        config.zone = "UTC".parse().unwrap();
        World {
            engine: Engine::new(config.clone()),
            config,
            started: false,
            now: Mono::from_millis(7 * 3_600_000),
            passing: false,
            epoch: 0,
            journal: Journal::default(),
            documents: BTreeMap::new(),
            listens: false,
            runs: true,
            midnight: "2026-03-02T00:00:00Z".parse().unwrap(),
            ahead: TimeDelta::zero(),
            broker: Way::Works,
            store: Way::Works,
            users: BTreeMap::new(),
            revision: 0,
            echo: true,
            home: None,
            pending: Vec::new(),
            writes: Vec::new(),
            events: VecDeque::new(),
            delivery: 0,
            done: Vec::new(),
        }
    }

    pub(crate) fn take_done(&mut self) -> Vec<String> {
        std::mem::take(&mut self.done)
    }

    pub(crate) fn input(&mut self, line: &str) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        if word == "set" {
            return self.set(rest);
        }
        if !self.started {
            self.start();
        }
        match word {
            "at" => self.pass(rest),
            "up" => self.happen(Event::Link(Link::Up { resumed: rest == "resumed" })),
            "backlog" => self.happen(Event::Link(Link::BacklogEnd)),
            "down" => self.happen(Event::Link(Link::Down { why: rest.into() })),
            "users" => self.snapshot(rest),
            "in" | "retained" => {
                let (topic, payload) = rest.split_once(' ').unwrap_or((rest, ""));
                self.deliver(topic, payload.as_bytes(), word == "retained");
            }
            "send" => self.send(rest),
            "broker" => self.broker(rest),
            "store" => {
                self.store = match rest {
                    "works" => Way::Works,
                    "down" => Way::Fails(ErrorKind::Retry),
                    "refuses" => Way::Fails(ErrorKind::GiveUp),
                    "silent" => Way::Silent,
                    "answers" => return self.store_answers(),
                    other => panic!("store {other}?"),
                };
            }
            "lists" => self.lists(rest),
            "schedule" => self.document(Collection::Schedules, rest),
            "mode" => self.document(Collection::Modes, rest),
            "clock" => self.ahead += TimeDelta::seconds(rest.parse().unwrap()),
            "echo" => self.echo = rest == "on",
            "home" => self.home(rest),
            "restart" => self.start(),
            "crash" => (self.runs, self.listens) = (false, false),
            "stop" => self.happen(Event::Stop),
            other => panic!("{other}?"),
        }
    }

    fn set(&mut self, rest: &str) {
        let (key, value) = rest.split_once(' ').unwrap();
        match key {
            "gas_open_allowed" => {
                let origins = value.split(' ').map(|name| Origin::named(name).unwrap()).collect();
                self.config.interlock = Interlock::allowing(origins);
            }
            "gas_max_open" => self.config.gas_max_open = Some(Duration::from_secs(value.parse().unwrap())),
            "outbox_rows" => self.config.outbox_rows = value.parse().unwrap(),
            "zone" => self.config.zone = value.parse().unwrap(),
            // No clock of that day is doubted.
            "date" => {
                self.midnight = format!("{value}T00:00:00Z").parse().unwrap();
                self.config.clock_trusted_from = self.config.clock_trusted_from.min(self.midnight);
            }
            "start" => self.now = of_day(value),
            "catch_up" => self.config.catch_up = Duration::from_secs(value.parse().unwrap()),
            "prefix" => self.config.topics = Topics::new(value).unwrap(),
            other => panic!("set {other}?"),
        }
    }

    fn start(&mut self) {
        self.started = true;
        self.epoch += 1;
        self.pending.clear();
        self.writes.clear();
        self.events.clear();
        (self.listens, self.runs) = (false, true);
        self.engine = Engine::new(self.config.clone());
        let restored = self.journal.restored(self.epoch, self.midnight);
        // Events travel as text somewhere, always: recorded days have to replay.
        let event = Event::Restored(restored);
        let copy: Event = serde_json::from_str(&serde_json::to_string(&event).unwrap()).unwrap();
        assert_eq!(copy, event);
        self.happen(event);
    }

    fn pass(&mut self, until: &str) {
        let until = of_day(until);
        assert!(until > self.now, "time goes on");
        self.passing = true;
        let mut last = None;
        while let Some(wake) = self.engine.next_wakeup().filter(|wake| self.runs && wake.at <= until) {
            assert!(last != Some(wake), "the wake-up does not advance: {wake:?}");
            last = Some(wake);
            self.now = self.now.max(wake.at);
            self.happen(Event::Wake);
        }
        self.passing = false;
        self.now = until;
    }

    fn deliver(&mut self, topic: &str, payload: &[u8], retained: bool) {
        self.delivery += 1;
        let id = DeliveryId(self.delivery);
        let (topic, payload) = (topic.to_string(), payload.to_vec());
        self.happen(Event::Delivery(Delivery {
            id,
            topic,
            payload,
            retained,
            arrived: self.now,
            reply_to: None,
        }));
    }

    fn wall(&self) -> DateTime<Utc> {
        self.midnight + TimeDelta::milliseconds(self.now.as_millis() as i64) + self.ahead
    }

    fn send(&mut self, rest: &str) {
        let mut words = rest.split(' ');
        let command: Command = words.next().unwrap().parse().unwrap();
        let origin = words.nth(1).map_or(Origin::Cli, |name| Origin::named(name).unwrap());
        self.happen(Event::Operator(OperatorRequest { token: 1, command, origin }));
    }

    fn broker(&mut self, rest: &str) {
        match rest {
            "works" => self.broker = Way::Works,
            "refuses" => self.broker = Way::Fails(ErrorKind::Retry),
            "silent" => self.broker = Way::Silent,
            "answers" | "breaks" => {
                for id in std::mem::take(&mut self.pending) {
                    let broken = PortError::new(ErrorKind::UnknownOutcome, "the connection broke");
                    let result = if rest == "answers" { Ok(Done::Published) } else { Err(broken) };
                    self.happen(Event::Outcome { id, result });
                }
            }
            other => panic!("broker {other}?"),
        }
    }

    fn home(&mut self, rest: &str) {
        let mut words = rest.split(' ');
        let first = words.next().unwrap();
        if first == "off" {
            self.home = None;
            return;
        }
        let status: Status = first.parse().unwrap();
        let deaf = words.skip(1).map(|part| serde_json::from_value(part.into()).unwrap());
        let deaf: PartSet = deaf.collect::<Vec<smarthome_core::Part>>().into_iter().collect();
        self.home = Some((status, deaf));
        self.report();
    }

    fn report(&mut self) {
        if let Some((status, _)) = self.home {
            let topic = self.config.topics.status();
            self.queue(&topic, status.to_string().as_bytes());
            self.run();
        }
    }

    fn queue(&mut self, topic: &str, payload: &[u8]) {
        self.delivery += 1;
        self.events.push_back(Event::Delivery(Delivery {
            id: DeliveryId(self.delivery),
            topic: topic.into(),
            payload: payload.to_vec(),
            retained: false,
            arrived: self.now,
            reply_to: None,
        }));
    }

    fn happen(&mut self, event: Event) {
        self.events.push_back(event);
        self.run();
    }

    fn run(&mut self) {
        while let Some(event) = self.events.pop_front() {
            let wall = self.wall();
            let mut effects = Vec::new();
            self.engine.handle(event, Now::new(wall, self.now).unwrap(), &mut effects);
            // First the whole batch is committed, then it leaves.
            for effect in &effects {
                if let Intent::Record(entry) = &effect.what
                    && let Some(said) = self.journal.commit(entry.clone())
                {
                    self.say(said);
                }
            }
            for effect in effects {
                self.execute(effect);
            }
        }
    }

    fn execute(&mut self, effect: Effect) {
        if let Intent::ReadCopy(collection) = &effect.what {
            let copy = self.journal.copy(*collection);
            return self.events.push_back(Event::Outcome { id: effect.id, result: Ok(Done::Copy(copy)) });
        }
        if let Intent::ReadList(collection) = &effect.what {
            self.say(format!("read {collection} again"));
            let all = self.documents.entry(*collection).or_default().values().cloned().collect();
            let list = Documents::Snapshot(*collection, all, Revision(self.revision));
            return self.events.push_back(Event::Outcome { id: effect.id, result: Ok(Done::Listed(list)) });
        }
        let text = match &effect.what {
            Intent::Record(_) => return,
            Intent::Note(note) => return self.note(note),
            Intent::SendCommand { frame, unjournaled } => {
                let alone =
                    unjournaled.map(|frame| format!(" (without journal {frame})")).unwrap_or_default();
                format!("command {frame}{alone}")
            }
            Intent::Answer { topic, payload, .. } => {
                format!("answer {topic} {}", String::from_utf8_lossy(payload))
            }
            Intent::WriteDocument(row) => match &row.write {
                Write::Merge(fields) => format!("write {} {} {fields}", row.collection, row.document),
                Write::Replace(document) => format!("replace {} {} {document}", row.collection, row.document),
                Write::Delete(_) => format!("delete {} {}", row.collection, row.document),
            },
            Intent::ReadCopy(_) | Intent::ReadList(_) => return,
            Intent::Report { topic, text } => format!("fault {topic} {text}"),
            Intent::Alert { alert, .. } => format!("alert {alert}"),
            Intent::ServerState { online, .. } => {
                format!("state {}", if *online { "online" } else { "offline" })
            }
        };
        self.say(text);
        let write = matches!(effect.what, Intent::WriteDocument(_));
        let way = if write { self.store } else { self.broker };
        if let Intent::SendCommand { frame, .. } = &effect.what
            && !matches!(way, Way::Fails(_))
        {
            self.on_its_way(frame.as_bytes());
        }
        let result = match way {
            Way::Silent if write => return self.writes.push(effect),
            Way::Silent => return self.pending.push(effect.id),
            Way::Fails(kind) => Err(PortError::new(kind, "scripted")),
            Way::Works if write => Ok(self.write(&effect.what)),
            Way::Works => Ok(Done::Published),
        };
        self.events.push_back(Event::Outcome { id: effect.id, result });
    }

    /// A frame reaches everybody who listens: the server itself, and the home, which obeys and reports.
    fn on_its_way(&mut self, frame: &[u8]) {
        if self.echo {
            let topic = self.config.topics.commands();
            self.queue(&topic, frame);
        }
        if let Some((status, deaf)) = self.home {
            let command = Command::try_from(frame).unwrap();
            let heard = command.parts().difference(deaf);
            let mode = if deaf.contains(smarthome_core::Part::Mode) { status.mode() } else { command.mode() };
            let status = status.apply(command.only(heard).with_mode(mode));
            self.home = Some((status, deaf));
            let topic = self.config.topics.status();
            self.queue(&topic, status.to_string().as_bytes());
        }
    }

    fn note(&mut self, note: &Note) {
        match note {
            Note::Decided { remark: None, id: Some(_), close: None, .. } => {}
            Note::Decided { .. }
            | Note::Confirmed { .. }
            | Note::Unconfirmed { .. }
            | Note::Superseded { .. }
            | Note::Expired { .. } => self.say(format!("note {note}")),
            _ => {}
        }
    }

    fn say(&mut self, text: String) {
        if self.passing {
            let time = NaiveTime::MIN + TimeDelta::milliseconds(self.now.as_millis() as i64);
            self.done.push(format!("{} {text}", time.format("%H:%M:%S%.3f")));
        } else {
            self.done.push(text);
        }
    }
}
