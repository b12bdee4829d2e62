//! `docs/contents.md` is generated from `src/contents/*.tsv`; `DSP_README=write` writes it again.

use std::fmt::Write as _;

use dsp::api::{EngineKind, Operation};
use dsp::contents::{Facet, Schema};

use super::{ENGINES, Row, is_below, operation, rows};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/contents.md");

const ABOUT: &str = "\
# Contents of requests

A path says little about a request such as `POST /containers/create`: what it gives away is in its body. A rule with
contents names that, by **facet**: the image, the mounts, the ports. A facet is about what is given, and not
about the field that says it: `Binds`, `Mounts` and a volume with driver options are all mounts.

This page is generated from `src/contents/docker.tsv` and `src/contents/podman.tsv`, the files that dsp itself reads. It
lists each field of the bodies and each parameter of the queries that dsp decides on, and why the others need no rule.
A test compares these lists with the types in the engines' own source, in their newest versions.

- A field that is not in the list and that says something (it is not null, false, 0 or empty) is **refused** by a
  rule with contents. The denial names it.
- A value that is listed under **gives nothing** needs no rule, nor does an empty one.
- A field under **needs no rule** may have any value, for the reason that is given.
- A field under **never recorded** may hold a secret. Of these, dsp writes down at most the names.

`{}` stands for the values of a map, `[]` for the items of a list, and `?` is before the name of a parameter.
";

/// What a facet is about, for the table at the beginning.
fn about(facet: Facet) -> &'static str {
    match facet {
        Facet::Image => "which image runs, is pulled or read, and which name is given to content",
        Facet::Mounts => "folders of the host, volumes, and whatever else is mounted or opened",
        Facet::Network => "networks that are joined, and names and addresses in them",
        Facet::Ports => "ports of the host",
        Facet::Privileged => "all devices and all rights of the kernel",
        Facet::Capabilities => "rights of the kernel beyond those that each container has",
        Facet::Devices => "devices of the host",
        Facet::Security => "protections that are turned off or replaced",
        Facet::Namespaces => "namespaces and cgroups of the host or of other containers",
        Facet::Runtime => "the program that starts the container, and what it is told",
        Facet::Sysctls => "settings of the kernel",
        Facet::Logging => "where output goes",
        Facet::Labels => "the keys of labels",
        Facet::Source => "where content comes from, or goes to",
        Facet::Container => "containers that a request names, apart from the one in its path",
        Facet::Path => "a path in a container",
        Facet::Filters => "what an operation without a name is about",
        Facet::Name => "the name of what is created; free unless a rule names it",
        Facet::User => "the user in a container; free unless a rule names it",
    }
}

/// A table whose columns are aligned.
fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let header: Vec<String> = header.iter().map(|text| (*text).to_owned()).collect();
    let width = |column: usize| {
        let cells = rows.iter().chain([&header]).map(|row| row[column].chars().count());
        cells.max().unwrap_or_default()
    };
    let last = header.len() - 1;
    let line = |row: &[String]| {
        let cells = row.iter().enumerate().map(|(column, text)| match column == last {
            true => text.clone(),
            false => format!("{text:width$}", width = width(column)),
        });
        format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "))
    };
    let rule: Vec<String> = (0..=last)
        .map(|column| "-".repeat(if column == last { 3 } else { width(column) }))
        .collect();
    let mut text = line(&header) + &format!("|-{}-|\n", rule.join("-|-"));
    rows.iter().for_each(|row| text += &line(row));
    text
}

/// A field with its place: `Image`, or `?tag`.
fn name(row: &Row) -> String {
    match row.place.as_str() {
        "query" => format!("`?{}`", row.path.trim_end_matches("[]")),
        _ => format!("`{}`", row.path),
    }
}

/// The same with its versions.
fn field(row: &Row, engine: EngineKind) -> String {
    let of = match engine {
        EngineKind::Docker => "API",
        EngineKind::Podman => "podman",
    };
    match row.api.split_once('-') {
        Some((first, "")) => format!("{} from {of} {first}", name(row)),
        Some(("", last)) => format!("{} until {of} {last}", name(row)),
        _ => name(row),
    }
}

