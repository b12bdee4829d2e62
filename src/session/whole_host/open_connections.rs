//! Counts connections to a socket.

use std::fs;

/// The table of unix sockets (proc(5)).
const TABLE: &str = "/proc/net/unix";

/// The state of a socket that is connected (`SS_CONNECTED` of linux/net.h).
const CONNECTED: &str = "03";

/// How many connections the program has accepted that listens on these paths; 0 where the system does not
/// list them. Those that are waiting to be accepted count, too.
pub(super) fn open_connections(paths: &[String]) -> usize {
    fs::read_to_string(TABLE).map_or(0, |table| connections_in(&table, paths))
}

fn connections_in(table: &str, paths: &[String]) -> usize {
    let is_one = |line: &&str| {
        let mut fields = line.split_ascii_whitespace().skip(5);
        let (state, path) = (fields.next(), fields.nth(1));
        state == Some(CONNECTED) && path.is_some_and(|path| paths.iter().any(|it| it == path))
    };
    table.lines().filter(is_one).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_connections_of_these_paths_count() {
        let table = "\
Num       RefCount Protocol Flags    Type St Inode Path
0000000000000000: 00000002 00000000 00010000 0001 01 24113 /run/docker.sock
0000000000000000: 00000003 00000000 00000000 0001 03 24114 /run/docker.sock
0000000000000000: 00000003 00000000 00000000 0001 03 24115 /var/run/docker.sock
0000000000000000: 00000003 00000000 00000000 0001 03 24116
0000000000000000: 00000003 00000000 00000000 0001 03 24117 /run/other.sock
";
        let paths = ["/run/docker.sock", "/var/run/docker.sock"].map(str::to_owned);
        assert_eq!(connections_in(table, &paths), 2);
        assert_eq!(connections_in("", &paths), 0);
    }
}
