//! Inside a folder of `src` the files use each other in one direction, too: a file can be read
//! without the files that use it. This test reads the sources as text and follows names through the
//! re-exports of `mod.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// A file as a module path: `proxy`, `server`. The path of a `mod.rs` is that of its folder.
type Module = Vec<String>;

/// The code of each file, without comments and unit tests.
type Sources = BTreeMap<Module, Source>;

struct Source {
    code: String,
    is_folder: bool,
}

/// The files below `src`, by module.
fn sources(folder: &Path, module: &[String], found: &mut Sources) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let inner = [module, std::slice::from_ref(&name)].concat();
        if path.is_dir() {
            sources(&path, &inner, found);
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && !name.ends_with("tests")
            && !module.is_empty()
        {
            let is_folder = name == "mod";
            let module = if is_folder { module.to_vec() } else { inner };
            let code = code(&fs::read_to_string(&path).unwrap());
            found.insert(module, Source { code, is_folder });
        }
    }
}

fn code(text: &str) -> String {
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let lines = code.lines().map(|line| line.split("//").next().unwrap());
    lines.collect::<Vec<_>>().join("\n")
}

/// The paths that a file names, from the root of the crate.
fn named(module: &[String], code: &str) -> BTreeSet<Module> {
    let mut found = BTreeSet::new();
    for (start, _) in code.match_indices("crate::").chain(code.match_indices("super::")) {
        let before = code[..start].chars().next_back();
        if before.is_some_and(|c| c == ':' || c == '_' || c.is_alphanumeric()) {
            continue;
        }
        let (mut rest, mut root) = (&code[start..], module.to_vec());
        while let Some(inner) = rest.strip_prefix("super::") {
            (rest, _) = (inner, root.pop());
        }
        if let Some(inner) = rest.strip_prefix("crate::") {
            (rest, root) = (inner, Vec::new());
        }
        expand(&root, tree(rest), &mut found);
    }
    found
}

/// The path and the braces at the beginning of a text.
fn tree(text: &str) -> &str {
    let mut depth = 0;
    let end = text.find(|c: char| match c {
        '{' => {
            depth += 1;
            false
        }
        '}' => {
            depth -= 1;
            depth < 0
        }
        ':' | '_' => false,
        _ if depth > 0 => false,
        c => !c.is_alphanumeric(),
    });
    &text[..end.unwrap_or(text.len())]
}

/// Each path of a tree such as `a::{b, c::{d, self}}`.
fn expand(root: &[String], tree: &str, found: &mut BTreeSet<Module>) {
    let tree = tree.trim().split(" as ").next().unwrap();
    let (path, braces) = match tree.split_once('{') {
        Some((path, braces)) => (path, Some(braces)),
        None => (tree, None),
    };
    let words = path.split("::").filter(|word| !word.is_empty() && *word != "self");
    let path = [root, &words.map(str::to_owned).collect::<Vec<_>>()].concat();
    let Some(braces) = braces else {
        found.insert(path);
        return;
    };
    let (mut depth, mut start) = (0, 0);
    for (at, c) in braces.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if (c == ',' && depth == 0) || depth < 0 {
            expand(&path, &braces[start..at], found);
            start = at + 1;
        }
        if depth < 0 {
            break;
        }
    }
}

/// The file that a path leads to, through re-exports.
fn file_of(path: &[String], sources: &Sources) -> Option<Module> {
    let (module, name) = (1..=path.len()).rev().find_map(|length| {
        let module = sources.get_key_value(&path[..length])?.0;
        Some((module, path.get(length)))
    })?;
    let source = &sources[module];
    if let Some(name) = name.filter(|_| source.is_folder) {
        for statement in source.code.split(';').filter(|statement| statement.contains("pub")) {
            let Some((_, reexport)) = statement.split_once("use ") else { continue };
            let mut exported = BTreeSet::new();
            expand(module, reexport, &mut exported);
            let inner = exported
                .into_iter()
                .find(|path| path.last() == Some(name) && path.len() > module.len() + 1);
            if let Some(file) = inner.and_then(|path| file_of(&path, sources)) {
                return Some(file);
            }
        }
    }
    Some(module.clone())
}

/// Which files of its own folder each file uses. What `mod.rs` gathers is not a use.
fn uses(sources: &Sources) -> BTreeMap<&Module, BTreeSet<Module>> {
    let files = sources.iter().filter(|(_, source)| !source.is_folder);
    files
        .map(|(module, source)| {
            let used = named(module, &source.code).into_iter();
            let used = used.filter_map(|path| file_of(&path, sources));
            (module, used.filter(|used| used != module && used[0] == module[0]).collect())
        })
        .collect()
}

/// The files that can be reached from each other, in groups.
fn circles(sources: &Sources) -> BTreeSet<Vec<String>> {
    let uses = uses(sources);
    let reached = |from: &Module| {
        let (mut seen, mut open) = (BTreeSet::new(), vec![from.clone()]);
        while let Some(module) = open.pop() {
            for next in uses.get(&module).into_iter().flatten() {
                if seen.insert(next.clone()) {
                    open.push(next.clone());
                }
            }
        }
        seen
    };
    let reached: BTreeMap<&Module, BTreeSet<Module>> =
        uses.keys().map(|module| (*module, reached(module))).collect();
    let group = |module: &Module| {
        let is_in =
            |other: &&Module| reached[module].contains(*other) && reached[*other].contains(module);
        reached.keys().copied().filter(is_in).map(|module| module.join("/")).collect::<Vec<_>>()
    };
    reached.keys().map(|module| group(module)).filter(|group| group.len() > 1).collect()
}

#[test]
fn the_files_of_a_folder_use_each_other_in_one_direction() {
    let mut found = Sources::new();
    sources(Path::new("src"), &[], &mut found);
    assert!(found.len() > 200, "{} files were read", found.len());
    assert_eq!(circles(&found), BTreeSet::new());
}

#[test]
fn a_circle_is_seen_through_re_exports_and_braces() {
    let source = |code: &str, is_folder| Source { code: code.to_owned(), is_folder };
    let module = |path: &str| path.split('/').map(str::to_owned).collect::<Module>();
    let sources = Sources::from([
        (module("a"), source("mod b;\nmod c;\npub use b::{B, Other};\npub use c::C;", true)),
        (module("a/b"), source("use super::{\n    C,\n};", false)),
        (module("a/c"), source("fn c() { crate::a::B::new() }", false)),
        (module("a/d"), source("use crate::{x, a::{b::Other, C}};", false)),
    ]);
    assert_eq!(circles(&sources), BTreeSet::from([vec!["a/b".to_owned(), "a/c".to_owned()]]));
}
