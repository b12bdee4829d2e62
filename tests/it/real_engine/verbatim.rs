//! Whatever a client sends, it gets the same answer through `record` as from the engine itself.

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;

use super::real_or_return;
use crate::proxy::chunks::ODD;
use crate::proxy::verbatim::REQUESTS;
use crate::support::PATIENCE;

/// The answer to a message whose sender sends nothing more, until the connection ends.
fn answer(socket: &str, message: &str) -> String {
    let mut stream = send(socket, message);
    let mut first = [0];
    // While a request with a body is handled, an engine may take the end of what the client sends for
    // the end of the client, and what it answers then depends on how far it has got.
    let first = if message.starts_with("POST") {
        stream.read_exact(&mut first).unwrap();
        char::from(first[0]).to_string()
    } else {
        String::new()
    };
    stream.shutdown(Shutdown::Write).unwrap();
    first + &received(stream, message)
}

fn send(socket: &str, message: &str) -> UnixStream {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(message.as_bytes()).unwrap();
    stream
}

fn received(mut stream: UnixStream, message: &str) -> String {
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

/// Engines disagree about where some of these bodies end, and then about what the next request is.
#[test]
fn the_engine_answers_odd_chunks_and_what_follows_through_record_as_without_it() {
    const HEAD: &str = "POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\n\
         Transfer-Encoding: chunked\r\n\r\n";
    // The engine ends the connection after it, or before it if it does not get that far.
    const NEXT: &str = "GET /_ping HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n";
    let world = real_or_return!();
    let recorder = world.serve(&["record", "-q"]);
    let direct = std::env::var("DSP_TEST_ENGINE_HOST").unwrap();
    let direct = direct.strip_prefix("unix://").unwrap();
    let long = format!("2;{}\r\n{{}}\r\n0\r\n\r\n", "x".repeat(5000));
    let mut next_answers = 0;
    for (body, is_certain) in ODD.into_iter().chain([(long.as_str(), false)]) {
        let message = format!("{HEAD}{body}{NEXT}");
        let ask = |socket: &str| received(send(socket, &message), &message);
        let own = ask(direct);
        assert!(!own.is_empty(), "{body:?}");
        assert_eq!(ask(recorder.socket.to_str().unwrap()), own, "{body:?}");
        let is_read = own.contains("HTTP/1.1 200");
        assert!(is_read || !is_certain, "dsp takes its end for certain: {body:?}: {own}");
        next_answers += usize::from(is_read);
    }
    assert!((1..=ODD.len()).contains(&next_answers), "{next_answers}");
}
