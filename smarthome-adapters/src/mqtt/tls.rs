//! How the bytes travel.

use super::config::MqttConfig;
#[cfg(feature = "tls")]
use super::config::TlsConfig;
use rumqttc::Transport;
use smarthome_core::ports::{ErrorKind, PortError};

/// Plain TCP, or TLS with the certificates of the configuration, read now: so a renewed one is used from the next
/// connection on.
pub(super) fn transport(config: &MqttConfig) -> Result<Transport, PortError> {
    let Some(tls) = &config.tls else { return Ok(Transport::tcp()) };
    #[cfg(feature = "tls")]
    return client_config(tls).map(|config| Transport::tls_with_config(config.into()));
    #[cfg(not(feature = "tls"))]
    {
        let _ = tls;
        Err(PortError::new(
            ErrorKind::AskPerson,
            "this program was built without TLS for MQTT (feature `tls`)",
        ))
    }
}

#[cfg(feature = "tls")]
fn client_config(tls: &TlsConfig) -> Result<rustls::ClientConfig, PortError> {
    use rustls::pki_types::{PrivateKeyDer, pem::PemObject};
    let ask = |what: &dyn std::fmt::Display| PortError::new(ErrorKind::AskPerson, what);
    let mut roots = rustls::RootCertStore::empty();
    match &tls.ca {
        Some(file) => {
            for certificate in certificates(file)? {
                roots.add(certificate).map_err(|error| ask(&format_args!("{}: {error}", file.display())))?;
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    if roots.is_empty() {
        return Err(ask(
            &"no certificate authority to trust: name a CA file, or install the system's (ca-certificates)",
        ));
    }
    // Named here and not taken from the process: another library may have installed none, or another one.
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| ask(&error))?
        .with_root_certificates(roots);
    let Some((chain, key)) = &tls.client else { return Ok(config.with_no_client_auth()) };
    let private = PrivateKeyDer::from_pem_file(key)
        .map_err(|error| ask(&format_args!("{}: {error}", key.display())))?;
    config
        .with_client_auth_cert(certificates(chain)?, private)
        .map_err(|error| ask(&format_args!("{}: {error}", chain.display())))
}

#[cfg(feature = "tls")]
fn certificates(
    file: &std::path::Path,
) -> Result<Vec<rustls::pki_types::CertificateDer<'static>>, PortError> {
    use rustls::pki_types::{CertificateDer, pem::PemObject};
    let ask = |error: &dyn std::fmt::Display| {
        PortError::new(ErrorKind::AskPerson, format_args!("{}: {error}", file.display()))
    };
    let all: Vec<_> =
        CertificateDer::pem_file_iter(file).and_then(Iterator::collect).map_err(|error| ask(&error))?;
    if all.is_empty() { Err(ask(&"no certificate in it")) } else { Ok(all) }
}
