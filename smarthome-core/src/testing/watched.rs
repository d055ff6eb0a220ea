//! An engine under watch: whatever happens to it, the laws that need no model of the world are checked.

use super::laws::Books;
use crate::engine::{Config, Effect, Engine, Event, Sizes, Wake};
use crate::{Now, Status};
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;

/// Events with longer payloads are not written into the script, nor read back.
const LONGEST: usize = 64 * 1024;

/// How many events are printed, with what they led to.
const SHOWN: usize = 12;

/// An engine, its twin that lives from written events, and the books in which the laws look things up.
///
/// When it is dropped by a panic, it prints what happened last, as a script that [`Watched::replay`] reads.
#[derive(Debug)]
pub struct Watched {
    engine: Engine,
    twin: Engine,
    books: Books,
    script: Vec<String>,
    /// What the last events led to.
    last: VecDeque<Vec<Effect>>,
    steps: u64,
}

impl Watched {
    /// A first start.
    pub fn new(config: Config) -> Watched {
        Watched {
            engine: Engine::new(config.clone()),
            twin: Engine::new(config.clone()),
            books: Books::new(config),
            script: Vec::new(),
            last: VecDeque::new(),
            steps: 0,
        }
    }

    /// A crash, and a new start, perhaps with other settings. What was promised goes on.
    pub fn restart(&mut self, config: Config) {
        self.engine = Engine::new(config.clone());
        self.twin = Engine::new(config.clone());
        self.books.restart(config);
        self.script.clear();
        self.last.clear();
    }

    /// Lets one thing happen, to both, and checks every law.
    pub fn handle(&mut self, event: Event, now: Now) -> Vec<Effect> {
        self.steps += 1;
        let long = matches!(&event, Event::Delivery(delivery) if delivery.payload.len() > LONGEST);
        let line = if long { String::new() } else { serde_json::to_string(&(&now, &event)).unwrap() };
        let (then, copy) = if long { (now, event.clone()) } else { serde_json::from_str(&line).unwrap() };
        self.script.push(line);

        self.books.happens(&event, now);
        let is_wake = event == Event::Wake;
        let (mut effects, mut twins) = (Vec::new(), Vec::new());
        self.engine.handle(event, now, &mut effects);
        self.twin.handle(copy, then, &mut twins);
        self.same_events_give_the_same_effects(&effects, &twins);
        if self.last.len() >= SHOWN {
            self.last.pop_front();
        }
        self.last.push_back(effects.clone());
        for effect in &effects {
            self.books.effect(effect, now);
        }
        self.books.turn_ends();
        self.books.state_is_bounded(self.engine.sizes(), now.mono());
        if is_wake {
            self.the_wake_up_advances(now);
        }
        effects
    }

    /// The same events at the same times give the same effects and the same wake-up, also when the events were
    /// written down and read back.
    fn same_events_give_the_same_effects(&self, effects: &[Effect], twins: &[Effect]) {
        assert_eq!(effects, twins, "the twin did something else");
        assert_eq!(self.engine.next_wakeup(), self.twin.next_wakeup(), "the twin wakes at another time");
    }

    /// Once it was woken, it wants to be woken later or not at all: a host must never spin.
    fn the_wake_up_advances(&self, now: Now) {
        if let Some(wake) = self.engine.next_wakeup() {
            assert!(wake.at > now.mono(), "woken at {:?}, it wants to be woken again: {wake:?}", now.mono());
        }
    }

    /// What the engine says.
    pub fn next_wakeup(&self) -> Option<Wake> {
        self.engine.next_wakeup()
    }

    /// What the engine says.
    pub fn accepts_deliveries(&self) -> bool {
        self.engine.accepts_deliveries()
    }

    /// What the engine says.
    pub fn status(&self) -> Option<Status> {
        self.engine.status()
    }

    /// What the engine says.
    pub fn sizes(&self) -> Sizes {
        self.engine.sizes()
    }

    /// How many events it was given, over all its starts.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Plays a printed script to a fresh engine under watch.
    pub fn replay(config: Config, script: &str) -> Watched {
        let mut watched = Watched::new(config);
        for line in script.lines().filter(|line| !line.trim().is_empty()) {
            let (now, event) = serde_json::from_str(line).unwrap();
            watched.handle(event, now);
        }
        watched
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        let config = serde_json::to_string(self.books.config()).unwrap_or_default();
        let path = std::env::temp_dir().join(std::format!("smarthome-{}.jsonl", std::process::id()));
        let kept = std::fs::write(&path, self.script.join("\n"));
        std::eprintln!("settings: {config}");
        std::eprintln!("everything since the last start, for replaying: {} ({kept:?})", path.display());
        let last = self.script.iter().skip(self.script.len().saturating_sub(self.last.len()));
        for (line, effects) in last.zip(&self.last) {
            std::eprintln!("{line}");
            for effect in effects {
                std::eprintln!("    {} {:?}", effect.id, effect.what);
            }
        }
    }
}
