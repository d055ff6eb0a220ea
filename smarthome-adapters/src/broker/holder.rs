//! Which process holds a port.

use std::fs;
use std::net::SocketAddr;

/// The state `LISTEN` in `/proc/net/tcp`.
const LISTEN: &str = "0A";

/// The process that listens on this port, as in `mosquitto (process 812)`; `None` where the system does not say:
/// not Linux, or the process belongs to somebody else and we are not root.
pub(super) fn of_port(address: SocketAddr) -> Option<String> {
    let sockets: Vec<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .flat_map(|table| listening(&table, address.port()))
        .map(|inode| format!("socket:[{inode}]"))
        .collect();
    fs::read_dir("/proc").ok()?.flatten().find_map(|process| {
        let number: u32 = process.file_name().to_str()?.parse().ok()?;
        let holds = fs::read_dir(process.path().join("fd")).ok()?.flatten().any(|file| {
            fs::read_link(file.path())
                .is_ok_and(|to| sockets.iter().any(|socket| to.as_os_str() == &**socket))
        });
        let name = fs::read_to_string(process.path().join("comm")).unwrap_or_default();
        holds.then(|| format!("{} (process {number})", name.trim_end()))
    })
}

/// The inodes of the sockets that listen on `port`, from the text of a `/proc/net/tcp` table.
fn listening(table: &str, port: u16) -> Vec<String> {
    let ending = format!(":{port:04X}");
    let inode_of = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        match fields.as_slice() {
            [_, local, _, state, _, _, _, _, _, inode, ..]
                if *state == LISTEN && local.ends_with(&ending) =>
            {
                Some((*inode).to_owned())
            }
            _ => None,
        }
    };
    table.lines().filter_map(inode_of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:075B 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 23456 1 0000000000000000 100 0 0 10 0
   1: 0100007F:075B 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 23457 1 0000000000000000 20 4 30 10 -1
   2: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 11111 1 0000000000000000 100 0 0 10 0
";

    #[test]
    fn finds_the_listening_socket_only() {
        assert_eq!(listening(TABLE, 1883), ["23456"]);
        assert_eq!(listening(TABLE, 22), ["11111"]);
        assert!(listening(TABLE, 80).is_empty());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn finds_this_process() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let holder = of_port(listener.local_addr().expect("bound"));
        let number = format!("(process {})", std::process::id());
        assert!(holder.as_deref().is_some_and(|text| text.ends_with(&number)), "{holder:?}");
    }
}
