//! A whole day of a home in memory, in milliseconds: schedules, a mode, a person, a restart over a due minute, and the
//! night in which the clocks change. Needs the core and its journal in memory, and no async runtime.
//!
//! ```text
//! cargo run --example a_day_in_memory
//! ```
//!
//! Time goes where the engine wants to be woken next, so a day costs nothing; and it goes the same way every time.

#![allow(clippy::print_stdout)]

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use smarthome_core::engine::{
    Collection, Delivery, DeliveryId, Documents, Done, Effect, Entry, Intent, Link, Note, Revision,
    SlotState, Versioned, Write,
};
use smarthome_core::ports::memory::MemoryJournal;
use smarthome_core::ports::{Journal, PortError};
use smarthome_core::{Calendar, Command, Config, Engine, Event, HomeZone, Mono, Now, Status, Topics};
use std::collections::{BTreeMap, VecDeque};
use std::error::Error;
use std::task::{Context, Poll, Waker};

/// Everything around the engine. The journal and the documents are what a crash leaves.
struct Day {
    engine: Engine,
    zone: HomeZone,
    start: DateTime<Utc>,
    millis: u64,
    journal: MemoryJournal,
    documents: BTreeMap<String, Versioned<Box<str>>>,
    home: Status,
    events: VecDeque<Event>,
    count: u64,
}

const MODES: [(&str, &str); 1] = [(
    "2. going out",
    r#"{"modeNum":2,"modeName":"going out","airconEnable":false,"lightEnable":false,"windowOpen":false,"gasValveEnable":false}"#,
)];

const SCHEDULES: [(&str, &str); 4] = [
    (
        "air the bedroom",
        r#"{"enabled":true,"repeat":true,"startTime":"0700","daysOfWeek":[1,1,1,1,1,1,1],"windowOpen":true}"#,
    ),
    (
        "to the market",
        r#"{"enabled":true,"repeat":false,"startTime":"0900","activeDate":"2026.03.28","modeNum":2}"#,
    ),
    (
        "evening light",
        r#"{"enabled":true,"repeat":true,"startTime":"1930","daysOfWeek":[1,1,1,1,1,1,1],"lightEnable":true,"lightBrightness":4,"lightColor":6,"lightMode":0}"#,
    ),
    (
        "cool the cellar",
        r#"{"enabled":true,"repeat":true,"startTime":"0230","daysOfWeek":[1,1,1,1,1,1,1],"airconEnable":true,"airconWindPower":2}"#,
    ),
];

fn main() -> Result<(), Box<dyn Error>> {
    let zone: HomeZone = "Europe/Berlin".parse()?;
    let mut day = Day {
        engine: Engine::new(Config::default()),
        zone,
        start: "2026-03-28T05:50:00Z".parse()?,
        millis: 0,
        journal: MemoryJournal::default(),
        documents: BTreeMap::new(),
        home: "000000000".parse()?,
        events: VecDeque::new(),
        count: 0,
    };
    for (title, content) in SCHEDULES {
        day.documents.insert(title.into(), document(title, content, day.wall()));
    }
    day.tell("Saturday in Berlin. The server starts and reads what the store holds.");
    day.starts()?;

    day.passes("2026-03-28T07:20:00")?;
    day.tell("It is cold; somebody closes the window with the phone.");
    day.arrives("webos/smarthome".into(), "022222202".into());
    day.home = day.home.apply("022222202".parse()?);
    day.reports()?;

    day.passes("2026-03-28T08:58:00")?;
    day.tell("The power fails, over the minute in which the family leaves.");
    day.millis += 6 * 60_000;
    day.tell("It is back. What is due is caught up, once, and the schedule of that one day goes.");
    day.starts()?;

    day.passes("2026-03-29T00:00:00")?;
    day.tell("At two the clocks go to three: half past two does not exist this night.");
    day.passes("2026-03-29T04:00:00")?;

    day.tell("What became of every slot, from the journal:");
    for entry in day.journal.batches().iter().flatten() {
        if let Entry::Slot(row) = entry
            && row.state.is_final()
        {
            let line = format!("{}  {:<16} {} {}", row.key.slot, row.key.schedule, row.state.name(), row.why);
            println!("    {}", line.trim_end());
        }
    }
    Ok(())
}

fn document(id: &str, content: &str, updated: DateTime<Utc>) -> Versioned<Box<str>> {
    Versioned { id: id.into(), revision: Revision(1), updated, value: content.into() }
}

/// What the ports in memory answer at once; they wait for nothing.
fn at_once<T>(answer: impl Future<Output = Result<T, PortError>>) -> Result<T, Box<dyn Error>> {
    match std::pin::pin!(answer).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => Ok(answer?),
        Poll::Pending => Err("a port in memory waits".into()),
    }
}

impl Day {
    fn wall(&self) -> DateTime<Utc> {
        self.start + TimeDelta::milliseconds(self.millis as i64)
    }

    fn now(&self) -> Result<Now, Box<dyn Error>> {
        Ok(Now::new(self.wall(), Mono::from_millis(self.millis))?)
    }

    fn tell(&self, what: &str) {
        println!("\n{}  {what}", self.zone.local(self.wall()).format("%a %H:%M"));
    }

