//! The part of a recording that describes the command that was run.

mod telling;
mod words;

use std::ffi::OsString;

use self::words::{GROUPS, INTERPRETERS, RUNNERS, SECRET_LETTERS, SECRET_OPTIONS, SUB_COMMANDS};
use super::secret::{SECRET_WORDS, is_secret};
use crate::api::{HIDDEN, without_user};
use crate::text::{spelled, words};

/// How much of a command line is recorded.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum CommandLine {
    /// The program, and its sub-command or script if it is certain to be one.
    #[default]
    Short,
    /// All arguments except those that may be secret.
    Full,
    /// Nothing.
    None,
}

words!(CommandLine, () = (), {
    Short = "short",
    Full = "full",
    None = "none",
});

/// The limits on the arguments that are recorded: on their bytes in total, and on their number.
const MOST_BYTES: usize = 1 << 16;
const MOST_ARGUMENTS: usize = 1024;

/// The longest name of a program or script, in bytes.
const LONGEST_NAME: usize = 64;

/// How many programs may run one another, as in `sudo env docker`.
const MOST_PROGRAMS: usize = 4;

impl CommandLine {
    /// Returns the part of a command line that is recorded.
    #[must_use]
    pub fn of(self, command: &[OsString]) -> Vec<String> {
        let command: Vec<String> = command.iter().map(spelled).collect();
        match self {
            Self::Short => short(&command, MOST_PROGRAMS),
            Self::Full => full(&command),
            Self::None => Vec::new(),
        }
    }

    /// The program and its sub-command in a recorded command line. If the program runs another one, only
    /// the program.
    #[must_use]
    pub fn sub_command(command: &[String]) -> Vec<String> {
        let mut shown = short(command, MOST_PROGRAMS);
        let is_runner = shown.first().is_some_and(|program| RUNNERS.contains(&program.as_str()));
        shown.truncate(if is_runner { 1 } else { usize::MAX });
        shown
    }
}

/// Returns the part of a recorded command line that is shown. An earlier dsp may have recorded it.
pub(super) fn again(command: &[String], has_arguments: bool) -> Vec<String> {
    if has_arguments { full(command) } else { short(command, MOST_PROGRAMS) }
}

/// The program, and its sub-command or the name of its script.
fn short(command: &[String], most: usize) -> Vec<String> {
    let Some((program, arguments)) = command.split_first() else { return Vec::new() };
    let program = file_name(program);
    let mut shown = vec![named(program)];
    if RUNNERS.contains(&program) {
        let is_variable = |argument: &&String| program == "env" && argument.contains('=');
        let skipped = arguments.iter().take_while(is_variable).count();
        let rest = arguments.get(skipped..).unwrap_or_default();
        let is_program = rest.first().is_some_and(|name| is_name(file_name(name)));
        if is_program && most > 1 {
            shown.extend(short(rest, most - 1));
        }
        return shown;
    }
    if let Some(module) = module(program, arguments) {
        shown.extend(module.iter().map(|word| file_name(word).to_owned()));
        return shown;
    }
    if is_interpreter(program) {
        let script = arguments.first().map(|script| file_name(script));
        shown.extend(script.filter(|script| is_script(script)).map(str::to_owned));
        return shown;
    }
    let is_word = |argument: &&String| SUB_COMMANDS.contains(&argument.as_str());
    let mut words = arguments.iter().skip_while(|argument| !is_word(argument));
    if let Some(word) = words.next() {
        shown.push(word.clone());
        let within = words.next().filter(|_| GROUPS.contains(&word.as_str()));
        shown.extend(within.filter(is_word).cloned());
    }
    shown
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

/// The name of a program, if it looks like a name.
fn named(name: &str) -> String {
    if is_name(name) { name.to_owned() } else { HIDDEN.to_owned() }
}

fn is_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._+-".contains(&byte);
    (1..=LONGEST_NAME).contains(&name.len()) && !name.starts_with('-') && name.bytes().all(is_plain)
}

/// Whether a program runs scripts. A name with a version, such as `python3.11`, counts too.
fn is_interpreter(program: &str) -> bool {
    let name = program.trim_end_matches(|end: char| end.is_ascii_digit() || end == '.');
    INTERPRETERS.contains(&program) || INTERPRETERS.contains(&name)
}

