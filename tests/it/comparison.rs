//! `docs/profiles.md`: the built-in profiles, and what other proxies allow the same programs.
//!
//! Its tables are generated from `profiles/`, which dsp itself reads, and from `docs/presets.tsv`
//! and `docs/sections.tsv`, which `scripts/presets` writes. `DSP_README=write` generates them
//! again.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use dsp::api::{EngineKind, Operation, Risk, RiskFact};
use dsp::escapes::{Concern, left_open};
use dsp::profile::{Profile, parse};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

pub type Operations = BTreeSet<&'static str>;

/// A profile of `profiles/`.
struct Shipped {
    name: String,
    program: Option<String>,
    /// Those on which it was recorded.
    engines: Option<String>,
    profile: Profile,
    operations: Operations,
}

/// A preset of another proxy, or the narrowest settings of one that is configured by section.
struct Preset {
    proxy: String,
    from: String,
    program: String,
    operations: Operations,
    /// What it allows only in part: some queries, some bodies, or parts of the answers.
    limited: BTreeMap<&'static str, String>,
}

/// A proxy that is configured by section: for each operation, the settings that allow it.
pub type Sections = BTreeMap<&'static str, Vec<BTreeSet<String>>>;

/// Phrases for operations, most harmful first: any of the operations suffices.
const PHRASES: [(&str, &[&str]); 29] = [
    ("create containers with any settings", &["ContainerCreate"]),
    ("build images", &["ImageBuild", "Session", "BuildKitControl"]),
    ("run commands in containers", &["ExecStart"]),
    ("write files into containers", &["PutContainerArchive"]),
    ("manage the swarm", &["SwarmInit", "SwarmJoin", "ServiceCreate", "NodeUpdate", "SwarmUpdate"]),
    ("install plugins", &["PluginCreate", "PluginPull", "PluginSet", "PluginEnable"]),
    ("load or commit images", &["ImageLoad", "ImageCommit"]),
    ("create volumes", &["VolumeCreate"]),
    ("type into containers", &["ContainerAttach", "ContainerAttachWebsocket"]),
    ("read every container's files", &["ContainerArchive", "ContainerExport"]),
    ("read every container's environment", &["ContainerInspect"]),
    ("read the keys and tokens of a swarm", &["SwarmInspect", "SwarmUnlockkey"]),
    ("read configs", &["ConfigList", "ConfigInspect"]),
    ("read the environment of services", &["ServiceList", "ServiceInspect", "TaskList"]),
    ("read logs", &["ContainerLogs", "ServiceLogs", "TaskLogs"]),
    ("read the content of images", &["ImageGet", "ImageGetAll"]),
    ("read the engine's memory", &["DebugPprofDump"]),
    ("delete containers", &["ContainerDelete", "ContainerPrune"]),
    ("delete images", &["ImageDelete", "ImagePrune"]),
    ("delete networks or volumes", &["NetworkDelete", "VolumeDelete", "VolumePrune"]),
    ("stop containers", &["ContainerStop", "ContainerKill", "ContainerPause", "ContainerRestart"]),
    ("start or rename containers", &["ContainerStart", "ContainerRename", "ContainerUpdate"]),
    ("send images to any registry", &["ImagePush"]),
    ("move containers between networks", &["NetworkConnect", "NetworkDisconnect"]),
    ("read the settings of images", &["ImageInspect", "ImageHistory"]),
    ("list the processes of containers", &["ContainerTop"]),
    ("list volumes", &["VolumeList", "VolumeInspect"]),
    ("follow events", &["SystemEvents"]),
    ("read facts about the host", &["SystemInfo", "SystemDataUsage"]),
];

/// The number of items that a cell names before it counts the rest.
const NAMED: usize = 3;

pub fn text(path: &str) -> String {
    std::fs::read_to_string(Path::new(ROOT).join(path)).unwrap()
}

fn operation(name: &str) -> &'static Operation {
    let catalogue = EngineKind::Docker.catalogue();
    catalogue.named(name).unwrap_or_else(|| panic!("docs/*.tsv: {name} is not an operation"))
}

/// A part of the head of a profile, such as its program and version; the line may continue on the
/// next one.
fn part(text: &str, start: &str) -> Option<String> {
    let mut lines = text.lines().map_while(|line| line.strip_prefix("# "));
    let first = lines.find_map(|line| line.strip_prefix(start))?;
    let more = lines.map_while(|line| line.strip_prefix("  "));
    Some(std::iter::once(first).chain(more).collect::<Vec<_>>().join(" "))
}