    fn say(&self, what: &str) {
        println!("    {}  {what}", self.zone.local(self.wall()).format("%H:%M:%S"));
    }

    /// A new engine takes over what the journal holds, and the connections come up.
    fn starts(&mut self) -> Result<(), Box<dyn Error>> {
        let config = Config::default();
        self.engine = Engine::with_calendar(config, Box::new(self.zone));
        let restored = at_once(self.journal.restore(self.now()?))?;
        self.happens(Event::Restored(restored))?;
        self.happens(Event::Link(Link::Up { resumed: false }))?;
        self.reports()?;
        let modes = MODES.map(|(id, content)| document(id, content, self.start)).into();
        self.happens(Event::Documents(Documents::Snapshot(Collection::Modes, modes, Revision(1))))?;
        let schedules = self.documents.values().cloned().collect();
        self.happens(Event::Documents(Documents::Snapshot(Collection::Schedules, schedules, Revision(1))))
    }

    /// To that local time, with a stop wherever the engine wants one. A home reports once a minute.
    fn passes(&mut self, local: &str) -> Result<(), Box<dyn Error>> {
        let local: NaiveDateTime = local.parse()?;
        while self.zone.local(self.wall()) < local {
            let minute = self.millis - self.millis % 60_000 + 60_000;
            let wake = self.engine.next_wakeup().map(|wake| wake.at.as_millis());
            match wake.filter(|at| *at < minute) {
                Some(at) => {
                    self.millis = at.max(self.millis);
                    self.happens(Event::Wake)?;
                }
                None => {
                    self.millis = minute;
                    self.reports()?;
                }
            }
        }
        Ok(())
    }

    fn reports(&mut self) -> Result<(), Box<dyn Error>> {
        self.arrives(Topics::default().status(), self.home.to_string());
        self.turns()
    }

    fn arrives(&mut self, topic: String, payload: String) {
        self.count += 1;
        let (id, arrived) = (DeliveryId(self.count), Mono::from_millis(self.millis));
        let payload = payload.into_bytes();
        let delivery = Delivery { id, topic, payload, retained: false, arrived, reply_to: None };
        self.events.push_back(Event::Delivery(delivery));
    }

    fn happens(&mut self, event: Event) -> Result<(), Box<dyn Error>> {
        self.events.push_back(event);
        self.turns()
    }

    /// Hands the events over one by one: first everything is written down, then the rest leaves.
    fn turns(&mut self) -> Result<(), Box<dyn Error>> {
        while let Some(event) = self.events.pop_front() {
            let mut effects = Vec::new();
            self.engine.handle(event, self.now()?, &mut effects);
            let entry = |effect: &Effect| match &effect.what {
                Intent::Record(entry) => Some(entry.clone()),
                _ => None,
            };
            let batch: Vec<Entry> = effects.iter().filter_map(entry).collect();
            at_once(self.journal.commit(&batch))?;
            for entry in &batch {
                self.shows(entry);
            }
            effects.into_iter().try_for_each(|effect| self.carries_out(effect))?;
        }
        Ok(())
    }

    fn shows(&self, entry: &Entry) {
        if let Entry::Slot(row) = entry
            && row.state != SlotState::Sent
        {
            let why = if row.why.is_empty() { String::new() } else { format!(" ({})", row.why) };
            self.say(&format!("{:?} of {} is {}{why}", row.key.schedule, row.key.slot, row.state.name()));
        }
    }

    fn carries_out(&mut self, effect: Effect) -> Result<(), Box<dyn Error>> {
        let done = match effect.what {
            Intent::Record(_) => return Ok(()),
            Intent::Note(Note::StatusChanged { status, .. }) => {
                self.say(&format!("the home reports {status}"));
                return Ok(());
            }
            Intent::Note(_) => return Ok(()),
            // It never tells a list that lacks most of what it told before.
            Intent::ReadList(_) => return Ok(()),
            Intent::ReadCopy(collection) => Done::Copy(at_once(self.journal.copy(collection))?),
            Intent::SendCommand { frame, .. } => {
                self.say(&format!("{frame} is sent to the home"));
                self.arrives(Topics::default().commands(), frame.to_string());
                self.home = self.home.apply(Command::try_from(frame)?);
                self.arrives(Topics::default().status(), self.home.to_string());
                Done::Published
            }
            Intent::WriteDocument(row) if matches!(row.write, Write::Delete(_)) => {
                self.say(&format!("{:?} is deleted", row.document));
                let gone = self.documents.remove(&row.document).is_some();
                let news = Documents::Deleted(Collection::Schedules, row.document, Revision(2));
                self.events.push_back(Event::Documents(news));
                Done::Deleted(gone.then_some(Revision(2)))
            }
            Intent::WriteDocument(_) => Done::Written(Revision(2)),
            Intent::Alert { alert, .. } => {
                self.say(&alert.to_string());
                Done::Published
            }
            Intent::Answer { .. } | Intent::Report { .. } | Intent::ServerState { .. } => Done::Published,
        };
        self.events.push_back(Event::Outcome { id: effect.id, result: Ok(done) });
        Ok(())
    }
}
