//! The form of a file: a Compose file, an environment, or a program's own; and what is read from it.

use super::compose::{self, Service, Word};
use super::error::AdoptError;
use super::grants::{Effect, Grants};
use super::paths::ExpressionError;
use super::variables::{self, Variable};
use super::{Options, Program, caddy, cetusguard, haproxy, sections, sockguard, wollomatic};
use crate::yaml::{Node, from_foreign};

/// What was read.
pub(super) struct Read {
    pub(super) program: Program,
    pub(super) service: Option<String>,
    pub(super) grants: Grants,
}

/// The form of a file.
pub(super) enum Form {
    Yaml(Node),
    Environment(Vec<Variable>),
    /// A file of this program's own.
    Own(Program),
}

impl Form {
    /// The form of a text, given the program if it is known.
    pub(super) fn of(text: &str, program: Option<Program>) -> Result<Self, AdoptError> {
        // These have forms of their own, and nothing else looks like them.
        if let Some(own @ (Program::Caddy | Program::Haproxy)) = program {
            return Ok(Self::Own(own));
        }
        let has_key = |keys: &[&str]| {
            text.lines().any(|line| {
                keys.iter()
                    .any(|key| line.strip_prefix(key).is_some_and(|rest| rest.starts_with(':')))
            })
        };
        let is_flags = || {
            wollomatic_flags(text)
                .iter()
                .any(|(word, _)| word.as_ref().is_ok_and(|word| wollomatic::is_flag(word)))
        };
        if has_key(&["services", "rules", "clients"]) || program == Some(Program::Sockguard) {
            return from_foreign(text)
                .map(Self::Yaml)
                .map_err(|problem| AdoptError::Yaml(problem.into()));
        }
        if let Some(variables) = variables::file(text) {
            return Ok(Self::Environment(variables));
        }
        if program == Some(Program::Cetusguard) || cetusguard::is_rules(text) {
            return Ok(Self::Own(Program::Cetusguard));
        }
        if haproxy::is_file(text) {
            return Ok(Self::Own(Program::Haproxy));
        }
        if program == Some(Program::Wollomatic) || is_flags() {
            return Ok(Self::Own(Program::Wollomatic));
        }
        if caddy::is_file(text) {
            return Ok(Self::Own(Program::Caddy));
        }
        Err(AdoptError::NotRecognized { candidates: Vec::new() })
    }

    /// Reads the configuration.
    pub(super) fn read(&self, text: &str, options: &Options<'_>) -> Result<Read, AdoptError> {
        let own = |program, grants| Ok(Read { program, service: None, grants });
        match self {
            Self::Own(Program::Caddy) => own(Program::Caddy, caddy::read(text, options.service)?),
            Self::Own(Program::Haproxy) => {
                own(Program::Haproxy, haproxy::read(text, options.service, &[])?)
            }
            Self::Own(Program::Wollomatic) => {
                own(Program::Wollomatic, wollomatic::read(&wollomatic_flags(text), &[]))
            }
            Self::Own(program) => own(*program, cetusguard::read(text)),
            Self::Environment(variables) => {
                let program = program_of(variables, options.program)?;
                own(program, of_service(program, &[], variables)?)
            }
            Self::Yaml(file) => match compose::services(file) {
                Some(services) => of_compose(&services, options),
                None if sockguard::is_file(file) => {
                    let grants = sockguard::read(file, options.service)?;
                    let service = options.service.map(str::to_owned);
                    Ok(Read { program: Program::Sockguard, service, grants })
                }
                None => Err(AdoptError::NotRecognized { candidates: Vec::new() }),
            },
        }
    }
}

/// The words of a file of flags, with their lines.
fn wollomatic_flags(text: &str) -> Vec<Word> {
    compose::words(text).into_iter().map(|(word, at)| (Ok(word), at + 1)).collect()
}

/// The program that an environment is for.
fn program_of(variables: &[Variable], wanted: Option<Program>) -> Result<Program, AdoptError> {
    if let Some(wanted) = wanted {
        return Ok(wanted);
    }
    let has = |is_it: fn(&str) -> bool| variables.iter().any(|variable| is_it(&variable.name));
    if has(wollomatic::is_variable) {
        return Ok(Program::Wollomatic);
    }
    if has(cetusguard::is_variable) {
        return Ok(Program::Cetusguard);
    }
    let candidates = if has(sections::is_variable) {
        vec![Program::Tecnativa, Program::Linuxserver]
    } else {
        Vec::new()
    };
    Err(AdoptError::NotRecognized { candidates })
}

