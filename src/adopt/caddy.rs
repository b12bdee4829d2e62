//! A Caddyfile: the site that passes requests to an engine.
//!
//! Outside of a `route`, Caddy sorts directives by its own order, in which `respond` comes before
//! `reverse_proxy`. Of several `handle` blocks one is used. If nothing answers, Caddy answers with
//! an empty 200, so nothing is granted.

mod blocks;
mod matchers;

use self::blocks::{Directive, Unbalanced, directives};
use self::matchers::{Named, Reason};
use super::error::AdoptError;
use super::grants::{Action, Condition, Effect, Grants};

/// The directives that matter, in Caddy's order. Of others, only those that change the path are read.
const ORDER: [&str; 22] = [
    "redir",
    "method",
    "rewrite",
    "uri",
    "try_files",
    "basicauth",
    "basic_auth",
    "forward_auth",
    "request_header",
    "handle",
    "handle_path",
    "route",
    "abort",
    "error",
    "respond",
    "metrics",
    "reverse_proxy",
    "php_fastcgi",
    "file_server",
    "acme_server",
    "static_response",
    "templates",
];

/// Directives that answer themselves.
const ANSWERS: [&str; 9] = [
    "redir",
    "abort",
    "error",
    "respond",
    "metrics",
    "php_fastcgi",
    "file_server",
    "acme_server",
    "static_response",
];

/// Directives after which the path or the method is another one.
const CHANGES: [&str; 4] = ["method", "rewrite", "uri", "try_files"];

/// Whether a text is a Caddyfile that passes requests on.
pub(super) fn is_file(text: &str) -> bool {
    let directives = directives(text).unwrap_or_default();
    fn has_proxy(block: &[Directive]) -> bool {
        block.iter().any(|one| one.word(0) == "reverse_proxy" || has_proxy(&one.block))
    }
    has_proxy(&directives)
}

/// What a Caddyfile grants.
pub(super) fn read(text: &str, wanted: Option<&str>) -> Result<Grants, AdoptError> {
    let all = directives(text).map_err(|Unbalanced(line)| AdoptError::Structure { line })?;
    let mut grants = Grants::new(Action::Deny);
    let sites = sites(&mut grants, all);
    let filters: Vec<&Directive> =
        sites.iter().filter(|site| reaches_engine(&site.block)).collect();
    let names = || filters.iter().map(|site| site.spelled()).collect::<Vec<_>>();
    let site = match (wanted, filters.as_slice()) {
        (None, [one]) => *one,
        (None, []) => return Err(AdoptError::Nothing),
        (None, _) => return Err(AdoptError::Several { what: "sites", names: names() }),
        (Some(wanted), several) => {
            let named = |site: &&&Directive| {
                site.words.iter().any(|word| word.trim_end_matches(',') == wanted)
            };
            several
                .iter()
                .find(named)
                .ok_or_else(|| AdoptError::NoService { name: wanted.to_owned(), names: names() })?
        }
    };
    let mut reader = Reader { grants, named: Named::new(), reasons: Vec::new() };
    reader.block(&site.block, &Condition::Constant(true), true);
    let Reader { mut grants, reasons, .. } = reader;
    for (line, text, reason) in reasons {
        grants.note(Some(line), &text, reason, Effect::Less);
    }
    Ok(grants)
}

/// The sites of a file, with snippets in the place of their imports. A file with one site may have no
/// braces around it.
fn sites(grants: &mut Grants, all: Vec<Directive>) -> Vec<Directive> {
    let is_snippet = |one: &Directive| one.word(0).starts_with('(') && one.has_block;
    let is_global = |one: &Directive| one.words.is_empty() && one.has_block;
    for option in all.iter().filter(|one| is_global(one)).flat_map(|one| &one.block) {
        if option.word(0) == "order" {
            let reason = "it changes the order in which Caddy uses directives";
            grants.note(Some(option.line), &option.spelled(), reason, Effect::More);
        }
    }
    let (snippets, mut sites): (Vec<Directive>, Vec<Directive>) =
        all.into_iter().filter(|one| !is_global(one)).partition(is_snippet);
    if let Some(first) = sites.first().filter(|first| !first.has_block).cloned() {
        let block = sites.split_off(1);
        sites = vec![Directive { block, ..first }];
    }
    for site in &mut sites {
        site.block = imported(grants, &site.block, &snippets, 0);
    }
    sites
}

/// How deep snippets may import others.
const DEEPEST: usize = 8;

