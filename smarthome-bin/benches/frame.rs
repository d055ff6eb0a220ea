//! The nine digits, read and written, beside a match on bytes written by hand.
//!
//! ```text
//! cargo bench -p smarthome-bin --bench frame                     # time
//! cargo bench -p smarthome-bin --bench frame -- --instructions   # instructions, needs valgrind
//! ```
//!
//! The second counts: it runs this program under callgrind twice, the second time with twice the
//! work, so that everything but the work drops out of the difference. It does not depend on what
//! else the machine does.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

mod by_hand;

use std::hint::black_box;
use std::process::Command as Process;

use by_hand::ByHand;
use criterion::{Criterion, Throughput};
use smarthome_core::{Appliance, Command, Status};

/// One pass over all frames, with everything prepared; returns something to keep.
type Pass = Box<dyn Fn() -> u64>;

/// What is measured: a name, and what prepares it.
type Case = (&'static str, fn() -> Pass);

const CASES: [Case; 10] = [
    ("status/decode/ours", || decoding(2, |bytes| Status::try_from(bytes).ok(), keep)),
    ("status/decode/by hand", || decoding(2, by_hand::status, keep)),
    ("status/decode and ask every field/ours", || decoding(2, |bytes| Status::try_from(bytes).ok(), fields)),
    ("status/decode and ask every field/by hand", || decoding(2, by_hand::status, ByHand::fields)),
    ("status/encode/ours", || encoding(2, |bytes| Status::try_from(bytes).ok(), Status::to_bytes)),
    ("status/encode/by hand", || encoding(2, by_hand::status, ByHand::encode)),
    ("command/decode/ours", || decoding(3, |bytes| Command::try_from(bytes).ok(), keep)),
    ("command/decode/by hand", || decoding(3, by_hand::command, keep)),
    ("command/encode/ours", || encoding(3, |bytes| Command::try_from(bytes).ok(), Command::to_bytes)),
    ("command/encode/by hand", || encoding(3, by_hand::command, ByHand::encode)),
];

/// Reads every frame and adds up what `then` makes of it; a refused one would show as a panic.
fn decoding<T>(
    switch: u64,
    read: impl Fn(&[u8]) -> Option<T> + 'static,
    then: impl Fn(T) -> u64 + 'static,
) -> Pass {
    let frames = frames(switch);
    Box::new(move || frames.iter().map(|bytes| then(read(black_box(bytes.as_slice())).unwrap())).sum())
}

/// Writes every frame, which was read before.
fn encoding<T: Copy + 'static>(
    switch: u64,
    read: impl Fn(&[u8]) -> Option<T>,
    write: impl Fn(T) -> [u8; 9] + 'static,
) -> Pass {
    let values: Vec<T> = frames(switch).iter().map(|bytes| read(bytes).unwrap()).collect();
    Box::new(move || {
        for value in &values {
            black_box(write(*black_box(value)));
        }
        0
    })
}

/// Forces the whole value to exist.
#[inline(always)]
fn keep<T>(value: T) -> u64 {
    black_box(value);
    0
}

/// Every field once, as a rule or an alarm would ask for it.
#[inline(always)]
fn fields(status: Status) -> u64 {
    let on = Appliance::ALL.map(|appliance| u64::from(status.is_on(appliance)));
    let values = [
        status.mode(),
        status.wind(),
        status.brightness(),
        status.colour().digit(),
        status.light_mode().digit(),
    ];
    on.iter().sum::<u64>() + values.iter().map(|digit| u64::from(digit.value())).sum::<u64>()
}

/// A thousand good frames in no order, the same in every run.
fn frames(switch: u64) -> Vec<[u8; 9]> {
    let mut state: u64 = 0x5eed;
    let mut digit = |count: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        b'0' + u8::try_from((state >> 33) % count).unwrap()
    };
    let counts = [10, switch, 10, switch, 10, 10, 10, switch, switch];
    (0..1_000).map(|_| counts.map(&mut digit)).collect()
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["--repeat", name, passes, ..] => repeat(name, passes.parse().unwrap()),
        arguments if arguments.contains(&"--instructions") => instructions(),
        _ => time(),
    }
}

fn time() {
    let mut criterion = Criterion::default().configure_from_args();
    for (name, prepare) in CASES {
        let pass = prepare();
        let (group, side) = name.rsplit_once('/').unwrap();
        let mut group = criterion.benchmark_group(group);
        group.throughput(Throughput::Elements(1_000));
        group.bench_function(side, |bencher| bencher.iter(&pass));
    }
    criterion.final_summary();
}

fn repeat(name: &str, passes: usize) {
    let (_, prepare) = CASES.into_iter().find(|(other, _)| *other == name).unwrap();
    let pass = prepare();
    let total: u64 = (0..passes).map(|_| pass()).sum();
    black_box(total);
}

fn instructions() {
    for (name, _) in CASES {
        let (once, twice) = (collected(name, "100"), collected(name, "200"));
        let per_frame = (twice.saturating_sub(once)) as f64 / 100_000.0;
        println!("{name:<44}{per_frame:>8.1} instructions a frame");
    }
}

/// How many instructions callgrind counts for these passes.
fn collected(name: &str, passes: &str) -> u64 {
    let output = Process::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe().unwrap())
        .args(["--repeat", name, passes])
        .output()
        .expect("valgrind is installed");
    let text = String::from_utf8_lossy(&output.stderr);
    let line = text.lines().find_map(|line| line.split_once("Collected : ")).expect("callgrind sums up");
    line.1.trim().parse().unwrap()
}
