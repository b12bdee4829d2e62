//! Determines which handler of the engine ran, and on which name, by learning from the engine
//! itself.
//!
//! The answers of an operation are learned from its plainest request, for names that look like
//! those in question but are not words of the API. Each is sent in two ways, which together reveal
//! the handler: with parameters that only this handler reads, with values that it rejects.

use std::collections::HashMap;
use std::time::Duration;

use dsp::api::{EngineKind, Method, Operation, Part};

use super::wire::{Answer, Wire};

/// The only container and the name of an image, to distinguish handlers that give the same answer for
/// a missing one. The container cannot run, because the network that it shares does not exist.
pub const WITNESS: &str = "witness";

/// A name that no object has.
const NAME: &str = "zzname";

/// Operations that this test never requests.
const LEFT_OUT: [(&str, &str); 1] =
    [("DebugPprofProfile", "it takes a second at least, and one at a time")];

/// Pairs of operations: if the second one ran for a request for the first, the test would not
/// notice.
pub const NOT_TOLD_APART: [(&str, &str); 5] = [
    ("ConfigList", "SecretList"),
    ("PluginPull", "PluginUpgrade"),
    ("PluginDisable", "PluginPush"),
    ("PluginPush", "PluginDisable"),
    ("SecretList", "ConfigList"),
];

/// Operations whose answers do not contain the name in the request. Engine 20.10 lacks two of them,
/// and has the three for checkpoints only in its experimental mode.
pub const WITHOUT_NAME: [&str; 10] = [
    "ContainerArchiveInfo",
    "ContainerCheckpointList",
    "ContainerCheckpointCreate",
    "ContainerCheckpointDelete",
    "DebugPprofDump",
    "DistributionInspect",
    "ImageAttestations",
    "NetworkConnect",
    "VolumeUpdate",
    "AnyOptions",
];

/// A query, and a JSON body for methods that have one. Each probe is one value, identified by its
/// address.
pub struct Probe {
    pub query: &'static str,
    pub body: &'static str,
}

/// Values that no handler accepts: each reports the first one that it reads.
static WRONG: Probe = Probe {
    query: concat!(
        "t=zz&signal=ZZ&limit=zz&filters=zz&h=zz&w=zz&condition=zz&detachKeys=zzz&checkpoint=zz",
        "&since=zz&version=zz&shmsize=zz&platform=z%2Fz%2Fz%2Fz%2Fz&remote=ZZ&name=Z+Z&timeout=zz",
        "&repo=ZZ&verbose=zz&stream=0&path=zz&seconds=0.001",
    ),
    body: "[]",
};

/// Values with which each handler looks up its object.
static RIGHT: Probe = Probe {
    query: "h=1&w=1&version=1&name=zz&path=%2Fzz&stdout=1&stream=0&timeout=1&remote=zz&repo=zz",
    body: concat!(
        r#"{"Cmd":["zz"],"Container":"witness","Detach":true,"Role":"worker","Availability":"active","#,
        r#""TaskTemplate":{"ContainerSpec":{"Image":"zz"}}}"#,
    ),
};

/// The same for a handler that takes no body.
static RIGHT_WITHOUT_BODY: Probe = Probe { query: RIGHT.query, body: "" };

/// The same for a handler whose body is a list.
static RIGHT_WITH_LIST: Probe = Probe { query: RIGHT.query, body: "[]" };

/// Values with which a handler without an object succeeds, or refuses to create something.
static PLAIN: Probe = Probe {
    query: "since=1&until=2&stream=0&seconds=0.001&all=1",
    body: r#"{"Name":"/","Internal":0}"#,
};

/// The same for a handler that then deletes.
static NOTHING: Probe = Probe { query: "filters=%7B%22label%22%3A%5B%22zz%22%5D%7D", body: "" };

