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
    id: Option<EffectId>,
    to: mpsc::Sender<Note>,
}

impl Audience {
    pub(super) fn new(all: broadcast::Sender<Note>) -> Audience {
        Audience { all, following: Vec::new() }
    }

    /// Somebody asked for a command with that token.
    pub(super) fn follow(&mut self, token: u64, to: mpsc::Sender<Note>) {
        self.following.push(Follower { token, id: None, to });
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
        if let Note::Decided { token, id, .. } = note
            && *token == self.token
        {
            self.id = *id;
            return self.to.try_send(note.clone()).is_ok() && id.is_some();
        }
        match about(note) {
            Some((id, last)) if Some(id) == self.id => self.to.try_send(note.clone()).is_ok() && !last,
            _ => !self.to.is_closed(),
        }
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
        Note::Decided { token, id, command, remark: None }
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
