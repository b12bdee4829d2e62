//! The engine and the load of `scripts/bench` where wrk is not enough: unix sockets, streams,
//! tunnels, and thousands of connections.
//!
//! Every command runs on one thread, prints one line of JSON, and takes addresses as dsp does,
//! `unix:///path` or `tcp://host:port`.

#![forbid(unsafe_code)]

mod bulk;
mod engine;
mod hold;
mod options;
mod requests;
mod wire;

use std::process::ExitCode;
use std::time::Duration;

use options::Options;

const USAGE: &str = "\
usage: dsp-load COMMAND ADDRESS [--OPTION VALUE]...

  serve     an engine: 200 bytes for everything, and what the other commands want
  get       requests on connections that stay open
              --connections 32 --seconds 5 --path /v1.41/containers/json --ids 0 --rate 0
  connect   the same, with a connection for each request
  idle      opens connections, uses each once, and holds them until standard input ends
              --connections 1000 --path /v1.41/containers/json
  streams   the same with answers that never end
  download  one answer: --bytes 1073741824
  upload    one body: --bytes 1073741824
  hijack    one upgraded connection, read to its end: --bytes 1073741824
  echo      one upgraded connection, 64 bytes there and back, again and again: --seconds 5

With --ids N the path is that of a container, another one of N with each request. With --rate R there
are R requests a second.";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (Some(command), Some(address)) = (arguments.next(), arguments.next()) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let done = Options::parse(&address, arguments).and_then(|options| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        // Do not wait for ever for a proxy that does not answer.
        let most = options.time + Duration::from_secs(120);
        runtime.block_on(async {
            if command == "serve" {
                return engine::serve(&options.address).await;
            }
            tokio::time::timeout(most, run(&command, options)).await?
        })
    });
    match done {
        Ok(line) => {
            if !line.is_empty() {
                println!("{line}");
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("dsp-load: {command}: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: &str, options: Options) -> std::io::Result<String> {
    match command {
        "get" => requests::run(options, false).await,
        "connect" => requests::run(options, true).await,
        "idle" => hold::run(options, false).await,
        "streams" => hold::run(options, true).await,
        "download" => bulk::download(&options).await,
        "upload" => bulk::upload(&options).await,
        "hijack" => bulk::hijack(&options).await,
        "echo" => bulk::echo(&options).await,
        _ => Err(std::io::Error::other(format!("no such command\n{USAGE}"))),
    }
}
