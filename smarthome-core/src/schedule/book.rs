//! The book of all schedules: what is due next, among a million.

mod dues;

use super::{Calendar, Due, Schedule, Slot};
use crate::engine::Revision;
use alloc::{collections::BTreeMap, sync::Arc, vec::Vec};
use chrono::{DateTime, Utc};
use core::ops::Bound;
use dues::{Dues, Place};

/// A schedule as it is in force, and the slot it waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    schedule: Schedule,
    revision: Revision,
    updated: DateTime<Utc>,
    next: Option<(Slot, Due)>,
}

impl Entry {
    /// A schedule as its document says it, waiting for nothing yet.
    pub const fn new(schedule: Schedule, revision: Revision, updated: DateTime<Utc>) -> Entry {
        Entry { schedule, revision, updated, next: None }
    }

    /// The schedule.
    pub const fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    /// The revision of its document.
    pub const fn revision(&self) -> Revision {
        self.revision
    }

    /// When its document was last changed.
    pub const fn updated(&self) -> DateTime<Utc> {
        self.updated
    }

    /// The slot it waits for, and when that is due.
    pub const fn next(&self) -> Option<(Slot, Due)> {
        self.next
    }

    /// Lets it wait for its first slot that is due at `from` or later and not `judged` yet; for none when there is
    /// none or it is disabled.
    pub fn plan(
        &mut self,
        from: DateTime<Utc>,
        calendar: &dyn Calendar,
        mut judged: impl FnMut(Slot) -> bool,
    ) {
        let mut slots = self.schedule.when.occurrences(from, calendar);
        self.next = slots.find(|(slot, _)| !judged(*slot)).filter(|_| self.schedule.enabled);
    }

    fn due_at(&self) -> Option<DateTime<Utc>> {
        self.next.map(|(_, due)| due.at)
    }
}

/// All schedules by title, and in the order in which they are due.
///
/// It knows no clock and does not judge: it says what waits for when. What is due next is found as fast among a million
/// as among ten; an edit takes a few steps more.
#[derive(Debug, Clone)]
pub struct Book {
    /// The schedules with their titles, in the order in which they came; the places in `free` are empty.
    places: Vec<Option<(Arc<str>, Entry)>>,
    free: Vec<Place>,
    titles: BTreeMap<Arc<str>, Place>,
    dues: Dues,
}

impl Book {
    /// An empty one.
    pub const fn new() -> Book {
        Book { places: Vec::new(), free: Vec::new(), titles: BTreeMap::new(), dues: Dues::new() }
    }

    /// How many schedules there are.
    pub fn len(&self) -> usize {
        self.titles.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.titles.is_empty()
    }

    /// The schedule of that title.
    pub fn get(&self, title: &str) -> Option<&Entry> {
        let place = *self.titles.get(title)?;
        self.places.get(place as usize)?.as_ref().map(|(_, entry)| entry)
    }

