//! The daemon as its own process, under load, beside yardsticks measured in the same run.
//!
//! ```text
//! cargo bench -p smarthome-bin --bench load              # everything, some twenty minutes; needs mosquitto
//! cargo bench -p smarthome-bin --bench load -- start     # only: load, command, start, idle, due, ready or size
//! ```
//!
//! The yardstick of a sign-in is an echo: this program again, as a process of its own, with the bare client library and
//! nothing else. What is compared takes turns, because a machine that is busy for a while slows both.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

mod rig;

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use rig::{Client, Home, PROGRAM, Process, median, schedules, share, sign_in_of, spread};
use smarthome_adapters::testing::{Mosquitto, MosquittoConfig, RabbitMq, RabbitMqConfig};
use smarthome_bin::control::{Connection, Reply, Request, Step};

const ROUNDS: usize = 7;
/// Requests of a round, one by one and many at once.
const ONE_BY_ONE: usize = 3_000;
const AT_ONCE: usize = 10_000;
const IN_FLIGHT: usize = 64;
/// Commands of a round, and as many echoes and synced writes beside them.
const COMMANDS: usize = 100;
/// Starts of each kind.
const STARTS: usize = 11;
/// Schedules that are due in one minute, how often, and how often on RabbitMQ.
const DUE: usize = 1_000;
const MINUTES: [usize; 2] = [5, 3];
/// Schedules in the store at a start, and starts.
const STORED: usize = 100_000;
const READY: usize = 7;
const IDLE: Duration = Duration::from_secs(60);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    match arguments.as_slice() {
        ["--echo", port, prefix] => runtime.block_on(rig::echo(port.parse().unwrap(), prefix)),
        // `cargo test --benches` starts this too, and means only that it should compile.
        arguments if !arguments.contains(&"--bench") => {}
        arguments => match Mosquitto::available() {
            Ok(()) => runtime.block_on(run(arguments)),
            Err(missing) => println!("nothing was measured: {missing}"),
        },
    }
}

async fn run(arguments: &[&str]) {
    let chosen: Vec<&&str> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    let wanted = |name| chosen.is_empty() || chosen.contains(&&name);
    let broker = Mosquitto::start(MosquittoConfig::default()).await.unwrap();
    println!("load average before: {}", load_average());
    if wanted("size") {
        println!("program: {:.1} MiB", std::fs::metadata(PROGRAM).unwrap().len() as f64 / 1_048_576.0);
    }
    if wanted("load") {
        sign_ins(broker.port()).await;
    }
    if wanted("command") {
        commands(broker.port()).await;
    }
    if wanted("start") {
        starts(broker.port()).await;
    }
    if wanted("idle") {
        idle(broker.port()).await;
    }
    if wanted("ready") {
        ready(broker.port()).await;
    }
    if wanted("due") {
        due("Mosquitto", broker.port(), MINUTES[0]).await;
        match RabbitMq::available() {
            Ok(()) => {
                let broker = RabbitMq::start(RabbitMqConfig::default()).await.unwrap();
                due("RabbitMQ", broker.mqtt_port(), MINUTES[1]).await;
            }
            Err(missing) => println!("nothing was measured on RabbitMQ: {missing}"),
        }
    }
    println!("load average after: {}", load_average());
}

/// A daemon or an echo, with the client that asks it.
struct Side {
    process: Process,
    client: Client,
    topic: String,
    /// Medians and 99th percentiles of the rounds, in microseconds, and answers a second.
    middle: Vec<f64>,
    high: Vec<f64>,
    throughput: Vec<f64>,
    cpu: f64,
}

impl Side {
    async fn new(process: Process, port: u16, [prefix, requests, answers]: [&str; 3]) -> Side {
        let mut client = Client::new(port, &format!("asker-{prefix}"), &format!("{prefix}/{answers}"));
        client.connect().await;
        let topic = format!("{prefix}/{requests}");
        // Also waits until the other end is there.
        client.insist(&topic, sign_in).await;
        while tokio::time::timeout(Duration::from_millis(200), client.answer()).await.is_ok() {}
        client.one_by_one(&topic, 500, sign_in).await;
        let none = Vec::new;
        Side { process, client, topic, middle: none(), high: none(), throughput: none(), cpu: 0.0 }
    }

    async fn echo(port: u16, prefix: &str, folder: &Path) -> Side {
        Side::new(start_echo(port, prefix, folder), port, [prefix, "in", "out"]).await
    }

