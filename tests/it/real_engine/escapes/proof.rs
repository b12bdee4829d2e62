//! What an engine contains after an escape, as the data files spell it: steps that are separated by
//! semicolons.
//!
//! | step | what is true |
//! |---|---|
//! | `made POINTER OP VALUE` | the container that was made, in the engine's own words |
//! | `spec POINTER OP VALUE` | what podman's runtime is told about that container |
//! | `GET TARGET POINTER OP VALUE` | any object of the engine |
//! | `GET TARGET ~ TEXT`, `GET TARGET status N` | the bytes, or the status |
//! | `start` | nothing: the container is started |
//! | `reads FILE` | a file in the container contains the mark |
//! | `prints TEXT` | what the container writes when it is started |
//! | `logged TEXT` | what the engine wrote into its own log |
//! | `says TEXT`, `status N` | the answer to the escape itself |
//! | `socket ~ TEXT` | what arrived at the socket of the host |
//! | `folder NAME`, `no-folder NAME` | a folder in the folder of the host |
//! | `file NAME ~ TEXT`, `owner NAME ID` | a file in the folder of the host |
//!
//! `OP` is `=`, `!=`, or `~` and `!~` for a part of the text; `absent` has no value.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::client::{Answer, Client};
use super::scene::{MARK, Scene};

/// The usual patience.
pub const SETTLES: Duration = Duration::from_secs(3);

/// What is known about an escape that was tried.
pub struct Tried<'a> {
    pub scene: &'a Scene,
    pub client: &'a Client,
    pub is_libpod: bool,
    pub answer: &'a Answer,
    /// How long an effect may take that does not come with an answer.
    pub patience: Duration,
}

