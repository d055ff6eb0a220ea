//! What the world knows and the engine has to be true to: each law a function of its own.

use crate::broker::Kind;
use crate::store::name_in;
use serde_json::{Map, Value};
use smarthome_core::engine::*;
use smarthome_core::message::{Rejected, Request, Sender};
use smarthome_core::ports::{ErrorKind, PortError};
use smarthome_core::topic::{Client, Inbound};
use smarthome_core::{
    Appliance, Command, Config, Frame, HomeSensors, Mono, Now, Part, PartSet, Status, Wanted,
};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

/// How long own frames are recognised.
const RECOGNISED: Duration = Duration::from_secs(60);

#[derive(Debug)]
struct Row {
    order: u64,
    command: Command,
    parts: PartSet,
    /// What the home showed of it since it was decided.
    shown: PartSet,
    /// It was decided in an earlier run.
    restored: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Books {
    /// Whose messages deliveries are.
    pub(crate) kinds: BTreeMap<DeliveryId, Kind>,
    /// The last name that was sent for each user.
    pub(crate) published: BTreeMap<String, String>,
    /// The last name the engine took in for each user.
    pub(crate) known: BTreeMap<String, String>,
    /// What somebody else keeps in a user's document.
    pub(crate) colours: BTreeMap<String, u64>,
    /// Every command that was committed, and how it ended.
    pub(crate) ends: BTreeMap<EffectId, Option<&'static str>>,
    /// Commands, everybody's, in the order in which they were decided or seen.
    pub(crate) order: u64,
    pub(crate) wishes: BTreeMap<Part, (Wanted, u64)>,
    /// Wishes that may be taken for newer ones.
    late: Vec<(Wanted, u64)>,
    /// Own frames of this run, and when their sending ended.
    sent: BTreeMap<EffectId, Option<Mono>>,
    /// Frames that came so late that they may be taken for others' or for later equal ones.
    strangers: BTreeSet<Command>,
    /// When own frames were seen last.
    seen: BTreeMap<EffectId, Mono>,
    rows: BTreeMap<EffectId, Row>,
    fresh: Option<Status>,
    /// What the journal knew of the home at the start, and what was different since.
    before: Option<Status>,
    touched: PartSet,
    /// Faults in this run, and those that were told.
    pub(crate) faults: i64,
    pub(crate) told: i64,
    reports: BTreeMap<EffectId, i64>,
    writes: BTreeSet<EffectId>,
    lines: BTreeMap<Sender, VecDeque<Mono>>,
    handling: Option<Sender>,
    /// The order of the newest command of somebody else, by part.
    others: BTreeMap<Part, u64>,
    /// Own commands that left.
    left: BTreeSet<EffectId>,
}

impl Books {
    /// A new run knows what was committed, and nothing else.
    pub(crate) fn starts(&mut self, restored: &Restored, config: &Config) {
        let (published, colours) = (std::mem::take(&mut self.published), std::mem::take(&mut self.colours));
        let mut ends = std::mem::take(&mut self.ends);
        // A commit whose word was lost in a crash may have brought rows, or their ends, that nobody heard of.
        for row in &restored.commands {
            assert!(ends.entry(row.id).or_default().is_none(), "{} ended and is there again", row.id);
        }
        for (id, end) in ends.iter_mut().filter(|(_, end)| end.is_none()) {
            let kept = restored.commands.iter().any(|row| row.id == *id);
            *end = (!kept).then_some("untold");
        }
        let before = restored.status.map(|known| known.status);
        *self = Books { published, colours, ends, before, ..Books::default() };
        for row in &restored.commands {
            let command = config.interlock.screen(row.command.fit(config.device).0, row.origins).0;
            let parts = row.outstanding.intersection(command.parts());
            self.decided(row.id, command, parts, true);
        }
    }

    fn decided(&mut self, id: EffectId, command: Command, parts: PartSet, restored: bool) {
        self.order += 1;
        for part in parts {
            self.wishes.insert(part, (command.wanted(part).unwrap(), self.order));
        }
        let shown = self.fresh.map_or(PartSet::EMPTY, |status| shown(command, parts, status));
        self.rows.insert(id, Row { order: self.order, command, parts, shown, restored });
    }

