//! What goes to the engine, decoded by Go with Docker's own type: it is what dsp decided on, and what the
//! client meant.
//!
//! The bodies are changed in ways that JSON libraries read differently. `DSP_BODIES` is their number,
//! `DSP_BODIES_SEED` chooses others.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use dsp::api::{CanonicalRequest, EngineKind};
use dsp::contents::{Contents, Context, Facts, Schema, Unreadable};

use crate::strange::{Random, strange};
use crate::support::left_out;

/// What `scripts/fields` returns if Go or a module cannot be had.
const CANNOT: i32 = 3;

#[test]
fn go_decodes_what_dsp_decided_on() {
    let number = |name: &str, default: u64| {
        std::env::var(name).ok().map_or(default, |text| text.parse().unwrap())
    };
    let mut random = Random::new(number("DSP_BODIES_SEED", 11));
    let bodies: Vec<String> =
        (0..number("DSP_BODIES", 5_000)).map(|_| strange(&mut random)).collect();
    let mut read = Vec::new();
    for body in &bodies {
        if let Ok(contents) = dsp_reads(body.as_bytes()) {
            let upstream = String::from_utf8(contents.body.clone().unwrap()).unwrap();
            read.push((body, upstream, contents.facts));
        }
    }
    let asked = read.iter().flat_map(|(body, upstream, _)| [body.as_str(), upstream]);
    let Some(decoded) = go_decodes(asked) else {
        return left_out("Go, or the module of Docker's types, cannot be had");
    };
    assert_eq!(decoded.len(), read.len() * 2);
    let (mut same, mut mended, mut unread, mut wrong) = (0, 0, 0, Vec::new());
    for ((body, upstream, facts), pair) in read.iter().zip(decoded.chunks(2)) {
        let [direct, through] = pair else { unreachable!() };
        match (is_error(direct), is_error(through)) {
            (true, true) => {
                unread += 1;
                continue;
            }
            // A field that says nothing, of a type that Go does not take: dsp leaves it out.
            (true, false) => mended += 1,
            (false, _) if direct == through => same += 1,
            (false, _) => wrong.push(format!("{body}\n  {upstream}\n  {direct}\n  {through}")),
        }
        // dsp also decides on fields that the newest types no longer have.
        let again = dsp_reads(through.as_bytes()).map(|contents| contents.facts);
        let is_decided = |again: &Facts| again.iter().all(|fact| facts.iter().any(|it| it == fact));
        if !again.as_ref().is_ok_and(is_decided) {
            wrong.push(format!("{body}\n  {upstream}\n  {through}\n  {facts:?}\n  {again:?}"));
        }
    }
    let refused = bodies.len() - read.len();
    println!(
        "{refused} refused by dsp, {same} the same in Go, {mended} only as dsp writes them, {unread} not \
         read by Go"
    );
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(refused > 0 && same > 0, "{refused} {same}");
}

fn is_error(decoded: &str) -> bool {
    decoded.starts_with("error: ")
}

fn dsp_reads(body: &[u8]) -> Result<Contents, Unreadable> {
    let request =
        CanonicalRequest::parse(EngineKind::Docker, "POST", "/containers/create").unwrap();
    let schema = Schema::of(request.locate().unwrap().operation).unwrap();
    schema.read(request.query(), Some(body), &Context::default())
}

/// What Go understands of each body; `None` if there is no Go, or not the module.
fn go_decodes<'a>(bodies: impl Iterator<Item = &'a str>) -> Option<Vec<String>> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/fields");
    let mut child = Command::new(script)
        .arg("decode")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let lines: String = bodies.map(|body| serde_json::to_string(body).unwrap() + "\n").collect();
    // Without Go, nobody reads it.
    let writer = std::thread::spawn(move || {
        let _ = input.write_all(lines.as_bytes());
    });
    let done = child.wait_with_output().unwrap();
    writer.join().unwrap();
    if done.status.code() == Some(CANNOT) {
        return None;
    }
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    Some(String::from_utf8(done.stdout).unwrap().lines().map(str::to_owned).collect())
}
