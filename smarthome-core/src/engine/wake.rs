//! When the engine wants to be called again, and why.

use super::Engine;
use crate::Mono;

/// When the engine wants to be called again, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wake {
    /// Not before this.
    pub at: Mono,
    /// For logs and people.
    pub why: Why,
}

/// Why the engine wants to be called again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Why {
    /// A command is to be judged: confirmed by now, or sent again.
    Confirmation,
    /// A command waits for the backlog's end, or for the home to report.
    Settling,
    /// A command that could not leave becomes stale.
    Expiry,
    /// Something that failed is tried again.
    Retry,
    /// Faults that were only counted are summed up.
    FaultSummary,
    /// A sign-in waits for the users.
    SignIn,
    /// A part has been away for long enough to tell.
    Lost,
    /// The gas valve stands open.
    GasOpen,
    /// A schedule is due.
    Due,
    /// A long list, or the journal's copy of one, is to be read on.
    Reading,
    /// A request is answered, because it is recorded and the store takes long.
    Answer,
    /// A schedule that vanished did not come back under another title.
    Deleted,
    /// A once-schedule that is over is to be deleted.
    Deletion,
    /// A document that is wrong is to be named.
    WrongDocument,
}

impl Engine {
    pub(super) fn wakes(&self, now: Mono) -> impl Iterator<Item = Wake> {
        let retry = self.outbox.next(self.link_up, now);
        let state = self.state.pause.pause(now).filter(|_| self.state.pending && self.link_up);
        let summary = self.faults.next().filter(|_| self.link_up);
        let wakes = [
            (retry, Why::Retry),
            (state, Why::Retry),
            (summary, Why::FaultSummary),
            (self.next_held(), Why::SignIn),
            (self.answers.next(), Why::Answer),
            (self.accounts.next(now), Why::Reading),
            (self.health.next(self.config.lost_after), Why::Lost),
        ];
        let wakes = wakes.into_iter().filter_map(|(at, why)| at.map(|at| Wake { at, why }));
        let wakes = wakes.chain(self.agenda.next(&self.config, self.handled));
        wakes.chain(self.next_wrong()).chain(self.lane.next(&self.config, now))
    }
}
