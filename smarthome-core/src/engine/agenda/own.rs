//! Own writes of schedules: in force from the moment they are decided, whatever the store is doing, until its listener
//! shows them or they fail.

use super::Agenda;
use crate::Schedule;
use crate::engine::effect::EffectId;
use crate::engine::event::{Collection, Content, Revision, Versioned};
use crate::engine::journal::CopyChange;
use crate::engine::turn::Turn;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::{String, ToString};
use chrono::{DateTime, Utc};
use core::ops::Bound;
use serde_json::Value;

/// A write that is under way.
#[derive(Debug)]
pub(crate) struct Own {
    pub(crate) row: EffectId,
    pub(crate) decided: DateTime<Utc>,
    /// The whole document; `None`: it is to be deleted.
    pub(crate) content: Option<Content>,
}

/// How it ended.
#[derive(Debug)]
pub(crate) enum Ended {
    /// The store has it, or the deletion, under this revision.
    Done(Revision),
    /// There was nothing to be deleted.
    Absent,
    /// The store will never take it.
    Refused,
}

#[derive(Debug)]
struct Overlay {
    /// The oldest first. The newest is in force.
    writes: VecDeque<Own>,
    /// What the store has, as far as it was told.
    under: Option<Versioned<Content>>,
}

#[derive(Debug, Default)]
pub(super) struct OwnWrites {
    overlays: BTreeMap<String, Overlay>,
    /// Deletions of ours that the listener has not shown.
    deleted: BTreeMap<String, Revision>,
}

impl OwnWrites {
    /// Whether a write of that schedule is under way.
    pub(super) fn has(&self, title: &str) -> bool {
        self.overlays.contains_key(title)
    }

    /// The store's revision beneath an own write; the outer `None`: there is no own write.
    pub(super) fn beneath(&self, collection: Collection, id: &str) -> Option<Option<Revision>> {
        let overlay = self.overlays.get(id).filter(|_| collection == Collection::Schedules)?;
        Some(overlay.under.as_ref().map(|under| under.revision))
    }

    /// The schedules with something beneath an own write, between these two.
    pub(super) fn ids(&self, range: (Bound<&str>, Bound<&str>)) -> impl Iterator<Item = &str> {
        self.overlays.range::<str, _>(range).map(|(title, _)| title.as_str())
    }

    /// Gives a document back unless an own write lies over it.
    pub(super) fn lies_over(
        &mut self,
        collection: Collection,
        document: Versioned<Content>,
    ) -> Option<Versioned<Content>> {
        let overlay = self.overlays.get_mut(&document.id).filter(|_| collection == Collection::Schedules);
        match overlay {
            Some(overlay) => {
                overlay.under = Some(document);
                None
            }
            None => Some(document),
        }
    }

    /// The store has that document no longer. Whether an own write lies over it.
    pub(super) fn lies_over_nothing(&mut self, collection: Collection, id: &str) -> bool {
        let overlay = self.overlays.get_mut(id).filter(|_| collection == Collection::Schedules);
        overlay.map(|overlay| overlay.under = None).is_some()
    }

    /// Whether what is told was deleted by an own write since.
    pub(super) fn deleted_since(&mut self, collection: Collection, id: &str, revision: Revision) -> bool {
        if collection != Collection::Schedules {
            return false;
        }
        let since = self.deleted.get(id).is_some_and(|deletion| revision < *deletion);
        if !since {
            self.deleted.remove(id);
        }
        since
    }

    /// The listener shows a deletion.
    pub(super) fn deletion_shown(&mut self, collection: Collection, id: &str, revision: Revision) {
        if collection == Collection::Schedules && self.deleted.get(id).is_some_and(|own| *own <= revision) {
            self.deleted.remove(id);
        }
    }

    /// A complete list was told.
    pub(super) fn listed(&mut self, newest: Revision) {
        self.deleted.retain(|_, deletion| *deletion > newest);
    }
}

impl Agenda {
    pub(super) fn own_decided(&mut self, title: String, own: Own, turn: &mut Turn<'_>) {
        // What was told of an older content was not told of this one.
        self.told.retain(|(told, _)| *told != title);
        let under = if self.own.has(&title) { None } else { self.stored(&title) };
        let overlay = self.own.overlays.entry(title.clone());
        let overlay = overlay.or_insert_with(|| Overlay { writes: VecDeque::new(), under });
        let revision = overlay.under.as_ref().map_or(Revision(0), |under| under.revision);
        let (content, decided) = (own.content.clone(), own.decided);
        overlay.writes.push_back(own);
        self.wrong.forget(Collection::Schedules, &title);
        match content.map(|content| Schedule::read(&content, &*self.calendar)) {
            Some(Ok(schedule)) => self.put(title, revision, decided, schedule, turn),
            _ => self.remove(&title, turn),
        }
    }

    pub(super) fn own_ended(&mut self, title: String, row: EffectId, ended: Ended, turn: &mut Turn<'_>) {
        let Some(overlay) = self.own.overlays.get_mut(&title) else { return };
        let Some(at) = overlay.writes.iter().position(|own| own.row == row) else { return };
        let Some(own) = overlay.writes.remove(at) else { return };
        let under = overlay.under.as_ref().map(|under| under.revision);
        match (ended, own.content) {
            (Ended::Done(revision), Some(value)) if under < Some(revision) => {
                let document = Versioned { id: title.clone(), revision, updated: own.decided, value };
                overlay.under = Some(document.clone());
                self.copy(Collection::Schedules, CopyChange::Put(document), turn);
            }
            (Ended::Done(revision), None) => {
                let newer = under < Some(revision);
                if newer {
                    overlay.under = None;
                }
                self.own.deleted.insert(title.clone(), revision);
                if newer {
                    self.copy(Collection::Schedules, CopyChange::Remove(title.clone()), turn);
                }
            }
            _ => {}
        }
        if overlay_is_empty(&self.own, &title) {
            self.uncover(&title, turn);
        }
    }

    /// No own write lies over it any more: what the store has is in force.
    fn uncover(&mut self, title: &str, turn: &mut Turn<'_>) {
        let Some(overlay) = self.own.overlays.remove(title) else { return };
        let provisional = self.plans.book.get(title).map(crate::schedule::Entry::revision);
        match overlay.under {
            Some(document) => {
                if let Some(told) = provisional.map(|revision| (title.to_string(), revision))
                    && self.told.remove(&told)
                {
                    self.told.insert((told.0, document.revision));
                }
                self.take(Collection::Schedules, document, turn);
            }
            None => self.remove(title, turn),
        }
        self.disposal.look_at(title);
    }

    /// What the store has under that title, as far as it was told.
    fn stored(&self, title: &str) -> Option<Versioned<Content>> {
        let entry = self.plans.book.get(title)?;
        let (revision, updated) = (entry.revision(), entry.updated());
        let today = self.calendar.local(updated).date();
        let value = Value::Object(entry.schedule().canonical(title, today)).to_string().into();
        Some(Versioned { id: title.into(), revision, updated, value })
    }
}

fn overlay_is_empty(own: &OwnWrites, title: &str) -> bool {
    own.overlays.get(title).is_some_and(|overlay| overlay.writes.is_empty())
}
