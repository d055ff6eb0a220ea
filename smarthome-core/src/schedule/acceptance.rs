//! What is refused when a schedule is stored through the server, and what is stored with a warning.

use super::{Calendar, Schedule, Slot, What, When};
use crate::message::document_id;
use crate::mode::Mode;
use crate::{Colour, Device, Digit, Interlock, LightMode, Origin, Origins};
use alloc::vec::Vec;
use chrono::{DateTime, TimeDelta, Utc};

/// The longest title, and the longest author's name, in bytes.
const LONGEST: usize = 1_500;

/// Why a schedule is not stored. What cannot be read at all is a [`DocumentFault`](crate::DocumentFault).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Unacceptable {
    /// The title can name no document.
    #[error("the title cannot name a document: {why}")]
    IllegalTitle {
        /// Which rule it breaks.
        why: &'static str,
    },
    /// The author's name is too long.
    #[error("field \"name\" has {found} bytes, at most {most} are allowed")]
    LongAuthor {
        /// Its length in bytes.
        found: usize,
        /// The most that is allowed.
        most: usize,
    },
    /// It would switch the light on in a colour that the device lacks.
    #[error("field \"lightColor\" is {}, the device has colours 0 to {}", colour.digit(), highest(*colours))]
    LacksColour {
        /// The colour.
        colour: Colour,
        /// How many the device has.
        colours: u8,
    },
    /// It would switch the light on in a light mode that the device lacks.
    #[error("field \"lightMode\" is {}, the device has light modes 0 to {}", mode.digit(), highest(*modes))]
    LacksLightMode {
        /// The light mode.
        mode: LightMode,
        /// How many the device has.
        modes: u8,
    },
    /// It would have fired once, in the past.
    #[error("{slot} has passed: \"activeDate\" and \"startTime\" have to lie ahead")]
    Passed {
        /// When it would have been due.
        slot: Slot,
    },
    /// It is enabled and weekly, and would never fire.
    #[error("field \"daysOfWeek\" has no day set, at least one is needed while enabled and repeating")]
    NoWeekday,
}

fn highest(count: u8) -> u8 {
    count.saturating_sub(1)
}

/// What of a schedule that is stored will be refused when it fires, as things are now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Warning {
    /// The safety interlock keeps the gas valve shut.
    #[error("the gas valve will not be opened: the settings do not allow it for {origins}")]
    GasStaysShut {
        /// For which origins it would have to allow it.
        origins: Origins,
    },
    /// There is no such mode.
    #[error("there is no mode {number}: nothing will be done")]
    NoSuchMode {
        /// The number.
        number: Digit,
    },
    /// The light is left alone, because the device lacks its colour or light mode.
    #[error("the light of mode {number} will be left alone: the device lacks its colour or light mode")]
    LightStays {
        /// The mode's number.
        number: Digit,
    },
}

impl Schedule {
    /// Whether it may be stored under that title at `now`.
    ///
    /// A slot in the current minute has not passed: it still fires. What the light is set to counts only where it is
    /// switched on by this schedule.
    ///
    /// # Errors
    /// The first of the reasons for which it may not.
    pub fn acceptable(
        &self,
        title: &str,
        device: Device,
        calendar: &dyn Calendar,
        now: DateTime<Utc>,
    ) -> Result<(), Unacceptable> {
        document_id(title, LONGEST).map_err(|why| Unacceptable::IllegalTitle { why })?;
        if self.author.len() > LONGEST {
            return Err(Unacceptable::LongAuthor { found: self.author.len(), most: LONGEST });
        }
        if let What::Appliances(appliances) = self.what {
            let (colours, modes) = (device.colours, device.light_modes);
            if let Some(colour) = appliances.colour_lacking(device) {
                return Err(Unacceptable::LacksColour { colour, colours });
            }
            if let Some(mode) = appliances.light_mode_lacking(device) {
                return Err(Unacceptable::LacksLightMode { mode, modes });
            }
        }
        match self.when {
            When::Once { at, on } => {
                let slot = Slot { date: on, at };
                let since = now.signed_duration_since(calendar.due(slot).at);
                if since >= TimeDelta::minutes(1) { Err(Unacceptable::Passed { slot }) } else { Ok(()) }
            }
            When::Weekly { on, .. } if self.enabled && on.is_empty() => Err(Unacceptable::NoWeekday),
            When::Weekly { .. } => Ok(()),
        }
    }

    /// What of it will be refused when it fires. `mode` is the mode that its number names, when there is one.
    pub fn warnings(&self, mode: Option<&Mode>, device: Device, interlock: &Interlock) -> Vec<Warning> {
        let mut warnings = Vec::new();
        let (appliances, origins) = match (self.what, mode) {
            (What::Appliances(appliances), _) => (appliances, Origin::Schedule.into()),
            (What::Mode { number, .. }, Some(mode)) => {
                let appliances = mode.appliances();
                let lacks = appliances.colour_lacking(device).is_some();
                if lacks || appliances.light_mode_lacking(device).is_some() {
                    warnings.push(Warning::LightStays { number });
                }
                (appliances, Origins::from(Origin::Schedule).with(Origin::Mode))
            }
            (What::Mode { number, .. }, None) => return [Warning::NoSuchMode { number }].into(),
        };
        if interlock.screen(appliances.command(self.what.mode(), None), origins).1 {
            warnings.push(Warning::GasStaysShut { origins });
        }
        warnings
    }
}
