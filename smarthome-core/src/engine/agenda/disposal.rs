//! Once-schedules whose slot is over are deleted. That follows from ledger and document alone, whenever either changes,
//! and is never remembered: so no crash can lose it.

use super::own::OwnWrites;
use crate::engine::effect::{EffectId, Intent};
use crate::engine::event::{Collection, Done, Revision};
use crate::engine::journal::{SlotState, Write, WriteRow};
use crate::engine::ledger::Ledger;
use crate::engine::timekeeper::Timekeeper;
use crate::engine::turn::Turn;
use crate::ports::PortError;
use crate::retry::Backoff;
use crate::schedule::{Book, When};
use crate::{Mono, Slot};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

/// A missed one stays until the clock has not been set for so long: it may have been missed only by a wrong clock.
const STEADY: Duration = Duration::from_secs(60);
/// How many deletions are under way at most.
const AT_ONCE: usize = 16;

#[derive(Debug)]
pub(super) struct Disposal {
    /// Titles to look at: each once, however many there are, until something about it changes again.
    candidates: BTreeSet<String>,
    /// Missed ones, looked at.
    missed: BTreeSet<String>,
    deleting: BTreeMap<EffectId, String>,
    pause: Backoff,
    /// When a missed one may go.
    steady_at: Option<Mono>,
}

impl Disposal {
    pub(super) fn new() -> Disposal {
        Disposal {
            candidates: BTreeSet::new(),
            missed: BTreeSet::new(),
            deleting: BTreeMap::new(),
            pause: Backoff::new(Duration::from_secs(1), Duration::from_secs(30)),
            steady_at: None,
        }
    }

    /// Its row or its document changed.
    pub(super) fn look_at(&mut self, title: &str) {
        self.candidates.insert(title.to_string());
    }

    pub(super) fn tick(
        &mut self,
        book: &Book,
        ledger: &Ledger,
        own: &OwnWrites,
        clock: &Timekeeper,
        turn: &mut Turn<'_>,
    ) {
        if self.pause.pause(turn.mono()).is_some() {
            return;
        }
        let mut busy = Vec::new();
        let steady_at = clock.steady_since().after(STEADY);
        let steady = steady_at <= turn.mono();
        if steady {
            self.candidates.append(&mut self.missed);
        }
        while self.deleting.len() < AT_ONCE {
            let Some(title) = self.candidates.pop_first() else { break };
            // What is being written has no revision yet that could be deleted; it is looked at again when it has.
            let over = over(&title, book, ledger).filter(|_| !own.has(&title));
            let Some((state, revision)) = over else { continue };
            if state == SlotState::Missed && !steady {
                self.missed.insert(title);
            } else if self.deleting.values().any(|deleting| *deleting == title) {
                busy.push(title);
            } else {
                self.delete(title, revision, turn);
            }
        }
        // What is told of one while it is being deleted is looked at afterwards.
        self.candidates.extend(busy);
        self.steady_at = Some(steady_at).filter(|_| !self.missed.is_empty());
    }

    fn delete(&mut self, title: String, revision: Revision, turn: &mut Turn<'_>) {
        let (id, document) = (turn.id(), title.clone());
        let write = Write::Delete(Some(revision));
        let (collection, decided) = (Collection::Schedules, turn.now.wall());
        let row = WriteRow { id, collection, document, write, decided, producer: None };
        let effect = turn.detached(Intent::WriteDocument(row), None);
        self.deleting.insert(effect, title);
    }

    /// How a deletion ended; gives it back when it was none.
    pub(super) fn outcome(
        &mut self,
        id: EffectId,
        result: Result<Done, PortError>,
        now: Mono,
    ) -> Result<(), Result<Done, PortError>> {
        let Some(title) = self.deleting.remove(&id) else { return Err(result) };
        match result {
            // What is left to be deleted, if anything, shows when the store tells.
            Ok(_) => self.pause.reset(),
            Err(_) => {
                self.candidates.insert(title);
                self.pause.failed(now);
            }
        }
        Ok(())
    }

    pub(super) fn next(&self, now: Mono) -> Option<Mono> {
        let again = self.pause.pause(now).filter(|_| !self.candidates.is_empty());
        again.or(self.steady_at)
    }
}

/// The state of a once-schedule's slot and the document's revision, when it is to be deleted.
fn over(title: &str, book: &Book, ledger: &Ledger) -> Option<(SlotState, Revision)> {
    let entry = book.get(title)?;
    let When::Once { at, on } = entry.schedule().when else { return None };
    let state = ledger.state(title, Slot { date: on, at })?;
    let over = state.is_final() && state != SlotState::Refused;
    over.then_some((state, entry.revision()))
}
