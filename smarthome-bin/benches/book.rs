//! A million schedules: built, edited, asked what is due next; beside two schedulers of the field.
//!
//! ```text
//! cargo bench -p smarthome-bin --bench book
//! ```
//!
//! Everything is planned in a zone with daylight saving. `croner` only computes the next occurrence of one pattern;
//! `tokio-cron-scheduler` keeps jobs, and gets fewer of them, because its time to the next one grows with their number.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::alloc::System;
use std::hint::black_box;
use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};
use smarthome_core::HomeZone;
use smarthome_core::engine::Revision;
use smarthome_core::schedule::{Appliances, Book, Entry, Schedule, StartTime, Weekdays, What, When};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static COUNTED: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const MANY: u32 = 1_000_000;
const FEWER: u32 = 10_000;
const EDITS: u32 = 100_000;
const ZONE: &str = "Europe/Berlin";

type Documents = Vec<(String, Schedule)>;

fn main() {
    let from: DateTime<Utc> = "2026-03-02T07:00:00Z".parse().unwrap();
    let zone: HomeZone = ZONE.parse().unwrap();
    println!("{:<64} {:>14}", "what", "");
    let book = built(from, &zone);
    edited(book, from, &zone);
    all_at_once(from, &zone);
    // In turn, so that what else the machine does meets both.
    let (ours, croner): (Vec<_>, Vec<_>) =
        (0..11).map(|_| (occurrences(from, &zone), croner_occurrences(from))).unzip();
    row("next occurrence of one schedule", nanos(median(ours)));
    row("the same, croner 4, pattern read before", nanos(median(croner)));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(tokio_cron_scheduler());
}

fn row(what: &str, value: String) {
    println!("{what:<64} {value:>14}");
}

