//! TLS with certificates made for the test.

use crate::support::{RealClock, Server, TestResult, config, message, text};
use smarthome_adapters::mqtt::{MqttConfig, TlsConfig, probe};
use smarthome_adapters::testing::{Mosquitto, MosquittoConfig, free_port};
use smarthome_core::ports::{Broker, ErrorKind};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Runs openssl in a folder.
fn openssl(folder: &Path, arguments: &str) {
    let run = Command::new("openssl").args(arguments.split_whitespace()).current_dir(folder).output();
    let output = run.expect("openssl is not installed: apt-get install openssl");
    assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}

/// An authority, and certificates for the broker and for a client that it signed.
fn certificates(folder: &Path) {
    let key = "req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    openssl(folder, &format!("{key} -x509 -days 2 -subj /CN=authority -keyout ca.key -out ca.pem"));
    std::fs::write(folder.join("broker.ext"), "subjectAltName=DNS:localhost,IP:127.0.0.1").unwrap();
    std::fs::write(folder.join("client.ext"), "extendedKeyUsage=clientAuth").unwrap();
    for name in ["broker", "client"] {
        openssl(folder, &format!("{key} -subj /CN={name} -keyout {name}.key -out {name}.csr"));
        let sign = "x509 -req -days 2 -CA ca.pem -CAkey ca.key -CAcreateserial";
        openssl(folder, &format!("{sign} -in {name}.csr -out {name}.pem -extfile {name}.ext"));
    }
}

fn with_tls(port: u16, ca: Option<PathBuf>, client: Option<(PathBuf, PathBuf)>) -> MqttConfig {
    let mut tls = TlsConfig::default();
    tls.ca = ca;
    tls.client = client;
    let mut config = config(port, "smarthome");
    config.tls = Some(tls);
    config
}

#[tokio::test]
#[ignore = "needs mosquitto and openssl (Debian packages of these names); run with -- --include-ignored"]
async fn certificates_are_checked_on_both_sides() -> TestResult {
    let folder = tempfile::tempdir()?;
    certificates(folder.path());
    let file = |name: &str| folder.path().join(name);
    let port = free_port();
    let mut settings = MosquittoConfig::default();
    settings.lines = vec![
        format!("listener {port} 127.0.0.1"),
        format!("cafile {}", file("ca.pem").display()),
        format!("certfile {}", file("broker.pem").display()),
        format!("keyfile {}", file("broker.key").display()),
        "require_certificate true".into(),
    ];
    let _broker = Mosquitto::start(settings).await?;
    let client = Some((file("client.pem"), file("client.key")));

    for host in ["127.0.0.1", "localhost"] {
        let mut config = with_tls(port, Some(file("ca.pem")), client.clone());
        config.host = host.into();
        config.client_id = format!("smarthome-{host}");
        let mut server = Server::start(config);
        server.up().await;
        server.mqtt.publish(&message("webos/server/info", "hello")).await?;
        assert_eq!(text(&server.next_delivery().await), "hello");
        server.shutdown().await;
    }

    let refused = async |config| probe(&config, RealClock::new()).await.unwrap_err();
    let stranger = refused(with_tls(port, None, client.clone())).await;
    assert!(stranger.text.contains("certificate"), "{}", stranger.text);
    let nameless = refused(with_tls(port, Some(file("ca.pem")), None)).await;
    assert_eq!(nameless.kind, ErrorKind::Retry, "{}", nameless.text);
    let missing = refused(with_tls(port, Some(file("nowhere.pem")), None)).await;
    assert!(missing.kind == ErrorKind::AskPerson && missing.text.contains("nowhere.pem"), "{}", missing.text);
    let empty = refused(with_tls(port, Some(file("broker.ext")), None)).await;
    assert!(empty.text.contains("no certificate in it"), "{}", empty.text);
    Ok(())
}
