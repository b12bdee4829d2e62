//! Recognizes commands that would bypass the program's `DOCKER_HOST`.

use std::ffi::OsString;
use std::fmt;

use super::intercept::USUAL_SOCKETS;

/// Programs with global options that name an engine.
const CLIENTS: [&str; 4] = ["docker", "docker-compose", "nerdctl", "podman"];

/// Their global options that take a value and do not name an engine.
const WITH_VALUE: [&str; 12] = [
    "--ansi",
    "--config",
    "--env-file",
    "--file",
    "--log-level",
    "--project-directory",
    "--project-name",
    "--tlscacert",
    "--tlscert",
    "--tlskey",
    "-f",
    "-l",
];

/// How a program would bypass dsp.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Escape {
    /// It names its engine itself.
    OwnEngine {
        /// The option.
        option: String,
        /// Its value: an address, or the name of a context.
        engine: String,
    },
    /// It mounts the engine's own socket into a container.
    MountedSocket(String),
}

impl fmt::Display for Escape {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OwnEngine { option, .. } => write!(
                formatter,
                "the command names its own engine with {option}, so its requests bypass dsp; remove the option, and pass the engine to dsp with -H",
            ),
            Self::MountedSocket(socket) => write!(
                formatter,
                "the command mounts {socket} into a container, whose requests bypass dsp; mount dsp's socket instead (--listen), or record with --follow",
            ),
        }
    }
}

/// Whether a command would bypass dsp, judged by its arguments.
#[must_use]
pub fn escapes(command: &[OsString]) -> Option<Escape> {
    let words: Vec<_> = command.iter().map(|word| word.to_string_lossy()).collect();
    let (program, arguments) = words.split_first()?;
    let program = program.rsplit('/').next().unwrap_or_default();
    if !CLIENTS.contains(&program) {
        return None;
    }
    let own = own_engine(arguments.iter().map(AsRef::as_ref));
    own.or_else(|| mounted_socket(arguments.iter().map(AsRef::as_ref)))
}

/// Examines only the global options: `docker run -h` is a host name, `docker run -c` a CPU share.
fn own_engine<'a>(arguments: impl Iterator<Item = &'a str>) -> Option<Escape> {
    let mut arguments = arguments;
    while let Some(argument) = arguments.next() {
        if !argument.starts_with('-') {
            return None;
        }
        let name = argument.split('=').next().unwrap_or_default();
        let long = matches!(name, "--host" | "--context" | "--url" | "--connection");
        let short = ["-H", "-c"].into_iter().find(|short| name.starts_with(short));
        if long || (short.is_some() && !argument.starts_with("--")) {
            let option = short.unwrap_or(name);
            let rest = argument.get(option.len()..).unwrap_or_default();
            let joined = rest.strip_prefix('=').unwrap_or(rest);
            let engine = if rest.is_empty() { arguments.next()? } else { joined };
            return Some(Escape::OwnEngine {
                option: option.to_owned(),
                engine: engine.to_owned(),
            });
        }
        if WITH_VALUE.contains(&argument) {
            arguments.next();
        }
    }
    None
}

fn mounted_socket<'a>(mut arguments: impl Iterator<Item = &'a str>) -> Option<Escape> {
    arguments.find_map(|argument| {
        let socket = USUAL_SOCKETS
            .into_iter()
            .find(|socket| argument.split([':', ',', '=']).any(|part| part == *socket))?;
        let mounts = argument.contains(':') || argument.contains('=');
        mounts.then(|| Escape::MountedSocket(socket.to_owned()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(line: &str) -> Option<Escape> {
        let command: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        escapes(&command)
    }

    #[test]
    fn a_client_that_names_its_own_engine_is_recognized() {
        for line in [
            "docker -H tcp://h ps",
            "docker -Htcp://h ps",
            "/usr/bin/docker --host=tcp://h ps",
            "docker --config /x --context far ps",
            "docker -c far ps",
            "docker -D -c far ps",
        ] {
            let Some(Escape::OwnEngine { engine, .. }) = found(line) else { panic!("{line}") };
            assert!(["tcp://h", "far"].contains(&engine.as_str()), "{line}: {engine}");
        }
        for line in [
            "docker run -v /var/run/docker.sock:/var/run/docker.sock x",
            "docker run --mount type=bind,source=/run/docker.sock,target=/s x",
            "docker run --volume=/var/run/docker.sock:/s x",
        ] {
            assert!(matches!(found(line), Some(Escape::MountedSocket(_))), "{line}");
        }
    }

    #[test]
    fn options_of_sub_commands_and_other_programs_are_left_alone() {
        for line in [
            "docker run -c 512 -h host x",
            "docker exec web sh -c ls",
            "docker --log-level debug ps",
            "sh -c docker",
            "curl -H X:y http://h",
            "docker exec web ls /var/run/docker.sock",
            "docker compose -f c.yaml up",
        ] {
            assert_eq!(found(line), None, "{line}");
        }
    }
}
