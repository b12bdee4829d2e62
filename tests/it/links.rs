//! References in comments and documents lead to existing files and headings, and every fact has a
//! source.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The folders with comments and documents; not `target` and downloaded files.
const FOLDERS: [&str; 9] =
    ["src", "tests", "docs", "fuzz", "benches", "fixtures", "scripts", "profiles", ".ci"];

/// Every text file in these folders and at the top of the repository.
fn texts() -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    for folder in FOLDERS {
        collect(Path::new(folder), &mut files);
    }
    for entry in fs::read_dir(".").unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            files.push(path.strip_prefix(".").unwrap().to_owned());
        }
    }
    // Corpora and fixtures contain bytes that are not text.
    files
        .into_iter()
        .filter_map(|path| Some((path.clone(), fs::read_to_string(path).ok()?)))
        .collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("target") && !path.ends_with("corpus") {
            collect(&path, files);
        } else if path.is_file() {
            files.push(path);
        }
    }
}

/// The anchors of a document, as GitHub derives them from its headings.
fn anchors(document: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut is_code = false;
    for line in document.lines() {
        is_code ^= line.starts_with("```");
        let heading = line.trim_start_matches('#');
        if is_code || heading.len() == line.len() || !heading.starts_with(' ') {
            continue;
        }
        let kept = heading.trim().chars().filter_map(|character| match character {
            ' ' => Some('-'),
            '-' | '_' => Some(character),
            _ => character.is_alphanumeric().then(|| character.to_ascii_lowercase()),
        });
        found.insert(kept.collect());
    }
    found
}

/// The citations of a heading in a text, such as `docs/engine-api.md#forms`: document and anchor.
fn citations(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for rest in text.split("docs/").skip(1) {
        let Some((name, after)) = rest.split_once(".md#") else { continue };
        if !name.chars().all(|character| character.is_ascii_alphanumeric() || character == '-') {
            continue;
        }
        let anchor =
            after.chars().take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
        found.push((format!("docs/{name}.md"), anchor.collect()));
    }
    found
}

/// The targets of the links in a Markdown document, without those outside the repository.
fn links(document: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut is_code = false;
    for line in document.lines() {
        is_code ^= line.trim_start().starts_with("```");
        if is_code {
            continue;
        }
        for rest in line.split("](").skip(1) {
            let target = rest.split(')').next().unwrap();
            if !target.contains("://") && !target.contains(' ') && !target.is_empty() {
                found.push(target.to_owned());
            }
        }
    }
    found
}

#[test]
fn every_heading_that_a_comment_cites_exists() {
    let mut missing = Vec::new();
    let mut count = 0;
    for (path, text) in texts() {
        if path.ends_with("links.rs") {
            continue;
        }
        for (document, anchor) in citations(&text) {
            count += 1;
            let there =
                fs::read_to_string(&document).is_ok_and(|it| anchors(&it).contains(&anchor));
            if !there {
                missing.push(format!("{}: {document}#{anchor}", path.display()));
            }
        }
    }
    assert_eq!(missing, Vec::<String>::new());
    assert!(count > 140, "only {count} citations were found");
}

#[test]
fn every_link_between_documents_leads_somewhere() {
    let mut broken = Vec::new();
    for (path, text) in texts() {
        if path.extension().is_none_or(|extension| extension != "md") {
            continue;
        }
        for link in links(&text) {
            let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target =
                if file.is_empty() { path.clone() } else { path.parent().unwrap().join(file) };
            let is_there = if anchor.is_empty() {
                target.exists()
            } else {
                fs::read_to_string(&target).is_ok_and(|it| anchors(&it).contains(anchor))
            };
            if !is_there {
                broken.push(format!("{}: {link}", path.display()));
            }
        }
    }
    assert_eq!(broken, Vec::<String>::new());
}

#[test]
fn the_index_has_every_page() {
    let index = fs::read_to_string("docs/README.md").unwrap();
    let listed: BTreeSet<String> = links(&index).into_iter().collect();
    for entry in fs::read_dir("docs").unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let is_page = name.ends_with(".md") && name != "README.md";
        assert!(!is_page || listed.contains(&name), "docs/README.md does not list {name}");
    }
}

#[test]
fn every_section_about_the_engine_names_a_source() {
    let document = fs::read_to_string("docs/engine-api.md").unwrap();
    for section in document.split("\n### ").skip(1) {
        let (title, body) = section.split_once('\n').unwrap();
        assert!(body.to_lowercase().contains("source"), "{title} has no source");
    }
}

#[test]
fn anchors_and_citations_are_read_as_they_are_written() {
    let headings = anchors("# A page\n```sh\n# no heading\n```\n## HTTP/2 and `gRPC`\n");
    assert_eq!(headings, BTreeSet::from(["a-page".to_owned(), "http2-and-grpc".to_owned()]));
    let cited = citations("see docs/engine-api.md#forms), and docs/ci.md.");
    assert_eq!(cited, [("docs/engine-api.md".to_owned(), "forms".to_owned())]);
    assert_eq!(links("[a](b.md#c) [d](https://e) ```\n"), ["b.md#c"]);
}
