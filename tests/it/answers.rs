//! What answers give away, compared with the engine's own types: `tests/fields/docker-answers.txt`, which
//! `scripts/fields` prints. A field of a new engine that looks like a secret fails here until it is hidden, or
//! there is a reason why it need not be.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The names of fields whose values may be secrets, in lower case. A part of a name counts.
const TELLING: [&str; 22] = [
    "args",
    "auth",
    "cmd",
    "command",
    "config",
    "createdby",
    "credential",
    "data",
    "description",
    "entrypoint",
    "env",
    "key",
    "label",
    "opt",
    "password",
    "private",
    "proxy",
    "secret",
    "stdin",
    "test",
    "token",
    "url",
];

/// Fields with such a name that have no secret: the end of their path, or all of it after `=`, and why.
const HARMLESS: [(&str, &str); 47] = [
    ("Author", "a person"),
    ("BuildConfigDigest", "a digest"),
    ("BuildConfigURI", "where a public build ran"),
    ("CertIssuerPublicKey", "public"),
    ("ClusterOptions", "has no fields"),
    ("ClusterVolume.Spec.Secrets.Key", "the name of a key"),
    ("ClusterVolume.Spec.Secrets.Secret", "the name of a secret"),
    ("Config.Description", "a sentence about a plugin"),
    ("ConfigID", "an ID"),
    ("ConfigName", "a name"),
    ("CredentialSpec.Config", "the ID of a config"),
    ("GraphDriver.Data", "of a driver of layers: paths and sizes"),
    ("Descriptor.data", "a part of a public image"),
    ("Descriptor.urls", "where a public image is"),
    ("Devices.Description", "a sentence about a plugin"),
    ("ImageManifestDescriptor.data", "a part of a public image"),
    ("ImageManifestDescriptor.urls", "where a public image is"),
    ("Mounts.Description", "a sentence about a plugin"),
    ("privileges.description", "a sentence about a plugin"),
    ("DetachKeys", "keys of a keyboard"),
    ("DeviceRequests.Options", "of a driver of devices"),
    ("DNSConfig.Options", "of resolv.conf"),
    ("DnsOptions", "of resolv.conf"),
    ("DriverOpts", "of a network: names and addresses, unless a network plugin is given a secret"),
    ("DriverState.Options", "of a network, as DriverOpts"),
    ("DriverConfiguration.Options", "of a network, as DriverOpts"),
    ("IPAMOptions.Driver.Options", "of a network's addresses, as DriverOpts"),
    ("ExternalCAs.URL", "an address"),
    ("IPAM.Options", "of a network's addresses, as DriverOpts"),
    ("Labels", "chosen by people to be seen, and programs need them to find their containers"),
    ("MountLabel", "of SELinux"),
    ("ProcessLabel", "of SELinux"),
    ("Mounts.Options", "of a mount of a plugin"),
    ("NoProxy", "names of hosts"),
    ("=Options", "of a network, as DriverOpts"),
    ("Plugins.Authorization", "names of plugins"),
    ("RunnerEnvironment", "where a public build ran"),
    ("Runtimes.options", "of the engine's own runtimes"),
    ("Runtimes.runtimeArgs", "of the engine's own runtimes"),
    ("SandboxKey", "a path"),
    ("SecretID", "an ID"),
    ("SecretName", "a name"),
    ("Templating.Options", "of a template"),
    ("TmpfsOptions.Options", "of a tmpfs"),
    ("SecurityOptions", "names of what the engine supports"),
    ("SecurityOpt", "names of profiles"),
    ("StorageOpt", "a size"),
];

/// Rows for answers that the newest types no longer have.
const OLDER: [(&str, &str); 7] = [
    ("ImageInspect", "ContainerConfig"),
    ("SystemDataUsage", "Containers"),
    ("SystemDataUsage", "Volumes"),
    ("SystemDataUsage", "BuildCache"),
    ("SystemDataUsage", "ContainersDiskUsage"),
    ("SystemDataUsage", "VolumesDiskUsage"),
    ("SystemDataUsage", "BuildCacheDiskUsage"),
];

type Paths = BTreeMap<String, BTreeSet<String>>;

fn lines(path: &str) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
    let lines = text.lines().skip(1);
    lines.map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

/// The texts in the answers of the engine's own types, by operation. Lists and maps are not part of a path.
fn types() -> Paths {
    let mut types = Paths::new();
    for line in lines("tests/fields/docker-answers.txt") {
        let [operation, path, kind] = &line[..] else { panic!("{line:?}") };
        let path = path.replace("[]", "").replace("{}", "");
        let paths = types.entry(operation.clone()).or_default();
        if !["flag", "integer", "number"].contains(&kind.as_str()) {
            paths.insert(path.trim_start_matches('.').to_owned());
        }
    }
    types
}

/// The places that dsp can hide for Docker Engine.
fn places() -> Paths {
    let mut places = Paths::new();
    for line in lines("src/answers/places.tsv").iter().filter(|line| line[0] == "any") {
        places.entry(line[1].clone()).or_default().insert(line[2].clone());
    }
    places
}

/// Whether a path is at or below a place.
fn is_at(path: &str, place: &str) -> bool {
    let rest = path.to_lowercase().strip_prefix(&place.to_lowercase()).map(str::to_owned);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn ends_with(path: &str, end: &str) -> bool {
    if let Some(whole) = end.strip_prefix('=') {
        return path == whole;
    }
    path.strip_suffix(end).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

#[test]
fn every_field_that_looks_like_a_secret_can_be_hidden_or_has_a_reason() {
    let (types, places) = (types(), places());
    let mut wrong = Vec::new();
    let mut used = BTreeSet::new();
    for (operation, paths) in &types {
        let own = places.get(operation).cloned().unwrap_or_default();
        for path in paths {
            let name = path.rsplit('.').next().unwrap().to_lowercase();
            let is_telling = TELLING.iter().any(|word| name.contains(word));
            if !is_telling || own.iter().any(|place| is_at(path, place)) {
                continue;
            }
            match HARMLESS.iter().find(|(end, _)| ends_with(path, end)) {
                Some((end, _)) => {
                    used.insert(*end);
                }
                None => wrong.push(format!("{operation} {path}")),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let unused: Vec<&str> =
        HARMLESS.iter().map(|(end, _)| *end).filter(|end| !used.contains(end)).collect();
    assert!(unused.is_empty(), "reasons that nothing needs: {unused:?}");
}

#[test]
fn every_place_is_in_the_types_or_in_those_of_an_older_engine() {
    let (types, places) = (types(), places());
    let mut wrong = Vec::new();
    for (operation, paths) in &places {
        let known = types.get(operation).unwrap_or_else(|| panic!("no types for {operation}"));
        for path in paths {
            let is_known = known.iter().any(|known| is_at(known, path));
            let is_older = OLDER.iter().any(|(name, old)| name == operation && is_at(path, old));
            if is_known == is_older {
                wrong.push(format!("{operation} {path}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
