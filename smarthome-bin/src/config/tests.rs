use super::*;

fn read(text: &str) -> Result<Loaded, ConfigErrors> {
    read_with(text, &[])
}

fn read_with(text: &str, variables: &[(&str, &str)]) -> Result<Loaded, ConfigErrors> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("smarthome.toml");
    std::fs::write(&file, text).unwrap();
    let environment = variables.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    Loaded::read(Some(&file), &environment)
}

/// The one fault of a file, without the folder before it.
fn fault(text: &str) -> String {
    let errors = read(text).unwrap_err();
    assert_eq!(errors.0.len(), 1, "{errors}");
    let said = errors.to_string();
    said.split_once("/smarthome.toml:").map_or(said.clone(), |(_, rest)| rest.to_owned())
}

#[test]
fn the_printed_configuration_reads_back_as_the_defaults() {
    let loaded = read(&default_text()).unwrap();
    assert_eq!(loaded.config, Config::default());
    assert!(loaded.secrets.broker.is_none() && loaded.secrets.embedded.is_none());
}

#[test]
fn every_example_in_the_printed_configuration_is_allowed() {
    for key in keys::KEYS.iter() {
        let (section, name) = key.path.rsplit_once('.').unwrap();
        let mut config = Config::default();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.toml");
        std::fs::write(&path, format!("[{section}]\n{name} = {}\n", key.example)).unwrap();
        assert_eq!(file::read(&path, &mut config), [], "{}", key.path);
        assert_eq!(config == Config::default(), key.is_default, "{}", key.path);
    }
}

#[test]
fn every_key_has_a_section_and_a_variable_of_its_own() {
    let mut variables: Vec<_> = keys::KEYS.iter().map(|key| key.variable()).collect();
    variables.sort();
    variables.dedup();
    assert_eq!(variables.len(), keys::KEYS.len());
    for key in keys::KEYS.iter() {
        let (section, _) = key.path.rsplit_once('.').unwrap();
        assert!(keys::SECTIONS.iter().any(|(name, _)| *name == section), "{}", key.path);
    }
}

#[test]
fn faults_name_line_column_key_and_what_is_allowed() {
    for (text, said) in [
        ("[broker]\nulr = \"mqtt://x\"\n", "2:1: broker.ulr is unknown; did you mean broker.url?"),
        ("url = \"mqtt://x\"\n", "1:1: url is unknown; did you mean broker.url?"),
        ("[brokr]\nurl = 1\n", "1:2: brokr is unknown; did you mean broker?"),
        ("[zebra]\n", "1:2: zebra is unknown; `smarthome config` prints every setting"),
        ("[broker]\n  protocol = \"4\"\n", "2:14: broker.protocol is \"4\"; allowed is \"3.1.1\" or \"5\""),
        ("[device]\ncolours = 11", "2:11: device.colours is 11; allowed is 0 to 10"),
        ("[device]\ncolours = \"8\"", "2:11: device.colours is \"8\"; allowed is 0 to 10"),
        (
            "[commands]\nvalid_for = 1.5",
            "2:13: commands.valid_for is a number with a fraction; allowed is 1 to 3600 (seconds)",
        ),
        ("broker = 3", "1:1: broker is a section, not a setting: write [broker] and settings below it"),
        (
            "[home]\ntopic_prefix = \"a/#\"",
            "2:16: home.topic_prefix is \"a/#\"; allowed is levels of letters, digits, '-' and '_' separated by '/', at most 64 bytes, not data",
        ),
    ] {
        assert_eq!(fault(text), said, "{text}");
    }
    assert!(fault("[home\n").starts_with("1:6: is no TOML: "), "{}", fault("[home\n"));
    assert!(
        fault("[safety]\ngas_open_allowed = [\"cli\", \"me\"]")
            .starts_with("2:20: safety.gas_open_allowed contains \"me\"; allowed is a list")
    );
}

#[test]
fn all_faults_are_named_at_once() {
    let errors =
        read_with("[log]\nlevle = 1\nformat = \"xml\"\n", &[("SMARTHOME_DEVICE_COLORS", "3")]).unwrap_err();
    assert_eq!(errors.0.len(), 3, "{errors}");
    assert_eq!(
        errors.0[2].to_string(),
        "SMARTHOME_DEVICE_COLORS: is no setting; did you mean SMARTHOME_DEVICE_COLOURS?"
    );
}

#[test]
fn a_password_in_the_file_is_refused_and_not_repeated() {
    for text in [
        "[broker]\npassword = \"hunter2\"",
        "[broker.embedded]\npassword = \"hunter2\"",
        "[broker]\nurl = \"mqtt://me:hunter2@host\"",
    ] {
        let said = fault(text);
        assert!(!said.contains("hunter2"), "{said}");
        assert!(said.contains("password_file") && said.contains("SMARTHOME_BROKER_"), "{said}");
    }
}

