//! How a command is written as an object.

use serde::{Deserialize, Serialize};

use super::Command;
use crate::appliance::{Appliance, Colour, Light, LightMode, Switch};
use crate::frame::Digit;

#[derive(Serialize, Deserialize)]
#[serde(rename = "Command", deny_unknown_fields)]
pub(super) struct CommandShape {
    mode: Digit,
    air_conditioner: AirConditionerShape,
    light: LightShape,
    window: Move,
    gas_valve: Move,
}

#[derive(Serialize, Deserialize)]
#[serde(rename = "AirConditioner", deny_unknown_fields)]
struct AirConditionerShape {
    switch: Switch,
    wind: Digit,
}

#[derive(Serialize, Deserialize)]
#[serde(rename = "Light", deny_unknown_fields)]
struct LightShape {
    switch: Switch,
    brightness: Digit,
    colour: Colour,
    mode: LightMode,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Move {
    Close,
    Open,
    Keep,
}

impl From<Switch> for Move {
    fn from(switch: Switch) -> Self {
        match switch {
            Switch::Off => Self::Close,
            Switch::On => Self::Open,
            Switch::Keep => Self::Keep,
        }
    }
}

impl From<Move> for Switch {
    fn from(motion: Move) -> Self {
        match motion {
            Move::Close => Self::Off,
            Move::Open => Self::On,
            Move::Keep => Self::Keep,
        }
    }
}

impl From<Command> for CommandShape {
    fn from(command: Command) -> Self {
        let Light { brightness, colour, mode } = command.light();
        Self {
            mode: command.mode(),
            air_conditioner: AirConditionerShape {
                switch: command.switch(Appliance::AirConditioner),
                wind: command.wind(),
            },
            light: LightShape { switch: command.switch(Appliance::Light), brightness, colour, mode },
            window: command.switch(Appliance::Window).into(),
            gas_valve: command.switch(Appliance::GasValve).into(),
        }
    }
}

impl From<CommandShape> for Command {
    fn from(shape: CommandShape) -> Self {
        let LightShape { switch, brightness, colour, mode } = shape.light;
        Self::keep_all(shape.mode)
            .with_air_conditioner(shape.air_conditioner.switch, shape.air_conditioner.wind)
            .with_light(switch, Light { brightness, colour, mode })
            .with_window(shape.window.into())
            .with_gas_valve(shape.gas_valve.into())
    }
}