    async fn one_by_one(&mut self) {
        let before = self.process.cpu();
        let times = self.client.one_by_one(&self.topic, ONE_BY_ONE, sign_in).await;
        self.cpu += self.process.cpu() - before;
        self.middle.push(median(&times));
        self.high.push(share(&times, 0.99));
    }

    async fn at_once(&mut self) {
        let throughput = self.client.at_once(&self.topic, (AT_ONCE, IN_FLIGHT), sign_in).await;
        self.throughput.push(throughput);
    }
}

fn start_echo(port: u16, prefix: &str, folder: &Path) -> Process {
    let mut echo = Command::new(std::env::current_exe().unwrap());
    Process::start(echo.args(["--echo", &port.to_string(), prefix]), folder)
}

/// A sign-in of one of ten thousand users, which are asked for in no order.
fn sign_in(number: usize) -> String {
    sign_in_of(number * 7_919 % 10_000)
}

async fn sign_ins(port: u16) {
    let folder = rig::folder();
    let store = rig::store(10_000, folder.path()).await;
    let home = Home::new("load", Some(port), Some(&store));
    let daemon = home.start(&["run"]);
    let mut ours = Side::new(daemon, port, ["load", "server/info", "car/info"]).await;
    let mut echo = Side::echo(port, "load-echo", folder.path()).await;
    for _ in 0..ROUNDS {
        echo.one_by_one().await;
        ours.one_by_one().await;
    }
    for _ in 0..ROUNDS {
        echo.at_once().await;
        ours.at_once().await;
    }
    println!("\n| sign-in, {ROUNDS} rounds in turn, medians | smarthome | echo | ratio |\n|---|---|---|---|");
    row("p50, one in flight, µs", &ours.middle, &echo.middle, 1);
    row("p99, one in flight, µs", &ours.high, &echo.high, 1);
    let seconds = |side: &Side| vec![side.cpu * 10_000.0 / (ROUNDS * ONE_BY_ONE) as f64];
    row("processor time for 10,000, one in flight, s", &seconds(&ours), &seconds(&echo), 2);
    row("answers a second, 64 in flight", &ours.throughput, &echo.throughput, 0);
}

fn row(what: &str, ours: &[f64], yardstick: &[f64], digits: usize) {
    let ratios: Vec<f64> = ours.iter().zip(yardstick).map(|(ours, yardstick)| ours / yardstick).collect();
    let [ours, yardstick] = [ours, yardstick].map(median);
    println!("| {what} | {ours:.digits$} | {yardstick:.digits$} | {} |", spread(&ratios, 2));
}

async fn commands(port: u16) {
    let folder = rig::folder();
    let home = Home::new("command", Some(port), None);
    let _daemon = home.start(&["run"]);
    home.said("connected to the broker").await;
    let _virtual = home.start(&["home", "--json", "--status", "000000000"]);
    home.said("reported").await;
    let mut echo = Side::echo(port, "command-echo", folder.path()).await;
    let mut plain = File::create(folder.path().join("plain")).unwrap();
    let table = bare_table(&folder.path().join("bare.db"));
    let (mut ours, mut echoes, mut syncs, mut commits) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let times = echo.client.one_by_one(&echo.topic, COMMANDS, sign_in).await;
        let written: Vec<f64> = (0..COMMANDS).map(|_| synced_write(&mut plain)).collect();
        let committed: Vec<f64> = (0..COMMANDS).map(|number| commit(&table, number)).collect();
        let mut confirmed = Vec::new();
        for number in 0..COMMANDS {
            // On and off, so that each has an effect to wait for.
            confirmed.push(command(home.state(), ["022152022", "022022022"][number % 2]).await);
        }
        echoes.push(median(&times));
        syncs.push(median(&written));
        commits.push(median(&committed));
        ours.push(median(&confirmed));
    }
    println!(
        "\n| sent until confirmed, {ROUNDS} rounds in turn, medians | smarthome, µs | yardstick, µs | ratio |"
    );
    println!("|---|---|---|---|");
    // A command is recorded when it is decided and when it is over; what is recorded between is in nobody's way.
    for (name, sync) in [("an echo and two commits", &commits), ("an echo and two plain syncs", &syncs)] {
        let floors: Vec<f64> = echoes.iter().zip(sync).map(|(echo, sync)| echo + 2.0 * sync).collect();
        row(name, &ours, &floors, 0);
    }
    let (echo, commit, sync) = (spread(&echoes, 0), spread(&commits, 0), spread(&syncs, 0));
    println!("echo {echo} µs, a commit of one row {commit} µs, 4 KiB appended and synced {sync} µs");
}

