//! Replays the seed corpora of the fuzz targets `message`, `document` and `engine`, and does in small what the fuzzer does.
#![allow(clippy::unwrap_used)]
#![allow(clippy::disallowed_macros)]

use smarthome_core::testing::{self, Random};
use std::path::Path;

fn replay(target: &str, body: fn(&[u8])) {
    // A published crate comes without the fuzzing workspace.
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
    if !fuzz.is_dir() {
        return;
    }
    let corpus = fuzz.join("corpus").join(target);
    let mut seeds: Vec<_> = corpus.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    seeds.sort();
    assert!(seeds.len() >= 5, "the seeds are gone from {}", corpus.display());
    for seed in seeds {
        body(&std::fs::read(&seed).unwrap());
    }
}

#[test]
fn the_message_corpus_keeps_the_laws() {
    replay("message", testing::message);
}

#[test]
fn the_document_corpus_keeps_the_laws() {
    replay("document", testing::document);
}

#[test]
fn the_engine_corpus_keeps_the_laws() {
    replay("engine", testing::engine);
}

/// Random bytes for so many rounds.
fn generated(rounds: u64, longest: u64, body: fn(&[u8])) {
    for seed in 0..rounds {
        let mut random = Random::new(seed);
        let len = random.within(0..longest) as usize;
        let bytes = random.bytes(len);
        let told = std::panic::catch_unwind(|| body(&bytes));
        if let Err(panic) = told {
            eprintln!("seed {seed} of {len} bytes");
            std::panic::resume_unwind(panic);
        }
    }
}

#[test]
fn generated_messages_keep_the_laws() {
    generated(2_000, 200, testing::message);
}

#[test]
fn generated_documents_keep_the_laws() {
    generated(5_000, 40, testing::document);
}

#[test]
fn generated_events_keep_the_laws() {
    generated(300, 1_000, testing::engine);
}

#[test]
#[ignore = "long: cargo test --release -p smarthome-core --test fuzz_corpus -- --include-ignored"]
fn many_generated_events_keep_the_laws() {
    generated(40_000, 2_000, testing::engine);
}