    /// What the home last reported in this run.
    pub(crate) fn last_report(&self) -> Option<Status> {
        self.fresh
    }

    /// An event is about to be handled.
    pub(crate) fn before(&mut self, event: &Event, now: Now, config: &Config) {
        self.handling = None;
        match event {
            Event::Delivery(delivery) => self.delivered(delivery, now.mono(), config),
            Event::Outcome { id, result } => {
                if let Some(ended) = self.sent.get_mut(id) {
                    *ended = Some(now.mono());
                }
                let told = self.reports.remove(id).unwrap_or_default();
                self.told += if result.is_ok() { told } else { 0 };
                let refused = matches!(result, Err(PortError { kind: ErrorKind::GiveUp, .. }));
                if self.writes.remove(id) && refused {
                    self.faults += 1;
                    self.known.retain(|uid, _| !uid.starts_with("refused"));
                }
            }
            _ => {}
        }
    }

    fn delivered(&mut self, delivery: &Delivery, now: Mono, config: &Config) {
        let payload = delivery.payload.as_slice();
        match config.topics.inbound(&delivery.topic) {
            Some(Inbound::Requests) if !delivery.retained => match Request::parse(payload) {
                Ok(Request::SignUp { uid, name, .. }) => drop(self.known.insert(uid, name)),
                Ok(Request::SignIn { client, .. }) => {
                    // Answered, dropped as too old, or a fault.
                    self.faults += 1;
                    self.handling = Some(Sender::Client(client));
                }
                // The simulated world asks for none of these.
                Ok(
                    Request::ScheduleSet { .. }
                    | Request::ScheduleDelete { .. }
                    | Request::ScheduleList { .. }
                    | Request::Log { .. },
                ) => {}
                Err(Rejected { sender, .. }) => self.fault(sender),
            },
            Some(Inbound::Commands) => match Command::try_from(payload) {
                Ok(command) => match self.kinds.get(&delivery.id) {
                    Some(Kind::Own(effect)) => self.own_seen(*effect, command, now),
                    Some(Kind::Alone) => self.may_be_newer(command),
                    _ => self.seen_from_others(command),
                },
                Err(_) => self.fault(Sender::Unknown),
            },
            Some(Inbound::Status) => match Status::try_from(payload) {
                Ok(status) if !delivery.retained => self.reported(status),
                Ok(_) => {}
                Err(_) => self.fault(Sender::Unknown),
            },
            Some(Inbound::HomeSensors) if HomeSensors::parse(payload).is_err() => {
                self.fault(Sender::Unknown);
            }
            _ => {}
        }
    }

    fn fault(&mut self, sender: Sender) {
        self.faults += 1;
        self.handling = Some(sender);
    }

    fn seen_from_others(&mut self, command: Command) {
        self.order += 1;
        for part in command.parts() {
            self.others.insert(part, self.order);
            self.wishes.insert(part, (command.wanted(part).unwrap(), self.order));
        }
    }

    /// An own frame comes back. When the server stood still for long, or crashed, it comes so late that it may be taken
    /// for somebody's newer wish: who can tell.
    fn own_seen(&mut self, effect: EffectId, command: Command, now: Mono) {
        let recent = |at: &Mono| now.since(*at) < RECOGNISED;
        let seen = self.seen.insert(effect, now);
        let since = |ended: &Option<Mono>| seen.as_ref().or(ended.as_ref()).is_none_or(recent);
        // One that was taken for the echo of an equal frame leaves that one's echo to be taken for somebody's.
        let known = self.sent.get(&effect).is_some_and(since) && !self.strangers.contains(&command);
        if !known {
            self.may_be_newer(command);
        }
    }

    /// A lone close that left without the journal, whose command may have expired since, may be anybody's.
    fn may_be_newer(&mut self, command: Command) {
        self.strangers.insert(command);
        self.order += 1;
        for part in command.parts() {
            self.late.push((command.wanted(part).unwrap(), self.order));
        }
    }