fn imported(
    grants: &mut Grants,
    block: &[Directive],
    snippets: &[Directive],
    depth: usize,
) -> Vec<Directive> {
    let mut result = Vec::new();
    for directive in block {
        if directive.word(0) != "import" {
            let mut directive = directive.clone();
            directive.block = imported(grants, &directive.block, snippets, depth);
            result.push(directive);
            continue;
        }
        let name = format!("({})", directive.word(1));
        match snippets.iter().find(|snippet| snippet.word(0) == name) {
            Some(snippet) if directive.words.len() == 2 && depth < DEEPEST => {
                result.extend(imported(grants, &snippet.block, snippets, depth + 1));
            }
            _ => {
                let reason = "what it imports is in another file, or needs arguments";
                grants.note(Some(directive.line), &directive.spelled(), reason, Effect::More);
            }
        }
    }
    result
}

/// Whether a block passes requests to an engine.
fn reaches_engine(block: &[Directive]) -> bool {
    block.iter().any(|one| match one.word(0) {
        "reverse_proxy" => is_engine(one),
        _ => reaches_engine(&one.block),
    })
}

/// Whether a `reverse_proxy` is for an engine: a unix socket, or one of Docker's ports.
fn is_engine(proxy: &Directive) -> bool {
    let of_block = proxy.block.iter().filter(|one| one.word(0) == "to").flat_map(|one| &one.words);
    proxy
        .words
        .iter()
        .skip(1)
        .chain(of_block)
        .any(|word| word.starts_with("unix/") || word.ends_with(":2375") || word.ends_with(":2376"))
}

struct Reader {
    grants: Grants,
    named: Named,
    reasons: Vec<Reason>,
}

impl Reader {
    /// Adds the rules of a block for the requests that reach it. Only a `route` keeps the order of the
    /// file.
    fn block(&mut self, block: &[Directive], reached: &Condition, is_sorted: bool) {
        // A block may define matchers of its own.
        let outer = self.named.clone();
        self.named.extend(matchers::named(block, &mut self.reasons));
        let mut directives: Vec<&Directive> = block.iter().collect();
        if is_sorted {
            directives.sort_by_cached_key(|one| self.rank(one));
        }
        let mut handled: Vec<Condition> = Vec::new();
        for directive in directives {
            self.directive(directive, reached, &mut handled);
        }
        self.named = outer;
    }

    /// Where Caddy puts a directive: by its order, then longer paths first, then matchers first.
    fn rank(&self, directive: &Directive) -> (usize, usize, bool) {
        let name = directive.word(0);
        // Both kinds of `handle` exclude each other, and are sorted as one.
        let name = if name == "handle_path" { "handle" } else { name };
        let place = ORDER.iter().position(|known| *known == name).unwrap_or(ORDER.len());
        let matcher = directive.word(1);
        let length = if matcher.starts_with('/') { matcher.len() } else { 0 };
        let has_matcher = matcher.starts_with(['/', '@']);
        (place, usize::MAX - length, !has_matcher)
    }

    fn directive(
        &mut self,
        directive: &Directive,
        reached: &Condition,
        handled: &mut Vec<Condition>,
    ) {
        let name = directive.word(0);
        let (condition, _) = matchers::of(directive, &self.named, &mut self.reasons);
        if condition.asks_for_client() {
            let reason = "a profile does not know who the client is: this is read as for the client that may most";
            self.note(directive, reason, Effect::Apart);
        }
        let here = reached.clone().and(condition.clone());
        let line = Some(directive.line);
        match name {
            "reverse_proxy" => {
                let changes =
                    directive.block.iter().any(|one| matches!(one.word(0), "rewrite" | "method"));
                if changes {
                    self.note(
                        directive,
                        "it changes the path after it was looked at",
                        Effect::Less,
                    );
                }
                let action =
                    if is_engine(directive) && !changes { Action::Allow } else { Action::Deny };
                self.grants.push(action, here, line);
            }
            "route" => self.block(&directive.block, &here, false),
            "handle" => {
                let others = handled.iter().cloned().map(Condition::not);
                let here = Condition::All(others.chain([here]).collect());
                self.block(&directive.block, &here, true);
                handled.push(condition);
            }
            "handle_path" => {
                self.note(directive, "it removes a part of the path", Effect::Less);
                self.grants.push(Action::Deny, here, line);
            }
            change if CHANGES.contains(&change) => {
                self.note(
                    directive,
                    "it changes the path or the method before it is looked at",
                    Effect::Less,
                );
                self.grants.push(Action::Deny, here, line);
            }
            "basicauth" | "basic_auth" | "forward_auth" => {
                self.note(directive, "who may connect is not part of a profile", Effect::Apart);
            }
            answer if ANSWERS.contains(&answer) => self.grants.push(Action::Deny, here, line),
            "invoke" | "intercept" | "handle_response" => {
                self.note(directive, "dsp does not know what it answers", Effect::More);
            }
            _ => {}
        }
    }

    fn note(&mut self, directive: &Directive, reason: &str, effect: Effect) {
        self.grants.note(Some(directive.line), &directive.spelled(), reason, effect);
    }
}