/// The bare library with the journal's settings and one table.
fn bare_table(path: &Path) -> rusqlite::Connection {
    let connection = rusqlite::Connection::open(path).unwrap();
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).unwrap();
    connection
        .execute_batch("PRAGMA synchronous = FULL; CREATE TABLE line (id INTEGER PRIMARY KEY, text TEXT)")
        .unwrap();
    connection
}

/// A transaction that inserts a short row, or deletes the one before.
fn commit(table: &rusqlite::Connection, number: usize) -> f64 {
    let began = Instant::now();
    let change = if number.is_multiple_of(2) {
        "INSERT INTO line (text) VALUES ('2026-03-29T02:30:00.000000Z 022152022 claimed cli mode, light')"
    } else {
        "DELETE FROM line"
    };
    table.prepare_cached(change).unwrap().execute([]).unwrap();
    began.elapsed().as_secs_f64() * 1e6
}

async fn command(state: &Path, frame: &str) -> f64 {
    let mut connection = Connection::require(state).await.unwrap();
    let began = Instant::now();
    connection.ask(&Request::Send { frame: frame.parse().unwrap() }).await.unwrap();
    while let Some(reply) = connection.next().await.unwrap() {
        match reply {
            Reply::Step(Step::Confirmed) => return began.elapsed().as_secs_f64() * 1e6,
            Reply::Step(step) if step.is_last() => panic!("{step}"),
            _ => {}
        }
    }
    panic!("no end");
}

/// How long an append takes until it is on the disk, in microseconds.
fn synced_write(file: &mut File) -> f64 {
    let began = Instant::now();
    file.write_all(&[7; 4096]).unwrap();
    file.sync_data().unwrap();
    began.elapsed().as_secs_f64() * 1e6
}

async fn starts(port: u16) {
    let folder = rig::folder();
    let many = rig::store(100_000, folder.path()).await;
    let few = rig::store(10, folder.path()).await;
    let mut times: [Vec<f64>; 5] = std::array::from_fn(|_| Vec::new());
    for round in 0..STARTS {
        let prefix = format!("start-{round}");
        times[0].push(start_of_echo(port, &prefix, folder.path()).await);
        // A prefix of its own makes a session of its own: nothing waits at the broker.
        times[1].push(start(&Home::new(&format!("{prefix}-few"), Some(port), Some(&few))).await);
        times[2].push(start(&Home::new(&format!("{prefix}-many"), Some(port), Some(&many))).await);
        times[3].push(start(&Home::new("webos", None, Some(&few))).await);
        times[4].push(start(&Home::new("webos", None, Some(&many))).await);
    }
    println!(
        "\n| start of the process to the first answer, {STARTS} starts in turn, ms | median (range) |\n|---|---|"
    );
    let names = [
        "echo, Mosquitto",
        "10 users, Mosquitto",
        "100,000 users, Mosquitto",
        "10 users, embedded broker",
        "100,000 users, embedded broker",
    ];
    for (name, times) in names.iter().zip(&times) {
        println!("| {name} | {} |", spread(times, 1));
    }
}

async fn start(home: &Home) -> f64 {
    let [requests, answers] = ["server/info", "car/info"].map(|topic| format!("{}/{topic}", home.prefix));
    let mut client = Client::new(home.port(), &format!("asker-{}", home.prefix), &answers);
    let running;
    let began;
    if home.is_own_broker() {
        began = Instant::now();
        running = home.start(&["run"]);
        client.connect().await;
    } else {
        client.connect().await;
        began = Instant::now();
        running = home.start(&["run"]);
    }
    let answer = client.insist(&requests, |number| sign_in_of(number % 10)).await;
    let took = began.elapsed().as_secs_f64() * 1e3;
    assert!(answer.contains("Kim"), "{answer}");
    drop(running);
    took
}

async fn start_of_echo(port: u16, prefix: &str, folder: &Path) -> f64 {
    let mut client = Client::new(port, &format!("asker-{prefix}"), &format!("{prefix}/out"));
    client.connect().await;
    let began = Instant::now();
    let _echo = start_echo(port, prefix, folder);
    client.insist(&format!("{prefix}/in"), sign_in).await;
    began.elapsed().as_secs_f64() * 1e3
}

