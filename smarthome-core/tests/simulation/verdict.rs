//! The end: once everything works, everything comes to rest, and nothing was lost.

use crate::world::World;
use serde_json::json;

impl World {
    /// Mends everything, waits, and looks.
    pub(crate) fn come_to_rest(&mut self) {
        self.all_is_well();
        // The longest time in which a valve may stand open, and the time to close it.
        self.pass(600_000 + 200_000);
        assert!(self.host.running && self.broker.up);
        self.every_command_has_ended();
        self.the_journal_is_empty();
        self.every_sign_up_is_stored();
        self.every_fault_is_told_or_counted();
        self.people_are_obeyed();
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
        self.every_command_has_ended();
        self.the_journal_is_empty();
        for (wanted, _) in self.books.wishes.values().filter(|(_, order)| *order > before) {
            let status = self.home.status;
            assert!(wanted.shown_by(status), "{wanted} was asked for, the home shows {status}");
        }
    }
}
