//! What a schedule says, in eight bytes.

use super::{Appliances, CatchUp, Schedule, What, When};
use crate::Digit;
use chrono::Datelike;

impl Schedule {
    /// A number that is the same for equal schedules and, but for an accident in 2⁶⁴, another for others. It covers
    /// everything but the title, which a schedule does not hold.
    ///
    /// It is stored, and compared with what earlier runs and versions stored: its computation never changes. A field
    /// that is added later must leave the number alone where it is absent.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        // Taken apart, so that a new field is not forgotten here.
        let Schedule { author, enabled, when, what, catch_up } = self;
        let hash = Fnv::START
            .bytes(&u64::try_from(author.len()).unwrap_or(u64::MAX).to_le_bytes())
            .bytes(author.as_bytes())
            .bytes(&[u8::from(*enabled)]);
        let hash = match when {
            When::Weekly { at, on } => hash
                .bytes(&[0])
                .bytes(&at.minutes().to_le_bytes())
                .bytes(&<[bool; 7]>::from(*on).map(u8::from)),
            When::Once { at, on } => hash
                .bytes(&[1])
                .bytes(&at.minutes().to_le_bytes())
                .bytes(&on.num_days_from_ce().to_le_bytes()),
        };
        let hash = match what {
            What::Appliances(appliances) => hash.bytes(&[0]).bytes(&digits(*appliances)),
            What::Mode { number, beside } => hash.bytes(&[number.value()]).bytes(&digits(*beside)),
        };
        match catch_up {
            None => hash,
            Some(CatchUp::Skip) => hash.bytes(&[1]),
            Some(CatchUp::Within(seconds)) => hash.bytes(&[2]).bytes(&seconds.to_le_bytes()),
        }
        .0
    }
}

/// Bytes in short: equal for equal ones.
pub(crate) fn fnv(bytes: &[u8]) -> u64 {
    Fnv::START.bytes(bytes).0
}

/// A byte for each field, 255 where it is absent.
fn digits(appliances: Appliances) -> [u8; 8] {
    let Appliances { air_conditioner, wind, light, brightness, colour, light_mode, window, gas_valve } =
        appliances;
    let switch = |on: Option<bool>| on.map_or(u8::MAX, u8::from);
    let digit = |digit: Option<Digit>| digit.map_or(u8::MAX, Digit::value);
    [
        switch(air_conditioner),
        digit(wind),
        switch(light),
        digit(brightness),
        digit(colour),
        digit(light_mode),
        switch(window),
        switch(gas_valve),
    ]
}

/// FNV-1a with 64 bits: the standard library's hashers promise nothing from one version to the next.
struct Fnv(u64);

impl Fnv {
    const START: Fnv = Fnv(0xcbf2_9ce4_8422_2325);

    fn bytes(self, bytes: &[u8]) -> Fnv {
        let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        Fnv(bytes.iter().fold(self.0, step))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::HomeZone;
    use alloc::collections::BTreeSet;
    use serde_json::json;

    #[test]
    fn the_hash_is_fnv_1a() {
        assert_eq!(Fnv::START.bytes(b"").0, 0xcbf2_9ce4_8422_2325);
        assert_eq!(Fnv::START.bytes(b"a").0, 0xaf63_dc4c_8601_ec8c);
        assert_eq!(Fnv::START.bytes(b"foobar").0, 0x8594_4171_f739_67e8);
    }

    #[test]
    fn every_field_but_the_title_counts() {
        let base = json!({
            "title": "a", "name": "Kim", "enabled": true, "repeat": true, "startTime": "0730", "activeDate": "2021.09.02",
            "daysOfWeek": [false, true, true, true, true, true, false], "modeNum": 0, "airconEnable": false,
            "airconWindPower": 6, "lightEnable": true, "lightBrightness": 5, "lightColor": 2, "lightMode": 0,
            "windowOpen": true, "gasValveEnable": false,
        });
        let fingerprint = |field: &str, value: serde_json::Value| {
            let mut fields = base.as_object().unwrap().clone();
            fields.insert(field.into(), value);
            Schedule::from_fields(&fields, &HomeZone::default()).unwrap().fingerprint()
        };
        let all: BTreeSet<u64> = [
            fingerprint("title", json!("a")),
            fingerprint("name", json!("Lee")),
            fingerprint("enabled", json!(false)),
            fingerprint("repeat", json!(false)),
            fingerprint("startTime", json!("0731")),
            fingerprint("daysOfWeek", json!([0, 1, 1, 1, 1, 1, 1])),
            fingerprint("modeNum", json!(1)),
            fingerprint("airconEnable", json!(null)),
            fingerprint("airconWindPower", json!(7)),
            fingerprint("lightEnable", json!(false)),
            fingerprint("lightBrightness", json!(null)),
            fingerprint("lightColor", json!(3)),
            fingerprint("lightMode", json!(1)),
            fingerprint("windowOpen", json!(false)),
            fingerprint("gasValveEnable", json!(true)),
            fingerprint("catchUp", json!(0)),
            fingerprint("catchUp", json!("skip")),
            fingerprint("catchUp", json!(600)),
        ]
        .into();
        assert_eq!(all.len(), 18);
        assert_eq!(fingerprint("title", json!("b")), fingerprint("title", json!("a")));
        // It is stored: this number must never change.
        assert_eq!(fingerprint("title", json!("a")), 3_592_000_334_802_236_577);
    }
}
