//! What a home's owner can set.

use crate::{Device, HomeZone, Interlock, Topics};
use chrono::{DateTime, Utc};
use core::time::Duration;
use serde::{Deserialize, Serialize};

/// The settings of one home. The defaults are what the documentation promises.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Config {
    /// Where messages go and come from.
    pub topics: Topics,
    /// What the home's appliances can do.
    pub device: Device,
    /// Who may open the gas valve.
    pub interlock: Interlock,
    /// The valve is closed when it stood open for so long; `None`: never.
    pub gas_max_open: Option<Duration>,
    /// How long the home may take to report what was commanded (10 s).
    pub confirm_within: Duration,
    /// How long after each send the next one follows: the first after `confirm_within`, then these (15 s, 20 s).
    pub resend_after: [Duration; 2],
    /// How long after the last send the operator is told (20 s).
    pub give_up_after: Duration,
    /// How long after its decision a command may leave (120 s).
    pub valid_for: Duration,
    /// How long after its request a sign-in's answer may leave (700 ms): the car looks twice within that.
    pub answer_within: Duration,
    /// How long commands wait for the end of a backlog, or for a fresh status (5 s).
    pub settle_within: Duration,
    /// How many fault lines a second a Producer may cause (20); at least 3, as two are kept for the counts of the rest.
    pub faults_per_second: u8,
    /// How long a part may be away before the operator is told (10 s).
    pub lost_after: Duration,
    /// The home's time zone, in which schedules are due.
    pub zone: HomeZone,
    /// How late a schedule may fire that does not say so itself (10 min).
    pub catch_up: Duration,
    /// No clock is believed that shows an earlier time (1 January 2026).
    pub clock_trusted_from: DateTime<Utc>,
    /// How many rows wait to be done at most (10,000).
    pub outbox_rows: usize,
    /// How many bytes wait to be done at most (16 MiB).
    pub outbox_bytes: usize,
}

impl Config {
    /// How long the valve may stand open. Less than a second would close it without a pause.
    pub(crate) fn gas_may_stand_open(&self) -> Option<Duration> {
        self.gas_max_open.map(|most| most.max(Duration::from_secs(1)))
    }
}

impl Default for Config {
    fn default() -> Self {
        Config {
            topics: Topics::default(),
            device: Device::default(),
            interlock: Interlock::default(),
            gas_max_open: None,
            confirm_within: Duration::from_secs(10),
            resend_after: [Duration::from_secs(15), Duration::from_secs(20)],
            give_up_after: Duration::from_secs(20),
            valid_for: Duration::from_secs(120),
            answer_within: Duration::from_millis(700),
            settle_within: Duration::from_secs(5),
            faults_per_second: 20,
            lost_after: Duration::from_secs(10),
            zone: HomeZone::default(),
            catch_up: Duration::from_secs(600),
            clock_trusted_from: DateTime::from_timestamp(1_767_225_600, 0).unwrap_or_default(),
            outbox_rows: 10_000,
            outbox_bytes: 16 * 1024 * 1024,
        }
    }
}
