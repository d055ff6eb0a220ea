//! The engine without any async, thread or socket: how a microcontroller, a game loop or a test drives it.
//!
//! ```text
//! cargo run --example engine_by_hand
//! ```
//!
//! Everything that happens is an event, everything the engine wants is an effect, and time is an argument. Run it twice:
//! the output is the same to the letter.

#![allow(clippy::print_stdout)]

use smarthome_core::engine::{
    Collection, Delivery, DeliveryId, Documents, Done, Effect, Intent, Link, OperatorRequest, Restored,
    Revision, Versioned,
};
use smarthome_core::{Command, Config, Engine, Event, Mono, Now, Origin, Status, Topics};
use std::error::Error;

/// A host in miniature: a clock that only moves when told, a journal that is a list, a home that obeys.
struct Host {
    engine: Engine,
    millis: u64,
    home: Status,
    /// Whether the home hears what it is told.
    deaf: bool,
    deliveries: u64,
    journal: Vec<String>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut host = Host {
        engine: Engine::new(Config::default()),
        millis: 0,
        home: Status::ZERO,
        deaf: false,
        deliveries: 0,
        journal: Vec::new(),
    };
    println!("A start: what the journal held, the broker, the users.");
    host.happen(Event::Restored(Restored::empty(host.now()?.wall())))?;
    host.happen(Event::Link(Link::Up { resumed: false }))?;
    host.happen(Event::Link(Link::BacklogEnd))?;
    host.happen(Event::Documents(Documents::Snapshot(Collection::Users, vec![kim()], Revision(1))))?;

    println!("\nA user signs in.");
    let request = br#"{"Producer":"car","command":"signin","UID":"kim"}"#;
    host.message(Topics::default().requests(), request.to_vec())?;

    println!("\nSomebody opens the window, and would open the gas valve: the valve stays as it is.");
    host.send("022222211".parse()?)?;

    println!("\nThe home goes deaf. A command is sent, and three times more; then the operator is told.");
    host.deaf = true;
    host.send("022222202".parse()?)?;
    while let Some(wake) = host.engine.next_wakeup() {
        host.millis = wake.at.as_millis();
        println!("{:>7.3} s  (woken for {:?})", host.millis as f64 / 1000.0, wake.why);
        host.happen(Event::Wake)?;
    }
    println!("\n{} records were written down, each before anything left. The first:", host.journal.len());
    println!("{}", host.journal.first().map_or("", String::as_str));
    Ok(())
}

fn kim() -> Versioned<Box<str>> {
    let value = r#"{"name":"Kim"}"#.into();
    Versioned { id: "kim".into(), revision: Revision(1), updated: Default::default(), value }
}

impl Host {
    fn now(&self) -> Result<Now, Box<dyn Error>> {
        let start: chrono::DateTime<chrono::Utc> = "2026-03-02T07:00:00Z".parse()?;
        let wall = start + chrono::TimeDelta::milliseconds(i64::try_from(self.millis)?);
        Ok(Now::new(wall, Mono::from_millis(self.millis))?)
    }

    fn send(&mut self, command: Command) -> Result<(), Box<dyn Error>> {
        self.happen(Event::Operator(OperatorRequest { token: 1, command, origin: Origin::Cli }))
    }

    fn message(&mut self, topic: String, payload: Vec<u8>) -> Result<(), Box<dyn Error>> {
        self.deliveries += 1;
        let id = DeliveryId(self.deliveries);
        let arrived = self.now()?.mono();
        self.happen(Event::Delivery(Delivery {
            id,
            topic,
            payload,
            retained: false,
            arrived,
            reply_to: None,
        }))
    }

    /// One turn of the loop: hand the event over, write down the records, then let the rest leave.
    fn happen(&mut self, event: Event) -> Result<(), Box<dyn Error>> {
        let mut effects = Vec::new();
        self.engine.handle(event, self.now()?, &mut effects);
        for effect in &effects {
            if let Intent::Record(entry) = &effect.what {
                self.journal.push(serde_json::to_string(entry)?);
            }
        }
        effects.into_iter().try_for_each(|effect| self.carry_out(effect))
    }

    fn carry_out(&mut self, effect: Effect) -> Result<(), Box<dyn Error>> {
        let id = effect.id;
        let say = |what: &str| println!("{:>7.3} s  {what}", self.millis as f64 / 1000.0);
        match effect.what {
            Intent::Record(_) | Intent::WriteDocument(_) => return Ok(()),
            Intent::Note(note) => {
                say(&note.to_string());
                return Ok(());
            }
            // This home keeps no copy of its documents.
            // It never tells a list that lacks most of what it told before.
            Intent::ReadList(_) => return Ok(()),
            Intent::ReadCopy(_) => return self.happen(Event::Outcome { id, result: Ok(Done::Copy(None)) }),
            Intent::SendCommand { frame, .. } => {
                say(&format!("> {frame} to the home"));
                self.message(Topics::default().commands(), frame.as_bytes().to_vec())?;
                self.obey(Command::try_from(frame)?)?;
            }
            Intent::Answer { topic, payload, .. } => {
                say(&format!("> {topic} {}", String::from_utf8_lossy(&payload)))
            }
            Intent::Report { topic, text } => say(&format!("> {topic} {text}")),
            Intent::Alert { topic, alert } => say(&format!("> {topic} {alert}")),
            Intent::ServerState { topic, online } => {
                say(&format!("> {topic} {}", if online { "online" } else { "offline" }))
            }
        }
        self.happen(Event::Outcome { id, result: Ok(Done::Published) })
    }

    fn obey(&mut self, command: Command) -> Result<(), Box<dyn Error>> {
        if !self.deaf {
            self.home = self.home.apply(command);
        }
        self.message(Topics::default().status(), self.home.to_string().into_bytes())
    }
}
