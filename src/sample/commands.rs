//! The programs that containers of the sample engine can run.

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc::{Receiver, Sender};

/// A piece of output, and the number of its stream in a frame: 1 or 2.
pub(super) type Piece = (u8, Bytes);

pub(super) const STDOUT: u8 = 1;
pub(super) const STDERR: u8 = 2;

/// The number of pieces that can wait for a slow reader before the program blocks.
pub(super) const BACKLOG: usize = 8;

/// What a server prints first, and the start of the log of a container that was started long ago.
pub(super) const GREETING: [(u8, &str); 3] = [
    (STDERR, "sample engine: configuration read\n"),
    (STDOUT, "ready to serve\n"),
    (STDOUT, "10.0.0.1 \"GET / HTTP/1.1\" 200 612\n"),
];

/// Runs one program and returns its exit code. A program whose output is no longer read keeps
/// running, like one that ignores SIGPIPE.
pub(super) async fn run(
    command: &[String],
    mut stdin: Receiver<Bytes>,
    stdout: Sender<Piece>,
    tick: Duration,
) -> i64 {
    let (name, arguments) = command.split_first().map_or(("", &[][..]), |(n, a)| (n.as_str(), a));
    let number = arguments.first().and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
    let print = async |stream, text: String| {
        let _ = stdout.send((stream, Bytes::from(text))).await;
    };
    match name {
        "cat" => {
            while let Some(piece) = stdin.recv().await {
                let _ = stdout.send((STDOUT, piece)).await;
            }
        }
        "echo" => print(STDOUT, format!("{}\n", arguments.join(" "))).await,
        "false" => return 1,
        "nginx" | "postgres" => loop {
            tokio::time::sleep(tick).await;
            print(STDOUT, "10.0.0.1 \"GET / HTTP/1.1\" 200 612\n".to_owned()).await;
        },
        "sleep" => tokio::time::sleep(Duration::from_secs_f64(number.clamp(0.0, 1e6))).await,
        "true" => {}
        "wc" if arguments.first().is_some_and(|flag| flag == "-c") => {
            let mut count = 0;
            while let Some(piece) = stdin.recv().await {
                count += piece.len();
            }
            print(STDOUT, format!("{count}\n")).await;
        }
        "zeros" => {
            static ZEROS: [u8; 32 << 10] = [0; 32 << 10];
            let mut left = arguments.first().and_then(|text| text.parse().ok()).unwrap_or(0_usize);
            while left > 0 {
                let piece = Bytes::from_static(ZEROS.get(..left).unwrap_or(&ZEROS));
                left -= piece.len();
                if stdout.send((STDOUT, piece)).await.is_err() {
                    return 141;
                }
            }
        }
        _ => {
            print(STDERR, format!("sample engine: {name}: not found\n")).await;
            return 127;
        }
    }
    0
}

/// A piece as sent over the wire: raw for a terminal, otherwise after an eight-byte header with the
/// stream and the length.
pub(super) fn frame((stream, piece): &Piece, tty: bool) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(piece.len() + 8);
    if !tty {
        let length = u32::try_from(piece.len()).unwrap_or(u32::MAX);
        bytes.extend_from_slice(&[*stream, 0, 0, 0]);
        bytes.extend_from_slice(&length.to_be_bytes());
    }
    bytes.extend_from_slice(piece);
    bytes
}
