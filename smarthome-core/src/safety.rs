//! The safety interlock: the server never opens the gas valve unless the configuration allows that origin by name.

use crate::{Appliance, Command, Part, Switch};
use core::fmt;
use serde::{Deserialize, Serialize};

/// Why the server sends a command. A frame carries every origin that applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A schedule that came due.
    Schedule,
    /// A mode (scene).
    Mode,
    /// A schedule that fires late.
    CatchUp,
    /// A frame that the home did not follow, sent again.
    Resend,
    /// A recommendation.
    Recommend,
    /// The server's own page.
    Dashboard,
    /// The command line.
    Cli,
    /// The valve was left open for too long.
    AutoClose,
}

impl Origin {
    /// The closed list.
    pub const ALL: [Origin; 8] = [
        Origin::Schedule,
        Origin::Mode,
        Origin::CatchUp,
        Origin::Resend,
        Origin::Recommend,
        Origin::Dashboard,
        Origin::Cli,
        Origin::AutoClose,
    ];

    /// Its name in configuration and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Origin::Schedule => "schedule",
            Origin::Mode => "mode",
            Origin::CatchUp => "catch_up",
            Origin::Resend => "resend",
            Origin::Recommend => "recommend",
            Origin::Dashboard => "dashboard",
            Origin::Cli => "cli",
            Origin::AutoClose => "auto_close",
        }
    }

    /// The origin of that name.
    pub fn named(name: &str) -> Option<Origin> {
        Origin::ALL.into_iter().find(|origin| origin.name() == name)
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// A set of origins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Origins(u8);

impl Origins {
    /// No origin.
    pub const NONE: Origins = Origins(0);

    /// This set and `origin`.
    #[must_use]
    pub const fn with(self, origin: Origin) -> Origins {
        Origins(self.0 | origin.bit())
    }

    /// Whether `origin` is in the set.
    pub const fn contains(self, origin: Origin) -> bool {
        self.0 & origin.bit() != 0
    }

    /// Whether all of `other` is in the set.
    pub const fn contains_all(self, other: Origins) -> bool {
        other.0 & !self.0 == 0
    }

    /// The origins in the set.
    pub fn iter(self) -> impl Iterator<Item = Origin> {
        Origin::ALL.into_iter().filter(move |origin| self.contains(*origin))
    }
}

impl From<Origin> for Origins {
    fn from(origin: Origin) -> Origins {
        Origins::NONE.with(origin)
    }
}

impl FromIterator<Origin> for Origins {
    fn from_iter<I: IntoIterator<Item = Origin>>(origins: I) -> Origins {
        origins.into_iter().fold(Origins::NONE, Origins::with)
    }
}

impl fmt::Display for Origins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, origin) in self.iter().enumerate() {
            f.write_str(if at == 0 { "" } else { ", " })?;
            f.write_str(origin.name())?;
        }
        Ok(())
    }
}

/// Which origins may open the gas valve; none unless told.
///
/// Wall-pad systems in Korean homes make gas valves close-only for good reason: an empty home with an open valve is a
/// danger, a closed one an inconvenience. Closing is never touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Interlock {
    may_open_gas: Origins,
}

impl Interlock {
    /// An interlock that lets these origins open the valve. A frame needs all its origins in the set.
    pub const fn allowing(may_open_gas: Origins) -> Interlock {
        Interlock { may_open_gas }
    }

    /// What may leave of `command`, and whether its "open the gas valve" was refused. Refused, the gas digit becomes
    /// *keep* and the rest stands.
    ///
    /// ```
    /// use smarthome_core::{Command, Interlock, Origin};
    /// let open: Command = "022222221".parse()?;
    /// let (leaves, refused) = Interlock::default().screen(open, Origin::Schedule.into());
    /// assert!(refused);
    /// assert_eq!(leaves.to_string(), "022222222");
    /// # Ok::<(), smarthome_core::FrameError>(())
    /// ```
    pub fn screen(&self, command: Command, origins: Origins) -> (Command, bool) {
        let opens = command.switch(Appliance::GasValve) == Switch::On;
        let allowed = origins != Origins::NONE && self.may_open_gas.contains_all(origins);
        if opens && !allowed { (command.keep(Part::GasValve), true) } else { (command, false) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_256_sets_of_origins_open_only_what_is_allowed_whole() {
        let open: Command = "022222221".parse().unwrap();
        let close: Command = "022222220".parse().unwrap();
        for allowed in 0..=u8::MAX {
            let interlock = Interlock::allowing(Origins(allowed));
            for origins in 0..=u8::MAX {
                let (leaves, refused) = interlock.screen(open, Origins(origins));
                assert_eq!(!refused, origins != 0 && origins & !allowed == 0);
                assert_eq!(leaves.switch(Appliance::GasValve) == Switch::On, !refused);
                assert_eq!(interlock.screen(close, Origins(origins)), (close, false));
            }
        }
    }

    #[test]
    fn origins_are_named_as_in_the_configuration() {
        for origin in Origin::ALL {
            assert_eq!(Origin::named(origin.name()), Some(origin));
        }
        assert_eq!(Origins::from_iter([Origin::Cli, Origin::Schedule]).to_string(), "schedule, cli");
    }
}
