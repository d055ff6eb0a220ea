//! Every day in `tests/days`, each a test of its own name.

#![allow(clippy::unwrap_used)]

mod day;

use std::path::Path;

macro_rules! days {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            day::check(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/days").join(concat!(stringify!($name), ".txt")));
        })*

        #[test]
        fn every_script_is_played() {
            let listed = [$(concat!(stringify!($name), ".txt")),*];
            for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/days")).unwrap() {
                let name = entry.unwrap().file_name().into_string().unwrap();
                assert!(listed.contains(&name.as_str()), "{name} is not listed in days.rs");
            }
        }
    };
}

days! {
    sign_in
    sign_in_before_the_users_are_read
    rule_16_sign_up_then_sign_in
    rule_19_a_sign_in_from_the_copy
    rule_16_a_schedule_set_is_in_force_at_once
    rule_17_answered_once_recorded
    rule_17_refused_for_good
    rule_16_a_crash_before_the_store_had_it
    rule_16_a_list_that_lacks_most_is_read_again
    schedules_are_set_told_and_deleted
    rule_08_renamed_over_mqtt
    sign_up_while_the_store_is_down
    faults_are_told_where_they_belong
    faults_beyond_twenty_a_second_are_counted
    a_command_is_confirmed_by_the_home
    rule_14_a_deaf_home_is_told_three_more_times
    only_the_deaf_appliance_is_told_again
    a_newer_command_stops_the_re_sends
    the_broker_is_away_for_the_first_minute
    somebody_elses_command_is_only_alerted
    rule_05_a_backlog_is_nobodys_question
    rule_03_an_own_frame_comes_twice
    rule_03_the_same_close_twice
    rule_03_a_long_backlog
    rule_09_in_doubt_and_shown_is_confirmed
    rule_09_in_doubt_and_not_shown_is_sent
    rule_09_in_doubt_and_somebody_commanded_otherwise
    rule_09_in_doubt_over_a_second_crash
    rule_09_in_doubt_and_killed_before_it_was_judged
    rule_09_sent_is_expected_anew
    rule_12_a_newer_command_makes_the_older_keep
    rule_12_one_in_flight_after_a_restart
    rule_13_a_frame_that_never_comes_back
    rule_13_an_own_frame_comes_back_after_an_outage
    rule_13_the_brokers_word_is_lost
    the_brokers_word_comes_after_the_homes_time
    gas_is_not_opened
    gas_is_closed_first
    gas_is_closed_while_others_pause
    gas_left_open_is_closed
    gas_may_not_stand_open_at_all
    settings_change_between_two_starts
    gas_is_closed_without_the_journal
    the_device_lacks_a_colour
    rule_15_the_outbox_is_full
    a_command_that_was_given_up_is_no_echo_for_ever
    lost_is_told_once_and_back_once
    a_weekly_schedule_fires_at_its_minute
    a_once_schedule_fires_and_is_deleted
    rule_07_several_at_one_minute_fire_in_title_order
    rule_08_down_over_its_minute_it_fires_once
    rule_08_too_late_it_is_missed
    rule_08_an_edit_takes_effect_at_once
    rule_08_renamed_after_it_fired
    rule_08_renamed_while_the_server_was_down
    rule_09_late_after_a_persons_change
    nothing_to_change_is_only_concluded_from_a_fresh_report
    a_schedule_without_its_mode_is_refused
    gas_is_not_opened_by_a_schedule
    rule_19_the_copy_serves_when_the_store_is_away
    rule_19_a_mode_that_comes_after_the_start_is_waited_for
    rule_08_the_clock_twelve_years_ahead
    first_start_on_old_documents
    wrong_documents_are_named_once_per_content
    rule_08_missed_before_and_after_an_edit
    rule_08_an_edit_never_hides_a_missed_one
    rule_18_a_clock_that_cannot_be_trusted
    rule_08_deleted_twice_before_it_was_judged
    rule_12_what_expired_still_counts_as_newer
    a_disabled_schedule_never_fires
    a_person_between_the_report_and_a_schedule
    catch_up_skip_and_seconds
    daylight_saving_a_day_that_does_not_exist
    daylight_saving_a_time_that_comes_twice
    daylight_saving_a_time_that_does_not_exist
    late_over_midnight_keeps_the_weekday
    refused_stays_until_its_owner_edits_it
    rule_08_a_crash_after_a_deletion_was_seen
    rule_08_a_crash_after_an_edit_was_seen
    rule_08_a_crash_in_the_middle_of_a_rename
    rule_08_a_title_that_was_there_before
    rule_08_an_edit_from_before_what_was_judged
    rule_08_copied_and_deleted_after_an_edit
    rule_08_made_while_the_clock_is_twelve_years_ahead
    rule_08_moved_into_the_current_minute
    rule_08_set_back_before_what_a_deleted_one_had_due
    rule_08_set_back_while_the_server_was_down
    rule_08_set_forward_and_half_of_it_back
    rule_08_the_clock_set_back_a_day
    rule_08_two_that_are_equal_become_one
    rule_09_late_and_nothing_is_left_to_send
    rule_10_a_missed_one_goes_a_minute_later
    rule_10_edited_while_it_is_deleted
    rule_10_the_homes_report_is_the_last_event
    rule_12_valid_until_the_end_of_its_catch_up
    rule_12_what_leaves_again_gives_way_to_what_waits
    rule_12_what_waited_out_a_crash_gives_way_to_a_schedule
    several_missed_slots_are_one_row_and_one_alert
    two_modes_with_one_number
}
