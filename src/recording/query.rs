//! The query of a request as a recording contains it, without what may be secret.

use std::borrow::Cow;

use serde_json::Value;

use super::secret::is_secret;
use crate::api::{EngineKind, HIDDEN, Located, Query, length, without_user};
use crate::text::beginning;

/// Query parameters that contain free text from people.
const FREE_TEXTS: [&str; 3] = ["author", "comment", "message"];

/// Query parameters of which the names are kept but not the values: labels and options.
const NAMES_ONLY: [&str; 7] =
    ["labels", "annotations", "annotation", "layerLabel", "logOptions", "labelopts", "cppflags"];

/// The parameter that says where the result of a build goes.
const OUTPUTS: &str = "outputs";

/// The attributes of such a result that are kept.
const OUTPUT_ATTRIBUTES: [&str; 4] = ["dest", "name", "push", "type"];

/// The query to record: the parameters that the operation has, in order, and those of their values that are
/// known to be harmless. If the request names no operation, nothing is kept, because nothing is known about
/// it.
pub(super) fn query<'a>(
    query: Query<'a>,
    located: Option<&'a Located>,
    longest: usize,
) -> impl Iterator<Item = (Cow<'a, str>, Option<Cow<'a, str>>)> {
    let pairs = located.into_iter().flat_map(move |located| {
        query.pairs().filter_map(move |(key, value)| Some((located, known(located, &key)?, value)))
    });
    pairs.map(move |(located, key, value)| {
        let is_secret = located.operation.secret_query.contains(&key) || FREE_TEXTS.contains(&key);
        (key.into(), (!is_secret).then(|| shortened(self::value(key, value), longest)))
    })
}

/// How many query parameters the operation does not have.
pub(super) fn unknown(query: Query<'_>, located: Option<&Located>) -> u64 {
    let is_unknown = |key: &str| located.is_none_or(|located| known(located, key).is_none());
    query.pairs().map(|(key, _)| u64::from(is_unknown(&key))).sum()
}

/// The parameter that the engine reads under this name. podman's decoder ignores the case of names
/// (gorilla/schema, `strings.EqualFold`).
fn known(located: &Located, key: &str) -> Option<&'static str> {
    let operation = located.operation;
    let folds = |known: &&&'static str| match operation.engine {
        EngineKind::Docker => **known == key,
        EngineKind::Podman => **known == key || is_folded(known, key),
    };
    operation.query.iter().find(folds).copied()
}

/// Whether two texts, the first in ASCII, are equal when case is ignored. Two other letters fold to ASCII
/// ones: the long s and the kelvin sign.
fn is_folded(ascii: &str, other: &str) -> bool {
    let folded = other.chars().map(|letter| match letter {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        letter => letter.to_ascii_lowercase(),
    });
    ascii.chars().map(|letter| letter.to_ascii_lowercase()).eq(folded)
}

/// A value as text, without the parts that may be secret.
fn value<'a>(key: &str, value: Cow<'a, [u8]>) -> Cow<'a, str> {
    let value: Cow<'a, str> = match value {
        Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes),
        Cow::Owned(bytes) => match String::from_utf8(bytes) {
            Ok(text) => text.into(),
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned().into(),
        },
    };
    let keeps = if key == OUTPUTS {
        Keeps::Attributes
    } else if NAMES_ONLY.contains(&key) {
        Keeps::Names
    } else {
        Keeps::Texts
    };
    if !value.trim_start().starts_with(['{', '[']) || value.starts_with(HIDDEN) {
        return match keeps.text(&value) {
            Cow::Borrowed(text) if text.len() == value.len() => value,
            text => text.into_owned().into(),
        };
    }
    let Ok(mut json) = serde_json::from_str(&value) else {
        return length(value.len()).into();
    };
    if keeps.within(&mut json) { json.to_string().into() } else { value }
}

/// Which parts of a value are kept.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Keeps {
    /// Texts that contain no secret.
    Texts,
    /// The names in it.
    Names,
    /// The attributes that say where the result of a build goes.
    Attributes,
}

