//! `smarthome home`: a virtual home.

use std::io::{self, BufRead, IsTerminal, Read};
use std::sync::Arc;
use std::time::Duration;

use smarthome_adapters::clock::SystemClock;
use smarthome_core::{PartSet, Status};
use tokio::sync::mpsc;

use super::{block_on, client, load};
use crate::cli::{self, Global, Home};
use crate::exit::Failure;
use crate::home::{HomeEvent, Order, Settings, VirtualHome};
use crate::{logging, output, wiring};

/// Longest line that is read from standard input at once.
const LONGEST_LINE: u64 = 1024;

/// Lives until a signal or `quit`.
pub(super) fn run(global: &Global, args: &Home) -> Result<(), Failure> {
    let status: Option<Status> =
        args.status.as_deref().map(|status| super::apply::parse("status", status)).transpose()?;
    let loaded = load(global)?;
    logging::start_quiet(&loaded.environment);
    block_on(async {
        let url = client::broker(&loaded, &args.client).await?;
        let clock = SystemClock::new().map_err(|error| Failure::Other(error.to_string()))?;
        let settings = Settings { topics: loaded.config.home.topics.clone(), status, ..settings(args) };
        let config = wiring::mqtt_config(&loaded, &url, client::client_id("home"));
        let home = VirtualHome::connect(config, Arc::new(clock), settings)
            .map_err(|error| Failure::Unavailable(error.to_string()))?;
        if !args.client.json {
            output::line(format_args!("a virtual home on {url}; Ctrl-C ends it"))?;
        }
        let (orders, received) = mpsc::channel(16);
        for appliance in &args.press {
            // The channel is empty and nobody has closed it.
            let _ = orders.send(Order::Press(*appliance)).await;
        }
        listen_to_people(orders.clone());
        // Kept, so that the end of standard input does not end the home.
        let _orders = orders;
        tokio::select! {
            ended = home.run(received, |event| show(&event, args.client.json)) => ended,
            ended = super::interrupted() => ended,
        }
    })
}

fn settings(args: &Home) -> Settings {
    let deaf = match args.deaf.as_deref() {
        None => PartSet::EMPTY,
        Some([]) => PartSet::ALL,
        Some(some) => some.iter().map(|appliance| (*appliance).into()).collect(),
    };
    Settings {
        every: Duration::from_secs(args.every),
        rain: args.rain,
        deaf,
        slow: Duration::from_millis(args.slow),
        ..Settings::default()
    }
}

fn show(event: &HomeEvent, json: bool) -> Result<(), Failure> {
    if json { output::json(event) } else { output::line(event) }
}

/// Turns lines of standard input into orders, on a thread that ends with the program.
fn listen_to_people(orders: mpsc::Sender<Order>) {
    if io::stdin().is_terminal() && !in_foreground() {
        // Reading would stop the whole program.
        return;
    }
    std::thread::spawn(move || {
        let mut input = io::stdin().lock();
        let mut line = String::new();
        loop {
            line.clear();
            match input.by_ref().take(LONGEST_LINE).read_line(&mut line) {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
            match order(line.trim()) {
                Ok(Some(order)) if orders.blocking_send(order).is_err() => return,
                Ok(_) => {}
                Err(unknown) => output::complain(unknown),
            }
        }
    });
}

fn order(line: &str) -> Result<Option<Order>, String> {
    match line {
        "" => Ok(None),
        "quit" | "exit" => Ok(Some(Order::Quit)),
        "status" | "report" => Ok(Some(Order::Report)),
        "move" => Ok(Some(Order::MoveWindow)),
        "deaf" => Ok(Some(Order::Deaf(PartSet::ALL))),
        "hear" => Ok(Some(Order::Deaf(PartSet::EMPTY))),
        appliance => match cli::appliance(appliance) {
            Ok(appliance) => Ok(Some(Order::Press(appliance))),
            Err(_) => Err(format!(
                "{appliance:?} is neither a button (air_conditioner, light, window, gas_valve) nor move, status, \
                 deaf, hear, quit"
            )),
        },
    }
}

/// Whether the terminal's input is ours; on systems that do not say, it is taken to be.
fn in_foreground() -> bool {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name in brackets may contain blanks; behind it: state, parent, group, session, terminal, its group.
    let mut fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(2);
    match (fields.next(), fields.nth(2)) {
        (Some(group), Some(terminal)) => group == terminal,
        _ => true,
    }
}
