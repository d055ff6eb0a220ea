//! The bodies of the fuzz targets: any bytes in, a panic when a law is broken.

mod document;
mod engine;
mod plans;

pub use document::document;
pub use engine::engine;

use super::laws::a_line_is_short_and_prints;
use crate::HomeSensors;
use crate::message::{Request, document_id};

/// Any bytes as a message, a sensor reading and a document id.
pub fn message(bytes: &[u8]) {
    match Request::parse(bytes) {
        Ok(Request::SignUp { uid, name, .. }) => {
            assert_eq!(document_id(&uid, 128), Ok(()));
            assert!(name.len() <= 1_500);
        }
        Ok(Request::SignIn { uid, .. }) => assert_eq!(document_id(&uid, 128), Ok(())),
        Ok(Request::ScheduleSet { title, .. } | Request::ScheduleDelete { title, .. }) => {
            assert_eq!(document_id(&title, 1_500), Ok(()));
        }
        Ok(Request::ScheduleList { .. }) => {}
        Ok(Request::Log { text }) => a_line_is_short_and_prints(&text),
        Err(rejected) => a_line_is_short_and_prints(&rejected.fault.to_string()),
    }
    match HomeSensors::parse(bytes) {
        Ok(home) => {
            assert!(home.humidity.is_none_or(|humidity| (0..=1000).contains(&humidity)));
            assert!(home.temperature.is_none_or(|temperature| (-1000..=1000).contains(&temperature)));
        }
        Err(why) => a_line_is_short_and_prints(why),
    }
    if let Ok(id) = core::str::from_utf8(bytes) {
        let legal = document_id(id, 128).is_ok();
        let hidden = id.starts_with("__") && id.ends_with("__") && id.len() > 3;
        let expected =
            !id.is_empty() && id.len() <= 128 && !id.contains('/') && id != "." && id != ".." && !hidden;
        assert_eq!(legal, expected, "{id:?}");
    }
}
