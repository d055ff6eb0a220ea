//! Whether the driver's loop advances, for the watchdog.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use smarthome_core::ports::Clock;
use smarthome_core::{Mono, Now};

/// Hears the driver's loop read its clock, which it does in each turn.
#[derive(Debug, Clone)]
pub struct Heart(Arc<AtomicU64>);

impl Heart {
    /// A heart, and the clock that the driver has to be given so that it beats.
    pub(super) fn new(clock: Arc<dyn Clock>) -> (Heart, Arc<dyn Clock>) {
        let beats = Arc::new(AtomicU64::new(0));
        (Heart(beats.clone()), Arc::new(Heard { clock, beats }))
    }

    /// How often it has beaten.
    pub fn beats(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

struct Heard {
    clock: Arc<dyn Clock>,
    beats: Arc<AtomicU64>,
}

#[async_trait]
impl Clock for Heard {
    fn now(&self) -> Now {
        self.beats.fetch_add(1, Ordering::Relaxed);
        self.clock.now()
    }

    async fn sleep_until(&self, at: Mono) {
        self.clock.sleep_until(at).await;
    }
}
