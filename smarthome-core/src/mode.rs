//! Modes (scenes): what the home is to be like, under a number that frames carry.

use crate::document::{self, DocumentFault, Fields, SWITCH, TEXT};
use crate::{Appliances, Command, Digit, Status};
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use serde_json::{Map, Value};

/// A mode (scene): its number, its name, and what it does with every appliance.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Mode {
    number: Digit,
    name: Box<str>,
    appliances: Appliances,
}

const NUMBER: &str = "a whole number from 1 to 9";

impl Mode {
    /// Reads a mode's document, a JSON object as text.
    ///
    /// Numbers and switches are read as tolerantly as in a [`Schedule`](crate::Schedule::read). `modeNum`, `modeName`
    /// and all four switches have to be there: clients read an absent switch as off, so here it cannot mean keep.
    ///
    /// ```
    /// use smarthome_core::{Digit, Mode};
    ///
    /// let mode = Mode::read(
    ///     r#"{"modeNum": "2", "modeName": "going out", "airconEnable": false, "airconWindPower": 5,
    ///         "lightEnable": 0, "lightColor": -7, "windowOpen": false, "gasValveEnable": false}"#,
    /// )?;
    /// assert_eq!(mode.id(), "2. going out");
    /// assert_eq!(mode.command(None).to_string(), "205022200");
    /// # Ok::<(), smarthome_core::DocumentFault>(())
    /// ```
    ///
    /// # Errors
    /// When it is no JSON object, or a field is absent or wrong; also when the light is on in a colour or light mode
    /// that nobody chose.
    pub fn read(content: &str) -> Result<Mode, DocumentFault> {
        Self::from_fields(&document::object(content)?)
    }

    /// As [`read`](Self::read), of fields that are parsed already.
    ///
    /// # Errors
    /// As for [`read`](Self::read).
    pub fn from_fields(fields: &Map<String, Value>) -> Result<Mode, DocumentFault> {
        let fields = Fields(fields);
        for field in ["airconEnable", "lightEnable", "windowOpen", "gasValveEnable"] {
            fields.required(field, SWITCH, document::switch)?;
        }
        Ok(Mode {
            number: fields.required("modeNum", NUMBER, number)?,
            name: fields.required("modeName", TEXT, document::text)?.into(),
            appliances: Appliances::read_for_a_frame(fields)?,
        })
    }

    /// Its number, 1 to 9.
    #[must_use]
    pub const fn number(&self) -> Digit {
        self.number
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it does. Every switch is there.
    #[must_use]
    pub const fn appliances(&self) -> Appliances {
        self.appliances
    }

    /// The id that clients give its document: `"2. going out"`.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{}. {}", self.number, self.name)
    }

    /// The command that sets it, with levels that it leaves open taken from the last reported status: see
    /// [`Appliances::command`].
    #[must_use]
    pub fn command(&self, last: Option<Status>) -> Command {
        self.appliances.command(self.number, last)
    }

    /// Its document in the form that every client reads: real integers and booleans, no nulls. Read again it gives
    /// the same mode.
    #[must_use]
    pub fn canonical(&self) -> Map<String, Value> {
        let mut fields = Map::new();
        document::write(&mut fields, "modeNum", Some(self.number.value()));
        document::write(&mut fields, "modeName", Some(&*self.name));
        self.appliances.write(&mut fields);
        fields
    }
}

fn number(value: &Value) -> Option<Digit> {
    document::digit(value).filter(|number| *number != Digit::ZERO)
}
