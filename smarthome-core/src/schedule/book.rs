//! The book of all schedules: what is due next, among a million.

use super::{Calendar, Due, Schedule, Slot};
use crate::engine::Revision;
use alloc::{collections::BTreeMap, collections::BTreeSet, sync::Arc};
use chrono::{DateTime, Utc};

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
/// It knows no clock and does not judge: it says what waits for when. Finding what is due next takes the same few
/// steps among a million as among ten; an edit takes a few more.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Book {
    entries: BTreeMap<Arc<str>, Entry>,
    /// The instant of each entry that waits for one, with its title.
    dues: BTreeSet<(DateTime<Utc>, Arc<str>)>,
}

impl Book {
    /// An empty one.
    pub const fn new() -> Book {
        Book { entries: BTreeMap::new(), dues: BTreeSet::new() }
    }

    /// How many schedules there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The schedule of that title.
    pub fn get(&self, title: &str) -> Option<&Entry> {
        self.entries.get(title)
    }

    /// All of them, by title.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&str, &Entry)> + ExactSizeIterator {
        self.entries.iter().map(|(title, entry)| (&**title, entry))
    }

    /// Puts a schedule in, in the place of an older one of that title, which it returns.
    pub fn put(&mut self, title: &str, entry: Entry) -> Option<Entry> {
        let due = entry.due_at();
        // A title in the book keeps its text, which the two orders share.
        let (title, old) = match self.entries.get_key_value(title) {
            Some((title, _)) => {
                let title = title.clone();
                let old = self.entries.insert(title.clone(), entry);
                (title, old)
            }
            None => {
                let title = Arc::<str>::from(title);
                self.entries.insert(title.clone(), entry);
                (title, None)
            }
        };
        self.moved(title, old.as_ref().and_then(Entry::due_at), due);
        old
    }

    /// Takes a schedule out.
    pub fn remove(&mut self, title: &str) -> Option<Entry> {
        let (title, entry) = self.entries.remove_entry(title)?;
        self.moved(title, entry.due_at(), None);
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
        let entry = self.entries.get_mut(title)?;
        let before = entry.due_at();
        entry.plan(from, calendar, judged);
        let (next, after) = (entry.next, entry.due_at());
        if before != after {
            let (title, _) = self.entries.get_key_value(title)?;
            self.moved(title.clone(), before, after);
        }
        next
    }

    /// Plans all of them anew, as after a change of the calendar or a clock that was set back; much faster than one
    /// by one.
    pub fn plan_all(
        &mut self,
        from: DateTime<Utc>,
        calendar: &dyn Calendar,
        mut judged: impl FnMut(&str, Slot) -> bool,
    ) {
        for (title, entry) in &mut self.entries {
            entry.plan(from, calendar, |slot| judged(title, slot));
        }
        self.dues = dues(&self.entries);
    }

    /// When the next slot is due.
    pub fn next_due(&self) -> Option<DateTime<Utc>> {
        self.dues.first().map(|(at, _)| *at)
    }

    /// What is due at `by` or earlier: the instant and the title, the earliest first, several of one instant in the
    /// order of their titles.
    pub fn due(&self, by: DateTime<Utc>) -> impl Iterator<Item = (DateTime<Utc>, &str)> {
        self.dues.iter().take_while(move |(at, _)| *at <= by).map(|(at, title)| (*at, &**title))
    }

    fn moved(&mut self, title: Arc<str>, from: Option<DateTime<Utc>>, to: Option<DateTime<Utc>>) {
        if from == to {
            return;
        }
        if let Some(at) = from {
            self.dues.remove(&(at, title.clone()));
        }
        if let Some(at) = to {
            self.dues.insert((at, title));
        }
    }
}

/// What waits, in order.
fn dues(entries: &BTreeMap<Arc<str>, Entry>) -> BTreeSet<(DateTime<Utc>, Arc<str>)> {
    entries.iter().filter_map(|(title, entry)| Some((entry.due_at()?, title.clone()))).collect()
}

impl<T: Into<Arc<str>>> FromIterator<(T, Entry)> for Book {
    /// The last of several with one title counts. Fastest when the titles come in ascending order.
    fn from_iter<I: IntoIterator<Item = (T, Entry)>>(entries: I) -> Book {
        let entries = entries.into_iter().map(|(title, entry)| (title.into(), entry)).collect();
        Book { dues: dues(&entries), entries }
    }
}
