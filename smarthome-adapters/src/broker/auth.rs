//! Who may connect.

use std::future::Future;
use std::hint::black_box;
use std::net::SocketAddr;
use std::pin::Pin;

use mqtt5::broker::auth::AuthResult;
use mqtt5::packet::connect::ConnectPacket;
use mqtt5::protocol::v5::reason_codes::ReasonCode;
use mqtt5::{Result as MqttResult, broker::AuthProvider};

use super::Credentials;

/// Asks every client for the one user and password.
///
/// The library's own provider runs argon2 for each CONNECT on the thread that serves all clients, which stops
/// them for a tenth of a second and takes megabytes. Here the password is in memory anyway, since it comes from
/// the configuration, so a comparison in constant time gives away no more.
///
/// There is no lock-out after wrong passwords: it counts by user name, and there is only one, so a device with an
/// old password would lock out the whole home.
pub(super) struct OneUser(pub(super) Credentials);

impl OneUser {
    fn knows(&self, connect: &ConnectPacket) -> bool {
        let user = connect.username.as_deref().unwrap_or_default();
        let password = connect.password.as_deref().unwrap_or_default();
        // Not `&&`: whether the user was right must not show in the time either.
        same(user.as_bytes(), self.0.user.as_bytes()) & same(password, self.0.password.as_bytes())
    }
}

/// Whether the bytes are equal, in a time that depends only on the length of `given`.
fn same(given: &[u8], secret: &[u8]) -> bool {
    let mut difference = given.len() ^ secret.len();
    for (at, byte) in given.iter().enumerate() {
        // `secret` is never empty, see `Credentials`; `get` because a panic would have to be excluded otherwise.
        let expected = secret.get(at % secret.len().max(1)).copied().unwrap_or_default();
        difference |= usize::from(black_box(byte ^ expected));
    }
    black_box(difference) == 0
}

impl AuthProvider for OneUser {
    fn authenticate<'a>(
        &'a self,
        connect: &'a ConnectPacket,
        client: SocketAddr,
    ) -> Pin<Box<dyn Future<Output = MqttResult<AuthResult>> + Send + 'a>> {
        let known = self.knows(connect);
        if !known {
            tracing::warn!(%client, client_id = connect.client_id, "refused a client: wrong user or password");
        }
        Box::pin(async move {
            Ok(if known {
                AuthResult::success_with_user(self.0.user.clone())
            } else {
                AuthResult::fail(ReasonCode::BadUsernameOrPassword)
            })
        })
    }

    fn authorize_publish<'a>(
        &'a self,
        _client_id: &str,
        _user: Option<&'a str>,
        _topic: &'a str,
    ) -> Pin<Box<dyn Future<Output = bool> + Send + 'a>> {
        Box::pin(std::future::ready(true))
    }

    fn authorize_subscribe<'a>(
        &'a self,
        _client_id: &str,
        _user: Option<&'a str>,
        _filter: &'a str,
    ) -> Pin<Box<dyn Future<Output = bool> + Send + 'a>> {
        Box::pin(std::future::ready(true))
    }
}

#[cfg(test)]
mod tests {
    use super::same;

    #[test]
    fn only_equal_bytes_are_the_same() {
        assert!(same(b"secret", b"secret"));
        for given in [&b""[..], b"secre", b"secreT", b"secretsecret", b"secrets", b"Secret"] {
            assert!(!same(given, b"secret"), "{given:?}");
        }
    }
}
