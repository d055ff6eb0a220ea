//! The address of a broker.

use std::fmt;

/// Where a broker is, and who we are there. It never holds a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerUrl {
    /// Whether the connection is encrypted.
    pub tls: bool,
    /// The user.
    pub user: Option<String>,
    /// The name or address of the host, without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl BrokerUrl {
    /// Reads `mqtt://[user@]host[:port]` or `mqtts://…`. What is wrong reads on from the key ("has …") and never
    /// quotes a password.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<BrokerUrl, String> {
        let (tls, rest) = match (text.strip_prefix("mqtt://"), text.strip_prefix("mqtts://")) {
            (Some(rest), _) => (false, rest),
            (_, Some(rest)) => (true, rest),
            _ => return Err("does not begin with mqtt:// or mqtts://".into()),
        };
        let (user, address) = match rest.rsplit_once('@') {
            Some((user, address)) => (Some(user_name(user)?), address),
            None => (None, rest),
        };
        let address = address.strip_suffix('/').unwrap_or(address);
        let (host, port) = host_and_port(address)?;
        let legal = |c: char| c.is_ascii_alphanumeric() || "-._:".contains(c);
        if host.is_empty() || !host.chars().all(legal) {
            return Err(format!("has no usable host: {host:?}"));
        }
        let port = match port {
            None => {
                if tls {
                    8883
                } else {
                    1883
                }
            }
            Some(port) => match port.parse() {
                Ok(0) | Err(_) => return Err(format!("has no usable port: {port:?}")),
                Ok(port) => port,
            },
        };
        Ok(BrokerUrl { tls, user, host: host.to_owned(), port })
    }
}

fn user_name(text: &str) -> Result<String, String> {
    if text.contains(':') {
        return Err(
            "contains a password: put it into a file of its own and name that in broker.password_file, or \
                    set SMARTHOME_BROKER_PASSWORD (a colon that belongs to the user's name is written %3A)"
                .into(),
        );
    }
    match decoded(text) {
        Some(user) if !user.is_empty() => Ok(user),
        _ => Err("has no usable user before the @".into()),
    }
}

/// Host and port; an IPv6 address stands in brackets.
fn host_and_port(address: &str) -> Result<(&str, Option<&str>), String> {
    if let Some(rest) = address.strip_prefix('[') {
        let (host, rest) = rest.split_once(']').ok_or("has a [ without a ]")?;
        return match (rest, rest.strip_prefix(':')) {
            ("", _) => Ok((host, None)),
            (_, Some(port)) => Ok((host, Some(port))),
            _ => Err(format!("has {rest:?} behind the address")),
        };
    }
    match address.split_once(':') {
        Some((host, port)) => Ok((host, Some(port))),
        None => Ok((address, None)),
    }
}

/// Text with `%3A` and the like resolved.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, more)) = rest.split_first() {
        rest = more;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let (digits, more) = rest.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
        rest = more;
    }
    String::from_utf8(bytes).ok()
}

impl fmt::Display for BrokerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "mqtts" } else { "mqtt" };
        write!(f, "{scheme}://")?;
        if let Some(user) = &self.user {
            write!(
                f,
                "{}@",
                user.replace('%', "%25").replace(':', "%3A").replace('@', "%40").replace('/', "%2F")
            )?;
        }
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}
