//! Replays the seed corpus of the fuzz target `frame`.
#![allow(clippy::unwrap_used)]

mod frame_laws;

use std::path::Path;

#[test]
fn the_corpus_keeps_the_laws() {
    // A published crate comes without the fuzzing workspace.
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/frame");
    if !corpus.is_dir() {
        return;
    }
    let mut seeds: Vec<_> = corpus.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    seeds.sort();
    assert!(seeds.len() >= 10, "the seeds are gone from {}", corpus.display());
    for seed in seeds {
        frame_laws::check(&std::fs::read(&seed).unwrap());
    }
}

/// Pairs of a status and a command from a seeded generator: what the fuzzer does, in small.
#[test]
fn generated_pairs_keep_the_laws() {
    let mut state: u64 = 0x5eed;
    for round in 0..20_000 {
        let mut bytes = [0; 18];
        for (position, byte) in bytes.iter_mut().enumerate() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let highest = match (position % 9, position < 9 || round % 2 == 0) {
                (1 | 3 | 7 | 8, true) => 2,
                (1 | 3 | 7 | 8, false) => 3,
                _ => 10,
            };
            *byte = b'0' + u8::try_from((state >> 33) % highest).unwrap();
        }
        frame_laws::check(&bytes);
        frame_laws::check(&bytes[9..]);
    }
}