    /// All of them, by title.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&str, &Entry)> {
        self.titles.iter().filter_map(|(title, place)| {
            let (_, entry) = self.places.get(*place as usize)?.as_ref()?;
            Some((&**title, entry))
        })
    }

    /// The titles between these two, in order.
    pub fn titles<'a>(
        &'a self,
        range: (Bound<&str>, Bound<&str>),
    ) -> impl Iterator<Item = &'a str> + use<'a> {
        self.titles.range::<str, _>(range).map(|(title, _)| &**title)
    }

    /// Puts a schedule in, in the place of an older one of that title, which it returns.
    pub fn put(&mut self, title: &str, entry: Entry) -> Option<Entry> {
        let Some(place) = self.titles.get(title).copied() else {
            self.put_new(title.into(), entry);
            return None;
        };
        self.change(place, |old| core::mem::replace(old, entry))
    }

    /// Takes a schedule out.
    pub fn remove(&mut self, title: &str) -> Option<Entry> {
        let place = self.titles.remove(title)?;
        let (title, entry) = self.places.get_mut(place as usize)?.take()?;
        if let Some(at) = entry.due_at() {
            self.dues.remove(at, place, &title);
        }
        self.free.push(place);
        Some(entry)
    }

    /// Lets a schedule wait as [`Entry::plan`] says, and returns for what; `None` too when there is no such schedule.
    pub fn plan(
        &mut self,
        title: &str,
        from: DateTime<Utc>,
        calendar: &dyn Calendar,
        judged: impl FnMut(Slot) -> bool,
    ) -> Option<(Slot, Due)> {
        let place = *self.titles.get(title)?;
        self.change(place, |entry| {
            entry.plan(from, calendar, judged);
            entry.next()
        })?
    }

    /// Plans all of them anew, each from a time of its own, as after a change of the calendar or of the clock; much
    /// faster than one by one.
    pub fn plan_all(
        &mut self,
        from: impl Fn(&Entry) -> DateTime<Utc>,
        calendar: &dyn Calendar,
        mut judged: impl FnMut(&str, Slot) -> bool,
    ) {
        for (title, entry) in self.places.iter_mut().flatten() {
            entry.plan(from(entry), calendar, |slot| judged(title, slot));
        }
        self.dues = dues(&self.places);
    }

    /// When the next slot is due.
    pub fn next_due(&self) -> Option<DateTime<Utc>> {
        self.dues.first()
    }

    /// What is due at `by` or earlier: the instant and the title, the earliest first, several of one instant in the
    /// order of their titles.
    ///
    /// To put them in this order costs as much as sorting them, but once: who takes a few, plans them anew and asks
    /// again pays for no more than the few.
    pub fn due(&mut self, by: DateTime<Utc>) -> impl Iterator<Item = (DateTime<Utc>, &str)> {
        let places = &self.places;
        self.dues.come(by, |place| Some(places.get(place as usize)?.as_ref()?.0.clone()));
        self.dues.by(by)
    }

    fn put_new(&mut self, title: Arc<str>, entry: Entry) {
        let place = self.free.pop().unwrap_or_else(|| {
            if self.places.len() == self.places.capacity() {
                // By an eighth and not to twice as much: among a million the rest would be most of the memory.
                self.places.reserve_exact((self.places.len() / 8).max(8));
            }
            self.places.push(None);
            place(self.places.len().saturating_sub(1))
        });
        if let Some(at) = entry.due_at() {
            self.dues.insert(at, place, &title);
        }
        self.titles.insert(title.clone(), place);
        if let Some(empty) = self.places.get_mut(place as usize) {
            *empty = Some((title, entry));
        }
    }

    /// Changes a schedule, and with it when it is due.
    fn change<T>(&mut self, place: Place, change: impl FnOnce(&mut Entry) -> T) -> Option<T> {
        let (title, entry) = self.places.get_mut(place as usize)?.as_mut()?;
        let before = entry.due_at();
        let result = change(entry);
        let after = entry.due_at();
        if before != after {
            before.into_iter().for_each(|at| self.dues.remove(at, place, title));
            after.into_iter().for_each(|at| self.dues.insert(at, place, title));
        }
        Some(result)
    }
}

/// Four thousand million schedules do not fit into memory.
fn place(index: usize) -> Place {
    Place::try_from(index).unwrap_or(Place::MAX)
}

fn dues(places: &[Option<(Arc<str>, Entry)>]) -> Dues {
    let due = |(index, entry): (usize, &Option<(Arc<str>, Entry)>)| {
        Some((entry.as_ref()?.1.due_at()?, place(index)))
    };
    places.iter().enumerate().filter_map(due).collect()
}

impl Default for Book {
    fn default() -> Self {
        Book::new()
    }
}

impl PartialEq for Book {
    /// The same schedules that wait for the same.
    fn eq(&self, other: &Book) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Book {}

impl<T: Into<Arc<str>>> FromIterator<(T, Entry)> for Book {
    /// The last of several with one title counts. Fastest when the titles come in ascending order.
    fn from_iter<I: IntoIterator<Item = (T, Entry)>>(entries: I) -> Book {
        let mut places: Vec<_> =
            entries.into_iter().map(|(title, entry)| Some((title.into(), entry))).collect();
        let titles: BTreeMap<Arc<str>, Place> = places
            .iter()
            .enumerate()
            .filter_map(|(index, entry)| Some((entry.as_ref()?.0.clone(), place(index))))
            .collect();
        let mut free = Vec::new();
        if titles.len() < places.len() {
            for (index, repeated) in places.iter_mut().enumerate() {
                if repeated.take_if(|(title, _)| titles.get(title) != Some(&place(index))).is_some() {
                    free.push(place(index));
                }
            }
        }
        Book { dues: dues(&places), places, free, titles }
    }
}