    fn is_newer(&self, part: Part, order: u64) -> bool {
        let newer = |(wanted, at): &(Wanted, u64)| wanted.part() == part && *at > order;
        self.wishes.values().chain(&self.late).any(newer)
    }

    fn reported(&mut self, status: Status) {
        self.fresh = Some(status);
        let differs = self.before.map_or(PartSet::EMPTY, |before| before.differences(status));
        self.touched = self.touched.union(differs);
        for row in self.rows.values_mut() {
            row.shown = row.shown.union(shown(row.command, row.parts, status));
        }
    }

    /// An event was handled.
    pub(crate) fn after(&mut self, effects: &[Effect], now: Now, config: &Config) {
        // An older command's end may be said before the newer one is recorded.
        for effect in effects {
            if let Intent::Record(Entry::Command(row)) = &effect.what
                && !self.rows.contains_key(&row.id)
            {
                self.decided(row.id, row.command, row.outstanding, false);
            }
        }
        let mut leaving = None;
        for effect in effects {
            match &effect.what {
                Intent::Note(Note::Sending { id, send, .. }) => leaving = Some((*id, *send)),
                Intent::SendCommand { frame, .. } => {
                    let in_turn = leaving.take().map_or(PartSet::EMPTY, |(id, send)| self.in_turn(id, send));
                    self.no_frame_contradicts_a_newer_wish(*frame, in_turn);
                    self.sent.insert(effect.id, None);
                }
                Intent::Note(Note::Confirmed { id }) => self.confirmed_is_what_the_home_showed(*id),
                Intent::Note(Note::Superseded { id }) => self.superseded_is_by_somebody_newer(*id),
                Intent::Note(Note::Logged { text }) if text.contains("too old") => self.faults -= 1,
                Intent::Answer { payload, .. } => {
                    self.faults -= 1;
                    self.a_sign_in_knows_the_newest_name(payload);
                }
                Intent::Report { topic, text } => {
                    self.reports.insert(effect.id, count_in(text));
                    let sender = self.sender_of(topic, text, config);
                    self.at_most_twenty_lines_a_second(sender, now.mono());
                }
                Intent::WriteDocument(_) => drop(self.writes.insert(effect.id)),
                _ => {}
            }
        }
    }

    /// The parts about which an own command leaves in its turn: for the first time, nobody else commanded the same
    /// since it was decided, and no newer own command about the same left before it.
    fn in_turn(&mut self, id: EffectId, send: u8) -> PartSet {
        self.left.insert(id);
        let Some(row) = self.rows.get(&id).filter(|row| send == 1 && !row.restored) else {
            return PartSet::EMPTY;
        };
        let others = |part: &Part| self.others.get(part).is_none_or(|at| *at < row.order);
        let newer =
            self.left.iter().filter_map(|id| self.rows.get(id)).filter(|other| other.order > row.order);
        let newer: PartSet = newer.flat_map(|other| other.parts).collect();
        row.parts.difference(newer).into_iter().filter(others).collect()
    }

    /// What a frame says about a part is the newest wish that was seen or decided for it. The mode digit, which
    /// cannot be kept, is the newest wish or what the home reports.
    fn no_frame_contradicts_a_newer_wish(&self, frame: Frame, in_turn: PartSet) {
        let command = Command::try_from(frame).unwrap();
        for part in command.parts().difference(in_turn).without(Part::Mode) {
            let newest = self.wishes.get(&part).map(|(wanted, _)| *wanted);
            let late = self.late.iter().any(|(wanted, _)| command.wanted(part) == Some(*wanted));
            assert!(late || newest == command.wanted(part), "{frame} leaves, the newest wish is {newest:?}");
        }
        let mode = Wanted::Mode(command.mode());
        let newest = self.wishes.get(&Part::Mode).map(|(wanted, _)| *wanted);
        let wished = newest.is_none_or(|wanted| wanted == mode);
        // A lone close carries the last known mode: the rest of its command follows.
        let wished = wished || closes_alone(command);
        let wished = wished || self.late.iter().any(|(wanted, _)| *wanted == mode);
        let reported = self.fresh.is_some_and(|status| mode.shown_by(status));
        let wished = wished || in_turn.contains(Part::Mode);
        assert!(wished || reported, "{frame} leaves, the mode is {newest:?}");
    }

