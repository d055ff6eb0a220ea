//! What a batch of events led to, until it is recorded.

use super::ack::Acks;
use super::audience;
use smarthome_core::engine::{Class, DeliveryId, Effect, Entry, Intent, Note};

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
}

impl Batch {
    /// Takes in what one event led to, in order.
    pub(super) fn take(&mut self, out: &mut Vec<Effect>, acks: &mut Acks) {
        for effect in out.drain(..) {
            match effect.what {
                Intent::Record(entry) => self.entries.push(entry),
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

    /// It is recorded: everything in it may leave.
    pub(super) fn clear(&mut self) {
        self.entries.clear();
        self.effects.clear();
        self.deliveries.clear();
        self.confirms = false;
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