fn nanos(seconds: f64) -> String {
    format!("{:.0} ns", seconds * 1e9)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Bytes that are allocated now.
fn live() -> usize {
    let stats = COUNTED.stats();
    stats.bytes_allocated - stats.bytes_deallocated
}

/// A number without an order, the same in every run.
fn scattered(index: u32) -> u32 {
    (u64::from(index).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32
}

fn title(index: u32) -> String {
    format!("거실 {index:07}")
}

fn when(index: u32) -> When {
    let random = scattered(index);
    let at = StartTime::try_from((random % 1440) as u16).unwrap();
    let days = 1 + random / 1440 % 127;
    When::Weekly { at, on: Weekdays::from(std::array::from_fn(|day| days >> day & 1 == 1)) }
}

fn document(index: u32) -> (String, Schedule) {
    let what = What::Appliances(Appliances { light: Some(true), ..Appliances::default() });
    let schedule = Schedule { author: "kim".into(), enabled: true, when: when(index), what, catch_up: None };
    (title(index), schedule)
}

/// From documents to a book in which everything waits for its slot.
fn build(documents: Documents, from: DateTime<Utc>, zone: &HomeZone) -> Book {
    let planned = documents.into_iter().map(|(title, schedule)| {
        let mut entry = Entry::new(schedule, Revision(1), from);
        entry.plan(from, zone, |_| false);
        (title, entry)
    });
    planned.collect()
}

fn built(from: DateTime<Utc>, zone: &HomeZone) -> Book {
    let (mut ascending, mut shuffled) = (Vec::new(), Vec::new());
    for round in 0..7 {
        let before = live();
        let documents: Documents = (0..MANY).map(document).collect();
        let texts: usize =
            documents.iter().map(|(title, schedule)| title.len() + schedule.author.len()).sum();
        let start = Instant::now();
        let book = build(documents, from, zone);
        ascending.push(start.elapsed().as_secs_f64());
        if round == 0 {
            let each = (live() - before - texts) as f64 / f64::from(MANY);
            row("bytes each, texts (19 each) apart", format!("{each:.0}"));
        }
        drop(book);
        let mut documents: Documents = (0..MANY).map(document).collect();
        documents.sort_by_cached_key(|(title, _)| scattered(title[7..].parse().unwrap()));
        let start = Instant::now();
        black_box(build(documents, from, zone));
        shuffled.push(start.elapsed().as_secs_f64());
    }
    row("build and plan 1,000,000, titles ascending", format!("{:.0} ms", median(ascending) * 1e3));
    row("build and plan 1,000,000, titles in no order", format!("{:.0} ms", median(shuffled) * 1e3));
    build((0..MANY).map(document).collect(), from, zone)
}

/// What each of many edits takes, in order, and its middle and its worst hundredth.
fn each(what: &str, mut edit: impl FnMut(u32)) {
    let mut times: Vec<f64> = (0..EDITS)
        .map(|index| {
            let start = Instant::now();
            edit(index);
            start.elapsed().as_secs_f64()
        })
        .collect();
    times.sort_unstable_by(f64::total_cmp);
    let at = |share: usize| times[times.len() * share / 100] * 1e6;
    row(what, format!("{:.2} µs", at(50)));
    row(&format!("{what}, 99 of 100 within"), format!("{:.2} µs", at(99)));
}

fn edited(mut book: Book, from: DateTime<Utc>, zone: &HomeZone) {
    let documents: Documents = (0..EDITS).map(|index| document(scattered(index) % MANY)).collect();
    let mut documents = documents.into_iter().zip(0..).map(|((title, mut schedule), index)| {
        schedule.when = when(index);
        (title, schedule)
    });
    each("edit one: read its document's time, plan it, put it", |_| {
        let (title, schedule) = documents.next().unwrap();
        let mut entry = Entry::new(schedule, Revision(2), from);
        entry.plan(from, zone, |_| false);
        black_box(book.put(&title, entry));
    });
    let titles: Vec<String> = (0..EDITS).map(|index| title(scattered(index + EDITS) % MANY)).collect();
    each("remove one and put it back", |index| {
        let title = &titles[index as usize];
        let entry = book.remove(title).unwrap();
        black_box(book.put(title, entry));
    });
    each("the next one is due: find it and plan it anew", |_| {
        let at = book.next_due().unwrap();
        let title = book.due(at).next().unwrap().1.to_owned();
        black_box(book.plan(&title, at + TimeDelta::minutes(1), zone, |_| false));
    });
    let start = Instant::now();
    for _ in 0..MANY {
        black_box(black_box(&book).next_due());
    }
    row("when the next one is due", nanos(start.elapsed().as_secs_f64() / f64::from(MANY)));
}

/// The worst day: everything is due at one minute, and is taken 256 at a time.
fn all_at_once(from: DateTime<Utc>, zone: &HomeZone) {
    let documents = (0..MANY).map(document).map(|(title, mut schedule)| {
        schedule.when = When::Weekly { at: StartTime::new(7, 30).unwrap(), on: Weekdays::ALL };
        (title, schedule)
    });
    let mut book = build(documents.collect(), from, zone);
    let at = book.next_due().unwrap();
    let start = Instant::now();
    black_box(book.due(at).next());
    row(
        "1,000,000 due at once: put in title order",
        format!("{:.0} ms", start.elapsed().as_secs_f64() * 1e3),
    );
    let start = Instant::now();
    while book.next_due() == Some(at) {
        let titles: Vec<String> = book.due(at).take(256).map(|(_, title)| title.to_owned()).collect();
        for title in &titles {
            book.plan(title, at + TimeDelta::minutes(1), zone, |_| false);
        }
    }
    row(
        "1,000,000 due at once: each taken and planned anew",
        nanos(start.elapsed().as_secs_f64() / f64::from(MANY)),
    );
}

/// Seconds for one, over all of them.
fn occurrences(from: DateTime<Utc>, zone: &HomeZone) -> f64 {
    let whens: Vec<When> = (0..FEWER).map(when).collect();
    let start = Instant::now();
    for when in &whens {
        black_box(when.next(from, zone)).unwrap();
    }
    start.elapsed().as_secs_f64() / f64::from(FEWER)
}

/// The same schedule in five fields.
fn pattern(index: u32) -> String {
    let When::Weekly { at, on } = when(index) else { unreachable!() };
    let days: Vec<_> = <[bool; 7]>::from(on)
        .iter()
        .zip(0..)
        .filter(|(on, _)| **on)
        .map(|(_, day)| day.to_string())
        .collect();
    format!("{} {} * * {}", at.minutes() % 60, at.minutes() / 60, days.join(","))
}

fn croner_occurrences(from: DateTime<Utc>) -> f64 {
    let zone: chrono_tz::Tz = ZONE.parse().unwrap();
    let crons: Vec<croner::Cron> = (0..FEWER).map(|index| pattern(index).parse().unwrap()).collect();
    let from = from.with_timezone(&zone);
    let start = Instant::now();
    for cron in &crons {
        black_box(cron.find_next_occurrence(&from, true)).unwrap();
    }
    start.elapsed().as_secs_f64() / f64::from(FEWER)
}

async fn tokio_cron_scheduler() {
    use tokio_cron_scheduler::{Job, JobScheduler};

    let zone: chrono_tz::Tz = ZONE.parse().unwrap();
    let before = live();
    let mut scheduler = JobScheduler::new_with_channel_size(FEWER as usize).await.unwrap();
    let start = Instant::now();
    for index in 0..FEWER {
        // Its patterns begin with seconds.
        let job = Job::new_tz(format!("0 {}", pattern(index)), zone, |_, _| ()).unwrap();
        scheduler.add(job).await.unwrap();
    }
    let added = start.elapsed().as_secs_f64();
    row("tokio-cron-scheduler: build 10,000", format!("{:.0} ms", added * 1e3));
    row("tokio-cron-scheduler: bytes each", format!("{:.0}", (live() - before) as f64 / f64::from(FEWER)));
    let mut times = Vec::new();
    for _ in 0..101 {
        let start = Instant::now();
        black_box(scheduler.time_till_next_job().await.unwrap());
        times.push(start.elapsed().as_secs_f64());
    }
    row("tokio-cron-scheduler: when the next of 10,000 is due", format!("{:.0} µs", median(times) * 1e6));
}
