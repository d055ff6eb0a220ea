//! What must hold whatever happens: each law a function of its own.

mod slots;

use crate::engine::{
    Alert, CommandRow, CommandState, Config, Done, Effect, EffectId, Entry, Event, Intent, Link, Note, Sizes,
};
use crate::ports::{ErrorKind, PortError};
use crate::topic::Client;
use crate::{Appliance, Command, Frame, Interlock, Mono, Now, Origin, Origins, Part, PartSet, Switch};
use alloc::collections::{BTreeMap, VecDeque};
use core::time::Duration;
use slots::Slots;

/// The first send and three more.
const SENDS: u32 = 4;

/// How long after the first send was taken a row may go on.
const AFTER_FIRST: Duration = Duration::from_secs(60);

/// How many sign-ins wait at most.
const HELD: usize = 256;

/// What is remembered of an own command that is not final.
#[derive(Debug)]
struct Row {
    origins: Origins,
    /// Nothing of it leaves after this.
    until: Mono,
    /// How often the broker took it, in this run.
    taken: u32,
    /// Whether it was ever taken.
    left: bool,
    /// How often nobody knows.
    unknown: u32,
}

#[derive(Debug)]
struct Leaving {
    row: EffectId,
    close_alone: bool,
}

/// What the laws look things up in.
#[derive(Debug)]
pub(super) struct Books {
    config: Config,
    last: Option<EffectId>,
    rows: BTreeMap<EffectId, Row>,
    leaving: BTreeMap<EffectId, Leaving>,
    /// When each send ended whose frame may still come back.
    ended: VecDeque<Mono>,
    lines: BTreeMap<EffectId, ()>,
    announced: Option<(EffectId, Frame, Origins)>,
    asked_by: Option<Origin>,
    /// Deliveries and requests in this run: what the host gave although it was told not to is the host's.
    given: usize,
    /// Commands that an earlier run left.
    restored: usize,
    /// When what queued up is read at the latest, and whether it is.
    read_by: Mono,
    read: bool,
    slots: Slots,
}

impl Books {
    pub(super) fn new(config: Config) -> Books {
        Books {
            config,
            last: None,
            rows: BTreeMap::new(),
            leaving: BTreeMap::new(),
            ended: VecDeque::new(),
            lines: BTreeMap::new(),
            announced: None,
            asked_by: None,
            given: 0,
            restored: 0,
            read_by: Mono::ZERO,
            read: true,
            slots: Slots::default(),
        }
    }

    pub(super) fn restart(&mut self, config: Config) {
        *self = Books { last: self.last, ..Books::new(config) };
    }

    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    /// An event is about to be handled.
    pub(super) fn happens(&mut self, event: &Event, now: Now) {
        self.asked_by = None;
        match event {
            Event::Restored(restored) => {
                for row in &restored.commands {
                    self.rows.insert(row.id, self.restored(row, now));
                }
                self.given = restored.writes.len() + restored.alerts.len();
                self.restored = restored.commands.len();
                self.slots.restored(&restored.slots);
            }
            Event::Outcome { id, result } => self.ends(*id, result, now.mono()),
            Event::Link(link) => self.linked(link, now.mono()),
            Event::Operator(request) => self.asked_by = Some(request.origin),
            Event::Delivery(_) if !self.config.topics.prefix().is_empty() => self.given += 1,
            _ => {}
        }
    }

    fn restored(&self, row: &CommandRow, now: Now) -> Row {
        Row {
            origins: row.origins,
            until: now.deadline_for(row.valid_until, self.config.valid_for),
            taken: u32::from(row.sends),
            left: row.state == CommandState::Sent,
            // It may have left once more before the crash.
            unknown: 1,
        }
    }

    /// While the connection is down, or a backlog is read, what was not seen may still come.
    fn linked(&mut self, link: &Link, now: Mono) {
        match link {
            Link::Up { resumed: true } => self.read_by = now.after(self.config.settle_within),
            Link::Up { resumed: false } | Link::BacklogEnd => self.read_by = now,
            Link::Down { .. } => self.read_by = Mono::from_millis(u64::MAX),
        }
        self.read = false;
    }

