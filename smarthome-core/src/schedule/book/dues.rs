//! The order in which schedules are due.

use alloc::{collections::BTreeSet, sync::Arc};
use chrono::{DateTime, Utc};

/// Where a schedule lies in the book.
pub(super) type Place = u32;

/// What is due when: by instant, and several of one instant by title once the instant has come.
///
/// Comparing titles is what costs among a million, so those still ahead are in no order within their instant. When
/// somebody asks for what is due they are put in order, each once.
#[derive(Debug, Clone)]
pub(super) struct Dues {
    /// Later than `until`.
    ahead: BTreeSet<(DateTime<Utc>, Place)>,
    /// At `until` or earlier.
    come: BTreeSet<(DateTime<Utc>, Arc<str>)>,
    until: DateTime<Utc>,
}

impl Dues {
    pub(super) const fn new() -> Dues {
        Dues { ahead: BTreeSet::new(), come: BTreeSet::new(), until: DateTime::<Utc>::MIN_UTC }
    }

    pub(super) fn insert(&mut self, at: DateTime<Utc>, place: Place, title: &Arc<str>) {
        if at <= self.until {
            self.come.insert((at, title.clone()));
        } else {
            self.ahead.insert((at, place));
        }
    }

    pub(super) fn remove(&mut self, at: DateTime<Utc>, place: Place, title: &Arc<str>) {
        if at <= self.until {
            self.come.remove(&(at, title.clone()));
        } else {
            self.ahead.remove(&(at, place));
        }
    }

    /// The earliest instant.
    pub(super) fn first(&self) -> Option<DateTime<Utc>> {
        // What has come is earlier than all that is ahead.
        let come = self.come.first().map(|(at, _)| *at);
        come.or_else(|| self.ahead.first().map(|(at, _)| *at))
    }

    /// Puts in order what is due at `by` or earlier.
    pub(super) fn come(&mut self, by: DateTime<Utc>, title: impl Fn(Place) -> Option<Arc<str>>) {
        let ahead = &mut self.ahead;
        let due = core::iter::from_fn(|| {
            ahead.first().is_some_and(|(at, _)| *at <= by).then(|| ahead.pop_first()).flatten()
        });
        let due = due.filter_map(|(at, place)| Some((at, title(place)?)));
        // A set is made of many at once faster than one by one.
        if self.come.is_empty() {
            self.come = due.collect()
        } else {
            self.come.extend(due)
        }
        self.until = self.until.max(by);
    }

    /// What is due at `by` or earlier, as far as it was put in order.
    pub(super) fn by(&self, by: DateTime<Utc>) -> impl Iterator<Item = (DateTime<Utc>, &str)> {
        self.come.iter().take_while(move |(at, _)| *at <= by).map(|(at, title)| (*at, &**title))
    }
}

impl FromIterator<(DateTime<Utc>, Place)> for Dues {
    fn from_iter<I: IntoIterator<Item = (DateTime<Utc>, Place)>>(dues: I) -> Dues {
        Dues { ahead: dues.into_iter().collect(), ..Dues::new() }
    }
}