impl Keeps {
    fn text(self, text: &str) -> Cow<'_, str> {
        if self != Self::Names {
            return safe(text);
        }
        match text.split_once('=') {
            Some((name, value)) if !value.is_empty() => {
                format!("{}={HIDDEN}", without_user(name)).into()
            }
            Some(_) => text.into(),
            None if text.is_empty() || text == HIDDEN => text.into(),
            None => HIDDEN.into(),
        }
    }

    /// Removes from a value what is not kept, and returns whether there was anything to remove.
    fn within(self, json: &mut Value) -> bool {
        match json {
            Value::String(text) => {
                let kept = self.text(text).into_owned();
                let is_other = kept != *text;
                *text = kept;
                is_other
            }
            Value::Array(values) => {
                let others = values.iter_mut().map(|value| u64::from(self.within(value)));
                others.sum::<u64>() > 0
            }
            Value::Object(members) => {
                let mut is_other = false;
                let mut kept = serde_json::Map::new();
                for (name, mut value) in std::mem::take(members) {
                    let shown = safe(&name).into_owned();
                    let is_kept = match self {
                        Self::Texts => !is_secret(&name),
                        Self::Names => false,
                        Self::Attributes => {
                            matches!(name.as_str(), "Type" | "Attrs")
                                || OUTPUT_ATTRIBUTES.contains(&name.as_str())
                        }
                    };
                    is_other |= shown != name;
                    is_other |= match is_kept {
                        true => self.within(&mut value),
                        false => hide(&mut value),
                    };
                    kept.insert(shown, value);
                }
                *members = kept;
                is_other
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => false,
        }
    }
}

fn hide(json: &mut Value) -> bool {
    let hidden = Value::String(HIDDEN.to_owned());
    let is_other = *json != hidden;
    *json = hidden;
    is_other
}

/// A text without user information, without the query and fragment of a URL, and without the value of a
/// name that announces a secret.
fn safe(text: &str) -> Cow<'_, str> {
    let text = without_user(text);
    let end = [end_of_url(&text), start_of_secret(&text)].into_iter().flatten().min();
    match end.filter(|end| text.get(*end..) != Some(HIDDEN)) {
        Some(end) => format!("{}{HIDDEN}", text.get(..end).unwrap_or_default()).into(),
        None => text,
    }
}

fn end_of_url(text: &str) -> Option<usize> {
    let scheme = text.find("://")?;
    text.get(scheme..)?.find(['?', '#']).map(|place| scheme + place)
}

fn start_of_secret(text: &str) -> Option<usize> {
    let starts = text.match_indices('=').map(|(place, _)| place);
    let mut named = starts.filter(|place| {
        let front = text.get(..*place).unwrap_or_default();
        let name = front.rsplit([',', ' ', ';', '&', '?', '=']).next().unwrap_or_default();
        is_secret(name)
    });
    named.next().map(|place| place + 1)
}

