//! Compose files: the service of a proxy, with its environment, its command and its labels.

use super::program::Program;
use super::variables::{Unknown, Variable, interpolated};
use crate::yaml::{Node, Placed};

/// A service.
#[derive(Debug)]
pub(super) struct Service<'a> {
    pub(super) name: &'a str,
    node: &'a Node,
    /// Its first line.
    pub(super) line: usize,
    /// The proxy, going by the image.
    pub(super) program: Option<Program>,
}

/// A word of a command, and its line.
pub(super) type Word = (Result<String, Unknown>, usize);

/// The services of a Compose file; `None` if it is something else.
pub(super) fn services(file: &Node) -> Option<Vec<Service<'_>>> {
    let Node::Map(services) = &file.get("services")?.node else { return None };
    Some(services.iter().map(|(name, placed)| Service::of(name, placed)).collect())
}

impl<'a> Service<'a> {
    fn of(name: &'a str, placed: &'a Placed) -> Self {
        let image = placed.node.get("image").and_then(|image| image.node.text());
        let image = image.map(|image| interpolated(image).unwrap_or_else(|_| image.to_owned()));
        Self {
            name,
            node: &placed.node,
            line: placed.line,
            program: image.as_deref().and_then(Program::of_image),
        }
    }

    /// Its variables, from a list or a mapping.
    pub(super) fn environment(&self) -> Vec<Variable> {
        self.pairs("environment")
    }

    /// Its labels, from a list or a mapping.
    pub(super) fn labels(&self) -> Vec<Variable> {
        self.pairs("labels")
    }

    fn pairs(&self, key: &str) -> Vec<Variable> {
        let Some(pairs) = self.node.get(key) else { return Vec::new() };
        let of_list = pairs.node.items().iter().filter_map(|item| {
            let text = item.node.text()?;
            let (name, value) = match text.split_once('=') {
                Some((name, value)) => (name, interpolated(value)),
                None => (text, Err(Unknown::Elsewhere)),
            };
            Some(Variable { name: name.to_owned(), value, line: item.line })
        });
        let of_map = pairs.node.entries().iter().map(|(name, value)| Variable {
            name: name.clone(),
            value: text(&value.node),
            line: value.line,
        });
        of_list.chain(of_map).collect()
    }

    /// The words of its command.
    pub(super) fn command(&self) -> Vec<Word> {
        let Some(command) = self.node.get("command") else { return Vec::new() };
        if let Some(line) = command.node.text() {
            let words = interpolated(line).map(|line| words(&line));
            return match words {
                Ok(words) => {
                    words.into_iter().map(|(word, at)| (Ok(word), command.line + at)).collect()
                }
                Err(unknown) => vec![(Err(unknown), command.line)],
            };
        }
        command.node.items().iter().map(|item| (text(&item.node), item.line)).collect()
    }

    /// A key that brings in more from elsewhere, with its line.
    pub(super) fn elsewhere(&self) -> impl Iterator<Item = (&'static str, usize)> + '_ {
        ["env_file", "extends"].into_iter().filter_map(|key| Some((key, self.node.get(key)?.line)))
    }
}

fn text(node: &Node) -> Result<String, Unknown> {
    match node {
        Node::Text(text) => interpolated(text),
        Node::Null => Err(Unknown::Elsewhere),
        Node::List(_) | Node::Map(_) => Err(Unknown::NotText),
    }
}

/// Splits a command line as a shell does, without its substitutions. Each word has the number of lines
/// before it.
pub(super) fn words(text: &str) -> Vec<(String, usize)> {
    let mut words = Vec::new();
    let mut word: Option<(String, usize)> = None;
    let mut quote = None;
    let mut line = 0;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match (character, quote) {
            (closing, Some(open)) if closing == open => quote = None,
            ('\\', None) => match characters.next() {
                Some('\n') => line += 1,
                Some(escaped) => push(&mut word, line, escaped),
                None => push(&mut word, line, '\\'),
            },
            ('\\', Some('"')) if matches!(characters.peek(), Some('"' | '\\' | '$' | '`')) => {
                characters.next().into_iter().for_each(|escaped| push(&mut word, line, escaped));
            }
            (other, Some(_)) => {
                push(&mut word, line, other);
                line += usize::from(other == '\n');
            }
            ('"' | '\'', None) => {
                quote = Some(character);
                word.get_or_insert_with(|| (String::new(), line));
            }
            ('#', None) if word.is_none() => {
                while characters.next_if(|character| *character != '\n').is_some() {}
            }
            (space, None) if space.is_whitespace() => {
                words.extend(word.take());
                line += usize::from(space == '\n');
            }
            (other, None) => push(&mut word, line, other),
        }
    }
    words.extend(word);
    words
}

/// Adds a character to a word, which begins here if there is none.
fn push(word: &mut Option<(String, usize)>, line: usize, character: char) {
    word.get_or_insert_with(|| (String::new(), line)).0.push(character);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::from_foreign;

    #[test]
    fn environments_are_lists_or_mappings() {
        let text = "services:\n  a:\n    image: ghcr.io/tecnativa/docker-socket-proxy:v0.4\n    environment:\n      - POST=${POST:-1}\n      - GET\n  \
                    b:\n    image: lscr.io/linuxserver/socket-proxy\n    environment:\n      POST: 0\n      X: $Y\n";
        let file = from_foreign(text).unwrap();
        let services = services(&file).unwrap();
        let programs: Vec<Option<Program>> = services.iter().map(|one| one.program).collect();
        assert_eq!(programs, [Some(Program::Tecnativa), Some(Program::Linuxserver)]);
        let read = |service: &Service<'_>| -> Vec<(String, Option<String>, usize)> {
            let variables = service.environment().into_iter();
            variables.map(|one| (one.name, one.value.ok(), one.line)).collect()
        };
        let one = |name: &str, value: Option<&str>, line| {
            (name.to_owned(), value.map(str::to_owned), line)
        };
        assert_eq!(read(&services[0]), [one("POST", Some("1"), 5), one("GET", None, 6)]);
        assert_eq!(read(&services[1]), [one("POST", Some("0"), 10), one("X", None, 11)]);
    }

    #[test]
    fn command_lines_are_split_as_a_shell_does() {
        let split = words("run -a '-b=x y' # z\n  \"c\\\"d\" e\\ f \\\n g");
        let texts: Vec<(&str, usize)> =
            split.iter().map(|(word, at)| (word.as_str(), *at)).collect();
        assert_eq!(
            texts,
            [("run", 0), ("-a", 0), ("-b=x y", 0), ("c\"d", 1), ("e f", 1), ("g", 2)]
        );
    }
}
