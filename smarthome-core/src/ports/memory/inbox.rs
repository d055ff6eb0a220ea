//! An inbox that a test reads.

use super::lock;
use super::notify::Notify;
use crate::engine::Event;
use crate::ports::Inbox;
use async_trait::async_trait;
use std::collections::VecDeque;
use std::sync::Mutex;
use std::vec::Vec;

/// Collects events for a test.
#[derive(Debug)]
pub struct MemoryInbox {
    events: Mutex<VecDeque<Event>>,
    capacity: usize,
    changed: Notify,
}

impl Default for MemoryInbox {
    fn default() -> MemoryInbox {
        MemoryInbox::with_capacity(usize::MAX)
    }
}

impl MemoryInbox {
    /// An inbox in which pushing waits while it holds `capacity` events.
    pub fn with_capacity(capacity: usize) -> MemoryInbox {
        MemoryInbox { events: Mutex::default(), capacity, changed: Notify::default() }
    }

    /// Takes the oldest event, and waits for it.
    pub async fn next(&self) -> Event {
        let event = self.changed.until(|| lock(&self.events).pop_front()).await;
        self.changed.notify();
        event
    }

    /// Takes events until `wanted` finds what it looks for in one; the others are dropped.
    pub async fn find<T>(&self, mut wanted: impl FnMut(Event) -> Option<T>) -> T {
        loop {
            if let Some(found) = wanted(self.next().await) {
                return found;
            }
        }
    }

    /// Takes everything that is there.
    pub fn take(&self) -> Vec<Event> {
        let events = lock(&self.events).drain(..).collect();
        self.changed.notify();
        events
    }
}

#[async_trait]
impl Inbox for MemoryInbox {
    async fn push(&self, event: Event) {
        let mut event = Some(event);
        let room = || {
            let mut events = lock(&self.events);
            if events.len() >= self.capacity {
                return None;
            }
            events.extend(event.take());
            Some(())
        };
        self.changed.until(room).await;
        self.changed.notify();
    }
}
