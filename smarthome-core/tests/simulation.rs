//! Whole homes, simulated: a seed in, the same run out.
//!
//! A model of everything around the engine (broker, store, journal, home, people) does random things to it; after
//! every event each law is checked, and at the end everything is mended and has to come to rest. A failure prints its
//! seed: `SIMULATE=SEED cargo test -p smarthome-core --test simulation one_seed` runs it again.
#![allow(
    clippy::collapsible_if,
    clippy::wrong_self_convention,
    clippy::disallowed_macros,
    clippy::unwrap_used
)]

#[path = "simulation/books.rs"]
mod books;
#[path = "simulation/broker.rs"]
mod broker;
#[path = "simulation/chance.rs"]
mod chance;
#[path = "simulation/documents.rs"]
mod documents;
#[path = "simulation/home.rs"]
mod home;
#[path = "simulation/host.rs"]
mod host;
#[path = "simulation/journal.rs"]
mod journal;
#[path = "simulation/slots.rs"]
mod slots;
#[path = "simulation/store.rs"]
mod store;
#[path = "simulation/told.rs"]
mod told;
#[path = "simulation/verdict.rs"]
mod verdict;
#[path = "simulation/world.rs"]
mod world;

use world::World;

/// Runs these seeds, each with so many random transitions, and says how many events the engines handled.
fn run(seeds: std::ops::Range<u64>, transitions: u64) -> u64 {
    seeds.map(|seed| one(seed, transitions)).sum()
}

fn one(seed: u64, transitions: u64) -> u64 {
    let ran = std::panic::catch_unwind(|| {
        let mut world = World::new(seed);
        world.live(transitions);
        world.come_to_rest();
        world.watched.steps()
    });
    ran.unwrap_or_else(|panic| {
        eprintln!("the seed is {seed}, with {transitions} transitions");
        std::panic::resume_unwind(panic)
    })
}

// In three tests, so that they share the processors.

#[test]
fn short_lives_of_many_homes() {
    run(0..150, 60);
}

#[test]
fn lives_of_some_homes() {
    run(1_000..1_040, 300);
}

#[test]
fn long_lives_of_few_homes() {
    run(2_000..2_006, 2_000);
}

#[test]
fn the_same_seed_lives_the_same_life() {
    let life = |seed| {
        let mut world = World::new(seed);
        world.live(100);
        (world.watched.steps(), world.now, format!("{:?}", world.watched))
    };
    assert!(life(7) == life(7));
}

#[test]
#[ignore = "long: cargo test --release -p smarthome-core --test simulation -- --include-ignored"]
fn a_long_run() {
    let seeds = std::env::var("SEEDS").map_or(2_000, |seeds| seeds.parse().unwrap());
    let steps = run(10_000..10_000 + seeds, 1_000);
    eprintln!("{seeds} seeds, {steps} events");
}

#[test]
fn one_seed() {
    let seed = std::env::var("SIMULATE").map_or(1, |seed| seed.parse().unwrap());
    let transitions = std::env::var("TRANSITIONS").map_or(60, |count| count.parse().unwrap());
    one(seed, transitions);
}
