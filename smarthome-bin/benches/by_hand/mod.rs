//! The yardstick: what one would write by hand for just this layout.

/// The values of nine digits, a byte each.
#[derive(Clone, Copy)]
pub(crate) struct ByHand {
    mode: u8,
    air_conditioner: u8,
    wind: u8,
    light: u8,
    brightness: u8,
    colour: u8,
    light_mode: u8,
    window: u8,
    gas_valve: u8,
}

macro_rules! by_hand {
    ($name:ident, $switch:pat) => {
        #[inline]
        pub(crate) fn $name(bytes: &[u8]) -> Option<ByHand> {
            match *bytes {
                [
                    mode @ b'0'..=b'9',
                    air_conditioner @ $switch,
                    wind @ b'0'..=b'9',
                    light @ $switch,
                    brightness @ b'0'..=b'9',
                    colour @ b'0'..=b'9',
                    light_mode @ b'0'..=b'9',
                    window @ $switch,
                    gas_valve @ $switch,
                ] => Some(ByHand {
                    mode: mode - b'0',
                    air_conditioner: air_conditioner - b'0',
                    wind: wind - b'0',
                    light: light - b'0',
                    brightness: brightness - b'0',
                    colour: colour - b'0',
                    light_mode: light_mode - b'0',
                    window: window - b'0',
                    gas_valve: gas_valve - b'0',
                }),
                _ => None,
            }
        }
    };
}

by_hand!(status, b'0'..=b'1');
by_hand!(command, b'0'..=b'2');

impl ByHand {
    #[inline]
    pub(crate) fn encode(self) -> [u8; 9] {
        [
            self.mode + b'0',
            self.air_conditioner + b'0',
            self.wind + b'0',
            self.light + b'0',
            self.brightness + b'0',
            self.colour + b'0',
            self.light_mode + b'0',
            self.window + b'0',
            self.gas_valve + b'0',
        ]
    }

    #[inline]
    pub(crate) fn fields(self) -> u64 {
        let on = [self.air_conditioner, self.light, self.window, self.gas_valve];
        let values = [self.mode, self.wind, self.brightness, self.colour, self.light_mode];
        on.iter().map(|digit| u64::from(*digit == 1)).sum::<u64>()
            + values.iter().map(|digit| u64::from(*digit)).sum::<u64>()
    }
}
