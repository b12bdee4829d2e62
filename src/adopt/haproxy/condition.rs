//! Conditions of `haproxy.cfg`: named and anonymous ACLs, and how they are joined.

use std::collections::HashMap;

use super::super::dialect::Dialect;
use super::super::grants::Condition;
use super::super::paths::{PathSet, Place};
use super::super::variables::Variable;

/// The ACLs and variables that a section has defined.
pub(super) struct Known<'a> {
    acls: HashMap<String, Acl>,
    /// Variables of transactions that contain the path.
    paths: Vec<String>,
    /// The environment of the program, as far as it is known.
    environment: &'a [Variable],
}

/// What the lines with one name define.
#[derive(Default)]
struct Acl {
    alternatives: Vec<Condition>,
    /// The variables that they read, which have to be set before the ACL is used.
    variables: Vec<String>,
}

/// Why a condition cannot be read.
pub(super) type Reason = String;

/// What a condition compares.
enum Fetch {
    /// The path, and whether its case was removed.
    Path {
        ignores_case: bool,
    },
    Method,
    Client,
    /// A variable of the environment.
    Environment(Option<String>),
    Constant(bool),
}

/// ACLs that are always defined, and the methods that they stand for.
const METHODS: [(&str, &[&str]); 8] = [
    ("METH_CONNECT", &["CONNECT"]),
    ("METH_DELETE", &["DELETE"]),
    ("METH_GET", &["GET", "HEAD"]),
    ("METH_HEAD", &["HEAD"]),
    ("METH_OPTIONS", &["OPTIONS"]),
    ("METH_POST", &["POST"]),
    ("METH_PUT", &["PUT"]),
    ("METH_TRACE", &["TRACE"]),
];

/// Criteria that are about the client or the connection, by the beginning of their names.
const CLIENTS: [&str; 13] = [
    "src",
    "dst",
    "hdr",
    "req.hdr",
    "req.fhdr",
    "ssl_",
    "fc_",
    "http_auth",
    "so_",
    "nbsrv",
    "be_",
    "fe_",
    "req.cook",
];

impl<'a> Known<'a> {
    /// A section that has defined nothing yet.
    pub(super) fn new(environment: &'a [Variable]) -> Self {
        Self { acls: HashMap::new(), paths: Vec::new(), environment }
    }

    /// Defines an ACL by a criterion. Several definitions of one name are alternatives.
    pub(super) fn define(&mut self, name: &str, condition: Condition, criterion: &[String]) {
        let acl = self.acls.entry(name.to_owned()).or_default();
        acl.alternatives.push(condition);
        acl.variables
            .extend(criterion.first().and_then(|fetch| variable(fetch)).map(str::to_owned));
    }

    /// Forgets which variables were set, but not the ACLs that read them.
    pub(super) fn forget_variables(&mut self) {
        self.paths.clear();
    }

    /// Notes that a variable of the transaction has the value of a fetch.
    pub(super) fn set(&mut self, variable: &str, fetch: &str) {
        if matches!(self.fetch(fetch), Ok(Fetch::Path { .. })) {
            self.paths.push(variable.to_owned());
        }
    }

    /// The condition after `if`, or after `unless`.
    pub(super) fn read(&self, words: &[String]) -> (Condition, Option<Reason>) {
        let mut reason = None;
        let mut alternatives = vec![Vec::new()];
        let mut rest = words.iter();
        while let Some(word) = rest.next() {
            if word == "||" || word.eq_ignore_ascii_case("or") {
                alternatives.push(Vec::new());
                continue;
            }
            let (is_negated, word) = negation(word, &mut rest);
            let found = if word == "{" {
                let inside: Vec<String> =
                    rest.by_ref().take_while(|word| *word != "}").cloned().collect();
                self.criterion(&inside)
            } else {
                self.named(word)
            };
            let condition = found.unwrap_or_else(|why| {
                reason.get_or_insert(why);
                Condition::Unreadable
            });
            let condition = if is_negated { Condition::not(condition) } else { condition };
            alternatives.last_mut().into_iter().for_each(|all| all.push(condition.clone()));
        }
        let all = alternatives.into_iter().map(Condition::All).collect();
        (Condition::Any(all), reason)
    }

    fn named(&self, name: &str) -> Result<Condition, Reason> {
        if let Some(acl) = self.acls.get(name) {
            if let Some(unset) = acl.variables.iter().find(|one| !self.paths.contains(one)) {
                return Err(format!(
                    "the ACL {name} reads {unset}, which is not a path before this line"
                ));
            }
            return Ok(Condition::Any(acl.alternatives.clone()));
        }
        if let Some((_, methods)) = METHODS.iter().find(|(known, _)| *known == name) {
            return Ok(Condition::methods(methods.iter().copied()));
        }
        match name {
            "TRUE" | "HTTP" | "WAIT_END" => Ok(Condition::Constant(true)),
            "FALSE" => Ok(Condition::Constant(false)),
            "LOCALHOST" | "HTTP_1.0" | "HTTP_1.1" | "HTTP_2.0" => Ok(Condition::Client),
            _ => Err(format!("the ACL {name} is not defined in this section")),
        }
    }

