//! Small requests, at full speed or at a fixed rate.

use std::io;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::options::Options;
use crate::wire::{self, Stream};

/// The results of one connection, or of all.
#[derive(Default)]
struct Count {
    /// The latency of each request, in tenths of a microsecond.
    latencies: Vec<u32>,
    errors: u64,
    other: u64,
}

pub(crate) async fn run(options: Options, reconnects: bool) -> io::Result<String> {
    let mut tasks = JoinSet::new();
    // Connect all clients before the first request.
    let mut streams = Vec::new();
    for _ in 0..options.connections {
        streams.push(if reconnects { None } else { Some(options.address.connect().await?) });
    }
    let start = Instant::now();
    for (number, stream) in streams.into_iter().enumerate() {
        let options = options.clone();
        tasks.spawn(async move { client(&options, number, stream, start, reconnects).await });
    }
    let mut all = Count::default();
    while let Some(done) = tasks.join_next().await {
        let count = done.map_err(io::Error::other)?;
        all.latencies.extend(count.latencies);
        all.errors += count.errors;
        all.other += count.other;
    }
    let seconds = start.elapsed().as_secs_f64();
    all.latencies.sort_unstable();
    let at = |part: f64| {
        let last = all.latencies.len().saturating_sub(1);
        let index = (last as f64 * part).round() as usize;
        all.latencies.get(index).map_or(0.0, |tenths| f64::from(*tenths) / 10.0)
    };
    Ok(format!(
        "{{\"requests\":{},\"seconds\":{seconds:.3},\"errors\":{},\"other\":{},\"p50\":{:.1},\"p99\":{:.1},\"most\":{:.1}}}",
        all.latencies.len(),
        all.errors,
        all.other,
        at(0.5),
        at(0.99),
        at(1.0),
    ))
}

/// Sends one request after another until the time is over.
async fn client(
    options: &Options,
    number: usize,
    mut stream: Option<Stream>,
    start: Instant,
    reconnects: bool,
) -> Count {
    let mut count = Count::default();
    let mut buffer = Vec::with_capacity(2048);
    let mut request = wire::request("GET", &options.path, "");
    let interval = (options.rate > 0.0)
        .then(|| Duration::from_secs_f64(options.connections as f64 / options.rate));
    // Clients at a fixed rate take turns.
    let mut due =
        start + interval.unwrap_or_default().mul_f64(number as f64 / options.connections as f64);
    let mut sent = number;
    loop {
        if interval.is_some() {
            sleep_until(due).await;
        }
        if start.elapsed() >= options.time {
            return count;
        }
        if options.ids > 0 {
            let path = format!("/v1.41/containers/{:064x}/json", sent % options.ids);
            request = wire::request("GET", &path, "");
            sent += options.connections;
        }
        let before = Instant::now();
        match exchange(options, &mut stream, &request, &mut buffer).await {
            Ok((status, closes)) => {
                count
                    .latencies
                    .push(u32::try_from(before.elapsed().as_nanos() / 100).unwrap_or(u32::MAX));
                count.other += u64::from(status != 200);
                if closes || reconnects {
                    stream = None;
                }
            }
            Err(error) => {
                if count.errors == 0 {
                    eprintln!("dsp-load: {error}");
                }
                count.errors += 1;
                stream = None;
            }
        }
        due += interval.unwrap_or_default();
    }
}

async fn exchange(
    options: &Options,
    stream: &mut Option<Stream>,
    request: &[u8],
    buffer: &mut Vec<u8>,
) -> io::Result<(u16, bool)> {
    let open = match stream {
        Some(open) => open,
        None => stream.insert(options.address.connect().await?),
    };
    open.write_all(request).await?;
    wire::read_answer(open, buffer).await
}