/// The option with which a program names the module or archive that it runs, and that name.
fn module<'a>(program: &str, arguments: &'a [String]) -> Option<&'a [String]> {
    let words = arguments.get(..2)?;
    let [option, name] = words else { return None };
    let is_module = |name: &str| {
        let mut parts = name.split('.');
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        is_name(name) && parts.all(|part| !part.is_empty() && part.bytes().all(is_plain))
    };
    let is_there = match option.as_str() {
        "-m" => program.starts_with("python") && is_interpreter(program) && is_module(name),
        "-jar" => program == "java" && name.ends_with(".jar") && is_script(file_name(name)),
        _ => false,
    };
    is_there.then_some(words)
}

/// Whether a name is that of a script file: it has an extension of letters.
fn is_script(name: &str) -> bool {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending);
    let is_ending = |ending: &str| {
        (1..=4).contains(&ending.len()) && ending.bytes().all(|byte| byte.is_ascii_lowercase())
    };
    is_name(name) && ending.is_some_and(is_ending)
}

/// All arguments without those that may be secret. It hides everything after an option or word that
/// announces a secret, up to the next option; values after `=`; arguments with spaces and JSON; user
/// information; and whatever follows the path of a URL.
fn full(command: &[String]) -> Vec<String> {
    let mut shown = Vec::new();
    let (mut is_hiding, mut left) = (false, MOST_BYTES);
    for (place, argument) in command.iter().enumerate() {
        let is_path = argument.split('/').all(|part| part.is_empty() || is_name(part));
        let text = if place == 0 && is_path {
            argument.clone()
        } else if place == 0 {
            HIDDEN.to_owned()
        } else {
            shown_argument(argument, &mut is_hiding)
        };
        match left.checked_sub(text.len()) {
            Some(rest) if place < MOST_ARGUMENTS => left = rest,
            _ => {
                let more = command.len() - place;
                shown.push(format!("[and {more} more]"));
                break;
            }
        }
        shown.push(text);
    }
    shown
}

/// One argument, and whether the ones after it are hidden.
fn shown_argument(argument: &str, is_hiding: &mut bool) -> String {
    let is_placeholder =
        argument == HIDDEN || (argument.starts_with("[and ") && argument.ends_with(" more]"));
    if argument == "--" || is_placeholder {
        return argument.to_owned();
    }
    if let Some(option) = argument.strip_prefix('-').filter(|option| !option.is_empty()) {
        let (text, hides) = shown_option(argument, option);
        *is_hiding = hides;
        return text;
    }
    let hides = is_secret(argument) || argument == "login";
    if std::mem::replace(is_hiding, *is_hiding || hides) {
        return HIDDEN.to_owned();
    }
    plain(argument)
}

/// An option, and whether the arguments after it are hidden.
fn shown_option(argument: &str, option: &str) -> (String, bool) {
    let (name, value) = match option.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (option, None),
    };
    match name.strip_prefix('-') {
        Some(name) => long_option(argument, name, value),
        None if is_secret_word(name) => long_option(argument, name, value),
        None => short_option(name, value),
    }
}

/// An option that is a word, after two dashes or, in some programs, after one.
fn long_option(argument: &str, name: &str, value: Option<&str>) -> (String, bool) {
    let says_so = is_secret(name) || name.split(['-', '_', '.']).any(is_secret_word);
    let dashes = if argument.starts_with("--") { "--" } else { "-" };
    match value {
        _ if !is_name(name) => (format!("{dashes}{HIDDEN}"), says_so),
        None | Some("") => (argument.to_owned(), says_so),
        Some(_) => (format!("{dashes}{name}={HIDDEN}"), false),
    }
}

/// An option after one dash: a letter, several letters, or a letter with its value. These look alike.
fn short_option(name: &str, value: Option<&str>) -> (String, bool) {
    let secret = name.find(|letter| SECRET_LETTERS.contains(letter));
    let is_last = secret.is_none_or(|place| place + 1 == name.len());
    let are_letters =
        name.len() == 1 || (name.len() < 5 && name.bytes().all(|byte| byte.is_ascii_lowercase()));
    if are_letters && is_last && is_name(name) {
        return match value {
            Some(_) => (format!("-{name}={HIDDEN}"), false),
            None => (format!("-{name}"), secret.is_some()),
        };
    }
    let first = name.chars().next().filter(char::is_ascii_alphanumeric);
    (format!("-{}{HIDDEN}", first.map(String::from).unwrap_or_default()), true)
}