    /// A command is confirmed when the home showed every part of it that nobody newer commanded, nor touched while the
    /// server was away.
    fn confirmed_is_what_the_home_showed(&self, id: EffectId) {
        let row = &self.rows[&id];
        for part in row.parts.difference(row.shown) {
            let newer = self.is_newer(part, row.order) || (row.restored && self.touched.contains(part));
            assert!(newer, "{id} is confirmed, and nobody saw {:?}", row.command.wanted(part));
        }
    }

    /// A command gives way to a newer one, and to nothing else: not to an older one that is seen later.
    fn superseded_is_by_somebody_newer(&self, id: EffectId) {
        let row = &self.rows[&id];
        let newer = |part| self.is_newer(part, row.order);
        assert!(row.restored || row.parts.into_iter().any(newer), "{id} {} gives way to nobody", row.command);
    }

    /// A sign-in after a sign-up is answered with that name, whatever the store does.
    fn a_sign_in_knows_the_newest_name(&self, payload: &[u8]) {
        let answer: Map<String, Value> = serde_json::from_slice(payload).unwrap();
        let known = answer["UID"].as_str().and_then(|uid| self.known.get(uid));
        let told = name_in(std::str::from_utf8(payload).unwrap());
        assert!(known.is_none() || known == told.as_ref(), "{known:?} is answered as {told:?}");
    }

    /// Nobody who sends faults makes the server say more than twenty lines a second.
    fn at_most_twenty_lines_a_second(&mut self, sender: Sender, now: Mono) {
        let lines = self.lines.entry(sender).or_default();
        lines.push_back(now);
        while lines.front().is_some_and(|at| now.since(*at).as_millis() >= 1_000) {
            lines.pop_front();
        }
        assert!(lines.len() <= 20, "{} lines for {sender}", lines.len());
    }

    fn sender_of(&self, topic: &str, text: &str, config: &Config) -> Sender {
        let summed = text.split_once(" more faults from ").and_then(|(_, rest)| rest.split(' ').next());
        let named = summed.map(|name| Sender::named(name).unwrap_or(Sender::Unknown));
        let own = Client::ALL.into_iter().find(|client| config.topics.error(*client) == topic);
        named.or(own.map(Sender::Client)).or(self.handling).unwrap_or(Sender::Unknown)
    }

    /// A batch is committed: what it says of commands is for good. Each ends once.
    pub(crate) fn committed(&mut self, entries: &[Entry], effects: &[Effect]) {
        for entry in entries {
            if let Entry::Command(row) = entry {
                self.ends.entry(row.id).or_default();
            }
        }
        for effect in effects {
            let Intent::Note(note) = &effect.what else { continue };
            let (id, end) = match note {
                Note::Confirmed { id } => (id, "confirmed"),
                Note::Unconfirmed { id, .. } => (id, "unconfirmed"),
                Note::Superseded { id } => (id, "superseded"),
                Note::Expired { id } => (id, "expired"),
                _ => continue,
            };
            let before = self.ends.insert(*id, Some(end));
            // That a newer own command replaced it is found out again when a crash lost it.
            let again = end == "superseded" && before == Some(Some(end));
            assert!(again || matches!(before, Some(None)), "{id} ends as {end}, before that: {before:?}");
        }
    }
}

fn shown(command: Command, parts: PartSet, status: Status) -> PartSet {
    let shows = |part: &Part| command.wanted(*part).is_some_and(|wanted| wanted.shown_by(status));
    parts.into_iter().filter(shows).collect()
}

fn closes_alone(command: Command) -> bool {
    let gas = command.wanted(Part::GasValve);
    command.parts() == PartSet::from(Part::Mode).with(Part::GasValve)
        && gas == Some(Wanted::Off(Appliance::GasValve))
}

/// How many faults a line tells.
fn count_in(text: &str) -> i64 {
    let summed = text.split_once(" more faults from ").map(|(count, _)| count.parse().unwrap());
    summed.unwrap_or(1)
}
