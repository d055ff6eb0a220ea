//! Modes by number.

use super::event::{Content, Revision, Versioned};
use crate::{Digit, Mode};
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

#[derive(Debug)]
struct Stored {
    revision: Revision,
    /// `None`: what is stored is no mode.
    mode: Option<Mode>,
}

/// What is wrong with a document: its id, and what.
pub(crate) type Named = (String, String);

/// The modes as the store has them.
#[derive(Debug, Default)]
pub(crate) struct Modes {
    stored: BTreeMap<String, Stored>,
}

impl Modes {
    /// The store's complete list. Answers which documents are wrong.
    pub(crate) fn snapshot(&mut self, modes: Vec<Versioned<Content>>) -> Vec<Named> {
        self.stored.clear();
        let named: Vec<Named> = modes.into_iter().filter_map(|mode| self.put(mode)).collect();
        named.into_iter().chain(self.doubles()).collect()
    }

    /// One is new or changed. Older news than what is known changes nothing.
    pub(crate) fn changed(&mut self, mode: Versioned<Content>) -> Vec<Named> {
        if self.stored.get(&mode.id).is_some_and(|known| known.revision >= mode.revision) {
            return Vec::new();
        }
        let id = mode.id.clone();
        let named = self.put(mode);
        let double = self.doubles().into_iter().filter(|(double, _)| *double == id);
        named.into_iter().chain(double).collect()
    }

    /// One is gone.
    pub(crate) fn deleted(&mut self, id: &str, revision: Revision) {
        if self.stored.get(id).is_some_and(|known| known.revision <= revision) {
            self.stored.remove(id);
        }
    }

    /// The revision of a document.
    pub(crate) fn revision(&self, id: &str) -> Option<Revision> {
        self.stored.get(id).map(|stored| stored.revision)
    }

    /// The ids of all documents.
    pub(crate) fn ids(&self) -> impl Iterator<Item = String> {
        self.stored.keys().cloned()
    }

    /// The mode of that number: of several, the one with the smallest id.
    pub(crate) fn get(&self, number: Digit) -> Option<&Mode> {
        self.modes().map(|(_, mode)| mode).find(|mode| mode.number() == number)
    }

    fn modes(&self) -> impl Iterator<Item = (&str, &Mode)> {
        self.stored.iter().filter_map(|(id, stored)| Some((id.as_str(), stored.mode.as_ref()?)))
    }

    fn put(&mut self, mode: Versioned<Content>) -> Option<Named> {
        let read = Mode::read(&mode.value);
        let named = read.as_ref().err().map(|fault| (mode.id.clone(), fault.to_string()));
        self.stored.insert(mode.id, Stored { revision: mode.revision, mode: read.ok() });
        named
    }

    /// Those that another one of the same number hides.
    fn doubles(&self) -> Vec<Named> {
        let mut first: BTreeMap<Digit, &str> = BTreeMap::new();
        let mut doubles = Vec::new();
        for (id, mode) in self.modes() {
            let winner = *first.entry(mode.number()).or_insert(id);
            if winner != id {
                let text = format!("mode {} is {winner:?} already, and this one is left out", mode.number());
                doubles.push((id.to_string(), text));
            }
        }
        doubles
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;

    fn mode(id: &str, revision: u64, number: u8) -> Versioned<Content> {
        let value = serde_json::json!({"modeNum": number, "modeName": id, "airconEnable": false, "lightEnable": false,
            "windowOpen": false, "gasValveEnable": false});
        Versioned {
            id: id.into(),
            revision: Revision(revision),
            updated: DateTime::UNIX_EPOCH,
            value: value.to_string().into(),
        }
    }

    #[test]
    fn of_two_modes_with_one_number_the_smaller_id_wins_and_the_other_is_named() {
        let mut modes = Modes::default();
        let named = modes.snapshot([mode("b", 1, 3), mode("a", 2, 3), mode("c", 3, 12)].into());
        let named: Vec<&str> = named.iter().map(|(id, _)| id.as_str()).collect();
        assert_eq!(named, ["c", "b"]);
        let three = Digit::new(3).unwrap();
        assert_eq!(modes.get(three).unwrap().name(), "a");
        modes.deleted("a", Revision(1));
        assert_eq!(modes.get(three).unwrap().name(), "a", "older news");
        modes.deleted("a", Revision(4));
        assert_eq!(modes.get(three).unwrap().name(), "b");
        assert_eq!(modes.changed(mode("b", 1, 4)), []);
        modes.changed(mode("b", 5, 4));
        assert!(modes.get(three).is_none());
    }
}