/// Whether a word in the name of an option makes its value secret.
fn is_secret_word(word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    let is_plural = |secret: &str| word.strip_suffix('s') == Some(secret);
    SECRET_WORDS.contains(&word.as_str())
        || SECRET_OPTIONS.iter().any(|secret| word == *secret || is_plural(secret))
        || word.ends_with("key")
}

/// An argument that nothing marks as secret.
fn plain(argument: &str) -> String {
    let is_text = |letter: char| letter.is_whitespace() || letter.is_control();
    let is_list = argument.starts_with('[') && !argument.starts_with(HIDDEN);
    if argument.contains(is_text) || is_list || argument.starts_with(['{', '"', '\'']) {
        return HIDDEN.to_owned();
    }
    let argument = without_user(argument);
    let end = argument.find(['=', '?', '#']);
    let front = |end| argument.get(..end).unwrap_or_default();
    match end {
        Some(end) if argument.get(end + 1..).is_none_or(str::is_empty) => argument.into_owned(),
        Some(end) if argument.get(end..=end) == Some("=") => format!("{}={HIDDEN}", front(end)),
        Some(end) => format!("{}{HIDDEN}", front(end)),
        None => argument.into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(how: CommandLine, command: &[&str]) -> String {
        let command: Vec<OsString> = command.iter().map(OsString::from).collect();
        how.of(&command).join(" ")
    }

    const S: &str = "hunter2secret";

    /// Command lines that contain a secret. No two of their texts are equal.
    fn secrets() -> Vec<Vec<String>> {
        let lines = [
            "docker|login|-u|bob|-p|S",
            "docker|login|-pS",
            "docker|login|-u|bob|--password|S",
            "docker|login|--password|aHVudGVyMnNlY3JldCEhMQ==",
            "curl|-u|bob:hunter2=secret",
            "curl|-H|Authorization: Basic Ym9iOmh1bnRlcjJzZWNyZQ==",
            "curl|-u|bob:S",
            "curl|-ubob:S",
            "curl|-HAuthorization: Bearer S",
            "curl|--header|Authorization: Bearer S",
            "curl|-b|S",
            "curl|-d|{\"password\":\"S\"}",
            "curl|--data-raw|{\"password\":\"S\"}",
            "sh|-c|docker login -u bob -p S",
            "sh|-c|echo S | docker login --password-stdin",
            "sh|-c|curl https://a/; git clone https://bob:S@host/x",
            "git|clone|https://bob:S@host/x",
            "git|clone|https://bob:a/S@host/x",
            "git|clone|bob:S@host:x",
            "mysql|-pS",
            "sshpass|-p|S|ssh|h",
            "tool|--api-key|S",
            "tool|--apikey|S",
            "tool|--key|S",
            "tool|--pwd|S",
            "tool|--credentials|S",
            "tool|--pat|S",
            "tool|--access-key|S",
            "tool|--bearer|S",
            "tool|--cookie|S",
            "tool|--token|S",
            "tool|-token|S",
            "tool|--token|YWJjZGVmZ2hpamtsbW5vcA==",
            "tool|token|S",
            "tool|TOKEN=S",
            "docker|run|-e|A=S|x",
            "docker|run|-eA=S|x",
            "docker|run|-itde|A=S|x",
            "docker|run|--label|k:S|x",
            "docker|build|--secret|id=a,src=S|.",
            "docker|secret|create|x|S",
            "docker|exec|db|psql|postgres://u:S@h/db",
            "docker|swarm|join|--token|SWMTKN-1-S|h:2377",
            "docker|compose|-f|x|run|-e|K|S",
            "docker|service|create|--env-add|A S",
            "env|-i|password|S",
            "tool|--password|--|S",
            "tool|--password-file|/x|S",
            "vault|login|S",
            "aws|configure|set|aws_secret_access_key|S",
            "gh|auth|login|--with-token|S",
            "tool|-t|S",
            "curl|--proxy-user|u:S",
            "tool|-tokenS",
            "tool|--build-arg|A=S",
            "podman|login|--creds|u:S",
            "podman|push|--creds=u:S",
            "tool|https://h/x?key=S",
            "tool|https://h/x#S",
            "skopeo|copy|--src-creds|u:S",
            "restic|-r|rest:https://u:S@h/|backup",
            "tool|u%3AS%40host",
            "tool|--S",
            "docker|login|-u|bob|S",
            "sh|S",
            "env|A=S|cmd",
            "sudo|-S|S",
            "python|-c|S",
            "xargs|-I|S",
            "tool|[S",
            "S y|x",
        ];
        let line = |line: &str| line.split('|').map(|word| word.replace('S', S)).collect();
        lines.iter().map(|text| line(text)).collect()
    }

    const PARTS: [&str; 5] =
        ["hunter2", "aHVudGVyMnNlY3JldC", "Ym9iOmh1bnRlcjJz", "YWJjZGVmZ2hpamt", "S"];

    #[test]
    fn no_command_line_has_a_secret() {
        for line in secrets() {
            for how in [CommandLine::Short, CommandLine::Full, CommandLine::None] {
                // With `Full`, a program or option that has the same name as the secret stays.
                let is_named = matches!(line[1].as_str(), "--hunter2secret" | "hunter2secret");
                if how == CommandLine::Full && is_named {
                    continue;
                }
                let command: Vec<OsString> = line.iter().map(OsString::from).collect();
                let shown = how.of(&command).join(" ");
                let leaks = PARTS.iter().take(4).any(|part| shown.contains(part));
                assert!(!leaks, "{how:?} {line:?}: {shown}");
                let again = again(&how.of(&command), how == CommandLine::Full);
                assert_eq!(again, how.of(&command), "{how:?}");
            }
        }
    }

    #[test]
    fn a_program_is_told_with_its_sub_command() {
        for (line, shown) in [
            (&["docker", "stats", "--no-stream", "web"][..], "docker stats"),
            (&["/usr/bin/docker", "--context", "x", "compose", "-f", "y", "up"], "docker compose"),
            (&["docker", "compose", "up", "-d"], "docker compose up"),
            (&["docker", "container", "ls"], "docker container ls"),
            (&["docker", "run", "login"], "docker run"),
            (&["sh", "-c", "docker ps"], "sh"),
            (&["sh", "/opt/entry.sh", "x"], "sh entry.sh"),
            (&["python3.11", "x.py", "--token", "y"], "python3.11 x.py"),
            (&["python3", "-m", "http.server", "8000"], "python3 -m http.server"),
            (&["python3", "-m", "a b"], "python3"),
            (&["ruby", "-m", "x"], "ruby"),
            (&["java", "-jar", "/opt/app.jar", "x"], "java -jar app.jar"),
            (&["java", "-jar", "x"], "java"),
            (&["npx", "tool", "x"], "npx tool"),
            (&["env", "A=b", "docker", "ps"], "env docker ps"),
            (&["env", "-i", "x"], "env"),
            (&["sudo", "docker", "ps", "-a"], "sudo docker ps"),
            (&["watchtower", "--run-once", "web"], "watchtower"),
            (&["tool", "anything"], "tool"),
            (&["a b"], "[hidden]"),
            (&[], ""),
        ] {
            assert_eq!(of(CommandLine::Short, line), shown, "{line:?}");
        }
    }

    #[test]
    fn all_arguments_are_told_when_that_is_asked_for() {
        for (line, shown) in [
            (&["docker", "stats", "--no-stream", "web"][..], "docker stats --no-stream web"),
            (&["docker", "run", "-e", "A=x", "-i", "y"], "docker run -e [hidden] -i y"),
            (&["docker", "run", "--env=A=x"], "docker run --env=[hidden]"),
            (&["docker", "login", "--password", "x"], "docker login --password [hidden]"),
            (&["docker", "login", "-px"], "docker login -p[hidden]"),
            (&["git", "clone", "https://u:p@h/x"], "git clone https://[hidden]@h/x"),
            (&["sh", "-c", "docker ps"], "sh -c [hidden]"),
        ] {
            assert_eq!(of(CommandLine::Full, line), shown, "{line:?}");
        }
    }

    #[test]
    fn a_long_command_line_is_cut() {
        let long = "a".repeat(100_000);
        let lines = [vec!["x"; 100_000], vec!["x", &long], vec![&long], vec![&long; 20]];
        for line in lines {
            for how in [CommandLine::Short, CommandLine::Full] {
                let shown = of(how, &line);
                assert!(shown.len() < 2 * MOST_BYTES, "{}", shown.len());
            }
        }
    }

    proptest! {
        #[test]
        fn no_command_line_panics_or_grows(command in prop::collection::vec("\\PC{0,9}", 0..9)) {
            for how in [CommandLine::Short, CommandLine::Full] {
                let words: Vec<OsString> = command.iter().map(OsString::from).collect();
                let once = how.of(&words);
                prop_assert!(once.len() <= command.len() + 1);
                prop_assert_eq!(again(&once, how == CommandLine::Full), once);
            }
        }
    }
}
