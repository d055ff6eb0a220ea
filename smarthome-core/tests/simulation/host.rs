//! The program around the engine: it batches, commits, and only then lets anything leave; it crashes.

use crate::world::{Happening, World};
use smarthome_core::engine::*;
use smarthome_core::ports::{ErrorKind, PortError};
use smarthome_core::{Frame, Mono};
use std::collections::{BTreeMap, VecDeque};

/// Where the next crash comes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Crash {
    /// Something was decided and nothing is committed.
    BeforeCommit,
    /// It is committed and nothing has left.
    AfterCommit,
    /// One effect has left.
    WhileLeaving,
}

#[derive(Debug, Default)]
pub(crate) struct Host {
    pub(crate) running: bool,
    /// When the monotonic clock started.
    pub(crate) base: u64,
    pub(crate) outcomes: VecDeque<Event>,
    /// What operators ask for.
    pub(crate) asked: VecDeque<Event>,
    /// From the broker and the store's listener.
    pub(crate) inbox: VecDeque<Event>,
    entries: Vec<Entry>,
    effects: Vec<Effect>,
    deliveries: Vec<DeliveryId>,
    /// A commit failed and is tried again.
    waits: bool,
    /// When is decided already.
    will_commit: bool,
    /// Closes that left without the journal, and whether that was all of the command.
    closed: BTreeMap<EffectId, bool>,
    /// Deliveries, and how much each still waits for.
    pub(crate) acks: VecDeque<(DeliveryId, u32)>,
    causes: BTreeMap<EffectId, DeliveryId>,
    pub(crate) crash: Option<Crash>,
}

impl World {
    pub(crate) fn starts(&mut self) {
        self.host = Host { running: true, base: self.host.base, ..Host::default() };
        if self.random.chance(50) {
            self.host.base = self.now - self.random.within(0..1_000);
        }
        self.config = crate::chance::changed(&self.config, &mut self.random);
        self.watched.restart(self.config.clone());
        let restored = self.journal.restore();
        self.books.starts(&restored, &self.config);
        let now = self.clocks();
        self.slots.starts(&self.journal, &self.history, now);
        let names: Vec<_> = self.journal.names_to_write().collect();
        self.books.known = names.into_iter().collect();
        self.handle(Event::Restored(restored));
        self.commits();
        self.broker.publisher_up = true;
        self.soon(1..3_000, Happening::Connects);
        self.soon(1..3_000, Happening::Watches);
    }

    pub(crate) fn crashes(&mut self) {
        if !self.host.running {
            return;
        }
        self.publisher_breaks(false);
        self.disconnects();
        self.store_is_alone();
        self.host = Host { base: self.host.base, ..Host::default() };
        let after = *self.random.pick(&[100, 1_000, 1_000, 20_000, 200_000]);
        self.soon(1..after, Happening::Starts);
    }

    /// Takes what is ready, as often as something is.
    pub(crate) fn host_turns(&mut self) {
        let mut turns = 0;
        while self.host.running {
            let taken = self.collect();
            if taken.is_empty() {
                return;
            }
            turns += 1;
            assert!(turns < 10_000, "the host spins");
            for event in taken {
                self.handle(event);
            }
            self.commits();
        }
    }

    fn collect(&mut self) -> Vec<Event> {
        let mut taken = Vec::new();
        if !self.host.waits {
            taken.extend(self.host.outcomes.drain(..));
        }
        if self.watched.next_wakeup().is_some_and(|wake| wake.at <= self.mono()) {
            taken.push(Event::Wake);
        }
        taken.extend(self.host.asked.drain(..));
        let welcome = self.watched.accepts_deliveries();
        let most = self.random.within(1..12) as usize;
        while !self.host.waits && taken.len() < most {
            let next = self.host.inbox.front();
            if next.is_none_or(|event| matches!(event, Event::Delivery(_)) && !welcome) {
                break;
            }
            taken.extend(self.host.inbox.pop_front());
        }
        taken
    }

    fn handle(&mut self, event: Event) {
        let now = self.clocks();
        if let Event::Delivery(delivery) = &event {
            self.host.deliveries.push(delivery.id);
            self.host.acks.push_back((delivery.id, 1));
        }
        if let Event::Outcome { id, .. } = &event
            && let Some(cause) = self.host.causes.remove(id)
        {
            self.settled(cause);
        }
        self.books.before(&event, now, &self.config);
        self.slots.millis = self.now;
        self.slots.before(&event, now, &self.history);
        let effects = self.watched.handle(event, now);
        self.books.after(&effects, now, &self.config);
        self.slots.after(&effects, now, &self.config, &self.history, &self.books);
        for effect in effects {
            if let Intent::Record(entry) = effect.what {
                self.host.entries.push(entry);
                continue;
            }
            self.waits_for(&effect);
            self.host.effects.push(effect);
        }
    }

    /// A delivery is not acknowledged before what it caused is done, unless that is journaled.
    fn waits_for(&mut self, effect: &Effect) {
        let journaled = matches!(effect.what, Intent::Note(_)) || effect.what.class() == Class::Journaled;
        if let Some(cause) = effect.cause.filter(|_| !journaled) {
            self.host.causes.insert(effect.id, cause);
            let open = self.host.acks.iter_mut().find(|(id, _)| *id == cause);
            open.into_iter().for_each(|(_, waits)| *waits += 1);
        }
    }

