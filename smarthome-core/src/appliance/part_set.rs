//! A set of parts.

use core::fmt;

use serde::de::{SeqAccess, Visitor};
use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Appliance, Part};

/// A set of [`Part`]s: small, `Copy`, without allocation.
///
/// Displays as a list in the order of the frame, `mode, gas valve`, and as `none` when empty.
/// Serialises as a list of names, `["mode","gas_valve"]`; a name that is listed twice counts once.
///
/// ```
/// use smarthome_core::{Part, PartSet};
///
/// let set: PartSet = [Part::GasValve, Part::Mode].into_iter().collect();
/// assert!(set.contains(Part::Mode));
/// assert_eq!(set.to_string(), "mode, gas valve");
/// assert_eq!(set.difference(Part::Mode.into()), PartSet::from(Part::GasValve));
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartSet(u8);

impl PartSet {
    /// No part.
    pub const EMPTY: Self = Self(0);
    /// All five parts.
    pub const ALL: Self = Self(0b1_1111);
    /// The four appliances, without the mode digit.
    pub const APPLIANCES: Self = Self(0b1_1110);

    /// Adds a part; `true` when it was not in the set.
    pub const fn insert(&mut self, part: Part) -> bool {
        let absent = !self.contains(part);
        self.0 |= bit(part);
        absent
    }

    /// Takes a part out; `true` when it was in the set.
    pub const fn remove(&mut self, part: Part) -> bool {
        let present = self.contains(part);
        self.0 &= !bit(part);
        present
    }

    /// This set and the part.
    #[must_use]
    pub const fn with(self, part: Part) -> Self {
        Self(self.0 | bit(part))
    }

    /// This set without the part.
    #[must_use]
    pub const fn without(self, part: Part) -> Self {
        Self(self.0 & !bit(part))
    }

    /// Whether the part is in the set.
    #[must_use]
    pub const fn contains(self, part: Part) -> bool {
        self.0 & bit(part) != 0
    }

    /// Whether no part is in the set.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// How many parts are in the set, 0 to 5.
    #[must_use]
    pub const fn len(self) -> u32 {
        self.0.count_ones()
    }

    /// The parts that are in at least one of both.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The parts that are in both.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The parts that are in this set and not in the other.
    #[must_use]
    pub const fn difference(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether every part of this set is in the other.
    #[must_use]
    pub const fn is_subset(self, other: Self) -> bool {
        self.difference(other).is_empty()
    }

    /// The parts, in the order of the frame.
    #[must_use]
    pub fn iter(self) -> Parts {
        Parts { set: self, all: Part::ALL.into_iter() }
    }
}

const fn bit(part: Part) -> u8 {
    match part {
        Part::Mode => 0b0_0001,
        Part::AirConditioner => 0b0_0010,
        Part::Light => 0b0_0100,
        Part::Window => 0b0_1000,
        Part::GasValve => 0b1_0000,
    }
}

/// The parts of a set in the order of the frame: what [`PartSet::iter`] returns.
#[derive(Clone, Debug)]
pub struct Parts {
    set: PartSet,
    all: core::array::IntoIter<Part, 5>,
}

impl Iterator for Parts {
    type Item = Part;

    fn next(&mut self) -> Option<Part> {
        let set = self.set;
        self.all.find(|part| set.contains(*part))
    }
}

impl IntoIterator for PartSet {
    type Item = Part;
    type IntoIter = Parts;

    fn into_iter(self) -> Parts {
        self.iter()
    }
}

impl From<Part> for PartSet {
    fn from(part: Part) -> Self {
        Self::EMPTY.with(part)
    }
}

impl From<Appliance> for PartSet {
    fn from(appliance: Appliance) -> Self {
        Part::from(appliance).into()
    }
}

impl FromIterator<Part> for PartSet {
    fn from_iter<I: IntoIterator<Item = Part>>(parts: I) -> Self {
        parts.into_iter().fold(Self::EMPTY, Self::with)
    }
}

impl Extend<Part> for PartSet {
    fn extend<I: IntoIterator<Item = Part>>(&mut self, parts: I) {
        *self = self.union(parts.into_iter().collect());
    }
}

impl fmt::Display for PartSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("none");
        }
        let mut between = "";
        for part in self.iter() {
            write!(f, "{between}{part}")?;
            between = ", ";
        }
        Ok(())
    }
}

impl fmt::Debug for PartSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl Serialize for PartSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // The count is known: formats that write it first need it.
        let mut list = serializer.serialize_seq(usize::try_from(self.len()).ok())?;
        for part in self.iter() {
            list.serialize_element(&part)?;
        }
        list.end()
    }
}

impl<'de> Deserialize<'de> for PartSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(PartSetVisitor)
    }
}

struct PartSetVisitor;

impl<'de> Visitor<'de> for PartSetVisitor {
    type Value = PartSet;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of parts")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut names: A) -> Result<PartSet, A::Error> {
        let mut set = PartSet::EMPTY;
        while let Some(part) = names.next_element()? {
            set.insert(part);
        }
        Ok(set)
    }
}