    fn ends(&mut self, id: EffectId, result: &Result<Done, PortError>, now: Mono) {
        self.lines.remove(&id);
        let Some(leaving) = self.leaving.remove(&id) else { return };
        self.ended.push_back(now);
        let Some(row) = self.rows.get_mut(&leaving.row) else { return };
        match result {
            Ok(_) => {
                if !row.left {
                    row.left = true;
                    row.until = row.until.max(now.after(AFTER_FIRST));
                }
                row.taken += 1;
            }
            Err(PortError { kind: ErrorKind::UnknownOutcome, .. }) => row.unknown += 1,
            Err(_) => {}
        }
    }

    /// An effect came out.
    pub(super) fn effect(&mut self, effect: &Effect, now: Now) {
        self.ids_are_new_and_ascend(effect.id);
        match &effect.what {
            Intent::Record(Entry::Command(row)) => self.recorded(row, now),
            Intent::Record(Entry::Remove(id) | Entry::Replaced(id)) => drop(self.rows.remove(id)),
            Intent::Record(entry) => self.slots.recorded(entry, now),
            Intent::Note(Note::Sending { id, frame, send, origins }) => {
                assert!((1..=SENDS).contains(&u32::from(*send)), "send {send} of 4");
                self.announced = Some((*id, *frame, *origins));
            }
            Intent::Note(note) => self.slots.noted(note),
            Intent::SendCommand { frame, unjournaled } => self.command(effect, *frame, *unjournaled, now),
            Intent::Answer { topic, .. } => {
                self.only_frames_go_where_the_home_listens(topic);
                let until = effect.valid_until.expect("an answer is of use for a while");
                assert!(until > now.mono(), "an answer leaves that is too old");
                let greets = topic.ends_with("/info");
                let most = if greets { self.config.answer_within } else { Duration::from_secs(5) };
                assert!(until <= now.mono().after(most), "an answer may wait too long");
            }
            Intent::Report { topic, text } => {
                self.only_frames_go_where_the_home_listens(topic);
                self.lines.insert(effect.id, ());
                a_line_is_short_and_prints(text);
            }
            Intent::Alert { topic, alert: Alert { .. } } | Intent::ServerState { topic, .. } => {
                self.only_frames_go_where_the_home_listens(topic);
            }
            Intent::WriteDocument(row) => {
                assert_eq!(crate::message::document_id(&row.document, 1_500), Ok(()));
                self.slots.deletes(row);
            }
            Intent::ReadCopy(_) | Intent::ReadList(_) => {}
        }
    }

    fn recorded(&mut self, row: &CommandRow, now: Now) {
        if self.rows.contains_key(&row.id) {
            return;
        }
        let asked = self.asked_by.map(Origins::from);
        let closes = row.origins == Origins::from(Origin::AutoClose);
        let of_schedule = asked != Some(row.origins) && row.origins.contains(Origin::Schedule);
        assert!(
            asked == Some(row.origins) || closes || of_schedule,
            "{} was decided for {}",
            row.id,
            row.origins
        );
        let mut until = now.mono().after(self.config.valid_for);
        if of_schedule {
            // It may wait until its schedule's catch-up is over.
            until = now.deadline_for(row.valid_until, Duration::MAX);
            self.slots.decided(row);
        }
        let row_of = Row { origins: row.origins, until, taken: 0, left: false, unknown: 0 };
        self.rows.insert(row.id, row_of);
    }

    fn command(&mut self, effect: &Effect, frame: Frame, unjournaled: Option<Frame>, now: Now) {
        let (id, announced, said) = self.announced.take().expect("a send is announced");
        assert_eq!(announced, frame, "another frame leaves than was announced");
        let row = self.rows.get(&id).unwrap_or_else(|| panic!("{frame} leaves for {id}, which is final"));
        let command = Command::try_from(frame).expect("a frame that leaves is a command");
        let until = effect.valid_until.expect("a command may not leave for ever");
        nothing_leaves_stale(until, row.until, now.mono());
        gas_opens_only_by_leave(command, row.origins, said, &self.config.interlock);
        a_decision_is_sent_four_times_at_most(row);
        assert_eq!(command.fit(self.config.device), (command, PartSet::EMPTY), "the device lacks it");
        if let Some(close) = unjournaled {
            let close = Command::try_from(close).expect("a close is a command");
            assert!(is_close_alone(close), "{close} would leave without the journal");
        }
        self.leaving.insert(effect.id, Leaving { row: id, close_alone: is_close_alone(command) });
        self.one_command_is_in_flight();
    }