    /// A failed commit is tried again.
    pub(crate) fn commits_again(&mut self) {
        self.host.will_commit = false;
        self.commits();
    }

    /// Writes down what was decided; then it leaves.
    pub(crate) fn commits(&mut self) {
        if !self.host.running {
            return;
        }
        if self.host.crash == Some(Crash::BeforeCommit) {
            return self.crashes();
        }
        if self.journal.fails {
            self.host.waits = true;
            if self.random.chance(20) {
                // It is written, and nobody knows.
                let entries = self.host.entries.clone();
                self.writes_down(&entries);
            }
            self.closes_leave();
            if !std::mem::replace(&mut self.host.will_commit, true) {
                self.soon(50..2_000, Happening::CommitsAgain);
            }
            return;
        }
        self.host.waits = false;
        if !self.host.entries.is_empty()
            && self.host.entries.iter().all(Entry::may_wait)
            && self.random.chance(70)
        {
            // What else the batch led to leaves at once; the entries are lost in a crash.
            self.soon(1..50, Happening::CommitsAgain);
            self.books.committed(&[], &self.host.effects);
        } else {
            let entries = std::mem::take(&mut self.host.entries);
            self.writes_down(&entries);
            self.journal.mirrors(self.watched.sizes());
            self.books.committed(&entries, &self.host.effects);
        }
        if self.host.crash == Some(Crash::AfterCommit) {
            return self.crashes();
        }
        for effect in std::mem::take(&mut self.host.effects) {
            self.leaves(effect);
            if self.host.crash == Some(Crash::WhileLeaving) {
                return self.crashes();
            }
        }
        for id in std::mem::take(&mut self.host.deliveries) {
            self.settled(id);
        }
    }

    fn writes_down(&mut self, entries: &[Entry]) {
        for entry in entries {
            self.slots.committed(entry, &self.journal, &self.history);
            self.journal.commit(std::slice::from_ref(entry));
        }
    }

    /// The journal's copy is read.
    pub(crate) fn copied(&mut self, epoch: u32, effect: EffectId, collection: Collection) {
        if self.host.running && epoch == self.journal.epoch {
            let result = Ok(Done::Copy(self.journal.copy(collection)));
            self.host.outcomes.push_back(Event::Outcome { id: effect, result });
        }
    }

    pub(crate) fn listed(&mut self, epoch: u32, effect: EffectId, collection: Collection) {
        if self.host.running && epoch == self.journal.epoch {
            let result = if self.store.down {
                Err(PortError::new(ErrorKind::Retry, "the store is down"))
            } else {
                Ok(Done::Listed(self.store.list(collection)))
            };
            self.host.outcomes.push_back(Event::Outcome { id: effect, result });
        }
    }

    fn settled(&mut self, delivery: DeliveryId) {
        let open = self.host.acks.iter_mut().find(|(id, _)| *id == delivery);
        open.into_iter().for_each(|(_, waits)| *waits -= 1);
        while let Some((id, 0)) = self.host.acks.front().copied() {
            self.host.acks.pop_front();
            self.acknowledge(id);
        }
    }

    /// While the journal fails nothing leaves but a gas close, each once.
    fn closes_leave(&mut self) {
        for effect in self.host.effects.clone() {
            let Intent::SendCommand { frame, unjournaled: Some(close) } = effect.what else { continue };
            if is_valid(&effect, self.mono()) && !self.host.closed.contains_key(&effect.id) {
                self.host.closed.insert(effect.id, frame == close);
                self.sends(effect.id, close, frame != close);
            }
        }
    }

    fn leaves(&mut self, effect: Effect) {
        if !is_valid(&effect, self.mono()) {
            let result = Err(PortError::new(ErrorKind::GiveUp, "expired before it could leave"));
            return self.host.outcomes.push_back(Event::Outcome { id: effect.id, result });
        }
        let id = effect.id;
        match effect.what {
            Intent::Record(_) | Intent::Note(_) => {}
            Intent::ReadCopy(collection) => {
                let epoch = self.journal.epoch;
                self.soon(0..300, Happening::Copied { epoch, effect: id, collection });
            }
            Intent::ReadList(collection) => {
                let epoch = self.journal.epoch;
                self.soon(1..300, Happening::Listed { epoch, effect: id, collection });
            }
            Intent::SendCommand { .. } if self.host.closed.remove(&id) == Some(true) => {}
            Intent::SendCommand { frame, .. } => self.sends(id, frame, false),
            Intent::Answer { topic, payload, .. } => self.publish(id, topic, payload, false),
            Intent::WriteDocument(row) => self.write(id, row),
            Intent::Report { topic, text } => self.publish(id, topic, text.into(), false),
            Intent::Alert { topic, alert } => self.publish(id, topic, alert.to_string().into(), false),
            Intent::ServerState { topic, .. } => self.publish(id, topic, b"online".to_vec(), false),
        }
    }

    fn sends(&mut self, id: EffectId, frame: Frame, silent: bool) {
        let topic = self.config.topics.commands();
        self.publish(id, topic, frame.as_bytes().to_vec(), silent);
    }
}

fn is_valid(effect: &Effect, now: Mono) -> bool {
    effect.valid_until.is_none_or(|until| now <= until)
}
