//! Ports for test servers.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Mutex;

/// Below the range from which Linux takes the ports of outgoing connections (32768 and up): otherwise any
/// client on the machine could take the port while its server is being restarted.
const RANGE: std::ops::Range<u16> = 20_000..32_000;

static HANDED_OUT: Mutex<Vec<u16>> = Mutex::new(Vec::new());

/// A TCP port of 127.0.0.1 that nobody listens on and that this process was not given before.
///
/// The port is not reserved: another process may take it before the caller listens on it, which is unlikely
/// because the ports are picked at random. The servers of this module pick another one when that happens.
///
/// # Panics
///
/// When a thousand random ports are all taken, since then no test can run.
#[must_use]
pub fn free_port() -> u16 {
    let mut handed_out = HANDED_OUT.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    for _ in 0..1000 {
        // Each `RandomState` has other keys: enough randomness here, and no crate needed for it.
        let random = RandomState::new().build_hasher().finish();
        let span = u64::from(RANGE.end - RANGE.start);
        let port = RANGE.start + u16::try_from(random % span).unwrap_or(0);
        if !handed_out.contains(&port) && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            handed_out.push(port);
            return port;
        }
    }
    panic!("no free port between {} and {} on 127.0.0.1", RANGE.start, RANGE.end);
}
