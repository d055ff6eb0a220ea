//! Any bytes as things that happen to an engine.

use crate::engine::*;
use crate::ports::{ErrorKind, PortError};
use crate::testing::bytes::Bytes;
use crate::testing::watched::Watched;
use crate::{Command, Config, Interlock, Mono, Now, Origin};
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use chrono::{DateTime, TimeDelta, Utc};
use core::time::Duration;

/// Any bytes as things that happen to an engine, with an honest journal, and nothing else.
pub fn engine(bytes: &[u8]) {
    let mut host = Host::new(Bytes(bytes));
    host.start();
    for _ in 0..400 {
        if host.bytes.is_empty() {
            break;
        }
        host.step();
    }
}

const FRAMES: [&str; 16] = [
    "022222222",
    "022222212",
    "022222202",
    "022222220",
    "022222221",
    "022152022",
    "022052022",
    "022159022",
    "117152010",
    "322222222",
    "000000000",
    "000000001",
    "000152010",
    "300152011",
    "222222222",
    "122222220",
];

pub(super) struct Host<'a> {
    pub(super) bytes: Bytes<'a>,
    watched: Watched,
    pub(super) config: Config,
    pub(super) millis: u64,
    /// What the wall clock shows more than the start of 2026 and the time since.
    pub(super) ahead: i64,
    epoch: u32,
    rows: BTreeMap<EffectId, Entry>,
    status: Option<KnownStatus>,
    slots: BTreeMap<SlotKey, SlotRow>,
    copies: BTreeMap<Collection, BTreeMap<String, Versioned<Content>>>,
    /// Effects on their way; what is read, if it is a copy.
    open: Vec<(EffectId, Option<Collection>)>,
    delivery: u64,
    pub(super) revision: u64,
}