/// The probes for an operation with these values.
pub fn probes(operation: &Operation, values: &[String]) -> Vec<&'static Probe> {
    let of_witness = values.iter().any(|value| value == WITNESS);
    if values.is_empty() {
        let is_prune = operation.name.ends_with("Prune");
        return vec![&WRONG, if is_prune { &NOTHING } else { &PLAIN }];
    }
    match operation.name {
        "ContainerDelete" | "ImageDelete" if of_witness => vec![],
        // They would give it another name, hijack the connection, or ask a registry.
        "ContainerRename"
        | "ContainerAttach"
        | "ContainerAttachWebsocket"
        | "ImagePush"
        | "ImageTag"
            if of_witness =>
        {
            vec![&WRONG]
        }
        // It looks up the network only for a running container, and fails for any other.
        "NetworkConnect" => vec![&WRONG],
        "PluginUpgrade" => vec![&WRONG, &RIGHT_WITH_LIST],
        "ContainerStart" => vec![&WRONG, &RIGHT_WITHOUT_BODY],
        _ => vec![&WRONG, &RIGHT],
    }
}

/// What was learned so far, and a connection to learn more.
pub struct Oracle {
    wire: Wire,
    known: HashMap<(Method, String, *const Probe), Answer>,
}

impl Oracle {
    pub fn new(socket: &str) -> Self {
        Self { wire: Wire::new(socket), known: HashMap::new() }
    }

    /// The answer to a path, requested only once.
    pub fn answer(&mut self, method: Method, path: &str, probe: &'static Probe) -> Answer {
        let ask = || self.wire.ask(method.as_str(), path, probe);
        let key = (method, path.to_owned(), std::ptr::from_ref(probe));
        self.known.entry(key).or_insert_with(ask).clone()
    }

    /// The answers of the operation for these values in this version.
    pub fn expected(
        &mut self,
        operation: &Operation,
        version: &str,
        values: &[String],
        probe: &'static Probe,
    ) -> Answer {
        let path = plainest(operation, version, values.iter().map(|value| masked(value)));
        let mut answer = self.answer(operation.method, &path, probe);
        for value in values {
            answer.text = unmasked(&answer.text, value);
        }
        answer
    }