fn shipped() -> Vec<Shipped> {
    let files = std::fs::read_dir(Path::new(ROOT).join("profiles")).unwrap();
    let mut all: Vec<Shipped> = files
        .map(|file| {
            let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
            let profile = parse(&text).map_err(|problem| problem.message).unwrap();
            let given = profile.allow.iter().filter(|entry| {
                !profile.deny.iter().any(|denied| denied.value.covers(&entry.value))
            });
            let operations = given.map(|entry| entry.value.operation().name).collect();
            Shipped {
                name: profile.name.as_str().to_owned(),
                program: part(&text, "Program: "),
                engines: part(&text, "Engines: "),
                operations,
                profile,
            }
        })
        .filter(|shipped| shipped.profile.engine == EngineKind::Docker)
        .collect();
    all.sort_by(|one, other| one.name.cmp(&other.name));
    all
}

fn presets() -> Vec<Preset> {
    let text = text("docs/presets.tsv");
    let row = |line: &str| {
        let cells: Vec<&str> = line.split('\t').collect();
        let [proxy, repository, _, file, settings, program, operations, limited] = cells[..] else {
            panic!("docs/presets.tsv: {line}")
        };
        let settings = if settings.is_empty() { "" } else { &format!(": {settings}") };
        Preset {
            proxy: proxy.to_owned(),
            from: format!("`{file}` of {repository}{settings}"),
            program: program.to_owned(),
            operations: operations.split(' ').map(|name| operation(name).name).collect(),
            limited: limited
                .split_terminator(' ')
                .map(|limit| limit.split_once(':').unwrap())
                .map(|(name, how)| (operation(name).name, how.to_owned()))
                .collect(),
        }
    };
    text.lines().skip(1).map(row).collect()
}

pub fn sections() -> BTreeMap<String, Sections> {
    let mut proxies: BTreeMap<String, Sections> = BTreeMap::new();
    for line in text("docs/sections.tsv").lines().skip(1) {
        let cells: Vec<&str> = line.split('\t').collect();
        let [proxy, _, _, name, settings] = cells[..] else { panic!("docs/sections.tsv: {line}") };
        let sets = settings.split('|').filter(|settings| *settings != "none");
        let sets = sets.map(|settings| settings.split('+').map(str::to_owned).collect()).collect();
        proxies.entry(proxy.to_owned()).or_default().insert(operation(name).name, sets);
    }
    proxies
}

pub fn passing(sections: &Sections, on: &BTreeSet<String>) -> Operations {
    let passes = |sets: &Vec<BTreeSet<String>>| sets.iter().any(|set| set.is_subset(on));
    sections.iter().filter(|(_, sets)| passes(sets)).map(|(name, _)| *name).collect()
}

/// The setting that allows all of these operations and the fewest others; `None` if no setting
/// allows all of them.
fn least(proxy: &str, sections: &Sections, wanted: &Operations) -> Option<Preset> {
    let mut settings: BTreeSet<BTreeSet<String>> = BTreeSet::from([BTreeSet::new()]);
    for name in wanted {
        settings =
            settings.iter().flat_map(|on| sections[name].iter().map(move |set| on | set)).collect();
    }
    let fewest = settings.into_iter().min_by_key(|on| (passing(sections, on).len(), on.len()))?;
    Some(Preset {
        proxy: proxy.to_owned(),
        from: format!("least setting: {}", fewest.iter().cloned().collect::<Vec<_>>().join(" ")),
        program: String::new(),
        operations: passing(sections, &fewest),
        limited: BTreeMap::new(),
    })
}

/// The narrowest settings of the proxies that support the operations of a profile.
fn least_settings(proxies: &BTreeMap<String, Sections>, shipped: &Shipped) -> Vec<Preset> {
    let each = proxies.iter();
    each.filter_map(|(proxy, sections)| least(proxy, sections, &shipped.operations)).collect()
}

impl Shipped {
    /// The risk of its riskiest rule, contents included.
    fn risk(&self) -> &'static str {
        let rules = self.profile.allow.iter().map(|entry| entry.value.risk());
        rules.max().map_or("none", Risk::as_str)
    }

    /// Whether a preset is for this program: `telegraf` is for `telegraf` and `telegraf-logs`. A
    /// read-only preset does not count for a program that makes changes.
    fn is_of(&self, preset: &Preset) -> bool {
        let rest = self.name.strip_prefix(&preset.program);
        let is_named = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'));
        is_named && (changes(&preset.operations) || !changes(&self.operations))
    }
}

/// What operations let a client do, most harmful first.
pub fn in_words(operations: Operations) -> String {
    let nothing = Operations::new();
    let from = String::new();
    let all = Preset {
        proxy: from.clone(),
        program: from.clone(),
        from,
        operations,
        limited: BTreeMap::new(),
    };
    all.beyond(&nothing)
}