/// The beginning of a value that is longer than `longest`.
fn shortened(text: Cow<'_, str>, longest: usize) -> Cow<'_, str> {
    if text.len() <= longest { text } else { beginning(&text, longest).to_owned().into() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::api::{CanonicalRequest, is_length};

    fn recorded(engine: EngineKind, target: &str) -> Vec<(String, Option<String>)> {
        let request = CanonicalRequest::parse(engine, "POST", target).unwrap();
        let owned = |(key, value): (Cow<'_, str>, Option<Cow<'_, str>>)| {
            (key.into_owned(), value.map(Cow::into_owned))
        };
        query(request.query(), request.locate().as_ref(), usize::MAX).map(owned).collect()
    }

    fn kept(engine: EngineKind, path: &str, key: &str, value: &str) -> String {
        let escaped: String = value.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let pairs = recorded(engine, &format!("{path}?{key}={escaped}"));
        pairs.into_iter().next().unwrap().1.unwrap_or_else(|| "null".to_owned())
    }

    #[test]
    fn secret_query_values_are_never_kept() {
        let docker = EngineKind::Docker;
        assert_eq!(
            recorded(docker, "/build?t=x&buildargs=%7B%22A%22%3A%22hunter2%22%7D"),
            [("t".into(), Some("x".into())), ("buildargs".into(), None)]
        );
        assert_eq!(recorded(docker, "/commit?comment=hunter2"), [("comment".into(), None)]);
    }

    #[test]
    fn names_that_an_operation_does_not_have_are_counted() {
        for (target, count) in
            [("/nowhere?token=hunter2&a", 2), ("/build?hunter2=1&t=x&hunter3", 2), ("/build", 0)]
        {
            let request = CanonicalRequest::parse(EngineKind::Docker, "POST", target).unwrap();
            assert_eq!(unknown(request.query(), request.locate().as_ref()), count, "{target}");
            let recorded = recorded(EngineKind::Docker, target);
            assert!(recorded.iter().all(|(key, _)| key == "t"), "{recorded:?}");
        }
    }

    #[test]
    fn podman_reads_names_in_whatever_letters() {
        for key in ["reference", "Reference", "REFERENCE"] {
            assert_eq!(
                recorded(EngineKind::Podman, &format!("/v4.0.0/libpod/images/pull?{key}=x")),
                [("reference".into(), Some("x".into()))]
            );
        }
        // With a long s.
        let target = "/v4.0.0/libpod/build?secret%C5%BF=hunter2";
        assert_eq!(recorded(EngineKind::Podman, target), [("secrets".into(), None)]);
        assert_eq!(recorded(EngineKind::Docker, "/build?T=hunter2"), []);
    }

    #[test]
    fn user_information_is_in_no_value() {
        let docker = |path, key, value| kept(EngineKind::Docker, path, key, value);
        let podman = |path, key, value| kept(EngineKind::Podman, path, key, value);
        let create = "/images/create";
        assert_eq!(docker(create, "fromImage", "u:pw@reg/x"), "[hidden]@reg/x");
        assert_eq!(docker(create, "fromImage", "reg/x@sha256:0123"), "reg/x@sha256:0123");
        assert_eq!(docker(create, "fromImage", "u%3Apw%40reg/x"), "[hidden]@reg/x");
        assert_eq!(
            docker(create, "fromImage", "https://u:p/w@reg/x?pw"),
            "https://[hidden]@reg/x[hidden]"
        );
        assert_eq!(
            docker("/build", "cachefrom", r#"["u:pw@reg/x","y"]"#),
            r#"["[hidden]@reg/x","y"]"#
        );
        assert_eq!(
            docker(
                "/build",
                "outputs",
                r#"[{"Type":"registry","Attrs":{"password":"pw","dest":"o"}}]"#
            ),
            r#"[{"Attrs":{"dest":"o","password":"[hidden]"},"Type":"registry"}]"#
        );
        assert_eq!(docker("/build", "labels", r#"{"a":"pw"}"#), r#"{"a":"[hidden]"}"#);
        assert_eq!(docker("/build", "labels", "pw"), "[hidden]");
        assert_eq!(docker("/build", "labels", r#"{"a":"pw"#), "[8 bytes]");
        assert_eq!(docker("/build", "target", "prod"), "prod");
        let build = "/v4.0.0/libpod/build";
        assert_eq!(
            podman(build, "outputs", "type=registry,password=pw"),
            "type=registry,password=[hidden]"
        );
        assert_eq!(
            podman(build, "additionalbuildcontexts", "a=url:https://u:pw@h/x?pw"),
            "a=url:https://[hidden]@h/x[hidden]"
        );
        assert_eq!(podman(build, "annotations", r#"["k=pw"]"#), r#"["k=[hidden]"]"#);
        assert_eq!(
            podman("/v4.0.0/libpod/images/scp/x", "destination", "ssh://u:pw@h::"),
            "ssh://[hidden]@h::"
        );
        let filters = r#"{"label":["token=pw","a=b"]}"#;
        assert_eq!(
            docker("/images/prune", "filters", filters),
            r#"{"label":["token=[hidden]","a=b"]}"#
        );
    }

    proptest! {
        #[test]
        fn what_is_kept_of_a_value_is_kept_again_as_it_is(
            text in "(a|u:|pw@|https://|\\?|#|=|token=|\\{|\\}|\\[|\\]|\"|,|%40|[é/]){0,9}",
        ) {
            for key in ["t", "labels", "outputs"] {
                let once = value(key, text.as_bytes().into());
                let twice = value(key, once.as_bytes().into());
                if !is_length(&once) {
                    prop_assert_eq!(&twice, &once);
                }
            }
        }
    }
}
