//! Secrets in the requests of podman's clients do not appear in any file or on any screen.
//!
//! podman's own API has secrets in other places than Docker's: queries with credentials, build
//! arguments and options of drivers, YAML with environments, destinations with users. Each place
//! has its own marker here, and all of dsp's files and output are searched for all markers.

use std::os::unix::net::UnixStream;
use std::path::Path;

use rustix::process::Signal;

use super::podman::podman_or_none;
use crate::support::{Done, PATIENCE, Server, World, exchange};

/// The placeholder for the marker.
const MARK: &str = "MMM";

/// Requests: method, target, header lines, body. A `'` in a query stands for `"`, and is escaped
/// where necessary.
const REQUESTS: &[(&str, &str, &str, &str)] = &[
    ("POST", "/secrets/create?name=dsp-mark", "", "MMM"),
    (
        "POST",
        "/secrets/create?name=dsp-mark-2&driver=shell&driveropts={'store':'echo MMM'}",
        "",
        "x",
    ),
    ("POST", "/secrets/create?name=dsp-mark-3&labels={'token':'MMM'}", "", "x"),
    ("POST", "/secrets/create?name=dsp-mark-4&password=MMM", "", "x"),
    ("GET", "/secrets/dsp-mark/json?showsecret=true&MMM=1", "", ""),
    ("POST", "/play/kube", "", "kind: Pod\nspec: {containers: [{env: [{name: A, value: MMM}]}]}"),
    ("POST", "/play/kube?annotations={'k':'MMM'}", "", "kind: Pod"),
    ("POST", "/play/kube?logOptions=token=MMM&logDriver=none", "", "kind: Pod"),
    ("POST", "/play/kube?tlsVerify=false", "X-Registry-Auth: MMM\r\n", "kind: Pod"),
    ("POST", "/kube/play", "", "data: MMM"),
    ("POST", "/kube/apply?token=MMM", "", "data: MMM"),
    ("POST", "/build?buildargs={'TOKEN':'MMM'}", "", ""),
    ("POST", "/build?BuildArgs={'TOKEN':'MMM'}", "", ""),
    ("POST", "/build?secrets=['id=a,src=MMM']", "", ""),
    ("POST", "/build?setenv=A=MMM", "", ""),
    ("POST", "/build?additionalbuildcontexts={'x':'url:https://u:MMM@127.0.0.1:1/x'}", "", ""),
    ("POST", "/build?remote=https://u:MMM@127.0.0.1:1/x.git", "", ""),
    ("POST", "/build?remote=https://127.0.0.1:1/x.tgz?sig=MMM", "", ""),
    ("POST", "/build?cachefrom=['u:MMM@127.0.0.1:1/x']", "", ""),
    ("POST", "/build?cacheto=['u:MMM@127.0.0.1:1/x']", "", ""),
    ("POST", "/build?outputs=type=registry,password=MMM", "", ""),
    ("POST", "/build?labels={'a':'MMM'}", "", ""),
    ("POST", "/build?annotations=['a=MMM']", "", ""),
    ("POST", "/build?layerLabel=a=MMM", "", ""),
    ("POST", "/build?cppflags=['-DKEY=MMM']", "", ""),
    ("POST", "/build?t=dsp-mark&netrc=MMM", "X-Registry-Config: MMM\r\n", "FROM MMM"),
    ("POST", "/local/build?buildargs={'TOKEN':'MMM'}&remote=https://u:MMM@127.0.0.1:1/x", "", ""),
    ("POST", "/images/pull?reference=docker://u:MMM@127.0.0.1:1/x", "", ""),
    ("POST", "/images/pull?reference=127.0.0.1:1/x&credentials=u:MMM", "", ""),
    ("POST", "/images/pull?reference=127.0.0.1:1/x&username=u&password=MMM", "", ""),
    ("POST", "/images/pull?reference=127.0.0.1:1/x", "X-Registry-Auth: BASE64\r\n", ""),
    ("POST", "/images/import?url=http://u:MMM@127.0.0.1:1/x.tar", "", ""),
    ("POST", "/images/import?reference=dsp-mark&changes=ENV A=MMM&message=MMM", "", "MMM"),
    ("POST", "/images/load", "", "MMM"),
    ("POST", "/images/dsp-mark/push?destination=docker://u:MMM@127.0.0.1:1/x", "", ""),
    ("POST", "/images/u:MMM@127.0.0.1:1/x/push", "X-Registry-Auth: BASE64\r\n", ""),
    ("POST", "/images/scp/dsp-mark?destination=ssh://u:MMM@127.0.0.1:1::", "", ""),
    ("GET", "/images/u:MMM@127.0.0.1:1/x/json", "", ""),
    ("GET", "/images/search?term=x&credentials=u:MMM", "", ""),
    ("GET", "/images/export?references=u:MMM@127.0.0.1:1/x", "", ""),
    ("POST", "/manifests/dsp-mark/registry/u:MMM@127.0.0.1:1/x", "", "{'annotations':{'a':'MMM'}}"),
    ("POST", "/manifests/dsp-mark?images=u:MMM@127.0.0.1:1/x&annotations=a=MMM", "", ""),
    ("GET", "/manifests/u:MMM@127.0.0.1:1/x/json", "", ""),
    ("POST", "/artifacts/pull?name=u:MMM@127.0.0.1:1/x", "X-Registry-Auth: MMM\r\n", ""),
    ("POST", "/containers/create", "", "{'image':'busybox','env':{'A':'MMM'},'command':['MMM']}"),
    ("POST", "/containers/dsp-mark/exec", "", "{'Cmd':['login','MMM'],'Env':['A=MMM']}"),
    ("PUT", "/containers/dsp-mark/archive?path=/", "", "MMM"),
    ("POST", "/containers/dsp-mark/update?token=MMM", "", "{'env':['A=MMM']}"),
    ("POST", "/pods/create", "", "{'name':'dsp-mark','labels':{'a':'MMM'},'share':'MMM'}"),
    ("POST", "/volumes/create", "", "{'Options':{'o':'username=u,password=MMM'}}"),
    ("POST", "/networks/create?psk=MMM", "", "{'options':{'psk':'MMM'}}"),
    ("POST", "/commit?container=dsp-mark&changes=ENV A=MMM&author=MMM&comment=MMM", "", ""),
    ("GET", "/generate/dsp-mark/systemd?additionalEnvVariables=A=MMM", "", ""),
    ("POST", "/quadlets?replace=true&token=MMM", "", "Environment=MMM"),
    ("GET", "/info?token=MMM", "User-Agent: podman/4.3.1 token=MMM\r\n", ""),
    ("GET", "/info", "Authorization: Bearer MMM\r\nCookie: MMM\r\nX-Meta: MMM\r\n", ""),
    ("GET", "/nowhere?token=MMM&MMM", "", "MMM"),
    ("GET", "/containers/json;token=MMM", "", ""),
    ("GET", "/containers/dsp-mark/json%3Ftoken=MMM", "", ""),
    ("GET", "/info?a;token=MMM", "", ""),
    ("GET", "/info#token=MMM", "", ""),
    // Not a request, and one that is followed by bytes its head does not announce.
    ("{'password':'MMM'}", "", "", ""),
    (
        "POST",
        "/secrets/create?name=dsp-mark-5",
        "Content-Length: 1\r\n",
        "x{'password':'MMM'}\r\n\r\n",
    ),
];

