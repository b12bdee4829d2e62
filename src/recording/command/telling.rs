//! Which words of a command line say what was recorded.

use super::words::{CLIENTS, RUNNERS, TASKS};
use super::{CommandLine, MOST_PROGRAMS, file_name, is_interpreter, short};
use crate::api::HIDDEN;

impl CommandLine {
    /// The words of a recorded command line that show what ran: the program with its sub-command,
    /// the script or the module. Returns `None` if there are none: `sh -c ...` and `make test` are
    /// the same in every project.
    #[must_use]
    pub fn telling(command: &[String]) -> Option<Vec<String>> {
        let shown = short(command, MOST_PROGRAMS);
        let is_runner = |word: &&String| RUNNERS.contains(&word.as_str());
        let runners = shown.iter().take_while(is_runner).count();
        let (program, rest) = shown.get(runners..)?.split_first()?;
        if let [option, module] = rest
            && option.starts_with('-')
        {
            return of(module);
        }
        if is_interpreter(program) {
            return rest.first().and_then(|script| of(script));
        }
        let name = of(program)?;
        let is_alone = rest.is_empty() && CLIENTS.contains(&program.as_str());
        (!is_alone).then(|| [name.as_slice(), rest].concat())
    }

    /// Whether a program runs any other program or script, so that its name says nothing about what ran.
    #[must_use]
    pub fn runs_anything(program: &str) -> bool {
        RUNNERS.contains(&program) || is_interpreter(program)
    }
}

/// The name of a program, script or module, if it says something.
fn of(name: &str) -> Option<Vec<String>> {
    let name = file_name(name);
    let says_nothing = name == HIDDEN || TASKS.contains(&name) || is_interpreter(name);
    (!says_nothing).then(|| vec![name.to_owned()])
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;

    #[test]
    fn what_tells_what_ran_is_found() {
        for (line, told) in [
            (&["docker", "stats", "--no-stream"][..], "docker stats"),
            (&["docker", "compose", "up"], "docker compose up"),
            (&["sudo", "-u", "x", "docker", "ps"], ""),
            (&["sudo", "docker", "ps"], "docker ps"),
            (&["env", "A=b", "python3", "/srv/sweep.py", "x"], "sweep.py"),
            (&["sh", "/opt/entry.sh"], "entry.sh"),
            (&["./traefik", "--api"], "traefik"),
            (&["python3", "-m", "sweeper.cli", "--token", "x"], "sweeper.cli"),
            (&["java", "-jar", "/opt/agent.jar"], "agent.jar"),
            (&["npx", "sweeper"], "sweeper"),
            (&["node", "server.js"], "server.js"),
            // The same in every project.
            (&["sh", "-c", "docker ps"], ""),
            (&["bash"], ""),
            (&["python3", "-c", "import docker"], ""),
            (&["python3.11"], ""),
            (&["python3", "-m", "pytest", "-x"], ""),
            (&["pytest", "tests/it"], ""),
            (&["npx", "jest"], ""),
            (&["env"], ""),
            (&["go", "test", "./..."], ""),
            (&["go", "run", "./cmd/x"], ""),
            (&["cargo", "test"], ""),
            (&["make", "test"], ""),
            (&["npm", "run", "e2e"], ""),
            (&["docker"], ""),
            (&["[hidden]"], ""),
            (&[], ""),
        ] {
            let words: Vec<OsString> = line.iter().map(OsString::from).collect();
            for how in [CommandLine::Short, CommandLine::Full] {
                // Letters after one dash may contain a secret.
                if how == CommandLine::Full && line.contains(&"-jar") {
                    continue;
                }
                let told_now = CommandLine::telling(&how.of(&words)).unwrap_or_default();
                assert_eq!(told_now.join(" "), told, "{how:?} {line:?}");
            }
            assert_eq!(CommandLine::telling(&CommandLine::None.of(&words)), None);
        }
    }
}
