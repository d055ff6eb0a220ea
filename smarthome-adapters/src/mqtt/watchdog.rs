//! Whether messages still find their way through the broker.
//!
//! A connection can be open, answer pings and yet deliver nothing: a broker that is stopped, out of memory, or has
//! lost the subscription. So after a silence the server publishes a mark to itself and waits for it.

use smarthome_core::Mono;
use std::time::Duration;

/// How long the mark may take, from the moment the broker has it.
const RETURN_WITHIN: Duration = Duration::from_secs(10);
/// When to try again to publish a mark that could not be.
const AGAIN: Duration = Duration::from_secs(1);

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    /// Nothing before this moment.
    Wait(Mono),
    /// Publish the mark.
    Mark,
    /// The broker has the mark and does not deliver it: the connection is of no use.
    Stalled,
}

#[derive(Debug)]
enum State {
    /// Something arrived then.
    Heard(Mono),
    /// The mark has to be published, not before then.
    Owed(Mono),
    /// The mark was published and the broker has not confirmed it. Should it never do so, the publishing connection
    /// notices.
    Published,
    /// The broker has had the mark since then.
    Confirmed(Mono),
}

#[derive(Debug)]
pub(super) struct Watchdog {
    silence: Duration,
    state: State,
}

impl Watchdog {
    /// Of a connection that is up since `now`; the first mark is due at once and ends the backlog.
    pub(super) fn new(silence: Duration, now: Mono) -> Watchdog {
        Watchdog { silence, state: State::Owed(now) }
    }

    /// Something was delivered.
    pub(super) fn heard(&mut self, now: Mono) {
        if !matches!(self.state, State::Owed(_)) {
            self.state = State::Heard(now);
        }
    }

    /// The mark was handed to the publishing connection, or could not be.
    pub(super) fn published(&mut self, done: bool, now: Mono) {
        self.state = if done { State::Published } else { State::Owed(now.after(AGAIN)) };
    }

    /// The broker confirmed the mark.
    pub(super) fn confirmed(&mut self, now: Mono) {
        if matches!(self.state, State::Published) {
            self.state = State::Confirmed(now);
        }
    }

    /// What is to be done now. `settled_since`: since when no delivery is unacknowledged; as long as one is, the
    /// broker may be holding the mark back because its window is full, and time stands still.
    pub(super) fn due(&self, now: Mono, settled_since: Option<Mono>) -> Due {
        let reached = |at: Mono, then: Due| if now >= at { then } else { Due::Wait(at) };
        match (&self.state, settled_since) {
            (State::Heard(at), _) => reached(at.after(self.silence), Due::Mark),
            (State::Owed(at), _) => reached(*at, Due::Mark),
            (State::Confirmed(at), Some(settled)) => {
                reached((*at).max(settled).after(RETURN_WITHIN), Due::Stalled)
            }
            (State::Published, _) | (State::Confirmed(_), None) => Due::Wait(now.after(RETURN_WITHIN)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Mono {
        Mono::from_millis(seconds * 1000)
    }

    fn quiet() -> Watchdog {
        let mut dog = Watchdog::new(Duration::from_secs(30), at(0));
        dog.published(true, at(0));
        dog.heard(at(0));
        dog
    }

    #[test]
    fn a_new_connection_owes_a_mark_until_it_is_published() {
        let mut dog = Watchdog::new(Duration::from_secs(30), at(5));
        assert_eq!(dog.due(at(5), None), Due::Mark);
        dog.published(false, at(5));
        dog.heard(at(5));
        assert_eq!(dog.due(at(5), None), Due::Wait(at(6)));
        assert_eq!(dog.due(at(6), None), Due::Mark);
        dog.published(true, at(6));
        assert_eq!(dog.due(at(6), Some(at(0))), Due::Wait(at(16)));
    }

    #[test]
    fn silence_is_answered_by_a_mark() {
        let mut dog = quiet();
        assert_eq!(dog.due(at(29), Some(at(0))), Due::Wait(at(30)));
        dog.heard(at(29));
        assert_eq!(dog.due(at(30), Some(at(0))), Due::Wait(at(59)));
        assert_eq!(dog.due(at(59), Some(at(0))), Due::Mark);
    }

    #[test]
    fn time_runs_from_the_brokers_confirmation() {
        let mut dog = quiet();
        dog.published(true, at(30));
        assert_eq!(dog.due(at(300), Some(at(0))), Due::Wait(at(310)), "the broker does not have it");
        dog.confirmed(at(300));
        assert_eq!(dog.due(at(309), Some(at(0))), Due::Wait(at(310)));
        assert_eq!(dog.due(at(310), Some(at(0))), Due::Stalled);
        dog.heard(at(310));
        assert_eq!(dog.due(at(310), Some(at(0))), Due::Wait(at(340)), "anything that arrives disproves it");
    }

    #[test]
    fn time_stands_still_while_a_delivery_is_unacknowledged() {
        let mut dog = quiet();
        dog.published(true, at(30));
        dog.confirmed(at(30));
        assert_eq!(dog.due(at(100), None), Due::Wait(at(110)));
        assert_eq!(dog.due(at(110), Some(at(105))), Due::Wait(at(115)));
        assert_eq!(dog.due(at(115), Some(at(105))), Due::Stalled);
    }

    #[test]
    fn a_confirmation_that_comes_after_the_mark_changes_nothing() {
        let mut dog = quiet();
        dog.published(true, at(30));
        dog.heard(at(31));
        dog.confirmed(at(31));
        assert_eq!(dog.due(at(50), Some(at(0))), Due::Wait(at(61)));
    }
}