/// What the command and the environment of a program grant.
fn of_service(
    program: Program,
    command: &[Word],
    environment: &[Variable],
) -> Result<Grants, AdoptError> {
    match program {
        Program::Tecnativa | Program::Linuxserver => sections::read(program, environment)
            .map_err(|_: ExpressionError| AdoptError::Expression(program)),
        Program::Wollomatic => Ok(wollomatic::read(command, environment)),
        Program::Cetusguard => Ok(cetusguard::of_service(command, environment)),
        Program::Sockguard | Program::Caddy | Program::Haproxy => {
            Err(AdoptError::Elsewhere { program })
        }
    }
}

/// The service that a Compose file has for a proxy.
fn of_compose(services: &[Service<'_>], options: &Options<'_>) -> Result<Read, AdoptError> {
    let names = |services: &[&Service<'_>]| -> Vec<String> {
        services.iter().map(|service| service.name.to_owned()).collect()
    };
    let all: Vec<&Service<'_>> = services.iter().collect();
    let service = match options.service {
        Some(wanted) => *all
            .iter()
            .find(|service| service.name == wanted)
            .ok_or_else(|| AdoptError::NoService { name: wanted.to_owned(), names: names(&all) })?,
        None => {
            let is_wanted = |service: &&&Service<'_>| match options.program {
                Some(program) => service.program == Some(program),
                None => service.program.is_some(),
            };
            let proxies: Vec<&Service<'_>> = all.iter().filter(is_wanted).copied().collect();
            match (proxies.as_slice(), all.as_slice()) {
                ([one], _) => *one,
                // A copy of the image in another registry.
                ([], [one]) if options.program.is_some() => *one,
                ([], _) => return Err(AdoptError::NotRecognized { candidates: Vec::new() }),
                (several, _) => {
                    return Err(AdoptError::Several { what: "services", names: names(several) });
                }
            }
        }
    };
    let labels = service.labels();
    let is_client = labels.iter().any(|label| wollomatic::is_label(&label.name));
    let (program, mut grants) = match service.program.or(options.program) {
        None | Some(Program::Wollomatic) if is_client => {
            (Program::Wollomatic, wollomatic::of_labels(&labels))
        }
        Some(program) => {
            (program, of_service(program, &service.command(), &service.environment())?)
        }
        None => {
            let environment = service.environment();
            let program = program_of(&environment, None)?;
            (program, of_service(program, &service.command(), &environment)?)
        }
    };
    elsewhere(&mut grants, service);
    if program == Program::Wollomatic && !is_client {
        for other in services.iter().filter(|other| other.name != service.name) {
            if other.labels().iter().any(|label| wollomatic::is_label(&label.name)) {
                let reason = "its labels are a list of its own; read it with --service";
                grants.note(Some(other.line), other.name, reason, Effect::Apart);
            }
        }
    }
    Ok(Read { program, service: Some(service.name.to_owned()), grants })
}

/// Notes what a service has in other files: it may grant more, and turn off what is on by default.
fn elsewhere(grants: &mut Grants, service: &Service<'_>) {
    for (key, line) in service.elsewhere() {
        let reason = "what it brings in from another file is not read";
        grants.note(Some(line), key, reason, Effect::Less);
        if !grants.defaults.is_empty() {
            let defaults = grants.defaults.join(", ");
            let reason = format!("another file may set {defaults}, and the default is taken here");
            grants.note(Some(line), key, reason, Effect::More);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adopt::adopt;
    use crate::api::EngineKind;

    fn notes(service: &str) -> Vec<(Effect, String)> {
        let text = format!("services:\n  p:\n{service}");
        let options = Options { program: None, service: None, engine: EngineKind::Docker };
        let unread = adopt(&text, &options).unwrap().unread.into_iter();
        unread.map(|one| (one.effect, one.reason)).collect()
    }

    #[test]
    fn a_default_that_another_file_may_turn_off_is_noted() {
        let tecnativa = "    image: tecnativa/docker-socket-proxy\n";
        assert_eq!(notes(tecnativa), []);
        for key in ["    env_file: .env\n", "    extends: {file: x, service: y}\n"] {
            let found = notes(&format!("{tecnativa}{key}    environment: [PING=1]\n"));
            let effects: Vec<Effect> = found.iter().map(|(effect, _)| *effect).collect();
            assert_eq!(effects, [Effect::Less, Effect::More], "{found:?}");
            assert!(found[1].1.contains("EVENTS, VERSION,"), "{found:?}");
        }
        let found = notes(&format!(
            "{tecnativa}    env_file: .env\n    environment: [PING=1, VERSION=0, EVENTS=0]\n"
        ));
        assert_eq!(found.len(), 1, "{found:?}");
        let cetusguard = "    image: hectorm/cetusguard\n    env_file: .env\n";
        let found = notes(cetusguard);
        assert!(found[1].1.contains("CETUSGUARD_NO_BUILTIN_RULES"), "{found:?}");
        let found = notes(&format!("{cetusguard}    command: -no-builtin-rules\n"));
        assert_eq!(found.len(), 1, "{found:?}");
    }
}