impl Preset {
    fn size(&self) -> String {
        self.operations.len().to_string()
    }

    /// What it allows beyond these operations.
    fn beyond(&self, own: &Operations) -> String {
        let mut rest: Operations = self.operations.difference(own).copied().collect();
        // What is hidden in the answers is not allowed.
        let is_given = |name: &str| self.limited.get(name).is_none_or(|how| how != "answer");
        let mut said = Vec::new();
        for (phrase, names) in PHRASES {
            let is_new = !names.iter().any(|name| own.contains(name));
            let is_beyond = names.iter().any(|name| rest.contains(name) && is_given(name));
            if said.len() < NAMED && is_new && is_beyond {
                said.push(phrase.to_owned());
                rest.retain(|name| !names.contains(name));
            }
        }
        if said.is_empty() {
            said.extend(rest.iter().take(NAMED).map(|name| format!("`{}`", operation(name))));
            rest = rest.into_iter().skip(NAMED).collect();
        }
        if !rest.is_empty() {
            said.push(format!("{} more", rest.len()));
        }
        or_nothing(&said)
    }

    fn remark(&self) -> String {
        let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
        for how in self.limited.values() {
            *kinds.entry(how).or_default() += 1;
        }
        let said: Vec<String> = kinds
            .into_iter()
            .map(|(how, count)| match how {
                "answer" => format!("{count} with hidden values in answers"),
                "body" => format!("{count} with inspected bodies"),
                "query" => format!("{count} for some queries only"),
                other => panic!("docs/presets.tsv: {other}"),
            })
            .collect();
        if said.is_empty() { String::new() } else { format!(" ({})", said.join(", ")) }
    }
}

fn or_nothing(said: &[String]) -> String {
    if said.is_empty() { "nothing".to_owned() } else { said.join(", ") }
}

fn changes(operations: &Operations) -> bool {
    // A request to a registry changes nothing here.
    let does_change = |fact: &RiskFact| fact.risk() >= Risk::Change && *fact != RiskFact::Reaches;
    operations.iter().any(|name| operation(name).grounds().unwrap().facts.iter().any(does_change))
}

pub fn table(head: &[&str], rows: Vec<Vec<String>>) -> String {
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let heads = head.iter().map(|&cell| cell.to_owned()).collect();
    line(heads)
        + &"|---".repeat(head.len())
        + "|\n"
        + &rows.into_iter().map(line).collect::<String>()
}

fn list(all: &[Shipped]) -> String {
    let row = |shipped: &Shipped| {
        vec![
            format!("`{}`", shipped.name),
            shipped.program.clone().unwrap_or_else(|| "any that only reads".to_owned()),
            shipped.engines.clone().unwrap_or_else(|| "–".to_owned()),
            shipped.operations.len().to_string(),
            shipped.risk().to_owned(),
            open_of(&shipped.profile).0.to_string(),
        ]
    };
    table(
        &["profile", "program", "recorded on", "operations", "highest risk", "escapes left open"],
        all.iter().map(row).collect(),
    )
}

fn counts(all: &[Shipped], presets: &[Preset], proxies: &BTreeMap<String, Sections>) -> String {
    let row = |shipped: &Shipped| {
        let own: Vec<String> = presets
            .iter()
            .filter(|preset| shipped.is_of(preset))
            .map(|preset| format!("{} {}", preset.size(), preset.proxy))
            .collect();
        let general = presets.iter().filter(|preset| preset.program == "any");
        let general: Vec<String> = general
            .filter(|preset| shipped.operations.is_subset(&preset.operations))
            .map(Preset::size)
            .collect();
        let by_section = proxies.iter().map(|(proxy, sections)| {
            let least = least(proxy, sections, &shipped.operations);
            least.map_or("not possible".to_owned(), |least| least.size())
        });
        let mut cells = vec![format!("`{}`", shipped.name), shipped.operations.len().to_string()];
        cells.push(if own.is_empty() { "none".to_owned() } else { own.join(", ") });
        cells.extend(by_section);
        cells.push(if general.is_empty() { "–".to_owned() } else { general.join(", ") });
        cells
    };
    let least: Vec<String> = proxies.keys().map(|proxy| format!("{proxy}, least")).collect();
    let mut head = vec!["profile", "dsp", "presets for the program"];
    head.extend(least.iter().map(String::as_str));
    head.push("presets that read all");
    table(&head, all.iter().map(row).collect())
}

