//! The readers of recordings and logs: cutting an input loses only the cut line, and what is read
//! can be written and read again.

use std::path::Path;

use dsp::api::EngineKind;
use dsp::recording::{Event, Format, Log, ReadError, Reader, TurnedAway, Wanted};

/// Up to this length, in bytes, a recording is cut at every position.
const CUT_EVERYWHERE: usize = 400;

/// The number of cuts in a longer recording.
const CUTS: usize = 16;

/// Checks bytes as a recording and as a log of each format.
pub fn check(data: &[u8]) {
    if let Ok(whole) = read(data) {
        writes_back(&whole.events);
        // dsp never starts a line with a space, so a cut line that does is reported as foreign.
        let spaced = |line: &[u8]| {
            line.first().is_some_and(u8::is_ascii_whitespace) && !line.trim_ascii().is_empty()
        };
        if !data.split(|byte| *byte == b'\n').any(spaced) {
            cuts(data.len()).for_each(|cut| costs_at_most_a_line(data, cut, &whole));
        }
    }
    for format in Format::ALL {
        for engine in EngineKind::ALL {
            let wanted = Wanted { denied: TurnedAway::Taken, client: None };
            if let Ok(log) = Log::read("log", format, engine, wanted, data) {
                is_a_session(&log);
            }
        }
    }
}

/// The contents of a recording.
struct Whole {
    events: Vec<Event<'static>>,
    torn: usize,
}

fn read(bytes: &[u8]) -> Result<Whole, ReadError> {
    let mut reader = Reader::new(Path::new("recording"), bytes);
    let events = reader.by_ref().collect::<Result<_, _>>();
    match events {
        Ok(events) => Ok(Whole { events, torn: reader.torn() }),
        Err(error) => {
            assert!(super::printable(&error.to_string()), "{error:?}");
            assert!(reader.next().is_none(), "nothing follows an error");
            Err(error)
        }
    }
}

/// The positions at which a recording of this length is cut: all, or some spread over it.
fn cuts(length: usize) -> impl Iterator<Item = usize> {
    let step = if length <= CUT_EVERYWHERE { 1 } else { length / CUTS };
    (0..length).rev().step_by(step.max(1))
}

fn costs_at_most_a_line(data: &[u8], cut: usize, whole: &Whole) {
    let beginning = &data[..cut];
    let read_so = read(beginning).unwrap_or_else(|error| panic!("cut at {cut}: {error}"));
    let lines = beginning.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let whole_lines = read(&data[..lines]).expect("whole lines are a recording");
    assert!(whole.events.starts_with(&read_so.events), "cut at {cut}");
    assert!(read_so.events.starts_with(&whole_lines.events), "cut at {cut}");
    let cost = read_so.torn.checked_sub(whole_lines.torn);
    assert!(cost.is_some_and(|cost| cost <= 1), "cut at {cut}: {cost:?} lines");
    assert!(whole_lines.torn <= whole.torn, "cut at {cut}");
}

fn writes_back(events: &[Event<'_>]) {
    let mut text = Vec::new();
    for event in events {
        serde_json::to_writer(&mut text, event).expect("an event can be written");
        text.push(b'\n');
    }
    let again = read(&text).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((again.events.as_slice(), again.torn), (events, 0));
}

/// A log is one session with a start, and with an end if nothing is missing.
fn is_a_session(log: &Log) {
    assert!(matches!(log.events.first(), Some(Event::Session(_))));
    let id = log.events[0].session();
    assert!(log.events.iter().all(|event| event.session() == id));
    let ends = matches!(log.events.last(), Some(Event::End(_)));
    assert_eq!(ends, log.unreadable == 0);
    assert!(log.skipped.len() as u64 <= log.unreadable);
    writes_back(&log.events);
}