/// The bytes of each request, and the texts that must not appear.
fn requests(world: &World) -> (Vec<Vec<u8>>, Vec<(String, &'static str)>) {
    let mut markers = Vec::new();
    let mut all = Vec::new();
    for (place, (method, target, lines, body)) in REQUESTS.iter().enumerate() {
        let marker = format!("Zx{place:03}qJ");
        let login =
            format!("printf '{{\"username\":\"u\",\"password\":\"{marker}\"}}' | base64 -w0");
        let base64 = if lines.contains("BASE64") { world.shell(&login).out } else { String::new() };
        let put =
            |text: &str| text.replace(MARK, &marker).replace("BASE64", &base64).replace('\'', "\"");
        let target = put(target).replace('"', "%22").replace(' ', "%20");
        let (lines, body) = (put(lines), put(body));
        let length = match lines.contains("Content-Length") || body.is_empty() {
            true => String::new(),
            false => format!("Content-Length: {}\r\n", body.len()),
        };
        let method = put(method);
        let start = match target.is_empty() {
            true => method,
            false => format!("{method} /v4.3.1/libpod{target} HTTP/1.1"),
        };
        let head = format!("{start}\r\nHost: d\r\nConnection: close\r\n{lines}{length}\r\n");
        all.push((head + &body).into_bytes());
        markers.push((marker, *target_of(place)));
        if !base64.is_empty() {
            markers.push((base64, *target_of(place)));
        }
    }
    (all, markers)
}

fn target_of(place: usize) -> &'static &'static str {
    &REQUESTS[place].1
}

/// Sends all of them at once, because podman takes a while for some, and returns the answers.
fn send(server: &Server, requests: &[Vec<u8>]) -> Vec<String> {
    let one = |request: &Vec<u8>| {
        let mut stream = UnixStream::connect(&server.socket).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        exchange(&mut stream, request)
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> =
            requests.iter().map(|request| scope.spawn(move || one(request))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

/// How podman's own client uses secrets; its output does not matter.
const CLIENT: &str = "
{
    printf MMM | podman secret create dsp-client -
    podman run --rm --env A=MMM --label token=MMM busybox:latest true
    podman create --name dsp-client --env A=MMM busybox:latest sleep 1000
    podman start dsp-client
    podman exec --env A=MMM dsp-client true
    podman pull --creds u:MMM 127.0.0.1:1/x
    printf 'FROM busybox\nARG A\n' | podman build --build-arg A=MMM --pull=never -
    printf 'kind: Secret\napiVersion: v1\nmetadata: {name: x}\nstringData: {a: MMM}\n' >kube.yaml
    podman play kube kube.yaml
    podman rm -f -t 0 dsp-client
    podman secret rm dsp-client
    rm -f kube.yaml
} >/dev/null 2>&1
true
";

/// Everything that dsp wrote to the folder or printed, by source.
struct Seen<'a> {
    world: &'a World,
    texts: Vec<(String, String)>,
}

impl Seen<'_> {
    fn said(&mut self, what: &str, done: Done) {
        self.texts.push((what.to_owned(), done.out + &done.err));
    }

    fn run(&mut self, args: &[&str]) {
        let done = self.world.dsp(args);
        assert!(done.signal.is_none() && done.status != 2, "{args:?}: {}", done.err);
        self.said(&args.join(" "), done);
    }

    fn find(&self, markers: &[(String, &str)]) {
        let mut found = Vec::new();
        let mut files = Vec::new();
        all_files(self.world.folder.path(), &mut files);
        for (what, text) in files.iter().chain(&self.texts) {
            let hits = markers.iter().filter(|(marker, _)| text.contains(marker.as_str()));
            found.extend(hits.map(|(marker, target)| {
                let line = text.lines().find(|line| line.contains(marker.as_str()));
                format!("{target} in {what}: {}", line.unwrap_or_default())
            }));
        }
        assert!(found.is_empty(), "{} found:\n{}", found.len(), found.join("\n"));
    }
}

fn all_files(folder: &Path, files: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all_files(&path, files);
        } else if path.is_file() {
            let bytes = std::fs::read(&path).unwrap();
            let text = String::from_utf8_lossy(&bytes).into_owned();
            files.push((path.display().to_string(), text));
        }
    }
}