fn details(all: &[Shipped], presets: &[Preset], proxies: &BTreeMap<String, Sections>) -> String {
    let mut text = String::new();
    for shipped in all {
        let own: Vec<&Preset> = presets.iter().filter(|preset| shipped.is_of(preset)).collect();
        if own.is_empty() {
            continue;
        }
        let by_section = least_settings(proxies, shipped);
        let row = |preset: &Preset| {
            let missing = shipped.operations.difference(&preset.operations);
            let missing: Vec<String> =
                missing.map(|name| format!("`{}`", operation(name))).collect();
            vec![
                format!("{}, {}", preset.proxy, preset.from),
                preset.size() + &preset.remark(),
                preset.beyond(&shipped.operations),
                or_nothing(&missing),
            ]
        };
        let rows = own.into_iter().chain(&by_section).map(row).collect();
        text += &format!(
            "### {}\n\ndsp: {} operations.\n\n{}\n",
            shipped.name,
            shipped.operations.len(),
            table(&["preset", "operations", "allows in addition", "does not allow"], rows),
        );
    }
    text.trim_end().to_owned() + "\n"
}

/// How many escapes there are by what a profile of a program may do: in all, and those that contents could
/// close.
fn open_of(profile: &Profile) -> (usize, usize) {
    let open = left_open(profile);
    let by_contents = open.iter().filter(|open| open.escape.concern == Concern::Contents).count();
    (open.len(), by_contents)
}

/// How many escapes a preset leaves open: those of each operation that it allows, for it looks at no body.
/// What it allows only in part is not counted, so there may be more.
fn open_of_preset(preset: &Preset) -> String {
    let whole = preset.operations.iter().filter(|name| !preset.limited.contains_key(*name));
    let rules: Vec<String> = whole.map(|name| format!("  - {}\n", operation(name))).collect();
    let text = format!("version: 1\nname: preset\nallow:\n{}", rules.concat());
    let (open, _) = open_of(&parse(&text).map_err(|problem| problem.message).unwrap());
    let more = if preset.limited.is_empty() { "" } else { "at least " };
    format!("{more}{open}")
}

fn escapes(all: &[Shipped], presets: &[Preset], proxies: &BTreeMap<String, Sections>) -> String {
    let row = |shipped: &Shipped| {
        let (open, by_contents) = open_of(&shipped.profile);
        let own: Vec<String> = presets
            .iter()
            .filter(|preset| shipped.is_of(preset))
            .map(|preset| format!("{} {}", open_of_preset(preset), preset.proxy))
            .collect();
        let by_section = proxies.iter().map(|(proxy, sections)| {
            let least = least(proxy, sections, &shipped.operations);
            least.map_or("not possible".to_owned(), |least| open_of_preset(&least))
        });
        let mut cells =
            vec![format!("`{}`", shipped.name), open.to_string(), by_contents.to_string()];
        cells.push(if own.is_empty() { "none".to_owned() } else { own.join(", ") });
        cells.extend(by_section);
        cells
    };
    let least: Vec<String> = proxies.keys().map(|proxy| format!("{proxy}, least")).collect();
    let mut head = vec!["profile", "dsp", "of these by contents", "presets for the program"];
    head.extend(least.iter().map(String::as_str));
    table(&head, all.iter().map(row).collect())
}

/// The document with the text between its marks generated again.
pub fn filled(document: &str, name: &str, block: &str) -> String {
    let (start, end) = (format!("<!-- {name}: made -->\n"), format!("<!-- end of {name} -->"));
    let (before, rest) = document.split_once(&start).unwrap();
    let (_, after) = rest.split_once(&end).unwrap();
    format!("{before}{start}\n{}\n{end}{after}", block)
}

#[test]
fn the_comparison_is_what_is_shipped() {
    let (all, presets, proxies) = (shipped(), presets(), sections());
    let path = "docs/profiles.md";
    let is = text(path);
    let should = filled(&is, "list", &list(&all));
    let should = filled(&should, "counts", &counts(&all, &presets, &proxies));
    let should = filled(&should, "escapes", &escapes(&all, &presets, &proxies));
    let should = filled(&should, "details", &details(&all, &presets, &proxies));
    if std::env::var("DSP_README").is_ok_and(|value| value == "write") {
        std::fs::write(Path::new(ROOT).join(path), &should).unwrap();
    }
    assert!(should == text(path), "DSP_README=write writes {path} again");
}

#[test]
fn no_shipped_profile_is_wider_than_a_preset_for_the_same_program() {
    let (all, presets, proxies) = (shipped(), presets(), sections());
    assert!(!all.is_empty() && !presets.is_empty() && proxies.len() == 2);
    for shipped in &all {
        let by_section = least_settings(&proxies, shipped);
        let own = presets.iter().filter(|preset| shipped.is_of(preset));
        for preset in own.chain(&by_section) {
            let (own, others) = (shipped.operations.len(), preset.operations.len());
            assert!(own <= others, "{}: {own}, {}: {others}", shipped.name, preset.from);
        }
    }
}
