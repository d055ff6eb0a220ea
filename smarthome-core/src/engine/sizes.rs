//! How much an engine holds: for tests that bound it and compare it with the journal.

use super::Engine;

/// How much an engine holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// Own commands that are not final.
    pub commands: usize,
    /// Document writes that are not done.
    pub writes: usize,
    /// Alerts that are not delivered.
    pub alerts: usize,
    /// Sign-ins that wait for the users.
    pub held: usize,
    /// Own frames that left and were not seen.
    pub echoes: usize,
    /// Fault lines on their way.
    pub fault_lines: usize,
}

impl Engine {
    /// How much it holds.
    pub fn sizes(&self) -> Sizes {
        let (writes, alerts) = self.outbox.sizes();
        Sizes {
            commands: self.lane.len(),
            writes,
            alerts,
            held: self.held.len(),
            echoes: self.lane.echoes(),
            fault_lines: self.faults.leaving(),
        }
    }
}
