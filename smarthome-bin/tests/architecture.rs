//! The map in ARCHITECTURE.md names what is there.

#![allow(clippy::unwrap_used)]

use std::path::Path;

#[test]
fn every_path_that_the_map_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    // A published crate comes without it.
    let Ok(map) = std::fs::read_to_string(root.join("ARCHITECTURE.md")) else { return };
    let tops = ["smarthome-core/", "smarthome-adapters/", "smarthome-bin/", "examples/", "fuzz/", ".ci/"];
    let named: Vec<&str> = map
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|name| tops.iter().any(|top| name.starts_with(top)))
        .collect();
    assert!(named.len() > 20, "the map names {} paths", named.len());
    for name in named {
        assert!(root.join(name).exists(), "ARCHITECTURE.md names {name}, which is not there");
    }
    assert!(map.lines().count() <= 150);
}