async fn idle(port: u16) {
    let folder = rig::folder();
    let store = rig::store(10_000, folder.path()).await;
    let kinds = [
        ("embedded broker, no users", Home::new("webos", None, None)),
        ("embedded broker, 10,000 users", Home::new("webos", None, Some(&store))),
        ("Mosquitto, no users", Home::new("idle", Some(port), None)),
        ("Mosquitto, 10,000 users", Home::new("idle-users", Some(port), Some(&store))),
    ];
    let kinds = kinds.map(|(name, home)| (name, home.alone()));
    let running: Vec<Process> = kinds.iter().map(|(_, home)| home.start(&["run"])).collect();
    let echo = start_echo(port, "idle-echo", folder.path());
    tokio::time::sleep(IDLE).await;
    println!("\n| memory after {} s without work, MiB | Rss | Pss |\n|---|---|---|", IDLE.as_secs());
    let names = kinds.iter().map(|(name, _)| *name).chain(["echo"]);
    for (name, process) in names.zip(running.iter().chain([&echo])) {
        println!("| {name} | {:.1} | {:.1} |", process.memory("Rss"), process.memory("Pss"));
    }
}

async fn due(broker: &str, port: u16, minutes: usize) {
    let folder = rig::folder();
    let users = rig::store(10_000, folder.path()).await;
    let table = bare_table(&folder.path().join("bare.db"));
    let (mut first, mut last, mut sign_ins) = (Vec::new(), Vec::new(), Vec::new());
    let (mut published, mut committed) = (Vec::new(), Vec::new());
    for round in 0..minutes {
        let minute = schedules::minute(port, &format!("due-{round}"), &users, DUE).await;
        first.push(minute.first);
        last.push(minute.last);
        sign_ins.extend(minute.sign_ins);
        let began = Instant::now();
        Client::new(port, "bare", "bare/nothing").publish_one_by_one("bare/frames", DUE).await;
        published.push(began.elapsed().as_secs_f64() * 1e3);
        committed.push((0..DUE).map(|number| commit(&table, number)).sum::<f64>() / 1e3);
    }
    println!(
        "\n| {DUE} once-schedules due in one minute, {broker}, {minutes} minutes, ms | median (range) |\n|---|---|"
    );
    println!("| first frame after the minute | {} |", spread(&first, 1));
    println!("| last frame after the minute | {} |", spread(&last, 0));
    let [middle, high, most] = [0.5, 0.99, 1.0].map(|at| share(&sign_ins, at));
    println!(
        "| {} sign-ins meanwhile: p50, p99, longest | {middle:.2}, {high:.2}, {most:.2} |",
        sign_ins.len()
    );
    println!("| as many frames from the bare library, one in flight | {} |", spread(&published, 0));
    println!("| as many commits of one row by the bare library | {} |", spread(&committed, 0));
}

async fn ready(port: u16) {
    let folder = rig::folder();
    let store = schedules::store(STORED, folder.path()).await;
    let mut first = Vec::new();
    for round in 0..READY {
        first.push(start(&Home::new(&format!("first-{round}"), Some(port), Some(&store))).await);
    }
    let home = Home::new("ready", Some(port), Some(&store));
    // The first start makes the journal and its copy of the schedules.
    let daemon = home.start(&["run"]);
    home.said("connected to the broker").await;
    let _virtual = home.start(&["home", "--json", "--status", "000000000", "--every", "1"]);
    home.said("home reports").await;
    daemon.stop().await;
    let (mut answers, mut frames) = (Vec::new(), Vec::new());
    for round in 0..READY {
        let ready = schedules::ready(&home, round).await;
        answers.push(ready.answer);
        frames.push(ready.frame);
    }
    println!(
        "\n| start with {STORED} schedules in the store, {READY} starts, ms | median (range) |\n|---|---|"
    );
    println!("| first start at that store, to the first answer | {} |", spread(&first, 1));
    println!("| every later one, to the first answer | {} |", spread(&answers, 1));
    println!("| the same, to the frame of a schedule due at the start | {} |", spread(&frames, 1));
}

fn load_average() -> String {
    std::fs::read_to_string("/proc/loadavg").unwrap_or_default().trim().into()
}