impl<'a> Host<'a> {
    fn new(mut bytes: Bytes<'a>) -> Host<'a> {
        let config = config(&mut bytes);
        let watched = Watched::new(config.clone());
        let (rows, open) = (BTreeMap::new(), Vec::new());
        Host {
            bytes,
            watched,
            config,
            millis: 1,
            ahead: 0,
            epoch: 0,
            rows,
            status: None,
            slots: BTreeMap::new(),
            copies: BTreeMap::new(),
            open,
            delivery: 0,
            revision: 0,
        }
    }

    fn start(&mut self) {
        self.epoch += 1;
        self.open.clear();
        let mut restored = Restored::empty(DateTime::UNIX_EPOCH);
        (restored.epoch, restored.status) = (self.epoch, self.status);
        restored.slots = self.slots.values().cloned().collect();
        for entry in self.rows.values() {
            match entry {
                Entry::Command(row) | Entry::Progress(row) => restored.commands.push(row.clone()),
                Entry::Write(row) => restored.writes.push(row.clone()),
                Entry::Alert(row) => restored.alerts.push(row.clone()),
                _ => {}
            }
        }
        self.happens(Event::Restored(restored));
    }

    fn step(&mut self) {
        let what = self.bytes.byte();
        // Above what others are told apart by.
        if (0xb0..=0xcf).contains(&what) {
            return self.plans(what & 0x0f);
        }
        match what % 16 {
            0 => self.millis += self.bytes.millis(),
            1 | 2 => self.sleep(),
            3 => self.link(),
            4..=6 => self.delivery(),
            7..=9 => self.outcome(),
            10 | 11 => self.operator(),
            12 => self.documents(),
            13 => {
                let trouble = (self.bytes.byte() % 2 == 0).then(|| "it is away".to_string());
                self.happens(Event::Health { part: "store".to_string(), trouble });
            }
            14 => self.ahead += (i64::from(self.bytes.byte()) - 128) * 1_000_000,
            _ if self.bytes.byte() % 4 == 0 => self.happens(Event::Stop),
            _ => {
                self.config = config(&mut self.bytes);
                self.restart();
            }
        }
    }

    pub(super) fn restart(&mut self) {
        self.watched.restart(self.config.clone());
        self.start();
    }

    /// When the engine wants to be woken.
    pub(super) fn wakes(&self) -> Option<u64> {
        self.watched.next_wakeup().map(|wake| wake.at.as_millis())
    }

    /// Until the engine wants to be woken.
    fn sleep(&mut self) {
        self.millis = self.wakes().map_or(self.millis, |at| at.max(self.millis));
        self.happens(Event::Wake);
    }

    fn link(&mut self) {
        let link = match self.bytes.byte() % 4 {
            0 => Link::Up { resumed: false },
            1 => Link::Up { resumed: true },
            2 => Link::BacklogEnd,
            _ => Link::Down { why: "the cable is out".to_string() },
        };
        self.happens(Event::Link(link));
    }

    fn delivery(&mut self) {
        if !self.watched.accepts_deliveries() {
            return;
        }
        let what = self.bytes.byte();
        let topics = self.config.topics.subscriptions();
        let (topic, payload) = match what % 8 {
            0 => (&topics[0].0, self.bytes.text().to_vec()),
            1 => (&topics[0].0, self.request("signin")),
            2 => (&topics[0].0, self.request("signup")),
            3 | 4 => (&topics[usize::from(what / 8) % 2 + 1].0, self.frame().into()),
            5 | 6 => (&topics[3].0, self.frame().into()),
            _ => (&topics[usize::from(what / 8) % 6].0, self.bytes.text().to_vec()),
        };
        self.delivery += 1;
        let arrived = Mono::from_millis(self.millis);
        let (id, retained) = (DeliveryId(self.delivery), what >= 0xe0);
        let topic = topic.clone();
        self.happens(Event::Delivery(Delivery { id, topic, payload, retained, arrived, reply_to: None }));
    }

    fn request(&mut self, command: &str) -> Vec<u8> {
        let producer = self.bytes.pick(&["car", "android", "camera"]);
        let uid = self.bytes.pick(&["u1", "u2", "__x__"]);
        std::format!(
            r#"{{"Producer":"{producer}","command":"{command}","UID":"{uid}","name":"n{}"}}"#,
            self.delivery
        )
        .into_bytes()
    }

    fn frame(&mut self) -> &'static str {
        self.bytes.pick(&FRAMES)
    }

    fn outcome(&mut self) {
        let (which, how) = (usize::from(self.bytes.byte()), self.bytes.byte());
        if self.open.is_empty() {
            return;
        }
        let (id, copy) = self.open.remove(which % self.open.len());
        self.revision += 1;
        let kinds = [ErrorKind::Retry, ErrorKind::UnknownOutcome, ErrorKind::AskPerson, ErrorKind::GiveUp];
        let copy = copy.map(|collection| self.copies.get(&collection));
        let result = match how % 8 {
            0..=3 if copy.is_some() => {
                Ok(Done::Copy(copy.flatten().map(|copy| copy.values().cloned().collect())))
            }
            3 => Ok(Done::Deleted((how < 128).then_some(Revision(self.revision)))),
            0..=3 if how < 128 => Ok(Done::Published),
            0..=3 => Ok(Done::Written(Revision(self.revision))),
            kind => Err(PortError::new(kinds[usize::from(kind) - 4], "it failed")),
        };
        self.happens(Event::Outcome { id, result });
    }

    fn operator(&mut self) {
        let Ok(command) = self.frame().parse::<Command>() else { return };
        let origin = self.bytes.pick(&Origin::ALL);
        self.happens(Event::Operator(OperatorRequest { token: 7, command, origin }));
    }