#[test]
fn the_environment_takes_precedence() {
    let text = "[broker]\nurl = \"mqtt://a\"\n[device]\ncolours = 3\n[safety]\ngas_open_allowed = []\n";
    let variables = [
        ("SMARTHOME_BROKER_URL", "mqtts://me@b"),
        ("SMARTHOME_SAFETY_GAS_OPEN_ALLOWED", "cli, schedule"),
        ("SMARTHOME_SAFETY_GAS_MAX_OPEN", "600"),
        ("SMARTHOME_SERVICE_HOST", "10.0.0.1"),
        ("SMARTHOME_BROKER_PASSWORD", "hunter2"),
    ];
    let loaded = read_with(text, &variables).unwrap();
    assert_eq!(loaded.config.broker.url.as_ref().unwrap().to_string(), "mqtts://me@b:8883");
    assert_eq!(loaded.config.home.device.colours, 3);
    assert_eq!(loaded.config.home.gas_max_open, Some(std::time::Duration::from_secs(600)));
    let both = [smarthome_core::Origin::Cli, smarthome_core::Origin::Schedule].into_iter().collect();
    assert_eq!(loaded.config.home.interlock, smarthome_core::Interlock::allowing(both));
    assert!(loaded.secrets.broker.is_some());
    assert!(!format!("{loaded:?}").contains("hunter2"));
}

#[test]
fn passwords_come_from_files_and_credentials() {
    use secrecy::ExposeSecret;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    std::fs::write(&file, "from file\n").unwrap();
    std::fs::write(folder.path().join("broker.password"), "from systemd").unwrap();
    let directory = folder.path().to_str().unwrap();
    let url = "[broker]\nurl = \"mqtt://me@host\"\n";
    let from = |text: &str, variables: &[(&str, &str)]| {
        read_with(text, variables).unwrap().secrets.broker.unwrap().expose_secret().to_owned()
    };
    let named = format!("{url}password_file = {file:?}\n");
    assert_eq!(from(url, &[("CREDENTIALS_DIRECTORY", directory)]), "from systemd");
    assert_eq!(from(&named, &[("CREDENTIALS_DIRECTORY", directory)]), "from file");
    assert_eq!(from(&named, &[("SMARTHOME_BROKER_PASSWORD", "from variable")]), "from variable");
    let missing = read(&format!("{url}password_file = \"no/such\"")).unwrap_err().to_string();
    assert!(missing.contains("no/such: (broker.password_file) cannot be read"), "{missing}");
}

#[test]
fn an_embedded_broker_open_to_the_network_is_refused() {
    let open = "[broker.embedded]\nlisten = \"0.0.0.0:1883\"\n";
    assert!(fault(open).contains("broker.embedded.listen would let everybody"));
    let with_user = format!("{open}user = \"me\"\n");
    assert!(fault(&with_user).contains("has no password"));
    assert!(read_with(&with_user, &[("SMARTHOME_BROKER_EMBEDDED_PASSWORD", "x")]).is_ok());
}

#[test]
fn the_state_directory_is_found_in_its_order() {
    let find = |text: &str, variables: &[(&str, &str)]| {
        read_with(text, variables).unwrap().state_directory().map(|path| path.display().to_string())
    };
    let all = [
        ("SMARTHOME_STATE_DIRECTORY", "/a"),
        ("STATE_DIRECTORY", "/c:/d"),
        ("XDG_STATE_HOME", "/e"),
        ("HOME", "/f"),
    ];
    let file = "[state]\ndirectory = \"/b\"";
    assert_eq!(find(file, &all).unwrap(), "/a");
    assert_eq!(find(file, &all[1..]).unwrap(), "/b");
    assert_eq!(find("", &all[1..]).unwrap(), "/c");
    assert_eq!(find("", &all[2..]).unwrap(), "/e/smarthome");
    assert_eq!(find("", &all[3..]).unwrap(), "/f/.local/state/smarthome");
    assert!(find("", &[]).is_err());
}

#[test]
fn addresses_of_brokers_are_read_whole_or_refused() {
    for (text, shown) in [
        ("mqtt://host", "mqtt://host:1883"),
        ("mqtts://host/", "mqtts://host:8883"),
        ("mqtt://me@10.0.0.1:99", "mqtt://me@10.0.0.1:99"),
        ("mqtt://home%3Ame@[::1]:99", "mqtt://home%3Ame@[::1]:99"),
    ] {
        assert_eq!(BrokerUrl::parse(text).unwrap().to_string(), shown);
    }
    for bad in [
        "host",
        "http://host",
        "mqtt://",
        "mqtt://@host",
        "mqtt://a:b@host",
        "mqtt://host:0",
        "mqtt://host:99999",
        "mqtt://[::1",
        "mqtt://ho st",
        "mqtt://%zz@host",
        "mqtt://host/path",
    ] {
        assert!(BrokerUrl::parse(bad).is_err(), "{bad}");
    }
}