impl Tried<'_> {
    /// Whether everything in the proof is true; if not, what is not.
    pub fn check(&self, proof: &str) -> Result<(), String> {
        for step in proof.split("; ") {
            self.step(step).map_err(|found| format!("{step}: {found}"))?;
        }
        Ok(())
    }

    /// The same at once, for what should never come true.
    pub fn check_now(&self, proof: &str) -> Result<(), String> {
        Tried { patience: Duration::ZERO, ..*self }.check(proof)
    }

    /// The ID of what was made.
    pub fn made(&self) -> Option<String> {
        let answer = self.answer.json();
        let id = ["Id", "ID"].iter().find_map(|key| answer[*key].as_str());
        id.map(str::to_owned)
    }

    fn step(&self, step: &str) -> Result<(), String> {
        let (verb, rest) = step.split_once(' ').unwrap_or((step, ""));
        let is = |holds: bool, found: String| if holds { Ok(()) } else { Err(found) };
        match verb {
            "start" => self.start(),
            "prints" => {
                self.start()?;
                let made = self.made().unwrap_or_default();
                let logs = format!("/containers/{made}/logs?stdout=1&stderr=1");
                self.settles(|| self.client.get(&logs).text().contains(rest))
                    .map_err(|_| self.client.get(&logs).text())
            }
            "logged" => self.settles(|| self.scene.logged().contains(rest)),
            "made" => compare(&self.inspected()?, rest),
            "spec" => compare(&self.spec()?, rest),
            "reads" => {
                let made = self.made().ok_or_else(|| self.answer.text())?;
                let found = self.client.get(&format!("/containers/{made}/archive?path={rest}"));
                is(found.text().contains(MARK), format!("{} {}", found.status, found.text()))
            }
            "GET" => {
                let (target, rest) = rest.split_once(' ').unwrap_or((rest, ""));
                self.got(target, rest)
            }
            "says" => is(self.answer.text().contains(rest), self.answer.text()),
            "status" => {
                let found = self.answer.status;
                is(found.to_string() == rest, format!("{found} {}", self.answer.text()))
            }
            "socket" => {
                self.settles(|| self.scene.received().contains(rest.trim_start_matches("~ ")))
            }
            "folder" => self.settles(|| self.scene.folder().join(rest).is_dir()),
            "no-folder" => self.settles(|| !self.scene.folder().join(rest).exists()),
            "file" => {
                let (name, text) = rest.split_once(" ~ ").unwrap_or((rest, ""));
                let path = self.scene.folder().join(name);
                self.settles(|| fs::read_to_string(&path).is_ok_and(|found| found.contains(text)))
            }
            "owner" => {
                let (name, owner) = rest.split_once(' ').unwrap_or((rest, ""));
                let found = fs::metadata(self.scene.folder().join(name)).unwrap().uid();
                is(found.to_string() == owner, found.to_string())
            }
            _ => panic!("{verb} is not a step of a proof"),
        }
    }

    fn settles(&self, mut holds: impl FnMut() -> bool) -> Result<(), String> {
        let start = Instant::now();
        while !holds() {
            if start.elapsed() >= self.patience {
                return Err("did not come true".to_owned());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    fn start(&self) -> Result<(), String> {
        let made = self.made().ok_or_else(|| self.answer.text())?;
        let started = self.client.send("POST", &format!("/containers/{made}/start"), &[], b"");
        if started.status < 400 { Ok(()) } else { Err(started.text()) }
    }

    fn inspected(&self) -> Result<Value, String> {
        let made = self.made().ok_or_else(|| self.answer.text())?;
        let own = if self.is_libpod { "/v4.0.0/libpod" } else { "" };
        Ok(self.client.get(&format!("{own}/containers/{made}/json")).json())
    }

    /// podman writes down what it tells the runtime when it prepares the container.
    fn spec(&self) -> Result<Value, String> {
        let made = self.made().ok_or_else(|| self.answer.text())?;
        let target = format!("/v4.0.0/libpod/containers/{made}/init");
        let ready = self.client.send("POST", &target, &[], b"");
        let inspected = self.client.get(&format!("/v4.0.0/libpod/containers/{made}/json")).json();
        let path = inspected["OCIConfigPath"].as_str().unwrap_or_default();
        let text =
            fs::read(path).map_err(|error| format!("{path:?}: {error}; {}", ready.text()))?;
        serde_json::from_slice(&text).map_err(|error| error.to_string())
    }

    fn got(&self, target: &str, rest: &str) -> Result<(), String> {
        let version = if target.starts_with("/libpod") { "/v4.0.0" } else { "" };
        let found = self.client.get(&format!("{version}{target}"));
        if let Some(status) = rest.strip_prefix("status ") {
            let is_so = found.status.to_string() == status;
            return if is_so { Ok(()) } else { Err(format!("{} {}", found.status, found.text())) };
        }
        if let Some(text) = rest.strip_prefix("~ ") {
            let is_there = found.status == 200 && found.text().contains(text);
            return if is_there {
                Ok(())
            } else {
                Err(format!("{} {}", found.status, found.text()))
            };
        }
        if found.status != 200 {
            return Err(format!("{} {}", found.status, found.text()));
        }
        compare(&found.json(), rest)
    }
}

/// Compares a place in a value.
fn compare(value: &Value, rest: &str) -> Result<(), String> {
    let mut words = rest.splitn(3, ' ');
    let mut word = || words.next().unwrap_or_default();
    let (pointer, operator, wanted) = (word(), word(), word());
    if operator == "absent" {
        return match value.pointer(pointer) {
            None | Some(Value::Null) => Ok(()),
            Some(found) => Err(shortened(&found.to_string())),
        };
    }
    let Some(found) = value.pointer(pointer) else {
        return Err(format!("nothing is at {pointer} in {}", shortened(&value.to_string())));
    };
    let text = found.as_str().map_or_else(|| found.to_string(), str::to_owned);
    let holds = match operator {
        "~" => text.contains(wanted),
        "!~" => !text.contains(wanted),
        "=" => *found == json(wanted),
        "!=" => *found != json(wanted),
        _ => panic!("{operator:?} is not an operator: {rest}"),
    };
    if holds { Ok(()) } else { Err(shortened(&text)) }
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn shortened(text: &str) -> String {
    text.chars().take(600).collect()
}
