//! Rules of delivery that no day shows.

#![allow(clippy::unwrap_used)]

use smarthome_core::engine::{Done, Effect, EffectId, Link, OperatorRequest, Restored};
use smarthome_core::ports::{ErrorKind, PortError};
use smarthome_core::{Config, Engine, Event, Mono, Now, Origin};
use std::collections::BTreeSet;

fn at(millis: u64) -> Now {
    Now::new("2026-03-02T07:00:00Z".parse().unwrap(), Mono::from_millis(millis)).unwrap()
}

fn started(epoch: u32) -> (Engine, Vec<Effect>) {
    let mut engine = Engine::new(Config::default());
    let mut restored = Restored::empty(at(0).wall());
    restored.epoch = epoch;
    let mut effects = Vec::new();
    engine.handle(Event::Restored(restored), at(1), &mut effects);
    engine.handle(Event::Link(Link::Up { resumed: false }), at(2), &mut effects);
    let request = OperatorRequest { token: 1, command: "015152022".parse().unwrap(), origin: Origin::Cli };
    engine.handle(Event::Operator(request), at(3), &mut effects);
    (engine, effects)
}

#[test]
fn rule_06_no_id_is_ever_used_twice_also_over_starts() {
    let mut seen = BTreeSet::new();
    for epoch in 1..=3 {
        let (_, effects) = started(epoch);
        assert!(effects.len() > 3);
        for effect in effects {
            assert_eq!(effect.id.epoch, epoch);
            assert!(seen.insert(effect.id), "{} came twice", effect.id);
        }
    }
}

#[test]
fn rule_06_outcomes_of_unknown_effects_change_nothing() {
    let (mut engine, _) = started(2);
    let wake = engine.next_wakeup();
    // Of an earlier start, and of no start at all.
    for (epoch, counter) in [(1, 3), (2, 9_999), (0, 0)] {
        let id = EffectId { epoch, counter };
        for result in [Ok(Done::Published), Err(PortError::new(ErrorKind::UnknownOutcome, "lost"))] {
            let mut effects = Vec::new();
            engine.handle(Event::Outcome { id, result }, at(3), &mut effects);
            assert_eq!(effects, []);
            assert_eq!(engine.next_wakeup(), wake);
        }
    }
}
