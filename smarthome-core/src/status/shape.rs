//! How a status is written as an object.

use serde::{Deserialize, Serialize};

use super::Status;
use crate::appliance::{Appliance, Colour, Light, LightMode};
use crate::frame::Digit;

#[derive(Serialize, Deserialize)]
#[serde(rename = "Status", deny_unknown_fields)]
pub(super) struct StatusShape {
    mode: Digit,
    air_conditioner: AirConditionerShape,
    light: LightShape,
    window: Opening,
    gas_valve: Opening,
}

#[derive(Serialize, Deserialize)]
#[serde(rename = "AirConditioner", deny_unknown_fields)]
struct AirConditionerShape {
    on: bool,
    wind: Digit,
}

#[derive(Serialize, Deserialize)]
#[serde(rename = "Light", deny_unknown_fields)]
struct LightShape {
    on: bool,
    brightness: Digit,
    colour: Colour,
    mode: LightMode,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Opening {
    Closed,
    Open,
}

impl From<Status> for StatusShape {
    fn from(status: Status) -> Self {
        let Light { brightness, colour, mode } = status.light();
        let opening = |open| if open { Opening::Open } else { Opening::Closed };
        Self {
            mode: status.mode(),
            air_conditioner: AirConditionerShape {
                on: status.is_on(Appliance::AirConditioner),
                wind: status.wind(),
            },
            light: LightShape { on: status.is_on(Appliance::Light), brightness, colour, mode },
            window: opening(status.window_open()),
            gas_valve: opening(status.gas_open()),
        }
    }
}

impl From<StatusShape> for Status {
    fn from(shape: StatusShape) -> Self {
        let LightShape { on, brightness, colour, mode } = shape.light;
        Self::ZERO
            .with_mode(shape.mode)
            .with_air_conditioner(shape.air_conditioner.on, shape.air_conditioner.wind)
            .with_light(on, Light { brightness, colour, mode })
            .with_window(matches!(shape.window, Opening::Open))
            .with_gas_valve(matches!(shape.gas_valve, Opening::Open))
    }
}
