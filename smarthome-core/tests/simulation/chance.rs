//! What happens by chance.

use crate::broker::Kind;
use crate::host::Crash;
use crate::world::{Happening, World};
use chrono::{DateTime, Utc};
use serde_json::json;
use smarthome_core::engine::*;
use smarthome_core::testing::Random;
use smarthome_core::{Appliance, Command, Config, Device, Digit, Interlock, Light, Origin, Part};
use std::time::Duration;

/// In milliseconds.
const HOUR: u64 = 3_600_000;

/// A home's settings.
pub(crate) fn config(random: &mut Random) -> Config {
    let mut config = Config::default();
    let origins = match random.within(0..4) {
        0 => vec![Origin::Cli, Origin::Schedule],
        1 => vec![Origin::Cli, Origin::Dashboard, Origin::Resend],
        2 => vec![Origin::Schedule, Origin::Mode, Origin::CatchUp],
        _ => vec![],
    };
    config.zone = random.pick(&["Asia/Seoul", "Europe/Berlin", "America/Santiago"]).parse().unwrap();
    config.interlock = Interlock::allowing(origins.into_iter().collect());
    if random.chance(30) {
        config.gas_max_open = Some(Duration::from_secs(*random.pick(&[1, 20, 600])));
    }
    if random.chance(20) {
        config.outbox_rows = random.within(3..30) as usize;
    }
    config
}

/// When a home's life begins: in one with daylight saving, shortly before a change.
pub(crate) fn beginning(config: &Config, random: &mut Random) -> DateTime<Utc> {
    let times: &[&str] = match config.zone.name() {
        "Europe/Berlin" => &["2026-03-29T00:50:00Z", "2026-10-25T00:20:00Z", "2026-03-28T23:00:00Z"],
        "America/Santiago" => &["2026-09-06T03:50:00Z", "2026-04-05T02:50:00Z"],
        _ => &["2026-03-02T00:00:00Z", "2026-12-31T14:57:00Z"],
    };
    random.pick(times).parse().unwrap()
}

/// Now and then somebody edits the settings between two starts.
pub(crate) fn changed(old: &Config, random: &mut Random) -> Config {
    let mut new = old.clone();
    if random.chance(10) {
        new.interlock = config(random).interlock;
    }
    if random.chance(5) {
        new.device = Device { colours: *random.pick(&[4, 8, 10]), ..old.device };
    }
    new
}

/// A command as people give them: mostly about one or two appliances.
pub(crate) fn command(random: &mut Random) -> Command {
    let digit = |random: &mut Random, most| b'0' + random.within(0..most) as u8;
    let mut frame = *b"022222222";
    if random.chance(20) {
        frame[0] = digit(random, 10);
    }
    for (at, percent) in [(1, 20), (3, 35), (7, 35), (8, 25)] {
        if random.chance(percent) {
            frame[at] = digit(random, 2);
        }
    }
    if random.chance(50) {
        frame[2] = digit(random, 10);
        frame[4] = digit(random, 3);
        frame[5] = digit(random, 10);
        frame[6] = digit(random, 5);
    }
    Command::try_from(frame.as_slice()).unwrap()
}

const GARBAGE: [&str; 9] = [
    "",
    "nonsense",
    "[]",
    r#"{"Producer":"car","command":"dance"}"#,
    r#"{"Producer":"camera","command":"signin","UID":"x"}"#,
    r#"{"Producer":"android","command":"signin","UID":"a/b"}"#,
    r#"{"Producer":"android","command":"signin","UID":"nobody"}"#,
    r#"{"Producer":"smarthome","command":"x"}"#,
    r#"{"Producer":"test","command":"x"}"#,
];

impl World {
    /// So many random transitions, and time between them.
    pub(crate) fn live(&mut self, transitions: u64) {
        for _ in 0..transitions {
            self.something();
            let most = *self.random.pick(&[2, 2, 20, 200, 1_500, 12_000, 90_000]);
            // Where a valve is closed again and again, nothing else would happen.
            let fast = self.config.gas_max_open.is_none_or(|most| most.as_secs() >= 600);
            let long = *self.random.pick(&[HOUR, 2 * 24 * HOUR]);
            let most = if fast && self.random.chance(2) { long } else { most };
            // Nor where a commit is tried again all day.
            self.journal.fails &= most < HOUR;
            let millis = self.random.within(0..most);
            self.pass(millis);
        }
    }

    fn something(&mut self) {
        match self.random.within(0..125) {
            0..=19 => self.operator(),
            20..=29 => self.somebody_commands(),
            30..=43 => self.signs(),
            44..=49 => self.garbage(),
            50..=57 => self.home_changes(),
            58..=62 => self.home_is_touched(),
            63..=67 => self.link_breaks(),
            68..=70 => self.publisher_breaks(true),
            71..=75 => self.store_changes(),
            76..=79 => self.journal.fails = self.host.running && self.random.chance(40),
            80..=82 => self.crashes_somewhere(),
            83 => self.somebody_sets_the_clock(),
            84..=86 => self.broker.loses = *self.random.pick(&[0, 0, 5, 40]),
            87..=91 => self.somebody_edits(),
            92 if self.host.running => self.stops(),
            93..=95 if self.random.chance(30) => self.somebody_sets_the_clock(),
            100..=124 => self.somebody_plans(),
            _ => self.mends(),
        }
    }

    pub(crate) fn operator(&mut self) {
        if self.host.running {
            let command = command(&mut self.random);
            let origin = *self.random.pick(&[Origin::Cli, Origin::Cli, Origin::Dashboard]);
            self.host.asked.push_back(Event::Operator(OperatorRequest { token: 1, command, origin }));
        }
    }

