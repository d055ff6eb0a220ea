//! What a batch of events led to, until it is recorded.

use super::ack::Acks;
use super::audience;
use smarthome_core::Mono;
use smarthome_core::engine::{Class, DeliveryId, Effect, Entry, Intent, Note};
use std::time::Duration;

/// How long an entry waits that may: a command that the home follows at once has its end in the same commit, and what a
/// crash leaves in doubt is little.
const WAITS: Duration = Duration::from_millis(50);

/// Events whose effects are held until everything they want recorded is.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// To be recorded, in order.
    pub(super) entries: Vec<Entry>,
    /// To leave afterwards, in order.
    pub(super) effects: Vec<Effect>,
    /// Deliveries in it.
    pub(super) deliveries: Vec<DeliveryId>,
    /// A command's confirmation by the broker is in it.
    pub(super) confirms: bool,
    /// Something is to be recorded at once.
    pub(super) hurries: bool,
    /// Since when entries wait that may.
    pub(super) waiting_since: Option<Mono>,
}

impl Batch {
    /// Takes in what one event led to, in order.
    pub(super) fn take(&mut self, out: &mut Vec<Effect>, acks: &mut Acks) {
        for effect in out.drain(..) {
            match effect.what {
                Intent::Record(entry) => {
                    self.hurries |= !entry.may_wait();
                    self.entries.push(entry);
                }
                what => {
                    if let Intent::Note(note @ Note::Raised(_)) = &what {
                        // An alert is in the log at once, whatever becomes of the journal.
                        audience::log(note);
                    }
                    let effect = Effect { what, ..effect };
                    if let Some(cause) = waited_for(&effect) {
                        acks.caused(cause);
                    }
                    self.effects.push(effect);
                }
            }
        }
    }

    /// How much it holds.
    pub(super) fn len(&self) -> usize {
        self.entries.len().saturating_add(self.effects.len())
    }

    /// Whether everything that is to be recorded may wait for the next batch.
    pub(super) fn may_wait(&self, now: Mono) -> bool {
        let since = self.waiting_since.unwrap_or(now);
        !self.hurries && now.since(since) < WAITS
    }

    /// When it has waited for long enough.
    pub(super) fn waits_until(&self) -> Option<Mono> {
        self.waiting_since.map(|since| since.after(WAITS))
    }

    /// All of it is recorded.
    pub(super) fn recorded(&mut self) {
        self.entries.clear();
        (self.confirms, self.hurries) = (false, false);
        self.waiting_since = None;
    }
}

/// The delivery that stays unacknowledged until this effect ended. A journaled one survives a crash with its row, so
/// that the delivery need not.
pub(super) fn waited_for(effect: &Effect) -> Option<DeliveryId> {
    match (&effect.what, effect.what.class()) {
        (Intent::Note(_), _) | (_, Class::Journaled) => None,
        _ => effect.cause,
    }
}
