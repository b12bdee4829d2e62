//! Evaluates the expressions in exported files as their proxies do.

use std::sync::LazyLock;

use regex::bytes::Regex;

static VERSIONED: LazyLock<Regex> = LazyLock::new(|| regex(r"^/v[0-9.]+(?:/|\z)"));

/// The rules of a file, in order: the first match for the method decides.
pub struct Reading {
    rules: Vec<Rule>,
    /// Expressions that allow a version, for formats that check it separately.
    version: Option<Regex>,
}

struct Rule {
    method: String,
    allow: Regex,
    except: Option<Regex>,
}

impl Reading {
    pub fn allows(&self, method: &str, path: &[u8]) -> bool {
        if let Some(version) = &self.version
            && VERSIONED.is_match(path)
            && !version.is_match(path)
        {
            return false;
        }
        self.rules.iter().filter(|rule| rule.method == method).any(|rule| {
            rule.allow.is_match(path)
                && !rule.except.as_ref().is_some_and(|except| except.is_match(path))
        })
    }

    /// PCRE, byte by byte.
    pub fn haproxy(text: &str) -> Self {
        let quoted = |text: &str| bytes(text.split('\'').nth(1).unwrap());
        let rules = text.lines().filter_map(|line| {
            let rest = line.trim().strip_prefix("http-request allow if { method -m str ")?;
            let (method, rest) = rest.split_once(" } ").unwrap();
            let (allow, except) = match rest.split_once(" !{") {
                Some((allow, except)) => (allow, Some(quoted(except))),
                None => (rest, None),
            };
            Some(Rule { method: method.to_owned(), allow: quoted(allow), except })
        });
        let rules = rules.collect();
        let version = text.lines().find_map(|line| line.split_once("} !{ var(txn.path)"));
        Self { rules, version: version.map(|(_, behind)| quoted(behind)) }
    }

    /// PCRE, byte by byte; a line with 0 precedes the line that it restricts.
    pub fn nginx(text: &str) -> Self {
        let mut rules = Vec::new();
        let mut except = None;
        let lines = text.split("$dsp_rule {\n").nth(1).unwrap().lines();
        for line in lines.take_while(|line| *line != "}") {
            let Some(rest) = line.trim().strip_prefix("\"~^") else { continue };
            let (expression, value) = rest.rsplit_once("\" ").unwrap();
            let (method, path) = expression.split_once(' ').unwrap();
            let expression = bytes(&format!("^{path}"));
            if value == "0;" {
                except = Some(expression);
            } else {
                let except = except.take();
                rules.push(Rule { method: method.to_owned(), allow: expression, except });
            }
        }
        let version = text
            .lines()
            .find_map(|line| line.trim().strip_prefix("\"~^/v(?:")?.strip_suffix("\" 0;"));
        Self { rules, version: Some(bytes(&format!("^/v(?:{}", version.unwrap()))) }
    }

    /// RE2, character by character.
    pub fn caddy(text: &str) -> Self {
        let quoted = |text: &str| regex(text.split('`').nth(1).unwrap());
        let block = |text: &str| {
            let find = |start: &str| {
                text.lines().find_map(|line| line.trim().strip_prefix(start).map(str::to_owned))
            };
            Some(Rule {
                method: find("method ")?,
                allow: quoted(&find("path_regexp ")?),
                except: find("not path_regexp ").map(|line| quoted(&line)),
            })
        };
        let rules = text.split("\t@rule").skip(1).filter_map(block).collect();
        let version = text.split("\t@version {\n").nth(1).unwrap();
        Self { rules, version: version.lines().nth(1).map(quoted) }
    }

    /// RE2; the program adds the anchors.
    pub fn wollomatic(text: &str) -> Self {
        Self::anchored(text.lines().filter_map(|line| {
            let flag = line.strip_prefix("      - '-allow")?.strip_suffix('\'')?;
            flag.split_once('=').filter(|(method, _)| *method != "from")
        }))
    }

    /// RE2; the program adds the anchors.
    pub fn cetusguard(text: &str) -> Self {
        let rules = text.lines().filter_map(|line| line.split_once(' '));
        Self::anchored(rules.filter(|(method, _)| *method != "!"))
    }

    fn anchored<'a>(rules: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let rules = rules.map(|(method, expression)| Rule {
            method: method.to_owned(),
            allow: regex(&format!("^{expression}$")),
            except: None,
        });
        Self { rules: rules.collect(), version: None }
    }
}

fn bytes(text: &str) -> Regex {
    regex(&format!("(?-u){text}"))
}

fn regex(text: &str) -> Regex {
    Regex::new(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}
