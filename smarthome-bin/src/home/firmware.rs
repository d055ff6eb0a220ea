//! What the home controller does with its status.

use smarthome_core::{Appliance, Command, Digit, Part, PartSet, Status};

/// A home controller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Firmware {
    status: Status,
    deaf: PartSet,
}

impl Firmware {
    /// One in that status, which does not obey about some parts.
    pub fn new(status: Status, deaf: PartSet) -> Firmware {
        Firmware { status, deaf }
    }

    /// How the home is.
    pub fn status(&self) -> Status {
        self.status
    }

    /// Makes it deaf, or not any more.
    pub fn set_deaf(&mut self, deaf: PartSet) {
        self.deaf = deaf;
    }

    /// Obeys, as far as it is not deaf; the status before and after.
    pub fn obey(&mut self, command: Command) -> (Status, Status) {
        let before = self.status;
        let after = before.apply(command.only(PartSet::ALL.difference(self.deaf)));
        self.status = if self.deaf.contains(Part::Mode) { after.with_mode(before.mode()) } else { after };
        (before, self.status)
    }

    /// Somebody pressed a button.
    pub fn press(&mut self, appliance: Appliance) -> Status {
        self.status =
            self.status.with_switch(appliance, !self.status.is_on(appliance)).with_mode(Digit::ZERO);
        self.status
    }

    /// The sensor saw that the window is not where it was.
    pub fn window_seen_moved(&mut self) -> Status {
        self.status = self.status.with_window(!self.status.window_open());
        self.status
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home(status: &str, deaf: PartSet) -> Firmware {
        Firmware::new(status.parse().unwrap(), deaf)
    }

    fn after(home: &mut Firmware, command: &str) -> String {
        home.obey(command.parse().unwrap()).1.to_string()
    }

    #[test]
    fn it_obeys() {
        assert_eq!(after(&mut home("009060210", PartSet::EMPTY), "322152202"), "309152200");
    }

    #[test]
    fn deaf_to_all_it_changes_nothing() {
        assert_eq!(after(&mut home("009060210", PartSet::ALL), "322152202"), "009060210");
    }

    #[test]
    fn deaf_to_the_light_it_obeys_about_the_others() {
        assert_eq!(after(&mut home("009060210", Part::Light.into()), "322152202"), "309060200");
    }

    #[test]
    fn a_button_ends_the_mode_and_the_window_sensor_does_not() {
        let mut home = home("309060210", PartSet::EMPTY);
        assert_eq!(home.window_seen_moved().to_string(), "309060200");
        assert_eq!(home.press(Appliance::AirConditioner).to_string(), "019060200");
        assert_eq!(home.press(Appliance::AirConditioner).to_string(), "009060200");
    }
}
