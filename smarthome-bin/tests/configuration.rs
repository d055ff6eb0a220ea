//! `config`, and faults in a configuration as people meet them.

mod support;

use support::{program, run, run_with};

#[test]
fn the_printed_configuration_is_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let printed = run(&["config"]);
    assert_eq!((printed.code, printed.err.as_str()), (0, ""));
    std::fs::create_dir_all(folder.path().join(".config/smarthome")).unwrap();
    std::fs::write(folder.path().join(".config/smarthome/smarthome.toml"), printed.out).unwrap();
    let ran = run_with(program(folder.path(), &["check", "--offline"]), b"");
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains(".config/smarthome/smarthome.toml"), "{}", ran.out);
}

#[test]
fn faults_are_named_with_line_and_column_and_stop_the_daemon() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("my.toml");
    std::fs::write(&file, "[broker]\nurl = \"mqtt://me:hunter2@host\"\nprotokol = \"5\"\n").unwrap();
    for command in ["run", "send", "user", "watch", "home"] {
        let more: &[&str] = match command {
            "send" => &["022222222"],
            "user" => &["list"],
            _ => &[],
        };
        let ran = run_with(program(folder.path(), &[&["--config", "my.toml", command], more].concat()), b"");
        assert_eq!((ran.code, ran.out.as_str()), (4, ""), "{command}");
        assert!(ran.err.contains("my.toml:2:7: broker.url contains a password"), "{}", ran.err);
        assert!(
            ran.err.contains("my.toml:3:1: broker.protokol is unknown; did you mean broker.protocol?"),
            "{}",
            ran.err
        );
        assert!(!ran.err.contains("hunter2"), "{}", ran.err);
    }
}

#[test]
fn a_configuration_that_was_named_must_exist() {
    let ran = run(&["--config", "/no/such.toml", "check", "--offline"]);
    assert_eq!(ran.code, 4);
    assert!(ran.err.contains("/no/such.toml: cannot be read"), "{}", ran.err);
}