#[test]
fn no_secret_of_podman_s_api_is_in_a_file_or_on_a_screen() {
    let Some((world, _engine)) = podman_or_none("podsecret") else { return };
    let (requests, mut markers) = requests(&world);
    let mut seen = Seen { world: &world, texts: Vec::new() };

    let server = world.serve(&["record", "-vv", "-o", "all.jsonl"]);
    let answers = send(&server, &requests);
    seen.said("record", server.stop(Signal::INT));
    let stored = answers.first().unwrap();
    assert!(stored.contains("\"ID\":"), "podman has taken the secret: {stored}");
    world.write("none.yaml", "version: 1\nname: p\nengine: podman\nallow:\n  - GET /_ping\n");
    for (name, mode) in [("denied", &[][..]), ("audit", &["--audit"][..])] {
        let log = format!("{name}.jsonl");
        let args = ["enforce", "none.yaml", "-vv", "--audit-log", &log];
        let server = world.serve(&[&args[..], mode].concat());
        let answers = send(&server, &requests);
        if name == "denied" {
            seen.texts.extend(answers.into_iter().map(|answer| ("a denial".to_owned(), answer)));
        }
        seen.said(name, server.stop(Signal::INT));
    }

    let (marker, client) = ("ZxClientqJ", "podman's client");
    markers.push((marker.to_owned(), client));
    let script = CLIENT.replace(MARK, marker);
    let words = |args: &[&'static str]| [args, &["--", "sh", "-c"]].concat();
    for args in [
        words(&["record", "-vv", "-o", "client.jsonl"]),
        words(&["enforce", "none.yaml", "-vv", "--audit", "--audit-log", "client-audit.jsonl"]),
        words(&["enforce", "none.yaml", "-vv", "--audit-log", "client-denied.jsonl"]),
    ] {
        let done = world.dsp(&[&args[..], &[&script]].concat());
        assert_eq!(done.status, 0, "{}", done.err);
        seen.said("a client", done);
    }
    let login = format!("u:{marker}");
    let line = ["podman", "pull", "--creds", &login, "127.0.0.1:1/x"];
    let args = ["record", "-vv", "-o", "line.jsonl", "--"];
    seen.said("a command", world.dsp(&[&args[..], &line].concat()));

    for (place, names) in ["exact", "glob", "any"].into_iter().enumerate() {
        let file = format!("p{place}.yaml");
        let args = ["generate", "all.jsonl", "--accept-unknown", "--names", names, "-o", &file];
        seen.run(&args);
    }
    seen.run(&["generate", "--denied", "denied.jsonl", "--accept-unknown"]);
    seen.run(&["generate", "client.jsonl", "-o", "client.yaml"]);
    seen.run(&["generate", "--update", "client.yaml", "all.jsonl", "--accept-unknown"]);
    seen.run(&["diff", "none.yaml", "p0.yaml"]);
    for format in ["text", "json", "sarif", "junit", "markdown", "github"] {
        for recording in ["all.jsonl", "denied.jsonl", "audit.jsonl", "client-denied.jsonl"] {
            seen.run(&["check", "none.yaml", recording, "--format", format]);
        }
    }
    seen.run(&["coverage", "all.jsonl", "client.jsonl"]);
    seen.run(&["coverage", "all.jsonl", "--format", "json"]);
    seen.run(&["report", "p0.yaml", "all.jsonl", "client.jsonl", "-o", "r.html"]);
    seen.run(&["explain", "p0.yaml"]);
    seen.run(&["review", "p0.yaml", "--list", "--recording", "all.jsonl"]);

    // All of the files exist.
    for file in ["all.jsonl", "denied.jsonl", "audit.jsonl"] {
        let text = world.read(file);
        for path in ["/secrets/create", "/play/kube", "/build", "/images/pull", "/manifests/"] {
            assert!(text.contains(&format!("/v4.3.1/libpod{path}")), "{path} in {file}");
        }
    }
    assert!(world.read("client.yaml").contains("POST /libpod/secrets/create"));
    seen.find(&markers);
}
