//! What the home is expected to report: per part, until it does or the time is up.

use super::effect::EffectId;
use crate::{Mono, Part, PartSet, Status, Wanted};
use alloc::vec::Vec;

/// Whose wish it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Owner {
    /// The server's own command, sent again when it is not followed.
    Own(EffectId),
    /// Somebody else's, by its place in the order of commands.
    Other(u64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Want {
    wanted: Wanted,
    owner: Owner,
    deadline: Mono,
}

/// At most one wish a part is open: the newest.
#[derive(Debug, Default)]
pub(crate) struct Expectations {
    wants: Vec<Want>,
    /// What the home reported since the start; nothing retained.
    fresh: Option<Status>,
    /// What it is known to have reported last, however old.
    known: Option<Status>,
}

impl Expectations {
    pub(crate) fn fresh(&self) -> Option<Status> {
        self.fresh
    }

    pub(crate) fn known(&self) -> Option<Status> {
        self.known
    }

    /// Takes a status that says what was, not what is.
    pub(crate) fn last_known(&mut self, status: Status) {
        self.known = Some(status);
    }

    /// The home reports: every wish it shows is fulfilled.
    pub(crate) fn report(&mut self, status: Status) -> Vec<(Owner, Part)> {
        self.fresh = Some(status);
        self.known = Some(status);
        let fulfilled = |want: &&Want| want.wanted.shown_by(status);
        let done = self.wants.iter().filter(fulfilled).map(|want| (want.owner, want.wanted.part())).collect();
        self.wants.retain(|want| !want.wanted.shown_by(status));
        done
    }

    /// Opens a wish in place of an older one for its part. `true` when the home reported it already: then nothing is
    /// open. While an older, different wish is on its way to the home, what the home last said proves nothing.
    pub(crate) fn set(&mut self, wanted: Wanted, owner: Owner, deadline: Mono) -> bool {
        let part = wanted.part();
        let contested = self.wants.iter().any(|want| want.wanted.part() == part && want.wanted != wanted);
        self.clear(part.into());
        if !contested && self.fresh.is_some_and(|status| wanted.shown_by(status)) {
            return true;
        }
        self.wants.push(Want { wanted, owner, deadline });
        false
    }

    /// Forgets what is open for these parts.
    pub(crate) fn clear(&mut self, parts: PartSet) {
        self.wants.retain(|want| !parts.contains(want.wanted.part()));
    }

    /// Whether anything is open for an own command.
    pub(crate) fn awaits(&self, id: EffectId) -> bool {
        self.wants.iter().any(|want| want.owner == Owner::Own(id))
    }

    /// Forgets what is open for an own command.
    pub(crate) fn release(&mut self, id: EffectId) {
        self.wants.retain(|want| want.owner != Owner::Own(id));
    }

    /// The open wish for a part.
    pub(crate) fn wanted(&self, part: Part) -> Option<Wanted> {
        self.wants.iter().find(|want| want.wanted.part() == part).map(|want| want.wanted)
    }

    /// Takes out what should have been reported by now, in the order of its owners.
    pub(crate) fn overdue(&mut self, now: Mono) -> Vec<(Owner, Wanted)> {
        let overdue = |want: &&Want| want.deadline <= now;
        let mut missed: Vec<(Owner, Wanted)> =
            self.wants.iter().filter(overdue).map(|want| (want.owner, want.wanted)).collect();
        self.wants.retain(|want| want.deadline > now);
        missed.sort();
        missed
    }

    /// When the next wish is overdue.
    pub(crate) fn next_deadline(&self) -> Option<Mono> {
        self.wants.iter().map(|want| want.deadline).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Command;

    const LATER: Mono = Mono::from_millis(10_000);

    fn wanted(frame: &str, part: Part) -> Wanted {
        frame.parse::<Command>().unwrap().wanted(part).unwrap()
    }

    fn status(frame: &str) -> Status {
        frame.parse().unwrap()
    }

    #[test]
    fn reported_before_or_after_is_confirmed() {
        let mut open = Expectations::default();
        let window = wanted("022222212", Part::Window);
        assert!(!open.set(window, Owner::Other(1), LATER));
        assert_eq!(open.report(status("000000010")), [(Owner::Other(1), Part::Window)]);
        assert!(open.set(window, Owner::Other(2), LATER), "shown already");
        assert_eq!(open.next_deadline(), None);
    }

    #[test]
    fn a_retained_status_confirms_nothing() {
        let mut open = Expectations::default();
        open.last_known(status("000000010"));
        assert!(!open.set(wanted("022222212", Part::Window), Owner::Other(1), LATER));
    }

    #[test]
    fn while_a_different_wish_is_under_way_the_last_report_proves_nothing() {
        let mut open = Expectations::default();
        open.report(status("000152000"));
        assert!(!open.set(wanted("022022222", Part::Light), Owner::Other(1), LATER));
        let on = wanted("022152022", Part::Light);
        assert!(!open.set(on, Owner::Other(3), LATER), "off is on its way, so on has to be seen anew");
    }

    #[test]
    fn missed_wishes_come_out_once_and_in_order() {
        let mut open = Expectations::default();
        open.set(wanted("022222212", Part::Window), Owner::Other(1), LATER);
        open.set(wanted("322222222", Part::Mode), Owner::Other(1), LATER);
        open.set(
            wanted("022222220", Part::GasValve),
            Owner::Other(2),
            LATER.after(core::time::Duration::from_secs(1)),
        );
        assert_eq!(open.overdue(Mono::ZERO), []);
        let missed = [
            (Owner::Other(1), wanted("322222222", Part::Mode)),
            (Owner::Other(1), wanted("022222212", Part::Window)),
        ];
        assert_eq!(open.overdue(LATER), missed);
        assert_eq!(open.overdue(LATER), []);
        assert_eq!(open.next_deadline(), Some(Mono::from_millis(11_000)));
    }
}
