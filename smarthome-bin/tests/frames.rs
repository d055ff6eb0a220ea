//! `decode` and `apply`.

mod support;

use support::{program, run, run_with};

#[test]
fn apply_prints_the_status_and_nothing_else() {
    for (status, command, after) in [
        ("009060210", "022222202", "009060200"),
        ("009060210", "022152022", "009152010"),
        ("009060210", "022152202", "009152200"),
        ("000000000", "115163211", "115163211"),
        ("115163211", "000000000", "005063200"),
        ("115163211", "322222222", "315163211"),
        ("000000000", "002222222", "002222222".replace('2', "0").as_str()),
    ] {
        let ran = run(&["apply", status, command]);
        assert_eq!(
            (ran.code, ran.out.as_str(), ran.err.as_str()),
            (0, format!("{after}\n").as_str(), ""),
            "{status} {command}"
        );
    }
}

#[test]
fn apply_refuses_what_is_no_status_or_no_command() {
    for (status, command, said) in [
        (
            "002222222",
            "022222222",
            "status \"002222222\": byte 0x32 '2' at position 3 (light) is not allowed there: 0 or 1",
        ),
        (
            "009060210",
            "009060230",
            "command \"009060230\": byte 0x33 '3' at position 7 (window) is not allowed there: 0, 1 or 2 (2 keeps it)",
        ),
        ("00906021", "022222222", "status \"00906021\": frame has 8 bytes, 9 are needed"),
    ] {
        let ran = run(&["apply", status, command]);
        assert_eq!((ran.code, ran.out.as_str(), ran.err), (3, "", format!("error: {said}\n")));
    }
}

#[test]
fn apply_writes_json_on_request() {
    let ran = run(&["apply", "--json", "009060210", "022222202"]);
    assert_eq!(
        ran.out,
        "{\"frame\":\"009060200\",\"status\":{\"mode\":0,\"air_conditioner\":{\"on\":false,\"wind\":9},\
         \"light\":{\"on\":false,\"brightness\":6,\"colour\":0,\"mode\":2},\"window\":\"closed\",\
         \"gas_valve\":\"closed\"},\"changed\":[\"window\"]}\n"
    );
}

#[test]
fn decode_explains_each_digit() {
    let ran = run(&["decode", "112152020"]);
    assert_eq!(
        ran.out,
        "112152020 as a command\n\
         \x20 0  mode             1  mode 1 (indoor)\n\
         \x20 1  air conditioner  1  on\n\
         \x20 2  wind level       2  20 %\n\
         \x20 3  light            1  on\n\
         \x20 4  brightness       5  50 %\n\
         \x20 5  colour           2  blue\n\
         \x20 6  light mode       0  normal\n\
         \x20 7  window           2  stays as it is\n\
         \x20 8  gas valve        0  closed\n"
    );
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let status = run(&["decode", "--status", "009060210"]).out;
    assert!(status.contains("2  wind level       9  90 %, when it is on again\n"), "{status}");
}

#[test]
fn decode_goes_on_after_a_frame_that_is_wrong() {
    let ran = run(&["decode", "--json", "022222222", "9", "122222222"]);
    assert_eq!(ran.code, 3);
    assert_eq!(ran.out.lines().count(), 2);
    assert_eq!(
        ran.err,
        "error: \"9\": frame has 1 byte, 9 are needed\nerror: 1 of 3 frames could not be read\n"
    );
}

#[test]
fn decode_reads_lines_of_any_length_and_content() {
    let folder = tempfile::tempdir().unwrap();
    let mut input = b"022222222\r\n\n\xff\x00\x1b[31m8\n".to_vec();
    input.extend(vec![b'0'; 100_000]);
    input.extend(b"\n122222222");
    let ran = run_with(program(folder.path(), &["decode", "-"]), &input);
    assert_eq!(ran.code, 3);
    assert!(
        ran.out.starts_with("022222222 as a command") && ran.out.contains("\n122222222 as a command"),
        "{}",
        ran.out
    );
    for line in [
        "line 2: frame has 0 bytes",
        "line 3: frame has 8 bytes",
        "line 4: frame has 4096 bytes",
        "3 of 5 frames",
    ] {
        assert!(ran.err.contains(line), "{}", ran.err);
    }
    assert!(!ran.err.contains('\x1b'));
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let folder = tempfile::tempdir().unwrap();
    let mut shell = std::process::Command::new("/bin/sh");
    let smarthome = env!("CARGO_BIN_EXE_smarthome");
    shell.args([
        "-c",
        &format!(
            "yes 022222222 | head -n 5000 | {{ {smarthome} decode -; echo \"code $?\" >&2; }} | head -n 1"
        ),
    ]);
    shell.current_dir(folder.path());
    let ran = run_with(shell, b"");
    assert_eq!((ran.out.lines().count(), ran.err.as_str()), (1, "code 0\n"));
}

#[test]
fn help_lists_the_exit_codes_and_every_command() {
    let help = run(&["--help"]).out;
    for word in ["Exit codes:", "run", "config", "check", "decode", "apply", "home", "send", "watch", "user"]
    {
        assert!(help.contains(word), "{word}");
    }
    assert!(run(&["--version"]).out.starts_with("smarthome 0."));
    assert_eq!(run(&["--nonsense"]).code, 2);
    assert_eq!(run(&["decode"]).code, 2);
}
