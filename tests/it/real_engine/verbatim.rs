//! Whatever a client sends, it gets the same answer through `record` as from the engine itself.

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;

use super::real_or_return;
use crate::proxy::verbatim::REQUESTS;
use crate::support::PATIENCE;

/// The answer to a message whose sender sends nothing more, until the connection ends.
fn answer(socket: &str, message: &str) -> String {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(message.as_bytes()).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut got = Vec::new();
    // An engine that closes without having read everything resets the connection, after what it has
    // answered: on a unix socket that arrives first.
    if let Err(error) = stream.read_to_end(&mut got) {
        assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{message:?}");
    }
    let text = String::from_utf8(got).unwrap();
    // The date is different each time.
    text.split_inclusive("\r\n").filter(|line| !line.starts_with("Date: ")).collect()
}

#[test]
fn the_engine_answers_each_raw_message_through_record_as_without_it() {
    let world = real_or_return!();
    let recorder = world.serve(&["record", "-q"]);
    let direct = std::env::var("DSP_TEST_ENGINE_HOST").unwrap();
    let direct = direct.strip_prefix("unix://").unwrap();
    let mut statuses = std::collections::BTreeSet::new();
    for (message, ..) in REQUESTS {
        let own = answer(direct, message);
        assert!(!own.is_empty(), "{message:?}");
        statuses.extend(own.split_whitespace().nth(1).map(str::to_owned));
        assert_eq!(answer(recorder.socket.to_str().unwrap(), message), own, "{message:?}");
    }
    // Neither all messages are refused nor all accepted.
    assert!(statuses.contains("200") && statuses.contains("400"), "{statuses:?}");
}