    /// A criterion: what is compared, flags, and values.
    pub(super) fn criterion(&self, words: &[String]) -> Result<Condition, Reason> {
        let (name, rest) = words.split_first().ok_or("an empty condition")?;
        let (fetch, mut how) = match by_suffix(name) {
            Some((fetch, how)) => (fetch, Some(how)),
            None => (name.as_str(), None),
        };
        let found = self.fetch(fetch)?;
        if matches!(found, Fetch::Client) {
            return Ok(Condition::Client);
        }
        let mut ignores_case = false;
        let mut values: Vec<&str> = Vec::new();
        let mut rest = rest.iter().map(String::as_str);
        while let Some(word) = rest.next() {
            match word {
                "-i" if values.is_empty() => ignores_case = true,
                "-m" if values.is_empty() => how = rest.next(),
                "-f" | "-M" | "-u" if values.is_empty() => {
                    return Err("values in a file of their own".to_owned());
                }
                "-n" if values.is_empty() => {}
                "--" if values.is_empty() => {
                    values.extend(rest.by_ref());
                }
                value => values.push(value),
            }
        }
        match found {
            Fetch::Client => Ok(Condition::Client),
            Fetch::Constant(value) => Ok(Condition::Constant(value)),
            Fetch::Environment(value) if how == Some("bool") => {
                let value = value.ok_or("the value of the variable is set elsewhere")?;
                let digits = value.strip_prefix(['-', '+']).unwrap_or(&value);
                let mut digits = digits.bytes().take_while(u8::is_ascii_digit);
                Ok(Condition::Constant(digits.any(|digit| digit != b'0')))
            }
            Fetch::Environment(value) if matches!(how, None | Some("str")) => {
                let value = value.ok_or("the value of the variable is set elsewhere")?;
                Ok(Condition::Constant(values.contains(&value.as_str())))
            }
            Fetch::Method if matches!(how, None | Some("str")) && !ignores_case => {
                Ok(Condition::methods(values))
            }
            Fetch::Path { ignores_case: lower } => {
                let how = how.unwrap_or("str");
                // Without case, only values in lower case match.
                if lower
                    && values
                        .iter()
                        .any(|value| value.bytes().any(|byte| byte.is_ascii_uppercase()))
                {
                    return Err("values in upper case for a path in lower case".to_owned());
                }
                paths(how, ignores_case || lower, &values)
            }
            Fetch::Environment(_) | Fetch::Method => {
                Err(format!("{name} compared with -m {}", how.unwrap_or("str")))
            }
        }
    }

    fn fetch(&self, text: &str) -> Result<Fetch, Reason> {
        let mut parts = text.split(',');
        let name = parts.next().unwrap_or_default();
        if CLIENTS.iter().any(|client| name.starts_with(client)) {
            return Ok(Fetch::Client);
        }
        if let Some(variable) = name.strip_prefix("env(").and_then(|rest| rest.strip_suffix(')')) {
            let found = self.environment.iter().rfind(|known| known.name == variable);
            return Ok(Fetch::Environment(found.and_then(|found| found.value.clone().ok())));
        }
        let is_path = name == "path"
            || variable(name).is_some_and(|name| self.paths.iter().any(|known| known == name));
        match name {
            _ if is_path => {}
            "method" if parts.clone().next().is_none() => return Ok(Fetch::Method),
            "always_true" => return Ok(Fetch::Constant(true)),
            "always_false" => return Ok(Fetch::Constant(false)),
            _ => return Err(format!("dsp does not know what {name} is")),
        }
        let mut ignores_case = false;
        for converter in parts {
            match converter {
                "url_dec" => {}
                "lower" => ignores_case = true,
                other => return Err(format!("dsp does not know the converter {other}")),
            }
        }
        Ok(Fetch::Path { ignores_case })
    }
}

/// The variable that a fetch reads.
fn variable(fetch: &str) -> Option<&str> {
    let name = fetch.split(',').next()?;
    name.strip_prefix("var(")?.strip_suffix(')')
}

/// Splits a name such as `path_beg`.
fn by_suffix(name: &str) -> Option<(&str, &str)> {
    let (fetch, how) = name.rsplit_once('_')?;
    let known = ["beg", "end", "reg", "str", "sub", "dir", "len", "dom"];
    (fetch == "path" && known.contains(&how)).then_some((fetch, how))
}

/// Takes `!` from the front of a term; it may also be a word of its own.
fn negation<'a>(mut word: &'a str, rest: &mut std::slice::Iter<'a, String>) -> (bool, &'a str) {
    let mut is_negated = false;
    while let Some(after) = word.strip_prefix('!') {
        is_negated = !is_negated;
        word = after;
        if word.is_empty() {
            word = rest.next().map_or("", String::as_str);
        }
    }
    (is_negated, word)
}

/// The paths that one of the values matches.
fn paths(how: &str, ignores_case: bool, values: &[&str]) -> Result<Condition, Reason> {
    let place = match how {
        "str" => Some(Place::Whole),
        "beg" => Some(Place::Beginning),
        "end" => Some(Place::End),
        "sub" => Some(Place::Anywhere),
        "dir" => Some(Place::Segments),
        "reg" => None,
        other => return Err(format!("paths compared with -m {other}")),
    };
    let set = |value: &&str| {
        let set = match place {
            Some(Place::Segments) => {
                PathSet::text(value.trim_matches('/'), Place::Segments, ignores_case)
            }
            Some(place) => PathSet::text(value, place, ignores_case),
            None => PathSet::found(value, Dialect::Pcre, ignores_case),
        };
        set.map(Condition::Path).map_err(|error| error.to_string())
    };
    values.iter().map(set).collect::<Result<_, _>>().map(Condition::Any)
}
