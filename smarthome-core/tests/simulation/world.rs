//! Time, and what is to happen in it.

use crate::books::Books;
use crate::broker::{Broker, Message};
use crate::documents::History;
use crate::home::Home;
use crate::host::Host;
use crate::journal::Journal;
use crate::slots::Slots;
use crate::store::Store;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value};
use smarthome_core::engine::*;
use smarthome_core::testing::{Random, Watched};
use smarthome_core::{Config, Frame, Mono, Now};
use std::collections::BTreeMap;

/// Something that will happen by itself.
#[derive(Debug)]
pub(crate) enum Happening {
    /// What the server published reaches the broker.
    Arrives {
        publisher: u64,
        effect: EffectId,
    },
    /// The broker's word for it reaches the server.
    Taken {
        publisher: u64,
        effect: EffectId,
    },
    /// The publishing connection is there again.
    Publishes,
    /// The publishing connection breaks.
    PublisherBreaks,
    /// The listening connection is there again.
    Connects,
    /// A message reaches the server.
    Delivered {
        session: u64,
        id: DeliveryId,
        message: Message,
        retained: bool,
    },
    /// The server's acknowledgement reaches the broker.
    Acknowledged {
        session: u64,
        id: DeliveryId,
    },
    /// The server's mark behind the backlog reaches the broker.
    Marked {
        session: u64,
    },
    /// A frame reaches the home.
    Heard(Frame),
    /// The home says how it is.
    Reports,
    /// The store does what it was told, and says so.
    Written(EffectId),
    /// What the store's listener has to tell reaches the server.
    Told {
        listener: u64,
        documents: Documents,
    },
    /// The store's listener is there again.
    Watches,
    /// The journal's copy of a collection is read, for that start.
    Copied {
        epoch: u32,
        effect: EffectId,
        collection: Collection,
    },
    /// The store tells a list once more, to that start.
    Listed {
        epoch: u32,
        effect: EffectId,
        collection: Collection,
    },
    /// The second half of a rename: the old title goes, or the new one comes, and then that is that.
    Unwritten {
        title: String,
    },
    Rewritten {
        title: String,
        document: Map<String, Value>,
    },
    Renamed {
        titles: [String; 2],
        shared: bool,
        since: DateTime<Utc>,
    },
    Free {
        title: String,
    },
    /// The server looks at its clocks.
    Looks,
    /// A failed commit is tried again.
    CommitsAgain,
    /// The server starts after a crash.
    Starts,
    /// The server's process ends.
    Ends,
}

/// A home with everything around it.
pub(crate) struct World {
    pub(crate) random: Random,
    pub(crate) config: Config,
    pub(crate) watched: Watched,
    /// Milliseconds since the beginning.
    pub(crate) now: u64,
    /// What the wall clock shows too much.
    pub(crate) ahead: i64,
    coming: BTreeMap<(u64, u64), Happening>,
    coming_count: u64,
    pub(crate) host: Host,
    pub(crate) broker: Broker,
    pub(crate) store: Store,
    pub(crate) journal: Journal,
    pub(crate) home: Home,
    pub(crate) books: Books,
    pub(crate) history: History,
    pub(crate) slots: Slots,
    beginning: DateTime<Utc>,
}

impl World {
    pub(crate) fn new(seed: u64) -> World {
        let mut random = Random::new(seed);
        let config = crate::chance::config(&mut random);
        let beginning = crate::chance::beginning(&config, &mut random);
        let own_clock = random.chance(50);
        let mut world = World {
            watched: Watched::new(config.clone()),
            config,
            random,
            now: 1_000,
            ahead: 0,
            coming: BTreeMap::new(),
            coming_count: 0,
            host: Host::default(),
            broker: Broker::default(),
            store: Store::default(),
            journal: Journal::new(beginning),
            home: Home::default(),
            books: Books::default(),
            history: History::new(own_clock),
            slots: Slots::default(),
            beginning,
        };
        world.starts();
        world
    }

    pub(crate) fn mono(&self) -> Mono {
        Mono::from_millis(self.now - self.host.base)
    }

    pub(crate) fn clocks(&self) -> Now {
        let wall = self.beginning + TimeDelta::milliseconds(self.ahead + self.now as i64);
        Now::new(wall, self.mono()).unwrap()
    }

    pub(crate) fn schedule(&mut self, at: u64, happening: Happening) {
        self.coming_count += 1;
        self.coming.insert((at.max(self.now), self.coming_count), happening);
    }

    pub(crate) fn soon(&mut self, within: std::ops::Range<u64>, happening: Happening) {
        let at = self.now + self.random.within(within);
        self.schedule(at, happening);
    }

    /// Lets so many milliseconds pass.
    pub(crate) fn pass(&mut self, millis: u64) {
        let until = self.now + millis;
        self.host_turns();
        while let Some(next) = self.next().filter(|next| *next <= until) {
            self.now = self.now.max(next);
            // What comes at the same time may be handled in one batch.
            while let Some(entry) = self.coming.first_entry().filter(|entry| entry.key().0 <= self.now) {
                let happening = entry.remove();
                self.happens(happening);
            }
            self.host_turns();
        }
        self.now = until;
    }

    fn next(&self) -> Option<u64> {
        let wake = self.watched.next_wakeup().filter(|_| self.host.running);
        let wake = wake.map(|wake| (self.host.base + wake.at.as_millis()).max(self.now));
        let coming = self.coming.first_key_value().map(|((at, _), _)| *at);
        wake.into_iter().chain(coming).min()
    }

    fn happens(&mut self, happening: Happening) {
        match happening {
            Happening::Arrives { publisher, effect } => self.arrives(publisher, effect),
            Happening::Taken { publisher, effect } => self.taken(publisher, effect),
            Happening::Publishes => self.broker.publisher_up = self.host.running,
            Happening::PublisherBreaks => self.publisher_breaks(true),
            Happening::Connects => self.connects(),
            Happening::Delivered { session, id, message, retained } => {
                self.delivered(session, id, message, retained);
            }
            Happening::Acknowledged { session, id } => self.acknowledged(session, id),
            Happening::Marked { session } => self.marked(session),
            Happening::Heard(frame) => self.heard(frame),
            Happening::Reports => self.reports(),
            Happening::Written(effect) => self.written(effect),
            Happening::Told { listener, documents } => self.told(listener, documents),
            Happening::Watches => self.watches(),
            Happening::Copied { epoch, effect, collection } => self.copied(epoch, effect, collection),
            Happening::Listed { epoch, effect, collection } => self.listed(epoch, effect, collection),
            Happening::Unwritten { title } => self.drop_document(Collection::Schedules, &title),
            Happening::Rewritten { title, document } => self.put_schedule(&title, document),
            Happening::Renamed { titles, shared, since } => self.renamed(titles, shared, since),
            Happening::Free { title } => self.free(&title),
            Happening::Looks if self.host.running => self.host.asked.push_back(Event::Wake),
            Happening::Looks => {}
            Happening::CommitsAgain => self.commits_again(),
            Happening::Starts => self.starts(),
            Happening::Ends => self.crashes(),
        }
    }
}
