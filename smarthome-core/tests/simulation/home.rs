//! The home: it obeys, is deaf, slow or away; buttons are pressed and windows moved in it.

use crate::broker::Kind;
use crate::world::{Happening, World};
use smarthome_core::{Command, Frame, Part, PartSet, Status};

#[derive(Debug)]
pub(crate) struct Home {
    pub(crate) status: Status,
    pub(crate) deaf: PartSet,
    pub(crate) listens: bool,
    /// How long it may take to obey, at most.
    pub(crate) slow: u64,
    last_heard: u64,
}

impl Default for Home {
    fn default() -> Home {
        Home { status: Status::ZERO, deaf: PartSet::EMPTY, listens: true, slow: 100, last_heard: 0 }
    }
}

impl World {
    /// A frame is on its way to the home.
    pub(crate) fn to_home(&mut self, frame: Frame) {
        if self.home.listens {
            let at = self.now + self.random.within(1..self.home.slow.max(2));
            self.home.last_heard = self.home.last_heard.max(at);
            self.schedule(self.home.last_heard, Happening::Heard(frame));
        }
    }

    pub(crate) fn heard(&mut self, frame: Frame) {
        let Ok(command) = Command::try_from(frame) else { return };
        let deaf = self.home.deaf;
        let mode = if deaf.contains(Part::Mode) { self.home.status.mode() } else { command.mode() };
        let obeyed = command.only(command.parts().difference(deaf)).with_mode(mode);
        self.home.status = self.home.status.apply(obeyed);
        self.reports();
    }

    pub(crate) fn reports(&mut self) {
        if self.home.listens {
            let topic = self.config.topics.status();
            self.route(topic, self.home.status.to_string().into_bytes(), Kind::Other);
        }
    }
}