    /// Creates the objects that distinguish handlers: two containers, two names of an image, and a
    /// swarm with a secret, a config and a service whose only task cannot be placed.
    pub fn prepare(&mut self) {
        let container =
            r#"{"Image":"busybox","HostConfig":{"NetworkMode":"container:zz-missing"}}"#;
        self.make("/containers/create", "name=witness", container);
        let query = |name: &str, value: &str| &*format!("{name}={value}").leak();
        let masked = masked(WITNESS);
        self.make("/containers/create", query("name", &masked), container);
        // From now on they have failed to start, whatever is asked first.
        for name in [WITNESS, &masked] {
            let path = format!("/containers/{name}/start");
            self.wire.ask("POST", &path, &RIGHT_WITHOUT_BODY);
        }
        // Of their answers, newer engines' for a missing image are all alike.
        self.make("/images/busybox/tag", query("repo", WITNESS), "");
        self.make("/images/busybox/tag", query("repo", &masked), "");
        let address = r#"{"ListenAddr":"127.0.0.1:2377","AdvertiseAddr":"127.0.0.1:2377"}"#;
        self.make("/swarm/init", "", address);
        self.make("/secrets/create", "", r#"{"Name":"zz-secret","Data":"eno="}"#);
        self.make("/configs/create", "", r#"{"Name":"zz-config","Data":"eno="}"#);
        let service = r#"{"Name":"zz-service","TaskTemplate":{"ContainerSpec":{"Image":"busybox"},
            "Placement":{"Constraints":["node.id==zz"]}}}"#;
        self.make("/services/create", "", service);
        for _ in 0..600 {
            if self.wire.ask("GET", "/tasks", &PLAIN).text != "[]" {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("the service has no task");
    }

    fn make(&mut self, path: &str, query: &'static str, body: &'static str) {
        let answer = self.wire.ask("POST", path, &Probe { query, body });
        assert!((200..300).contains(&answer.status), "POST {path}: {answer:?}");
    }

    /// Pairs of operations that the test cannot distinguish, and operations whose answers do not
    /// contain the name.
    pub fn blind_spots(&mut self) -> (Vec<(&'static str, &'static str)>, Vec<&'static str>) {
        let (mut pairs, mut nameless) = (Vec::new(), Vec::new());
        let operations = EngineKind::Docker.catalogue().operations();
        for one in operations.iter().filter(|one| !is_left_out(one.name)) {
            if !self.says_name(one) {
                nameless.push(one.name);
            }
            for other in operations.iter().filter(|other| !is_left_out(other.name)) {
                if other.method == one.method && other != one && !self.tells_apart(one, other) {
                    pairs.push((one.name, other.name));
                }
            }
        }
        (pairs, nameless)
    }

    fn says_name(&mut self, operation: &Operation) -> bool {
        let values = filled(operation, NAME);
        let mut answers = probes(operation, &values)
            .into_iter()
            .map(|probe| self.expected(operation, "", &values, probe));
        values.is_empty() || answers.any(|answer| answer.text.contains(NAME))
    }

    fn tells_apart(&mut self, one: &Operation, other: &Operation) -> bool {
        [NAME, WITNESS].into_iter().any(|name| {
            let (values, others) = (filled(one, name), filled(other, name));
            let safe = probes(other, &others);
            probes(one, &values).into_iter().any(|probe| {
                let answer = self.expected(one, "", &values, probe);
                // Not every request is sent to every handler, because some would have an effect.
                // But an operation without a name cannot report one, and a missing object stays
                // missing.
                let is_name_said = others.is_empty() && answer.text.contains(name);
                let is_safe = safe.iter().any(|safe| std::ptr::eq(*safe, probe))
                    || name == NAME && !others.is_empty() && other.name != "NetworkConnect";
                is_name_said || is_safe && self.expected(other, "", &others, probe) != answer
            })
        })
    }
}

/// The operation's values, all equal.
fn filled(operation: &Operation, value: &str) -> Vec<String> {
    operation.template.parameters().map(|_| value.to_owned()).collect()
}

pub fn is_left_out(name: &str) -> bool {
    LEFT_OUT.iter().any(|(left_out, _)| *left_out == name)
}

/// The path as in the documentation, with everything escaped except letters and digits.
fn plainest(
    operation: &Operation,
    version: &str,
    mut values: impl Iterator<Item = String>,
) -> String {
    let mut path = version.to_owned();
    for part in operation.template.parts() {
        path.push('/');
        match part {
            Part::Literal(word) => path.push_str(word),
            Part::One(_) | Part::Several(_) | Part::Many(_) => {
                for byte in values.next().unwrap().bytes() {
                    match byte {
                        b'/' => path.push('/'),
                        byte if byte.is_ascii_alphanumeric() => path.push(byte.into()),
                        byte => path.push_str(&format!("%{byte:02X}")),
                    }
                }
            }
        }
    }
    path
}

/// The words of a value that are masked: not numbers, which form ports, and not the only digest
/// algorithm.
fn words(value: &str) -> impl Iterator<Item = &str> {
    let is_word = |word: &&str| word.contains(|c: char| c.is_ascii_alphabetic());
    value
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(is_word)
        .filter(|word| *word != "sha256")
}

/// A word that looks similar and is certainly not a word of the API.
fn masked_word(word: &str) -> String {
    let rotated: String = word.chars().map(rotated).collect();
    match word.starts_with(|c: char| c.is_ascii_uppercase()) {
        true => format!("Q{rotated}ZQX"),
        false => format!("q{rotated}zqx"),
    }
}

fn rotated(letter: char) -> char {
    let rotate = |first: u8| char::from((letter as u8 - first + 13) % 26 + first);
    match letter {
        'a'..='z' => rotate(b'a'),
        'A'..='Z' => rotate(b'A'),
        other => other,
    }
}

/// The value with each word masked.
pub fn masked(value: &str) -> String {
    let mut masked = String::new();
    let mut rest = value;
    for word in words(value) {
        let (before, behind) = rest.split_once(word).unwrap();
        masked.push_str(before);
        masked.push_str(&masked_word(word));
        rest = behind;
    }
    masked + rest
}

/// The text with each masked word replaced by the original.
fn unmasked(text: &str, value: &str) -> String {
    let mut words: Vec<&str> = words(value).collect();
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    words.iter().fold(text.to_owned(), |text, word| text.replace(&masked_word(word), word))
}
