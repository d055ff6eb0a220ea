//! Who is told of notes: the log, everybody who listens, and whoever asked for a command.

use smarthome_core::engine::{EffectId, Note};
use tokio::sync::{broadcast, mpsc};

/// Notes that are kept for a slow reader.
pub(super) const NOTES_KEPT: usize = 1_024;

/// Readers of notes.
pub(super) struct Audience {
    all: broadcast::Sender<Note>,
    following: Vec<Follower>,
}

/// Somebody who waits for news of one command.
struct Follower {
    token: u64,
    /// Its rows that have not ended.
    rows: Vec<EffectId>,
    /// How a row of it ended, the worst so far, while another has not.
    end: Option<Note>,
    to: mpsc::Sender<Note>,
}

impl Audience {
    pub(super) fn new(all: broadcast::Sender<Note>) -> Audience {
        Audience { all, following: Vec::new() }
    }

    /// Somebody asked for a command with that token.
    pub(super) fn follow(&mut self, token: u64, to: mpsc::Sender<Note>) {
        self.following.push(Follower { token, rows: Vec::new(), end: None, to });
    }

    /// Tells everybody but the log.
    pub(super) fn tell(&mut self, note: Note) {
        if !self.following.is_empty() {
            self.following.retain_mut(|follower| follower.wants_more_after(&note));
        }
        if self.all.receiver_count() > 0 {
            // An error says that nobody listens any more.
            let _ = self.all.send(note);
        }
    }
}

impl Follower {
    /// Takes the note if it is about the command that is followed.
    fn wants_more_after(&mut self, note: &Note) -> bool {
        if let Note::Decided { token, id, close, .. } = note
            && *token == self.token
        {
            self.rows = id.iter().chain(close).copied().collect();
            return self.to.try_send(note.clone()).is_ok() && !self.rows.is_empty();
        }
        let Some((id, last)) = about(note).filter(|(id, _)| self.rows.contains(id)) else {
            return !self.to.is_closed();
        };
        if !last {
            return self.to.try_send(note.clone()).is_ok();
        }
        self.rows.retain(|row| *row != id);
        let end = worse(self.end.take(), note.clone());
        if self.rows.is_empty() {
            // An error says that nobody follows any more.
            let _ = self.to.try_send(end);
            return false;
        }
        self.end = Some(end);
        !self.to.is_closed()
    }
}

/// How a command ended whose rows ended like this: it is done only when each of them is.
fn worse(end: Option<Note>, other: Note) -> Note {
    let badness = |note: &Note| match note {
        Note::Unconfirmed { .. } => 3,
        Note::Expired { .. } => 2,
        Note::Superseded { .. } => 1,
        _ => 0,
    };
    match (end, other) {
        (Some(Note::Unconfirmed { id, parts }), Note::Unconfirmed { parts: more, .. }) => {
            Note::Unconfirmed { id, parts: parts.union(more) }
        }
        (Some(end), other) if badness(&end) >= badness(&other) => end,
        (_, other) => other,
    }
}

/// The row a note is about, and whether it is the last one about it.
fn about(note: &Note) -> Option<(EffectId, bool)> {
    match note {
        Note::Sending { id, .. } | Note::Sent { id } => Some((*id, false)),
        Note::Confirmed { id }
        | Note::Unconfirmed { id, .. }
        | Note::Superseded { id }
        | Note::Expired { id } => Some((*id, true)),
        _ => None,
    }
}

/// Writes a note into the log.
pub(super) fn log(note: &Note) {
    match note {
        Note::Raised(alert) => tracing::error!(code = alert.code.code(), "{}", alert.text),
        Note::Fault { .. } => tracing::warn!("{note}"),
        _ => tracing::info!("{note}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use smarthome_core::Command;

    fn id(counter: u64) -> EffectId {
        EffectId { epoch: 1, counter }
    }

    fn decided(token: u64, id: Option<EffectId>) -> Note {
        let command: Command = "122222222".parse().unwrap();
        Note::Decided { token, id, close: None, command, remark: None }
    }

    #[test]
    fn a_follower_hears_of_its_own_command_until_it_is_final() {
        let mut audience = Audience::new(broadcast::channel(4).0);
        let (to, mut notes) = mpsc::channel(8);
        audience.follow(7, to);
        let told = [
            decided(6, Some(id(1))),
            decided(7, Some(id(2))),
            Note::Sent { id: id(1) },
            Note::Sent { id: id(2) },
            Note::Confirmed { id: id(1) },
            Note::Confirmed { id: id(2) },
            Note::Superseded { id: id(2) },
        ];
        told.iter().for_each(|note| audience.tell(note.clone()));
        let heard: Vec<Note> = std::iter::from_fn(|| notes.try_recv().ok()).collect();
        assert_eq!(heard, [told[1].clone(), told[3].clone(), told[5].clone()]);
        assert!(audience.following.is_empty());
    }

    #[test]
    fn a_command_whose_close_goes_ahead_has_ended_when_both_have() {
        let parts = |frame: &str| frame.parse::<Command>().unwrap().parts();
        let confirmed = |at| Note::Confirmed { id: id(at) };
        let unconfirmed = |at, frame| Note::Unconfirmed { id: id(at), parts: parts(frame) };
        for (ends, end) in [
            ([confirmed(1), confirmed(2)], confirmed(1)),
            ([confirmed(1), unconfirmed(2, "022222220")], unconfirmed(2, "022222220")),
            ([Note::Superseded { id: id(2) }, confirmed(1)], Note::Superseded { id: id(2) }),
            ([Note::Expired { id: id(1) }, Note::Superseded { id: id(2) }], Note::Expired { id: id(1) }),
            ([unconfirmed(1, "022222202"), unconfirmed(2, "022222220")], unconfirmed(1, "022222200")),
        ] {
            let mut audience = Audience::new(broadcast::channel(4).0);
            let (to, mut notes) = mpsc::channel(8);
            audience.follow(7, to);
            let command: Command = "022222200".parse().unwrap();
            let decided =
                Note::Decided { token: 7, id: Some(id(1)), close: Some(id(2)), command, remark: None };
            audience.tell(decided.clone());
            audience.tell(ends[0].clone());
            assert_eq!(audience.following.len(), 1, "{ends:?}");
            audience.tell(ends[1].clone());
            let heard: Vec<Note> = std::iter::from_fn(|| notes.try_recv().ok()).collect();
            assert_eq!(heard, [decided, end]);
            assert!(audience.following.is_empty());
        }
    }

    #[test]
    fn a_command_that_was_turned_down_is_final() {
        let mut audience = Audience::new(broadcast::channel(4).0);
        let (to, mut notes) = mpsc::channel(8);
        audience.follow(7, to);
        audience.tell(decided(7, None));
        assert_eq!(notes.try_recv(), Ok(decided(7, None)));
        assert_eq!(notes.try_recv(), Err(mpsc::error::TryRecvError::Disconnected));
    }

    #[test]
    fn who_went_away_is_forgotten() {
        let mut audience = Audience::new(broadcast::channel(4).0);
        let (to, notes) = mpsc::channel(8);
        audience.follow(7, to);
        drop(notes);
        audience.tell(Note::Sent { id: id(1) });
        assert!(audience.following.is_empty());
    }
}
