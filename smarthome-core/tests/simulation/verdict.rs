//! The end: once everything works, everything comes to rest, and nothing was lost.

use crate::world::World;
use chrono::TimeDelta;
use serde_json::json;
use smarthome_core::engine::{Collection, SlotKey, SlotState};
use smarthome_core::schedule::When;
use smarthome_core::{Schedule, Slot};

/// The longest time in which a valve may stand open, and the time to close it.
const PEACE: u64 = 600_000 + 200_000;

impl World {
    /// Mends everything, waits, and looks.
    pub(crate) fn come_to_rest(&mut self) {
        self.all_is_well();
        self.pass(PEACE);
        assert!(self.host.running && self.broker.up);
        self.comes_to_an_end();
        self.every_command_has_ended();
        self.the_journal_is_empty();
        self.every_sign_up_is_stored();
        self.every_fault_is_told_or_counted();
        self.no_slot_is_lost();
        self.several_missed_slots_are_one_row();
        self.once_schedules_are_gone();
        self.people_are_obeyed();
        self.schedules_are_kept();
    }

    /// A schedule may just have fired.
    fn comes_to_an_end(&mut self) {
        for _ in 0..120 {
            if self.journal.rows.is_empty() {
                return;
            }
            self.pass(1_000);
        }
    }

    /// Confirmed, superseded, expired or unconfirmed: each command that was committed ended, once.
    fn every_command_has_ended(&self) {
        for (id, end) in &self.books.ends {
            assert!(end.is_some(), "{id} never ended");
        }
    }

    /// When all is done nothing is left to do.
    fn the_journal_is_empty(&self) {
        assert!(self.journal.rows.is_empty(), "left over: {:?}", self.journal.rows);
        let sizes = self.watched.sizes();
        assert_eq!((sizes.held, sizes.fault_lines), (0, 0), "{sizes:?}");
        let open = self.journal.slots.values().find(|row| !row.state.is_final());
        assert!(open.is_none(), "left over: {open:?}");
    }

    /// The last name that was sent for a user is what the store holds, and what others keep there is still there.
    fn every_sign_up_is_stored(&self) {
        for (uid, name) in &self.books.published {
            let stored = self.store.users.get(uid).and_then(|(_, user)| user.get("name"));
            let expected = Some(json!(name)).filter(|_| !uid.starts_with("refused"));
            assert_eq!(stored, expected.as_ref(), "{uid}");
        }
        for (uid, colour) in &self.books.colours {
            assert_eq!(self.store.users[uid].1["colour"], json!(colour), "{uid}");
        }
    }

    /// Lines and counts add up to the faults.
    fn every_fault_is_told_or_counted(&self) {
        assert_eq!(self.books.told, self.books.faults, "told, and faults");
    }

    fn no_slot_is_lost(&self) {
        let by = self.clocks().wall() - TimeDelta::seconds(120);
        self.slots.no_slot_is_lost(by, self.config.zone, &self.history);
    }

    /// What one schedule missed in one go is one row and one alert; and none lies ahead.
    fn several_missed_slots_are_one_row(&self) {
        let missed: Vec<_> =
            self.journal.slots.values().filter(|row| row.state == SlotState::Missed).collect();
        for (at, row) in missed.iter().enumerate() {
            assert!(row.due <= self.clocks().wall(), "missed, and it lies ahead: {row:?}");
            let same = |other: &&&smarthome_core::engine::SlotRow| {
                other.judged == row.judged
                    && other.revision == row.revision
                    && other.key.schedule == row.key.schedule
            };
            let other = missed[at + 1..].iter().find(same);
            assert!(other.is_none(), "two rows: {row:?} and {other:?}");
        }
    }

    /// What is over went by itself; what was refused is still there.
    fn once_schedules_are_gone(&self) {
        for (title, document) in self.store.of(Collection::Schedules) {
            let schedule = Schedule::read(&document.value, &self.config.zone).unwrap();
            let When::Once { at, on } = schedule.when else { continue };
            let key = SlotKey { schedule: title.clone(), slot: Slot { date: on, at } };
            let state = self.journal.slots.get(&key).map(|row| row.state);
            let over = state.is_some_and(|state| state.is_final() && state != SlotState::Refused);
            assert!(!over, "{title} is over, {state:?}, and still there");
        }
    }

    /// A home that listens, and nobody who interferes: it does what was asked last, part by part.
    fn people_are_obeyed(&mut self) {
        let before = self.books.order;
        for _ in 0..self.random.within(1..6) {
            self.operator();
            let most = *self.random.pick(&[2, 300, 5_000]);
            let millis = self.random.within(0..most);
            self.pass(millis);
        }
        self.pass(180_000);
        self.comes_to_an_end();
        self.every_command_has_ended();
        self.the_journal_is_empty();
        for (wanted, _) in self.books.wishes.values().filter(|(_, order)| *order > before) {
            let status = self.home.status;
            assert!(wanted.shown_by(status), "{wanted} was asked for, the home shows {status}");
        }
    }

    /// Nobody interferes: what is due fires at its minute.
    fn schedules_are_kept(&mut self) {
        let mut made = Vec::new();
        for title in ["kept a", "kept b", "kept c"] {
            let ahead = TimeDelta::seconds(self.random.within(60..240) as i64);
            let mut document = self.random_schedule(title, ahead);
            document.insert("enabled".into(), json!(true));
            let schedule = Schedule::from_fields(&document, &self.config.zone).unwrap();
            made.push((title, schedule, self.clocks().wall()));
            self.put_schedule(title, document);
        }
        self.pass(400_000);
        let by = self.clocks().wall() - TimeDelta::seconds(60);
        for (title, schedule, written) in made {
            let Some((slot, due)) = schedule.when.next(written, &self.config.zone) else { continue };
            if due.at > by {
                continue;
            }
            let row = self.journal.slots.get(&SlotKey { schedule: title.into(), slot });
            let row = row.unwrap_or_else(|| panic!("{title} {slot} never fired: {schedule:?}"));
            assert!(row.judged - row.due <= TimeDelta::seconds(2), "late in peace: {row:?}");
            assert!(row.state != SlotState::Missed, "{row:?}");
        }
    }
}
