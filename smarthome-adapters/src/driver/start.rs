//! The start: what the journal held.

use super::pauses::{Pauses, pause};
use super::stop::Stop;
use super::{DriverError, Ports};
use smarthome_core::engine::Restored;
use smarthome_core::ports::ErrorKind;
use std::time::Duration;

/// How often the journal is asked at most; with the pauses between, about thirteen seconds.
const TRIES: u32 = 8;
const PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(30)];

/// What was committed before this start; `None` when a stop was asked for meanwhile.
pub(super) async fn restore(ports: &Ports, stop: &mut Stop<'_>) -> Result<Option<Restored>, DriverError> {
    let mut pauses = Pauses::new(PAUSES[0], PAUSES[1]);
    let mut tries = 0;
    loop {
        tries += 1;
        let result = tokio::select! {
            biased;
            _ = stop.pressure(&*ports.clock) => return Ok(None),
            result = ports.journal.restore(ports.clock.now()) => result,
        };
        let error = match result {
            Ok(restored) => return Ok(Some(restored)),
            Err(error) => error,
        };
        let hopeless = matches!(error.kind, ErrorKind::AskPerson | ErrorKind::GiveUp);
        if hopeless || tries == TRIES {
            return Err(DriverError::Restore(error));
        }
        tracing::warn!("the journal cannot be read, trying again: {error}");
        tokio::select! {
            biased;
            _ = stop.pressure(&*ports.clock) => return Ok(None),
            () = pause(&*ports.clock, pauses.next()) => {}
        }
    }
}
