//! What is true of every row of the data files.

use std::collections::HashSet;

use super::*;
use crate::api::{CanonicalRequest, Refusal};
use crate::contents::Json;

/// The least number of escapes: fewer means that some were lost.
const LEAST: usize = 450;

#[test]
fn every_row_parses() {
    assert_eq!(all().len(), data::rows());
    assert!(all().len() > LEAST, "{}", all().len());
}

#[test]
fn names_are_unique_and_in_one_spelling() {
    let mut names = HashSet::new();
    for Escape { name, .. } in all() {
        assert!(names.insert(name), "{name} is there twice");
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        assert!(
            name.split('-').all(|word| !word.is_empty() && word.bytes().all(is_plain)),
            "{name}"
        );
    }
}

#[test]
fn every_row_says_what_it_does_where_it_is_known_from_and_how_it_shows() {
    for Escape { name, effect, source, proof, works, .. } in all() {
        assert!(!effect.is_empty() && !source.is_empty() && !proof.is_empty(), "{name}");
        assert!(
            !effect.ends_with('.') && effect.starts_with(char::is_lowercase),
            "{name}: {effect}"
        );
        let is_explained =
            works.needs != Needs::More || source.contains("needs") || source.contains("has to");
        assert!(is_explained, "{name} does not say why it cannot be tried");
    }
}

#[test]
fn every_placeholder_is_known_and_used() {
    let mut used: HashSet<&str> = HashSet::new();
    for escape in all() {
        for text in [escape.target, escape.body, escape.proof] {
            assert_eq!(placeholder::unknown(text), Vec::<&str>::new(), "{}", escape.name);
            let filled = fill(text, |name| {
                assert!(name != "made" || text == escape.proof, "{}", escape.name);
                used.extend(
                    PLACEHOLDERS.iter().map(|(known, _)| *known).find(|known| *known == name),
                );
                Some(Vec::new())
            });
            assert!(filled.is_some());
        }
    }
    assert_eq!(used.len(), PLACEHOLDERS.len(), "{used:?}");
}

/// A request that is not an operation would be denied for another reason than the one that counts.
#[test]
fn every_target_is_an_operation_of_its_engine() {
    let mut wrong = Vec::new();
    for escape in all() {
        let Escape { engine, method, name, .. } = escape;
        let version = escape.version().map(|version| format!("/v{version}")).unwrap_or_default();
        let target = format!("{version}{}", filled(escape.target));
        let request = match CanonicalRequest::parse(*engine, method.as_str(), &target) {
            Ok(request) => request,
            Err(Refusal::OldVersion(_)) => continue,
            Err(refusal) => {
                wrong.push(format!("{name}: {target}: {refusal}"));
                continue;
            }
        };
        let Some(located) = request.locate() else {
            wrong.push(format!("{name}: {target} is unknown"));
            continue;
        };
        let known: Vec<_> = located.operation.query.iter().map(|key| key.to_lowercase()).collect();
        for (key, _) in request.query().pairs() {
            if !known.contains(&key.to_lowercase()) {
                wrong.push(format!("{name}: {key} is not a parameter"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// All others are read in the same way by everybody.
#[test]
fn only_differentials_are_not_strict_json() {
    for escape in all().iter().filter(|escape| escape.body.starts_with('{')) {
        let is_archive = PLACEHOLDERS.iter().any(|(name, _)| escape.body == format!("{{{name}}}"));
        if is_archive || escape.is_differential {
            continue;
        }
        let read = Json::read(filled(escape.body).as_bytes());
        assert!(read.is_ok(), "{}: {read:?}", escape.name);
    }
}

#[test]
fn every_engine_and_every_concern_has_escapes() {
    for engine in EngineKind::ALL {
        for concern in Concern::ALL {
            let count = of(engine).filter(|escape| escape.concern == concern).count();
            assert!(count > 2, "{engine} {concern}: {count}");
        }
        for gain in Gain::ALL {
            assert!(of(engine).any(|escape| escape.gives == gain), "{engine} {gain}");
        }
    }
}

fn filled(text: &str) -> String {
    String::from_utf8(fill(text, |name| Some(name.into())).unwrap()).unwrap()
}