    fn somebody_commands(&mut self) {
        // Others' brightness is one that the server never says: what equals an own frame is taken for it, by design.
        let command = command(&mut self.random);
        let light = Light { brightness: Digit::FIVE, ..command.light() };
        let command = command.with_light(command.switch(Appliance::Light), light);
        let topic = if self.random.chance(50) { "webos/smarthome" } else { "webos/smarthome/info" };
        self.route(topic.into(), command.to_string().into_bytes(), Kind::Foreign);
    }

    fn signs(&mut self) {
        let client = *self.random.pick(&["car", "android"]);
        let uid = *self.random.pick(&["u1", "u2", "u3", "u4", "refused1"]);
        for _ in 0..self.random.within(1..4) {
            let up = self.random.chance(40);
            let name = format!("n{}", self.random.within(0..1_000_000));
            if up {
                self.books.published.insert(uid.into(), name.clone());
            }
            let command = if up { "signup" } else { "signin" };
            self.request(
                &json!({"Producer": client, "command": command, "UID": uid, "name": name}).to_string(),
            );
        }
    }

    fn request(&mut self, payload: &str) {
        let topic = self.config.topics.requests();
        self.route(topic, payload.as_bytes().to_vec(), Kind::Other);
    }

    fn garbage(&mut self) {
        let payload = *self.random.pick(&GARBAGE);
        let topics = self.config.topics.subscriptions();
        let at = *self.random.pick(&[0, 0, 0, 1, 2, 4]);
        let many = *self.random.pick(&[1, 3, 60]);
        for _ in 0..many {
            self.route(topics[at].0.clone(), payload.as_bytes().to_vec(), Kind::Other);
        }
    }

    fn home_changes(&mut self) {
        match self.random.within(0..5) {
            0 => self.home.deaf = Part::ALL.into_iter().filter(|_| self.random.chance(30)).collect(),
            1 => self.home.listens = self.random.chance(50),
            2 => self.home.slow = *self.random.pick(&[50, 300, 4_000, 15_000]),
            3 => self.reports(),
            _ => {
                self.home.deaf = Default::default();
                self.home.listens = true;
            }
        }
    }

    /// A button, or the window's sensor.
    fn home_is_touched(&mut self) {
        let command = command(&mut self.random).with_mode(Digit::ZERO);
        let touched = *self.random.pick(&[Part::Window, Part::Light, Part::AirConditioner, Part::GasValve]);
        self.home.status = self.home.status.apply(command.only(touched.into()));
        self.soon(0..50, Happening::Reports);
    }

    fn link_breaks(&mut self) {
        self.disconnects();
        if self.random.chance(70) {
            self.publisher_breaks(true);
        }
        let after = *self.random.pick(&[100, 3_000, 30_000, 200_000]);
        self.soon(1..after, Happening::Connects);
    }

    fn store_changes(&mut self) {
        match self.random.within(0..5) {
            0 => self.store.down = true,
            1 => self.store.slow = true,
            2 => {
                self.listener_breaks();
                self.soon(1..20_000, Happening::Watches);
            }
            _ => (self.store.down, self.store.slow) = (false, false),
        }
    }

    fn crashes_somewhere(&mut self) {
        match self.random.within(0..4) {
            0 => self.crashes(),
            1 => self.host.crash = Some(Crash::BeforeCommit),
            2 => self.host.crash = Some(Crash::AfterCommit),
            _ => self.host.crash = Some(Crash::WhileLeaving),
        }
    }

    /// Clients keep things of their own in users' documents.
    fn somebody_edits(&mut self) {
        let uid = *self.random.pick(&["u1", "u2", "other"]);
        let colour = self.random.next();
        self.books.colours.insert(uid.into(), colour);
        let fields = json!({"colour": colour}).as_object().cloned().unwrap();
        self.merge(uid, fields);
    }

    /// Forward or back, by a little or by far; the server looks at it within 15 s.
    fn somebody_sets_the_clock(&mut self) {
        let hour = HOUR as i64;
        let step = match self.random.within(0..8) {
            0 | 1 => self.random.within(0..180_000) as i64 - 90_000,
            2 => self.random.within(0..4 * HOUR) as i64 - 2 * hour,
            3 => *self.random.pick(&[24 * hour, -24 * hour]),
            4 => 390 * 24 * hour,
            _ => -self.ahead,
        };
        let ahead = self.ahead + step;
        // Not so far that what just fired is old enough to be forgotten.
        if ahead.abs() < 395 * 24 * hour {
            self.ahead = ahead;
        }
        self.soon(0..15_000, Happening::Looks);
    }

    fn stops(&mut self) {
        if !self.journal.fails {
            self.host.asked.push_back(Event::Stop);
            self.soon(100..5_000, Happening::Ends);
        }
    }

    fn mends(&mut self) {
        self.journal.fails = false;
        self.broker.loses = 0;
        (self.store.down, self.store.slow) = (false, false);
        self.home.slow = 100;
        self.soon(0..100, Happening::Connects);
        self.soon(0..100, Happening::Publishes);
    }

    /// Everything works from now on.
    pub(crate) fn all_is_well(&mut self) {
        self.mends();
        self.host.crash = None;
        self.home.deaf = Default::default();
        self.home.listens = true;
        self.soon(0..100, Happening::Watches);
        if self.random.chance(50) || self.clocks().wall() < self.config.clock_trusted_from {
            self.ahead = 0;
            self.soon(0..15_000, Happening::Looks);
        }
    }
}
