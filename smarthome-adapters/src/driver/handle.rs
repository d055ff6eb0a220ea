//! What others hold of a running driver: its inbox, its notes, and a way to send commands.

use super::audience::NOTES_KEPT;
use async_trait::async_trait;
use smarthome_core::engine::{Event, Note, OperatorRequest};
use smarthome_core::ports::Inbox;
use smarthome_core::{Command, Origin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::{broadcast, mpsc};

/// Events that wait in the inbox at most.
pub(super) const INBOX: usize = 64;
/// Notes about one command that wait for their reader at most; there are about ten in its life.
const NOTES_ABOUT_ONE: usize = 64;

/// What arrives beside deliveries.
pub(super) enum News {
    Event(Event),
    Operator(OperatorRequest, mpsc::Sender<Note>),
}

/// Where the loop takes events from.
///
/// Two queues, because deliveries may have to wait for room in the outbox, and nothing else may wait for them. What
/// has an order, deliveries and the state of their link, is in one.
pub(super) struct Receivers {
    pub(super) news: mpsc::Receiver<News>,
    pub(super) line: mpsc::Receiver<Event>,
}

struct Channels {
    news: mpsc::Sender<News>,
    line: mpsc::Sender<Event>,
    /// Weak, so that readers see the end of the driver.
    notes: broadcast::WeakSender<Note>,
    next_token: AtomicU64,
}

#[async_trait]
impl Inbox for Channels {
    async fn push(&self, event: Event) {
        let taken = match event {
            Event::Delivery(_) | Event::Link(_) => self.line.send(event).await.is_ok(),
            other => self.news.send(News::Event(other)).await.is_ok(),
        };
        if !taken {
            // The driver has ended and takes nothing any more. To return would mean that it did.
            std::future::pending().await
        }
    }
}

/// A way to reach a driver. Clones reach the same one.
#[derive(Clone)]
pub struct Handle {
    channels: Arc<Channels>,
}

impl Handle {
    pub(super) fn new(notes: &broadcast::Sender<Note>) -> (Handle, Receivers) {
        let (news, news_receiver) = mpsc::channel(INBOX);
        let (line, line_receiver) = mpsc::channel(INBOX);
        let channels = Channels { news, line, notes: notes.downgrade(), next_token: AtomicU64::new(1) };
        let receivers = Receivers { news: news_receiver, line: line_receiver };
        (Handle { channels: Arc::new(channels) }, receivers)
    }

    /// Where adapters put what happened. Holds 64 deliveries and 64 other events, then waits; after the driver's end
    /// it waits for ever.
    pub fn inbox(&self) -> Arc<dyn Inbox> {
        self.channels.clone()
    }

    /// Asks for a command. The answer tells what becomes of it.
    pub async fn send(&self, command: Command, origin: Origin) -> Result<Following, Stopped> {
        let token = self.channels.next_token.fetch_add(1, Ordering::Relaxed);
        let (to, notes) = mpsc::channel(NOTES_ABOUT_ONE);
        let news = News::Operator(OperatorRequest { token, command, origin }, to);
        self.channels.news.send(news).await.map_err(|_| Stopped)?;
        Ok(Following { token, notes })
    }

    /// All notes from now on.
    pub fn notes(&self) -> Notes {
        Notes { receiver: self.channels.notes.upgrade().map(|notes| notes.subscribe()), missed: 0 }
    }
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handle").finish_non_exhaustive()
    }
}

/// The driver has ended, or ended before it took the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the driver has stopped")]
pub struct Stopped;

/// What becomes of one command.
#[derive(Debug)]
pub struct Following {
    token: u64,
    notes: mpsc::Receiver<Note>,
}

impl Following {
    /// The request's token.
    pub fn token(&self) -> u64 {
        self.token
    }

    /// The next note about it: first [`Note::Decided`], then what happens to its row, and to that of its gas close if
    /// that goes ahead. `None` after the last one (turned down, confirmed, unconfirmed, superseded or expired, when each
    /// row is), or when the driver ended before that.
    pub async fn next(&mut self) -> Option<Note> {
        self.notes.recv().await
    }
}

/// All notes of a driver.
#[derive(Debug)]
pub struct Notes {
    receiver: Option<broadcast::Receiver<Note>>,
    missed: u64,
}

impl Notes {
    /// The next note; `None` when the driver has ended. A reader that is more than 1,024 notes behind misses the
    /// oldest.
    pub async fn next(&mut self) -> Option<Note> {
        const _: () = assert!(NOTES_KEPT == 1_024);
        loop {
            match self.receiver.as_mut()?.recv().await {
                Ok(note) => return Some(note),
                Err(broadcast::error::RecvError::Lagged(count)) => {
                    self.missed = self.missed.saturating_add(count)
                }
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }

    /// How many were missed so far.
    pub fn missed(&self) -> u64 {
        self.missed
    }
}
