//! A tour of the server in half a minute: everything in one process, nothing leaves this machine.
//!
//! ```text
//! cargo run --release --example daemon             a tour, then it goes on serving
//! cargo run --release --example daemon -- --once   a tour, then it ends
//! cargo run --release --example daemon -- --state DIRECTORY
//! ```
//!
//! It starts what `smarthome run` starts, a virtual home, and a phone, and shows what each of them does: a sign-up, a
//! sign-in, a command that is believed when the home reports it, the interlock of the gas valve, and a home that does
//! not listen.

#![allow(clippy::print_stdout, reason = "a tour is for reading")]

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use smarthome_adapters::clock::SystemClock;
use smarthome_adapters::mqtt::{Heard, Messages, MqttClient, MqttConfig};
use smarthome_bin::config::Loaded;
use smarthome_bin::control::Step;
use smarthome_bin::home::{HomeEvent, Order, Settings, VirtualHome};
use smarthome_bin::wiring::{self, Running};
use smarthome_bin::words;
use smarthome_core::ports::Outgoing;
use smarthome_core::topic::Client;
use smarthome_core::{Command, Origin, PartSet, Topics};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Nothing in the tour takes longer than a re-send, which comes after ten seconds.
const PATIENCE: Duration = Duration::from_secs(15);

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    smarthome_bin::install_crypto();
    let done = Arguments::read().and_then(|arguments| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(tour(&arguments))
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

struct Arguments {
    once: bool,
    state: Option<PathBuf>,
}

impl Arguments {
    fn read() -> Outcome<Arguments> {
        let mut arguments = Arguments { once: false, state: None };
        let mut given = std::env::args().skip(1);
        while let Some(argument) = given.next() {
            match argument.as_str() {
                "--once" => arguments.once = true,
                "--state" => arguments.state = Some(given.next().ok_or("--state needs a directory")?.into()),
                other => return Err(format!("{other:?} is neither --once nor --state DIRECTORY").into()),
            }
        }
        Ok(arguments)
    }
}

async fn tour(arguments: &Arguments) -> Outcome<()> {
    println!("smarthome: a tour. Everything runs in this process, nothing leaves this machine.");
    // Removed at the end, unless somebody wants to keep it.
    let temporary = tempfile::Builder::new().prefix("smarthome-").tempdir()?;
    let directory = arguments.state.clone().unwrap_or_else(|| temporary.path().to_owned());

    let mut actors = Actors::start(directory).await?;
    actors.sign_up_and_in().await?;
    actors.command_is_followed().await?;
    actors.gas_valve_stays_closed().await?;
    actors.home_does_not_listen().await?;
    actors.end(arguments.once).await
}

/// Everybody who takes part.
struct Actors {
    server: Running,
    topics: Topics,
    /// What somebody does in the virtual home.
    orders: mpsc::Sender<Order>,
    /// What happens there.
    events: mpsc::UnboundedReceiver<HomeEvent>,
    phone: MqttClient,
    phone_hears: Messages,
}

impl Actors {
    async fn start(directory: PathBuf) -> Outcome<Actors> {
        title(1, "Start");
        let began = Instant::now();
        let mut loaded = Loaded::default();
        let listen = loaded.config.broker.embedded.listen;
        // Held for a moment only: whether the usual port is free.
        if TcpListener::bind(listen).is_err() {
            loaded.config.broker.embedded.listen.set_port(0);
            say(
                "broker",
                format!("port {} is taken by another program, so ours takes a free one", listen.port()),
            );
        }
        let server = wiring::start(&loaded, &directory).await?;
        let url = server.broker().clone();
        let topics = loaded.config.home.topics;
        say("broker", format!("listens on {url}, inside this program, MQTT 3.1.1 and 5"));
        say("state", format!("{}: journal, users, control socket", directory.display()));
        say("server", format!("runs after {}; no account, no configuration", millis(began)));

        let clock = Arc::new(SystemClock::new()?);
        let mqtt = |name: &str| MqttConfig::new(url.host.clone(), url.port, name);
        let settings = Settings { topics: topics.clone(), ..Settings::default() };
        let home = VirtualHome::connect(mqtt("tour-home"), clock.clone(), settings)?;
        let (orders, received) = mpsc::channel(8);
        let (tell, events) = mpsc::unbounded_channel();
        tokio::spawn(home.run(received, move |event| {
            // Nobody reads on when the tour has ended.
            let _ = tell.send(event);
            Ok(())
        }));
        let hears = vec![topics.info(Client::Android), topics.server_state()];
        let (phone, phone_hears) = MqttClient::connect(mqtt("tour-phone"), clock, hears, None)?;

        let mut actors = Actors { server, topics, orders, events, phone, phone_hears };
        actors.hears(&actors.topics.server_state(), "online").await?;
        let reported = |event: &HomeEvent| match event {
            HomeEvent::Reported { status } => Some(*status),
            _ => None,
        };
        let status = actors.at_home(reported).await?;
        say("home", format!("a virtual one reports {status}: {}", words::status(status)));
        Ok(actors)
    }

    async fn sign_up_and_in(&mut self) -> Outcome<()> {
        title(2, "A phone signs up, and signs in");
        let sign_up = r#"{"Producer":"android","command":"signup","UID":"u-4711","name":"Kim Minsu"}"#;
        self.phone_says(sign_up).await?;
        say("server", "stores the user; a sign-up has no answer".into());
        let began = Instant::now();
        self.phone_says(r#"{"Producer":"android","command":"signin","UID":"u-4711"}"#).await?;
        let answer = self.hears(&self.topics.info(Client::Android), "return_name").await?;
        say("phone  <-", format!("{}  {answer}", self.topics.info(Client::Android)));
        say("server", format!("answered in {}", millis(began)));
        Ok(())
    }

    async fn command_is_followed(&mut self) -> Outcome<()> {
        title(3, "A command is believed when the home reports it");
        self.send("015152022", &mut |_| None).await
    }

    async fn gas_valve_stays_closed(&mut self) -> Outcome<()> {
        title(4, "Nobody opens the gas valve from afar");
        self.send("022222211", &mut |_| None).await?;
        say("why", "the gas digit was taken out, the window went through; closing is never refused".into());
        Ok(())
    }

    async fn home_does_not_listen(&mut self) -> Outcome<()> {
        title(5, "The home does not listen");
        self.orders.send(Order::Deaf(PartSet::ALL)).await?;
        say("home", "is deaf from now on: it reports, and obeys nothing".into());
        self.send("000000000", &mut |step| match step {
            Step::Sending { send: 1, .. } => {
                say("server", "sends it, and will send it again if no report shows it within 10 s".into());
                None
            }
            // It hears the second time.
            Step::Sending { send: 2, .. } => Some(Order::Deaf(PartSet::EMPTY)),
            _ => None,
        })
        .await?;
        say(
            "why",
            "without a report there would have been two more, and then an alert to the operator".into(),
        );
        Ok(())
    }

    async fn end(mut self, once: bool) -> Outcome<()> {
        let info = self.server.info().clone();
        let directory = self.server.directory().display().to_string();
        if !once {
            println!(
                "\nIt goes on serving on {}, with the home. Ctrl-C ends it. In another terminal:",
                info.broker
            );
            let program = "cargo run --release -p smarthome-bin --";
            for command in ["watch", "send 022222200", "user list"] {
                println!("    {program} --state {directory} {command}");
            }
            let mut notes = self.server.handle().notes();
            println!();
            let serve = async {
                while let Some(note) = notes.next().await {
                    println!("    {note}");
                }
            };
            tokio::select! {
                () = serve => {}
                failure = self.server.broken() => return Err(failure.into()),
                pressed = tokio::signal::ctrl_c() => pressed?,
            }
        }
        title(6, "Stop");
        let began = Instant::now();
        // The home may have gone already.
        let _ = self.orders.send(Order::Quit).await;
        self.phone.disconnect().await;
        self.server.stop().await?;
        say("server", format!("stopped in order within {}: nothing is lost", millis(began)));
        Ok(())
    }

    /// Asks for a command as the command line does, and shows what becomes of it. `meanwhile` may have something done
    /// in the home at a step.
    async fn send(&mut self, frame: &str, meanwhile: &mut dyn FnMut(&Step) -> Option<Order>) -> Outcome<()> {
        let command: Command = frame.parse()?;
        let began = Instant::now();
        say("asked", format!("{command}  {}", words::command(command)));
        let mut following = self.server.handle().send(command, Origin::Cli).await?;
        while let Some(note) =
            timeout(PATIENCE, following.next()).await.map_err(|_| "nothing more happened")?
        {
            let Some(step) = Step::of(note) else { continue };
            if let Some(order) = meanwhile(&step) {
                self.orders.send(order).await?;
            }
            self.show_home();
            match &step {
                Step::Decided { remark: Some(remark), .. } => say("refused", remark.clone()),
                Step::Decided { .. } | Step::Sent => {}
                Step::Sending { frame, send: 1, .. } => say("sent", frame.to_string()),
                Step::Sending { frame, .. } => say("sent again", format!("{frame} after {}", millis(began))),
                Step::Confirmed => {
                    say("confirmed", format!("by the home's own report, after {}", millis(began)))
                }
                other => return Err(format!("the tour did not expect: {other}").into()),
            }
        }
        self.show_home();
        Ok(())
    }

    /// Shows what happened at home since the last look.
    fn show_home(&mut self) {
        while let Ok(event) = self.events.try_recv() {
            match event {
                HomeEvent::Obeyed { effect: true, status, .. } => {
                    say("home", format!("obeys and reports {status}: {}", words::status(status)));
                }
                HomeEvent::Obeyed { status, .. } => say("home", format!("does nothing and reports {status}")),
                _ => {}
            }
        }
    }

    async fn at_home<T>(&mut self, wanted: impl Fn(&HomeEvent) -> Option<T>) -> Outcome<T> {
        let found = async {
            loop {
                let event = self.events.recv().await?;
                if let Some(found) = wanted(&event) {
                    return Some(found);
                }
            }
        };
        timeout(PATIENCE, found).await?.ok_or_else(|| "the virtual home is gone".into())
    }

    async fn phone_says(&self, text: &str) -> Outcome<()> {
        let topic = self.topics.requests();
        say("phone  ->", format!("{topic}  {text}"));
        let message = Outgoing { topic, payload: text.into(), retain: false, correlation: None };
        Ok(self.phone.publish(&message).await?)
    }

    /// Waits until the phone hears something on that topic that contains `part`.
    async fn hears(&mut self, topic: &str, part: &str) -> Outcome<String> {
        let heard = async {
            loop {
                let heard = self.phone_hears.next().await?;
                if let Heard::Message(message) = heard
                    && message.topic == topic
                {
                    let text = String::from_utf8_lossy(&message.payload).into_owned();
                    if text.contains(part) {
                        return Some(text);
                    }
                }
            }
        };
        timeout(PATIENCE, heard).await?.ok_or_else(|| "the phone lost its connection".into())
    }
}

fn title(number: u8, text: &str) {
    println!("\n{number}  {text}");
}

fn say(who: &str, what: String) {
    println!("   {who:<11}{what}");
}

fn millis(since: Instant) -> String {
    let elapsed = since.elapsed();
    match elapsed.as_secs() {
        0 => format!("{:.1} ms", elapsed.as_secs_f64() * 1e3),
        _ => format!("{:.1} s", elapsed.as_secs_f64()),
    }
}
