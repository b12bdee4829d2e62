//! Connections that are used once and then stay idle.

use std::io::{self, Read, Write};

use tokio::io::AsyncWriteExt;

use crate::options::Options;
use crate::wire;

pub(crate) async fn run(options: Options, endless: bool) -> io::Result<String> {
    let request = wire::request("GET", &options.path, "");
    let mut held = Vec::new();
    let mut buffer = Vec::new();
    for _ in 0..options.connections {
        let mut stream = options.address.connect().await?;
        stream.write_all(&request).await?;
        buffer.clear();
        let status = if endless {
            let head = wire::read_head(&mut stream, &mut buffer).await?;
            head.second.parse().map_err(io::Error::other)?
        } else {
            wire::read_answer(&mut stream, &mut buffer).await?.0
        };
        if status != 200 {
            return Err(io::Error::other(format!("status {status}")));
        }
        held.push(stream);
    }
    println!("{{\"held\":{}}}", held.len());
    io::stdout().flush()?;
    // Nothing else happens in the meantime.
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(String::new())
}