    fn documents(&mut self) {
        self.revision += 1;
        let what = self.bytes.byte();
        let id = String::from(if what & 1 == 0 { "u1" } else { "u2" });
        let revision = Revision(self.revision.saturating_sub(u64::from(what >> 4)));
        let value = self.bytes.pick(&[r#"{"name":"Kim"}"#, r#"{"name":7}"#, "[", r#"{"car":"red"}"#]).into();
        let user = Versioned { id, revision, updated: DateTime::UNIX_EPOCH, value };
        self.happens(Event::Documents(match what >> 1 & 3 {
            0 | 1 => Documents::Snapshot(Collection::Users, [user].into(), Revision(self.revision)),
            2 => Documents::Changed(Collection::Users, user),
            _ => Documents::Deleted(Collection::Users, user.id, revision),
        }));
    }

    /// What the wall clock shows.
    pub(super) fn wall(&self) -> DateTime<Utc> {
        let wall: DateTime<Utc> = DateTime::from_timestamp(1_767_225_600, 0).unwrap();
        wall + TimeDelta::milliseconds(self.ahead + self.millis as i64)
    }

    pub(super) fn happens(&mut self, event: Event) {
        let now = Now::new(self.wall(), Mono::from_millis(self.millis)).unwrap();
        for effect in self.watched.handle(event, now) {
            match effect.what {
                Intent::Record(Entry::Remove(id) | Entry::Replaced(id)) => drop(self.rows.remove(&id)),
                Intent::Record(Entry::Status(known)) => self.status = Some(known),
                Intent::Record(entry) => self.commit(entry),
                Intent::Note(_) => {}
                Intent::ReadCopy(collection) => self.open.push((effect.id, Some(collection))),
                _ => self.open.push((effect.id, None)),
            }
        }
        self.the_journal_mirrors_the_engine();
    }

    fn commit(&mut self, entry: Entry) {
        match entry {
            Entry::Command(CommandRow { id, .. })
            | Entry::Progress(CommandRow { id, .. })
            | Entry::Write(WriteRow { id, .. })
            | Entry::Alert(AlertRow { id, .. }) => drop(self.rows.insert(id, entry)),
            Entry::Slot(row) => drop(self.slots.insert(row.key.clone(), row)),
            Entry::RemoveSlot(key) => drop(self.slots.remove(&key)),
            Entry::Rename { from, to } => {
                let rows = core::mem::take(&mut self.slots);
                let (theirs, rest): (Vec<_>, Vec<_>) =
                    rows.into_values().partition(|row| row.key.schedule == from);
                let moved = theirs.into_iter().map(|row| {
                    let key = SlotKey { schedule: to.clone(), slot: row.key.slot };
                    SlotRow { key, ..row }
                });
                self.slots = rest.into_iter().chain(moved).map(|row| (row.key.clone(), row)).collect();
            }
            Entry::Copy(collection, change) => {
                let copy = self.copies.entry(collection).or_default();
                match change {
                    CopyChange::Put(document) => drop(copy.insert(document.id.clone(), document)),
                    CopyChange::Remove(id) => drop(copy.remove(&id)),
                    CopyChange::Complete => {}
                }
            }
            _ => {}
        }
    }

    /// What is committed is what the engine holds: no row is forgotten on either side.
    fn the_journal_mirrors_the_engine(&self) {
        let sizes = self.watched.sizes();
        let count = |kind: fn(&Entry) -> bool| self.rows.values().filter(|entry| kind(entry)).count();
        assert_eq!(count(|entry| matches!(entry, Entry::Command(_) | Entry::Progress(_))), sizes.commands);
        assert_eq!(count(|entry| matches!(entry, Entry::Write(_))), sizes.writes);
        assert_eq!(count(|entry| matches!(entry, Entry::Alert(_))), sizes.alerts);
    }
}

fn config(bytes: &mut Bytes<'_>) -> Config {
    let settings = bytes.byte();
    let mut config = Config::default();
    if settings & 1 != 0 {
        config.interlock = Interlock::allowing([Origin::Cli, Origin::Dashboard].into_iter().collect());
    }
    if settings & 2 != 0 {
        config.gas_max_open = Some(Duration::from_secs(u64::from(settings >> 4)));
    }
    if settings & 4 != 0 {
        config.outbox_rows = usize::from(settings >> 4);
    }
    config
}