/// The lists of an operation: what its fields give away, and what needs no rule.
fn contents(rows: &[&Row], engine: EngineKind) -> String {
    let mut text = String::new();
    let mut gives: Vec<(Facet, Vec<String>)> = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        // What the reader of a row around it reads is in the facet of that row.
        let around = rows[..index].iter().rev();
        let mut around = around.filter(|other| {
            other.place == row.place && is_below(&row.path, &other.path) && !other.reader.is_empty()
        });
        let facet: Option<Facet> = match row.facet.as_str() {
            "within" => around.next().and_then(|other| other.facet.parse().ok()),
            facet => facet.parse().ok(),
        };
        if let Some(facet) = facet.filter(|_| row.path != ".") {
            let cells = vec![facet.to_string(), field(row, engine), row.why.clone()];
            gives.push((facet, cells));
        }
    }
    gives.sort_by_key(|(facet, _)| *facet);
    if !gives.is_empty() {
        let gives: Vec<Vec<String>> = gives.into_iter().map(|(_, cells)| cells).collect();
        text += &table(&["facet", "field", "what it gives"], &gives);
    }
    let harmless: Vec<_> = rows.iter().filter(|row| !row.harmless.is_empty()).collect();
    if !harmless.is_empty() {
        text += "\nGives nothing:\n\n";
        for row in harmless {
            let words: Vec<String> =
                row.harmless.split(',').map(|word| format!("`{word}`")).collect();
            let all = if row.reader.starts_with("set ") { " a list with all of" } else { "" };
            let _ = writeln!(text, "- {}:{all} {}", name(row), words.join(", "));
        }
    }
    let mut reasons: Vec<(&str, Vec<String>)> = Vec::new();
    for row in rows.iter().filter(|row| row.facet == "free") {
        match reasons.iter_mut().find(|(why, _)| *why == row.why) {
            Some((_, fields)) => fields.push(field(row, engine)),
            None => reasons.push((&row.why, vec![field(row, engine)])),
        }
    }
    if !reasons.is_empty() {
        text += "\nNeeds no rule:\n\n";
        for (why, fields) in reasons {
            let _ = writeln!(text, "- {why}: {}", fields.join(", "));
        }
    }
    let secrets: Vec<String> =
        rows.iter().filter(|row| row.secret == "y").map(|row| name(row)).collect();
    if !secrets.is_empty() {
        let _ = writeln!(text, "\nNever recorded: {}.", secrets.join(", "));
    }
    text
}

/// The facets that a rule for an operation can name, with a link to what they are.
pub(crate) fn facets(engine: EngineKind, of: &Operation) -> String {
    let Some(schema) = Schema::in_rules(of) else { return String::new() };
    let facets: Vec<String> = schema.facets().iter().map(ToString::to_string).collect();
    if facets.is_empty() {
        return String::new();
    }
    format!("[{}](contents.md#{})", facets.join(", "), anchor(&heading(engine, of.name)))
}

/// The heading of an operation.
fn heading(engine: EngineKind, of: &str) -> String {
    let operation = operation(engine, of).unwrap();
    match engine {
        EngineKind::Docker => format!("`{operation}`"),
        EngineKind::Podman => format!("podman `{operation}`"),
    }
}

/// The anchor of a heading, as GitHub derives it.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter_map(|character| match character {
        ' ' => Some('-'),
        '-' | '_' => Some(character),
        _ => character.is_alphanumeric().then(|| character.to_ascii_lowercase()),
    });
    kept.collect()
}

fn page() -> String {
    let mut text = ABOUT.to_owned() + "\n## Facets\n\n";
    let facets: Vec<Vec<String>> = Facet::ALL
        .into_iter()
        .map(|facet| vec![format!("`{facet}`"), about(facet).to_owned()])
        .collect();
    text += &table(&["facet", "what it is about"], &facets);
    for engine in ENGINES {
        text += match engine {
            EngineKind::Docker => "\n## Docker Engine\n",
            EngineKind::Podman => {
                "\n## podman\n\nWhere an operation is as another one, its own fields add to those, or take their place.\n"
            }
        };
        let rows = rows(engine);
        let mut operations: Vec<&str> = rows.iter().map(|row| row.operation.as_str()).collect();
        operations.dedup();
        for of in operations {
            let own: Vec<&Row> = rows.iter().filter(|row| row.operation == of).collect();
            let _ = writeln!(text, "\n### {}\n", heading(engine, of));
            let (like, own): (Vec<&Row>, Vec<&Row>) =
                own.into_iter().partition(|row| row.place == "like");
            for row in like {
                let (other, name) = row.path.split_once(' ').unwrap();
                let title = heading(other.parse().unwrap(), name);
                let more = if own.is_empty() { "." } else { ", and:\n" };
                let _ = writeln!(text, "As [{title}](#{}){more}", anchor(&title));
            }
            text += &contents(&own, engine);
        }
    }
    text
}

#[test]
fn the_page_is_the_data() {
    let page = page();
    if std::env::var("DSP_README").is_ok_and(|value| value == "write") {
        std::fs::write(PAGE, &page).unwrap();
    }
    assert!(page == std::fs::read_to_string(PAGE).unwrap(), "DSP_README=write writes it again");
}
