//! The journal's copy of the users: read when the store is slow to tell them, and otherwise a little after the start, so
//! that it costs a start nothing; then kept in step.

use super::{Accounts, Stored};
use crate::Mono;
use crate::engine::effect::{EffectId, Intent};
use crate::engine::event::{Collection, Content, Done, Revision, Versioned};
use crate::engine::journal::{CopyChange, Entry};
use crate::engine::turn::Turn;
use crate::ports::PortError;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Bound;
use core::time::Duration;

/// When the copy is read, after the start.
const READ_AFTER: Duration = Duration::from_secs(2);
/// When it is read, after the first sign-in that waits: early enough to answer it.
const NEEDED_AFTER: Duration = Duration::from_millis(300);
/// When it is tried again that failed.
const TRY_AGAIN: Duration = Duration::from_secs(10);
/// How many users are compared at once.
const AT_ONCE: usize = 256;

/// How far the copy is known.
#[derive(Debug)]
pub(super) enum Copy {
    /// It is to be read then; `None`: nothing has started yet.
    Unread(Option<Mono>),
    Reading(EffectId),
    /// It is being brought in step with the users.
    Behind {
        copy: BTreeMap<String, Revision>,
        complete: bool,
        /// The last id that was compared.
        at: Option<String>,
    },
    /// It holds what the users are.
    InStep,
}

impl Accounts {
    /// A start.
    pub(crate) fn restore(&mut self, now: Mono) {
        self.copy = Copy::Unread(Some(now.after(READ_AFTER)));
    }

    /// A sign-in waits for the users.
    pub(crate) fn needed(&mut self, now: Mono) {
        if let Copy::Unread(Some(at)) = &mut self.copy {
            *at = now.after(NEEDED_AFTER).min(*at);
        }
    }

    /// When there is something to do about the copy.
    pub(crate) fn next(&self, now: Mono) -> Option<Mono> {
        match &self.copy {
            Copy::Unread(at) => *at,
            Copy::Behind { .. } if self.users.is_some() => Some(now),
            _ => None,
        }
    }

    /// Asks for the copy when it is time, or brings the next piece of it in step.
    pub(crate) fn tick(&mut self, turn: &mut Turn<'_>) {
        if self.next(turn.mono()).is_none_or(|at| at > turn.mono()) {
            return;
        }
        match &self.copy {
            Copy::Unread(_) => {
                let id = turn.detached(Intent::ReadCopy(Collection::Users), None);
                self.copy = Copy::Reading(id);
            }
            _ => self.compare(turn),
        }
    }

    /// How an effect ended; gives it back when it was none of these.
    pub(crate) fn outcome(
        &mut self,
        id: EffectId,
        result: Result<Done, PortError>,
        now: Mono,
    ) -> Result<(), Result<Done, PortError>> {
        if !matches!(self.copy, Copy::Reading(reading) if reading == id) {
            return Err(result);
        }
        let copy = match result {
            Ok(Done::Copy(copy)) => copy,
            _ => {
                self.copy = Copy::Unread(Some(now.after(TRY_AGAIN)));
                return Ok(());
            }
        };
        match (copy, &self.users) {
            // The store has not told them yet.
            (Some(copy), None) => {
                self.users = Some(copy.into_iter().map(Stored::of).collect());
                self.copy = Copy::InStep;
            }
            (copy, _) => {
                let complete = copy.is_some();
                let copy = copy.into_iter().flatten().map(|user| (user.id, user.revision)).collect();
                self.copy = Copy::Behind { copy, complete, at: None };
            }
        }
        Ok(())
    }

    /// The store tells all users anew: what the copy holds is what they were.
    pub(super) fn renewed(&mut self, before: Option<&BTreeMap<String, Stored>>) {
        if let (Copy::InStep, Some(before)) = (&self.copy, before) {
            let copy = before.iter().map(|(id, user)| (id.clone(), user.revision)).collect();
            self.copy = Copy::Behind { copy, complete: true, at: None };
        }
    }

    /// A user changed: the copy follows, unless it is not known yet what it holds.
    pub(super) fn copies(&self, change: CopyChange, turn: &mut Turn<'_>) {
        if matches!(self.copy, Copy::InStep | Copy::Behind { .. }) {
            turn.record(Entry::Copy(Collection::Users, change));
        }
    }

    /// Compares the next piece.
    fn compare(&mut self, turn: &mut Turn<'_>) {
        let (Copy::Behind { copy, complete, at }, Some(users)) = (&mut self.copy, &self.users) else {
            return;
        };
        let after = |at: &Option<String>| at.clone().map_or(Bound::Unbounded, Bound::Excluded);
        let piece: Vec<_> = users.range((after(at), Bound::Unbounded)).take(AT_ONCE).collect();
        let last = piece.last().filter(|_| piece.len() == AT_ONCE).map(|(id, _)| (*id).clone());
        let until = last.clone().map_or(Bound::Unbounded, Bound::Included);
        let gone = copy.range((after(at), until)).filter(|(id, _)| !users.contains_key(*id));
        for (id, _) in gone {
            turn.record(Entry::Copy(Collection::Users, CopyChange::Remove(id.clone())));
        }
        for (id, user) in piece.into_iter().filter(|(id, user)| copy.get(*id) != Some(&user.revision)) {
            turn.record(Entry::Copy(Collection::Users, CopyChange::Put(user.versioned(id))));
        }
        if last.is_some() {
            *at = last;
            return;
        }
        if !*complete {
            turn.record(Entry::Copy(Collection::Users, CopyChange::Complete));
        }
        self.copy = Copy::InStep;
    }
}

impl Stored {
    pub(super) fn of(user: Versioned<Content>) -> (String, Stored) {
        (user.id, Stored { revision: user.revision, updated: user.updated, content: user.value })
    }

    fn versioned(&self, id: &str) -> Versioned<Content> {
        let Stored { revision, updated, content } = self;
        Versioned { id: id.into(), revision: *revision, updated: *updated, value: content.clone() }
    }
}