    /// An effect's name is never used again, and later ones have greater names, over restarts too.
    fn ids_are_new_and_ascend(&mut self, id: EffectId) {
        assert!(self.last.is_none_or(|last| last < id), "{id} after {:?}", self.last);
        self.last = Some(id);
    }

    /// On the topics of the home there are frames and nothing else: the firmware obeys any nine bytes. And nothing
    /// goes where the server reads, so that no loop can begin.
    fn only_frames_go_where_the_home_listens(&self, topic: &str) {
        let topics = &self.config.topics;
        let home = std::format!("{}/smarthome", topics.prefix());
        let slashes = topic.replace('.', "/");
        let below = slashes == home || slashes.starts_with(&std::format!("{home}/"));
        assert!(!below, "a text goes to the home: {topic}");
        assert_eq!(topics.inbound(&slashes), None, "the server would read itself: {topic}");
        assert!(topics.error(Client::Server) != topic && topics.error(Client::Smarthome) != topic);
    }

    /// One frame is in flight at a time, so that no redelivery changes their order; beside it only a gas close.
    fn one_command_is_in_flight(&self) {
        let ordinary = self.leaving.values().filter(|leaving| !leaving.close_alone).count();
        assert!(ordinary <= 1, "{ordinary} commands in flight: {:?}", self.leaving);
        for (id, leaving) in &self.leaving {
            let twice = self.leaving.iter().any(|(other, l)| other != id && l.row == leaving.row);
            assert!(!twice, "{} is in flight twice", leaving.row);
        }
    }

    /// An event was handled.
    pub(super) fn turn_ends(&mut self) {
        self.slots.turn_ends();
    }

    /// What an engine holds is bounded by its settings and by what is under way.
    pub(super) fn state_is_bounded(&mut self, sizes: Sizes, now: Mono) {
        if !self.read && self.read_by <= now {
            self.read = true;
            self.ended.iter_mut().for_each(|at| *at = now);
        }
        while self.read && self.ended.front().is_some_and(|at| now.since(*at) >= AFTER_FIRST) {
            self.ended.pop_front();
        }
        let rows = self.config.outbox_rows;
        // What schedules have due is never turned down.
        let due = self.rows.values().filter(|row| row.origins.contains(Origin::Schedule)).count();
        assert!(sizes.commands <= rows.max(self.restored) + due + 2, "{sizes:?}");
        assert!(sizes.writes + sizes.alerts <= rows.max(self.given) + 2, "{sizes:?}");
        assert!(sizes.held <= HELD, "{sizes:?}");
        assert!(sizes.echoes <= self.leaving.len() + self.ended.len(), "{sizes:?}");
        assert!(sizes.fault_lines <= self.lines.len(), "{sizes:?}");
    }
}

/// Nothing leaves after its time, and nobody lengthens that but the broker's first word, so that the re-sends fit.
fn nothing_leaves_stale(until: Mono, at_most: Mono, now: Mono) {
    assert!(until > now, "it leaves at {now:?} and was valid until {until:?}");
    assert!(until <= at_most, "it would be valid until {until:?}, {at_most:?} is the most");
}

/// The valve is opened only when the settings name every origin; a re-send is where its first send was.
fn gas_opens_only_by_leave(command: Command, decided: Origins, said: Origins, interlock: &Interlock) {
    assert!(said.contains_all(decided), "sent for {said}, decided for {decided}");
    let (leaves, refused) = interlock.screen(command, decided);
    assert!(!refused && leaves == command, "{command} opens the valve for {decided}");
}

/// A decision is sent once and three times more, unless a crash or a lost word of the broker's leaves its sends
/// uncertain.
fn a_decision_is_sent_four_times_at_most(row: &Row) {
    assert!(row.taken < SENDS + row.unknown, "it was taken {} times, and leaves again", row.taken);
}

/// A fault line is one short line, whatever was sent.
pub(super) fn a_line_is_short_and_prints(text: &str) {
    assert!(text.len() <= 600, "{} bytes: {text}", text.len());
    assert!(!text.contains(char::is_control), "{text:?}");
}

fn is_close_alone(command: Command) -> bool {
    command.parts() == PartSet::from(Part::Mode).with(Part::GasValve)
        && command.switch(Appliance::GasValve) == Switch::Off
}
