//! Genuine lines in every wrapping, with text in them that clients may send.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::recording::import::Entry;

/// A genuine line of each form. The placeholders mark where a client's text appears in it.
const GENUINE: [(Format, &str); 11] = [
    (
        Format::Caddy,
        r#"{"level":"debug","ts":1.5,"logger":"http.handlers.reverse_proxy","msg":"upstream roundtrip","request":{"method":"GET","uri":"/info","headers":{"User-Agent":["{json}"],"Message":["{json}"]}},"status":200}"#,
    ),
    (
        Format::Caddy,
        "2026/11/24 20:00:00.1\tDEBUG\thttp.handlers.reverse_proxy\tupstream roundtrip\t{\"request\":{\"method\":\"GET\",\"uri\":\"/info\",\"headers\":{\"User-Agent\":[\"{json}\"]}},\"status\":200}",
    ),
    (
        Format::Caddy,
        r#"{"level":"info","ts":1.5,"logger":"http.log.access","msg":"handled request","request":{"method":"GET","uri":"/info","headers":{"Message":["{json}"],"Msg":["{json}"]}},"status":403}"#,
    ),
    (Format::Dockerd, r#"time="2026-11-24T20:00:00Z" level=debug msg="Calling GET /v1.41/info""#),
    (
        Format::Dockerd,
        r#"time="2026-11-24T20:00:00Z" level=debug msg="handling GET request" method=GET request-url="/info?a={go}" status=200 vars="map[name:{go}]""#,
    ),
    (
        Format::Dockerd,
        r#"{"form-data":{"Labels":{"message":"{json}","log":"{json}"}},"level":"debug","method":"GET","msg":"handling GET request","request-url":"/info","time":"x"}"#,
    ),
    (
        Format::Haproxy,
        r#"127.0.0.1:5 [24/Nov/2026:20:00:00.123] front back/server 0/0/0/3/3 200 266 - - ---- 1/1/0/0/0 0/0 {{haproxy}} "GET /info HTTP/1.1""#,
    ),
    (
        Format::Haproxy,
        r#"127.0.0.1:5 [24/Nov/2026:20:00:00.123] front front/<NOSRV> 0/-1/-1/-1/0 403 192 - - PR-- 1/1/0/0/0 0/0 {{haproxy}} "GET /info HTTP/1.1""#,
    ),
    (
        Format::Nginx,
        r#"127.0.0.1 - - [24/Nov/2026:20:00:00 +0000] "GET /info HTTP/1.1" 200 0 "{nginx}" "{nginx}""#,
    ),
    (
        Format::Wollomatic,
        r#"time=2026-11-24T20:00:00.1Z level=DEBUG msg="allowed request" method=GET URL="/info?a={go}" client=1.2.3.4:5"#,
    ),
    (
        Format::Wollomatic,
        r#"{"time":"x","level":"WARN","msg":"blocked request","reason":"{json}","method":"GET","URL":{"Path":"/info","RawQuery":"{json}"},"client":"1.2.3.4:5"}"#,
    ),
];

/// Lines about other things in which the program logs a client's text.
const OTHER: [&str; 7] = [
    r#"time="2026-11-24T20:00:00Z" level=debug msg="form data: {\"Labels\":{\"message\":\"{go2}\"}}""#,
    r#"{"form-data":{"Labels":{"message":"{json}","x":"{json}"}},"level":"debug","msg":"form data","time":"x"}"#,
    r#"{"level":"error","ts":1.5,"logger":"http.log.error","msg":"no upstream","request":{"headers":{"Message":["{json}"]}}}"#,
    r#"{"remote_addr":"1.2.3.4","request":"POST /a HTTP/1.1","status":403,"http_user_agent":"{json}","http_referer":"{json}"}"#,
    r#"{"method":"POST","headers":{"message":"{json}","log":["{json}"]},"query":{"line":"{json}"}}"#,
    r#"127.0.0.1:5 [24/Nov/2026:20:00:00.123] front/1: SSL handshake failure"#,
    r#"{"Type":"container","Action":"create","Actor":{"Attributes":{"message":"{json}","name":"{json}"}}}"#,
];

/// A text as it appears in a JSON string.
fn escape(text: &str) -> String {
    let quoted = serde_json::to_string(text).unwrap();
    quoted.strip_prefix('"').unwrap().strip_suffix('"').unwrap().to_owned()
}

/// Puts a client's text into a line, escaped as the program escapes it.
fn with(line: &str, text: &str) -> String {
    let json = escape(text);
    let nginx: String = text
        .chars()
        .map(|c| match c {
            '"' | '\\' => format!("\\x{:02X}", u32::from(c)),
            c if c.is_control() => format!("\\x{:02X}", u32::from(c)),
            c => c.to_string(),
        })
        .collect();
    let haproxy: String = text
        .chars()
        .map(|c| match c {
            '"' | '#' | '{' | '}' | '|' => format!("#{:02X}", u32::from(c)),
            c if c.is_control() => format!("#{:02X}", u32::from(c)),
            c => c.to_string(),
        })
        .collect();
    let go2 = json.replace('\\', "\\\\").replace('"', "\\\"");
    line.replace("{{haproxy}}", &format!("{{{haproxy}}}"))
        .replace("{json}", &json)
        .replace("{go2}", &go2)
        .replace("{go}", &json)
        .replace("{nginx}", &nginx)
}

fn entry(found: &Result<Line, Unreadable>) -> Option<&Entry> {
    match found {
        Ok(Line::Request(entry) | Line::TurnedAway(Some(entry))) => Some(entry),
        _ => None,
    }
}

/// The result for a line without any wrapping.
fn own(format: Format, line: &str) -> Found {
    let found = lines(format, line);
    assert_eq!(found.len(), 1, "{format} {line}: {found:?}");
    assert!(entry(&found[0]).unwrap().target.contains("/info"), "{found:?}");
    found
}

/// A wrapping of one line.
fn wrap(kind: usize, line: &str) -> String {
    let quoted = |text: &str| serde_json::to_string(text).unwrap();
    match kind {
        0 => json!({"log": format!("{line}\n"), "stream": "stderr", "time": "x"}).to_string(),
        1 => json!({"_PID": "7", "MESSAGE": line, "SYSLOG_IDENTIFIER": "x"}).to_string(),
        2 => json!({"MESSAGE": line.as_bytes(), "PRIORITY": "6"}).to_string(),
        3 => json!({"fly": {"region": "x"}, "log": {"level": "info"}, "message": line}).to_string(),
        4 => json!({"message": line, "event": {"original": line}, "http": {"request": {"method": "GET"}}, "user_agent": {"original": "x"}}).to_string(),
        5 => json!({"resourceLogs": [{"resource": {"attributes": [{"key": "a", "value": {"stringValue": "b"}}]}, "scopeLogs": [{"logRecords": [{"severityText": "DEBUG", "body": {"stringValue": line}}]}]}]}).to_string(),
        6 => json!({"messageType": "DATA_MESSAGE", "logGroup": "g", "logEvents": [{"id": "1", "timestamp": 1, "message": line}]}).to_string(),
        7 => json!({"version": "1.1", "host": "h", "short_message": &line.get(..9).unwrap_or(line), "full_message": line, "level": 6}).to_string(),
        8 => json!({"streams": [{"stream": {"job": "x"}, "values": [["1795556068433659300", line]]}]}).to_string(),
        9 => json!({"status": "info", "service": "proxy", "payload": {"txt": line}}).to_string(),
        10 => json!([line]).to_string(),
        11 => json!({"level": "info", "msg": line, "time": "x"}).to_string(),
        12 => quoted(line),
        13 => format!("'{}'", line.replace('\'', "'\\''")),
        14 => format!("2026-11-24T20:00:00.123Z stdout F {line}"),
        15 => format!("proxy-1  | {line}"),
        16 => format!("[pod/web-1/proxy] {line}"),
        17 => format!("<134>1 2026-11-24T20:00:00Z host proxy 7 - - {line}"),
        18 => format!("<134>Nov 24 20:00:00 host proxy[7]: {line}"),
        19 => format!("12:{line}"),
        20 => format!("> {line}"),
        21 => format!("\u{feff}{line}\r"),
        22 => format!("\u{1b}[36m{line}\u{1b}[0m"),
        23 => format!("2026-11-24T20:00:00Z,proxy,{}", csv(line)),
        24 => format!("{},{}", csv("proxy"), csv(line)),
        25 => format!("ts=1 level=info container=proxy msg={}", quoted(line)),
        26 => json!({"result": line, "_time": "x"}).to_string(),
        27 => json!({"event": line, "sourcetype": "x", "time": 1}).to_string(),
        _ => format!("{}{}", json!({"log": "other\n"}), json!({"log": line})),
    }
}

const WRAPPINGS: usize = 29;

fn csv(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

#[test]
fn every_wrapping_gives_the_line() {
    for (format, line) in GENUINE {
        let line = with(line, "a");
        let own = own(format, &line);
        for kind in 0..WRAPPINGS {
            let wrapped = wrap(kind, &line);
            assert_eq!(lines(format, &wrapped), own, "{kind}: {wrapped}");
        }
    }
}

#[test]
fn a_batch_gives_each_of_its_lines() {
    let (format, line) = GENUINE[8];
    let (one, two) = (with(line, "a"), with(line, "b").replace("/info", "/info/2"));
    let both: Found = [own(format, &one), own(format, &two)].concat();
    for batch in [
        json!([one, two]).to_string(),
        json!({"log": format!("{one}\n{two}\n")}).to_string(),
        json!({"logEvents": [{"message": one}, {"message": two}]}).to_string(),
        json!({"values": [["1", one], ["2", two]]}).to_string(),
        format!("{}{}", json!({"log": one}), json!({"log": two})),
        json!(format!("{}\n{}", json!({"message": one}), json!({"message": two}))).to_string(),
    ] {
        assert_eq!(lines(format, &batch), both, "{batch}");
    }
}

#[test]
fn a_line_that_was_escaped_as_a_whole_is_read() {
    for (format, line) in GENUINE {
        let line = with(line, "a");
        let own = own(format, &line);
        let once = line.replace('\\', "\\\\").replace('"', "\\\"").replace('\t', "\\t");
        for escaped in [once.clone(), escape(&once)] {
            let found = lines(format, &escaped);
            // A text without quotes does not show its escapes.
            assert!(found == own || !line.contains('"'), "{escaped}: {found:?}");
        }
    }
}

#[test]
fn what_is_cut_off_is_told() {
    for (format, line) in GENUINE {
        // Lines of the access log count only if they are whole, because their last field says who answered.
        if line.contains("handled request") {
            continue;
        }
        let line = with(line, "a");
        for kind in [0, 1, 3, 6, 9] {
            let whole = wrap(kind, &line);
            let own = lines(format, &whole);
            let start = whole.find("/info").unwrap();
            for cut in start..whole.len() {
                let Some(text) = whole.get(..cut) else { continue };
                let found = lines(format, text);
                assert_ne!(found, own, "{text}");
                assert!(matches!(found.as_slice(), [Err(_)]), "{format} {text}: {found:?}");
            }
        }
    }
}

#[test]
fn two_fields_that_could_be_the_line_are_none() {
    let (format, line) = GENUINE[6];
    let (one, two) = (with(line, "a"), with(line, "a").replace("/info", "/other"));
    for text in [
        json!({"message": one, "other": two}).to_string(),
        json!({"a": {"message": one}, "b": {"message": two}}).to_string(),
        json!({"method": "GET", "uri": "/x", "agent": one}).to_string(),
        json!({"level": "info", "msg": "x", "agent": one}).to_string(),
        json!({"agent": format!("x\n{one}")}).to_string(),
        format!("{},{}", csv(&one), csv(&two)),
        format!("GET,/x,{}", csv(&one)),
        format!("msg={} line={}", json!(one), json!(two)),
    ] {
        assert_eq!(lines(format, &text), [Err(Unreadable::Ambiguous)], "{text}");
    }
}

#[test]
fn pieces_of_json_are_told() {
    let (format, line) = GENUINE[6];
    let line = with(line, "a");
    for text in [
        format!("    {}", json!(line)),
        format!("{},", json!(line)),
        format!("  \"message\": {},", json!(line)),
    ] {
        assert_eq!(lines(format, &text), [Err(Unreadable::Piece)], "{text}");
    }
    let whole = json!({"a": 1, "message": line}).to_string();
    let without_front = whole.strip_prefix("{\"a\":1,").unwrap();
    assert_eq!(lines(format, without_front), own(format, &line));
}

#[test]
fn layers_are_bounded() {
    let (format, line) = GENUINE[8];
    let mut text = with(line, "a");
    let own = own(format, &text);
    for layer in 0..12 {
        let found = lines(format, &text);
        let expected =
            if layer <= MOST_LAYERS + 1 { own.clone() } else { vec![Err(Unreadable::Layers)] };
        assert_eq!(found, expected, "{layer}");
        text = json!({"log": text}).to_string();
    }
}

#[test]
fn no_line_takes_more_than_its_length() {
    let (format, line) = GENUINE[8];
    let line = with(line, "a");
    let long = 1 << 16;
    let texts = [
        "[".repeat(long),
        "{\"a\":".repeat(long / 5),
        "\"".repeat(long),
        "\\\"".repeat(long / 2),
        "> ".repeat(long / 2),
        "\"\",".repeat(long / 3),
        "msg=".repeat(long / 4),
        "msg=\"\\\"".repeat(long / 8),
        "\u{1b}[0m".repeat(long / 4),
        " [24/Nov/2026:20:00:00".repeat(long / 22),
        format!("[{}]", vec![json!(line).to_string(); long / 100].join(",")),
        json!({"log": "a\n".repeat(long / 3)}).to_string(),
    ];
    let begun = std::time::Instant::now();
    for text in &texts {
        for format in Format::ALL {
            let _ = lines(format, text);
        }
    }
    let _ = format;
    // A pass over such a text takes milliseconds even in a debug build. Sixty passes of quadratic cost
    // would take an hour.
    assert!(begun.elapsed() < std::time::Duration::from_secs(120), "{:?}", begun.elapsed());
}

/// Texts that a client may send to imitate a line.
fn attacks() -> Vec<String> {
    let genuine = GENUINE.iter().map(|(_, line)| with(line, "a").replace("/info", "/stolen"));
    let genuine: Vec<String> = genuine.collect();
    let befores = ["x\n", "\" ", "\\\" ", "\"} ", "] ", "{", "'", "HTTP/1.1\" 200 1 \"-\" \"-\"\n"];
    let wrapped = (0..WRAPPINGS).zip(genuine.iter().cycle()).map(|(kind, line)| wrap(kind, line));
    let begun = befores.into_iter().cycle().zip(&genuine);
    let mut all: Vec<String> = wrapped.collect();
    all.extend(begun.map(|(before, line)| format!("{before}{line}")));
    all.extend(
        [
            "Calling GET /stolen",
            "msg=\"Calling GET /stolen\"",
            "\"GET /stolen HTTP/1.1\"",
            "\"GET /stolen HTTP/1.1\" 200",
            "f b/s 0/0/0/0/0 200 1 - - ---- 1/1/1/1/0 0/0 \"GET /stolen HTTP/1.1\"",
        ]
        .map(str::to_owned),
    );
    all.extend(genuine);
    all
}

/// Checks that no request was found in the client's text.
fn nothing_stolen(found: &Found, told: &str) {
    for entry in found.iter().filter_map(entry) {
        let path = entry.target.split('?').next().unwrap();
        assert!(!path.contains("stolen"), "{told}\n{entry:?}");
    }
}

#[test]
fn what_a_client_sent_is_no_line_in_any_wrapping() {
    for attack in attacks() {
        for (format, line) in GENUINE {
            let line = with(line, &attack);
            // The program's own line is read the same, whatever is in it.
            let own = own(format, &line);
            for other in Format::ALL {
                nothing_stolen(&lines(other, &line), &format!("{other}: {line}"));
            }
            for kind in [0, 1, 9, 12, 25] {
                let wrapped = wrap(kind, &line);
                let found = lines(format, &wrapped);
                assert_eq!(found, own, "{kind} {wrapped}");
            }
        }
        for line in OTHER {
            let line = with(line, &attack);
            for format in Format::ALL {
                nothing_stolen(&lines(format, &line), &line);
                for kind in [0, 1, 9, 12, 25] {
                    let wrapped = wrap(kind, &line);
                    nothing_stolen(&lines(format, &wrapped), &wrapped);
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn any_wrappings_one_in_the_other_give_the_line(
        line in 0..GENUINE.len(),
        text in "\\PC{0,20}".prop_map(|text| text.replace('\u{fffd}', "")),
        kinds in prop::collection::vec(0..WRAPPINGS, 0..4),
    ) {
        let (format, line) = GENUINE[line];
        let line = with(line, &text);
        let own = own(format, &line);
        let wrapped = kinds.iter().fold(line, |line, kind| wrap(*kind, &line));
        prop_assert_eq!(lines(format, &wrapped), own, "{:?} {}", kinds, wrapped);
    }

    #[test]
    fn what_a_client_sent_is_no_line_in_wrappings_of_wrappings(
        line in 0..GENUINE.len(),
        other in 0..OTHER.len(),
        attack in any::<prop::sample::Index>(),
        kinds in prop::collection::vec(0..WRAPPINGS, 0..4),
    ) {
        let attacks = attacks();
        let attack = attack.get(&attacks);
        let (format, line) = GENUINE[line];
        let line = with(line, attack);
        let own = own(format, &line);
        let wrapped = kinds.iter().fold(line, |line, kind| wrap(*kind, &line));
        prop_assert_eq!(lines(format, &wrapped), own, "{:?} {}", kinds, wrapped);
        let wrapped = kinds.iter().fold(with(OTHER[other], attack), |line, kind| wrap(*kind, &line));
        nothing_stolen(&lines(format, &wrapped), &wrapped);
    }
}
