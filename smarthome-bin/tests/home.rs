//! The virtual home behaves as the firmware does.

mod support;

use support::Daemon;

#[test]
fn it_goes_on_where_it_was() {
    let daemon = Daemon::start();
    let mut first = daemon.home(&["--status", "315152010"]);
    first.tell("quit");
    assert!(first.ended().success(), "{}", first.said);
    let mut second = daemon.start_command(&["home", "--json"]);
    second.wait_for(&["\"started\"", "\"status\":\"315152010\"", "\"remembered\":true"]);
}

#[test]
fn buttons_end_the_mode_and_the_window_sensor_does_not() {
    let daemon = Daemon::start();
    let mut home = daemon.home(&["--status", "315152010"]);
    home.tell("move");
    home.wait_for(&["\"window_moved\""]);
    home.wait_for(&["\"sensed\"", "\"status\":\"315152000\""]);
    home.tell("light");
    home.wait_for(&["\"pressed\"", "\"appliance\":\"light\"", "\"status\":\"015052000\""]);
    home.wait_for(&["\"reported\"", "\"status\":\"015052000\""]);
    home.tell("kettle");
    home.wait_for(&["\"kettle\" is neither a button"]);
}

#[test]
fn a_button_can_be_pressed_at_the_start() {
    let daemon = Daemon::start();
    let mut home = daemon.start_command(&["home", "--json", "--press", "gas-valve"]);
    home.wait_for(&["\"pressed\"", "\"status\":\"000000001\""]);
}

#[test]
fn deaf_to_one_appliance_it_obeys_about_the_others_and_reports() {
    let daemon = Daemon::start();
    let mut home = daemon.home(&["--deaf", "light"]);
    let mut send = daemon.start_command(&["send", "015152012"]);
    home.wait_for(&["\"obeyed\"", "\"status\":\"015000010\""]);
    home.wait_for(&["\"reported\"", "\"status\":\"015000010\""]);
    send.wait_for(&["sent "]);
    home.tell("hear");
    // Only what was not followed is sent again, and now it is followed.
    send.wait_for(&["sending    022152022 again"]);
    home.wait_for(&["\"obeyed\"", "\"status\":\"015152010\""]);
    assert!(send.ended().success(), "{}", send.said);
}
