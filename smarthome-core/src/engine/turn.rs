//! One call of the engine: where its components put what is to be done.

use super::effect::{Alert, AlertCode, Effect, EffectId, Intent};
use super::event::DeliveryId;
use super::journal::Entry;
use super::note::Note;
use crate::{Mono, Now, PartSet};
use alloc::{string::String, vec::Vec};

/// Gives effects their names.
#[derive(Debug, Default)]
pub(crate) struct Ids {
    epoch: u32,
    counter: u64,
}

impl Ids {
    pub(crate) fn of_epoch(epoch: u32) -> Ids {
        Ids { epoch, counter: 0 }
    }

    pub(crate) fn next(&mut self) -> EffectId {
        self.counter = self.counter.saturating_add(1);
        EffectId { epoch: self.epoch, counter: self.counter }
    }
}

/// What became of an own command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Sent,
    Confirmed,
    Unconfirmed(PartSet),
    Superseded,
    Expired,
}

impl Fate {
    fn of(note: &Note) -> Option<(EffectId, Fate)> {
        match note {
            Note::Sent { id } => Some((*id, Fate::Sent)),
            Note::Confirmed { id } => Some((*id, Fate::Confirmed)),
            Note::Unconfirmed { id, parts } => Some((*id, Fate::Unconfirmed(*parts))),
            Note::Superseded { id } => Some((*id, Fate::Superseded)),
            Note::Expired { id } => Some((*id, Fate::Expired)),
            _ => None,
        }
    }
}

/// What one event leads to.
pub(crate) struct Turn<'a> {
    pub(crate) now: Now,
    pub(crate) cause: Option<DeliveryId>,
    /// Alerts raised on the way; the outbox takes them in at the end of the turn.
    pub(crate) alerts: Vec<Alert>,
    /// What became of own commands on the way; the ledger takes that in at the end of the turn.
    pub(crate) fates: Vec<(EffectId, Fate)>,
    ids: &'a mut Ids,
    out: &'a mut Vec<Effect>,
}

impl<'a> Turn<'a> {
    pub(crate) fn new(
        now: Now,
        cause: Option<DeliveryId>,
        ids: &'a mut Ids,
        out: &'a mut Vec<Effect>,
    ) -> Turn<'a> {
        Turn { now, cause, alerts: Vec::new(), fates: Vec::new(), ids, out }
    }

    pub(crate) fn mono(&self) -> Mono {
        self.now.mono()
    }

    /// A fresh id, for a row.
    pub(crate) fn id(&mut self) -> EffectId {
        self.ids.next()
    }

    pub(crate) fn effect(&mut self, what: Intent, valid_until: Option<Mono>) -> EffectId {
        let id = self.ids.next();
        self.out.push(Effect { id, cause: self.cause, valid_until, what });
        id
    }

    /// An effect that nothing waits for: a row that is retried belongs to no delivery any more.
    pub(crate) fn detached(&mut self, what: Intent, valid_until: Option<Mono>) -> EffectId {
        let id = self.ids.next();
        self.out.push(Effect { id, cause: None, valid_until, what });
        id
    }

    pub(crate) fn record(&mut self, entry: Entry) {
        self.effect(Intent::Record(entry), None);
    }

    pub(crate) fn note(&mut self, note: Note) {
        self.fates.extend(Fate::of(&note));
        self.detached(Intent::Note(note), None);
    }

    pub(crate) fn alert(&mut self, code: AlertCode, text: String) {
        self.alerts.push(Alert { code, text });
    }
}
