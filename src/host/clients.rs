//! Parses the rules about the clients of a program, and checks that programs can be told apart.

use std::ops::Range;
use std::str::FromStr;

use super::model::{ClientRules, Program};
use super::written::ClientFile;
use crate::api::Address;
use crate::text::printable;
use crate::yaml::{Problem, Spanned, at, hint, span};

/// A rule as written: its key, and its value with its place.
pub(super) type WrittenRule = (&'static str, String, Range<usize>);

/// Parses the rules of a program. Also returns them as they were written.
pub(super) fn parse_clients(
    text: &str,
    list: &Spanned<Vec<Spanned<ClientFile>>>,
) -> Result<(ClientRules, Vec<WrittenRule>), Problem> {
    if list.value.is_empty() {
        let message = "the list of clients is empty, so nobody could connect".to_owned();
        return Err(at(
            text,
            span(text, list),
            message,
            hint("leave it out to let everyone connect"),
        ));
    }
    let mut rules = ClientRules::default();
    let mut written = Vec::new();
    for item in &list.value {
        let (key, value) = only_rule(text, item)?;
        match key {
            "user" => rules.users.push(value.value.clone()),
            "group" => rules.groups.push(value.value.clone()),
            "container" => rules.others.containers.push(parsed(text, value)?),
            "login" => rules.logins.push(value.value.clone()),
            "unit" => rules.others.units.push(parsed(text, value)?),
            "address" => rules.others.addresses.push(parsed(text, value)?),
            _ => rules.others.certificates.push(value.value.clone()),
        }
        written.push((key, value.value.clone(), span(text, value)));
    }
    Ok((rules, written))
}

/// The key and the value of a rule.
fn only_rule<'a>(
    text: &str,
    item: &'a Spanned<ClientFile>,
) -> Result<(&'static str, &'a Spanned<String>), Problem> {
    let ClientFile { user, group, container, unit, login, address, certificate } = &item.value;
    let all = [
        ("user", user),
        ("group", group),
        ("container", container),
        ("unit", unit),
        ("login", login),
        ("address", address),
        ("certificate", certificate),
    ];
    let mut given = all.into_iter().filter_map(|(key, value)| Some((key, value.as_ref()?)));
    match (given.next(), given.next()) {
        (Some(rule), None) if !rule.1.value.is_empty() => Ok(rule),
        (Some((key, value)), None) => {
            let message = format!("the {key} is empty");
            Err(at(text, span(text, value), message, hint("write its name")))
        }
        (Some((one, _)), Some((other, value))) => {
            let message = format!("a client is meant by its {one} and by its {other}");
            let help = hint("write one entry for each; a client that matches one of them is meant");
            Err(at(text, span(text, value), message, help))
        }
        (None, _) => {
            let help = hint("write, for example, container: traefik");
            Err(at(text, span(text, item), "no client is meant".to_owned(), help))
        }
    }
}

fn parsed<T: FromStr<Err: std::fmt::Display>>(
    text: &str,
    value: &Spanned<String>,
) -> Result<T, Problem> {
    value
        .value
        .parse()
        .map_err(|error: T::Err| at(text, span(text, value), printable(&error.to_string()), None))
}

/// Refuses rules that no client of the program's sockets can match.
pub(super) fn check_kinds(
    text: &str,
    program: &Program,
    asks_for_certificates: bool,
    written: &[WrittenRule],
) -> Result<(), Problem> {
    let is_tcp = |address: &Address| matches!(address, Address::Tcp { .. });
    let (has_tcp, has_unix) =
        (program.listen.iter().any(is_tcp), program.listen.iter().any(|it| !is_tcp(it)));
    for (key, _, place) in written {
        if *key == "certificate" && has_tcp && !asks_for_certificates {
            let message = "no socket of the program asks for certificates".to_owned();
            let help = hint("add tls_cert, tls_key and tls_client_ca to its tcp:// address");
            return Err(at(text, place.clone(), message, help));
        }
        let is_of_tcp = ["address", "certificate"].contains(key);
        if is_of_tcp && !has_tcp {
            let message = format!("the clients of unix sockets have no {key}");
            let help = hint("write user, login, group, container or unit");
            return Err(at(text, place.clone(), message, help));
        }
        if !is_of_tcp && !has_unix {
            let message = format!("the {key} of a client over TCP is not known");
            return Err(at(text, place.clone(), message, hint("write address or certificate")));
        }
    }
    Ok(())
}
