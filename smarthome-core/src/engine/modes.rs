//! Modes by number.

use super::event::Revision;
use crate::{Digit, Mode};
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::ops::Bound;

/// The modes as the store has them.
#[derive(Debug, Default)]
pub(crate) struct Modes {
    modes: BTreeMap<String, (Revision, Mode)>,
}

impl Modes {
    /// Takes a mode in, in place of the one of its id.
    pub(crate) fn put(&mut self, id: String, revision: Revision, mode: Mode) {
        self.modes.insert(id, (revision, mode));
    }

    /// Takes a mode out.
    pub(crate) fn remove(&mut self, id: &str) {
        self.modes.remove(id);
    }

    /// The revision of a mode.
    pub(crate) fn revision(&self, id: &str) -> Option<Revision> {
        self.modes.get(id).map(|(revision, _)| *revision)
    }

    /// The ids of the modes between these two.
    pub(crate) fn ids(&self, range: (Bound<&str>, Bound<&str>)) -> impl Iterator<Item = &str> {
        self.modes.range::<str, _>(range).map(|(id, _)| id.as_str())
    }

    /// The mode of that number: of several, the one with the smallest id.
    pub(crate) fn get(&self, number: Digit) -> Option<&Mode> {
        self.modes.values().map(|(_, mode)| mode).find(|mode| mode.number() == number)
    }

    /// Those that another one of the same number hides, and by which.
    pub(crate) fn hidden(&self) -> Vec<(String, Revision, String)> {
        let mut first: BTreeMap<Digit, &str> = BTreeMap::new();
        let mut hidden = Vec::new();
        for (id, (revision, mode)) in &self.modes {
            let winner = *first.entry(mode.number()).or_insert(id);
            if winner != id {
                let why = format!("mode {} is {winner:?} already", mode.number());
                hidden.push((id.to_string(), *revision, why));
            }
        }
        hidden
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(number: u8, name: &str) -> Mode {
        let content = serde_json::json!({"modeNum": number, "modeName": name, "airconEnable": false,
            "lightEnable": false, "windowOpen": false, "gasValveEnable": false});
        Mode::read(&content.to_string()).unwrap()
    }

    #[test]
    fn of_two_modes_with_one_number_the_smaller_id_wins() {
        let mut modes = Modes::default();
        let three = Digit::new(3).unwrap();
        modes.put("b".into(), Revision(1), mode(3, "b"));
        assert!(modes.hidden().is_empty());
        modes.put("a".into(), Revision(2), mode(3, "a"));
        assert_eq!(modes.get(three).unwrap().name(), "a");
        assert_eq!(modes.hidden(), [("b".into(), Revision(1), "mode 3 is \"a\" already".into())]);
        modes.remove("a");
        assert_eq!(modes.get(three).unwrap().name(), "b");
        assert!(modes.hidden().is_empty());
        modes.put("b".into(), Revision(5), mode(4, "b"));
        assert!(modes.get(three).is_none());
        assert_eq!(modes.revision("b"), Some(Revision(5)));
    }
}
