//! Reading all of a collection once.

use async_trait::async_trait;
use smarthome_core::engine::{Collection, Documents as News, Event};
use smarthome_core::ports::{Documents, Inbox, PortError};
use tokio::sync::mpsc;

/// What a collection holds now, as a watcher is told first: always a [`Snapshot`](News::Snapshot).
///
/// # Errors
///
/// When the store fails.
pub async fn list(store: &dyn Documents, collection: Collection) -> Result<News, PortError> {
    let (first, mut told) = mpsc::channel(1);
    let first = First(first);
    tokio::select! {
        ended = store.watch(collection, &first) => match ended {
            Ok(never) => match never {},
            Err(error) => Err(error),
        },
        Some(news) = told.recv() => Ok(news),
    }
}

/// Takes the list, which comes first; whoever watches ends then.
struct First(mpsc::Sender<News>);

#[async_trait]
impl Inbox for First {
    async fn push(&self, event: Event) {
        if let Event::Documents(news @ News::Snapshot(..)) = event {
            // Whoever asked may have gone.
            let _ = self.0.send(news).await;
        }
    }
}
