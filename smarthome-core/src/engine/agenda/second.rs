//! A list of schedules that lacks three or more and over half of what is known is read a second time before it is believed.

use super::Agenda;
use super::news::Listing;
use crate::Mono;
use crate::engine::effect::{EffectId, Intent};
use crate::engine::event::{Collection, Documents, Done};
use crate::engine::turn::Turn;
use crate::ports::PortError;
use crate::retry::Backoff;
use core::time::Duration;

/// Fewer may go at once.
const MANY: usize = 3;

/// The second reading of the schedules.
#[derive(Debug)]
pub(super) struct SecondReading {
    wanted: bool,
    under_way: Option<EffectId>,
    pause: Backoff,
}

impl SecondReading {
    pub(super) fn new() -> SecondReading {
        let pause = Backoff::new(Duration::from_secs(1), Duration::from_secs(30));
        SecondReading { wanted: false, under_way: None, pause }
    }

    /// When it is tried again.
    pub(super) fn next(&self, now: Mono) -> Option<Mono> {
        let waits = self.wanted && self.under_way.is_none();
        waits.then(|| self.pause.pause(now).unwrap_or(now))
    }

    /// Asks for it when it is wanted.
    pub(super) fn tick(&mut self, turn: &mut Turn<'_>) {
        if self.next(turn.mono()).is_some_and(|at| at <= turn.mono()) {
            self.under_way = Some(turn.detached(Intent::ReadList(Collection::Schedules), None));
        }
    }
}

impl Agenda {
    /// Whether a list is believed. Otherwise it is forgotten, and read again.
    pub(super) fn is_credible(&mut self, listing: &Listing, turn: &mut Turn<'_>) -> bool {
        if listing.collection != Collection::Schedules {
            return true;
        }
        let again = listing.second || self.second.wanted;
        if !again {
            let (known, missing) = self.compared(listing);
            if missing >= MANY && missing.saturating_mul(2) > known {
                self.second.wanted = true;
                self.second.tick(turn);
                return false;
            }
        }
        self.second.wanted = false;
        true
    }

    /// How the second reading ended; gives it back when it was none.
    pub(super) fn read_again(
        &mut self,
        id: EffectId,
        result: Result<Done, PortError>,
        turn: &mut Turn<'_>,
    ) -> Result<(), Result<Done, PortError>> {
        if self.second.under_way != Some(id) {
            return Err(result);
        }
        self.second.under_way = None;
        match result {
            Ok(Done::Listed(Documents::Snapshot(collection, documents, newest))) => {
                self.second.pause.reset();
                // One that the listener told meanwhile was the second already.
                if self.second.wanted {
                    self.listed_again(Listing::new(collection, documents, newest, true), turn);
                }
            }
            _ => self.second.pause.failed(turn.mono()),
        }
        Ok(())
    }
}
