//! The data on contents against the known escapes: each escape that contents decide on gives something
//! away that a rule has to name, or is refused.

use dsp::api::{CanonicalRequest, EngineKind};
use dsp::contents::{Context, Facet, Fact, Schema};
use dsp::escapes::{Concern, Escape, all, fill};

/// Storage drivers take a size here and nothing else (containers/storage drivers/overlay/overlay.go,
/// `parseStorageOpt`).
const HARMLESS: [&str; 1] = ["podman-storage-options"];

/// A text of an escape with objects in it.
fn filled(text: &str) -> String {
    let value = |name: &str| match name {
        "folder" => "/srv/folder".to_owned(),
        "socket" => "/srv/its.sock".to_owned(),
        "server" => "http://192.0.2.1:80".to_owned(),
        "server-address" => "192.0.2.1:80".to_owned(),
        "image" => "own-image".to_owned(),
        "node-version" | "swarm-version" => "7".to_owned(),
        name if name.ends_with("-id") => "0123456789abcdef".repeat(4),
        name => name.to_owned(),
    };
    String::from_utf8(fill(text, |name| Some(value(name).into_bytes())).unwrap()).unwrap()
}

/// What a program needs that makes containers of one image and nothing else.
fn is_needed_anyway(fact: &Fact) -> bool {
    fact.facet.is_free() || (fact.facet == Facet::Image && fact.value.contains("own-image"))
}

/// Why an escape passes a rule that names nothing but an image; `None` if it does not.
fn passes(escape: &Escape) -> Option<String> {
    let version = escape.version().map(|version| format!("/v{version}")).unwrap_or_default();
    let target = format!("{version}{}", filled(escape.target));
    request_passes(escape.engine, escape.method.as_str(), &target, &filled(escape.body))
}

fn request_passes(engine: EngineKind, method: &str, target: &str, body: &str) -> Option<String> {
    let request = CanonicalRequest::parse(engine, method, target).ok()?;
    let located = request.locate()?;
    let Some(schema) = Schema::of(located.operation) else {
        return Some(format!("{} has no data", located.operation.name));
    };
    let names = [String::from("own")];
    let context = Context { names: &names, ..Context::default() };
    let read = schema.has_body().then_some(body.as_bytes());
    let contents = schema.read(request.query(), read, &context).ok()?;
    let mut facts = contents.facts.iter();
    let is_harmless = facts.all(is_needed_anyway);
    is_harmless.then(|| format!("{} {target} {body}", located.operation.name))
}

#[test]
fn each_escape_by_contents_gives_something_away() {
    // dsp refuses each form, whatever is in it (docs/engine-api.md#forms).
    let is_form = |escape: &&Escape| escape.head.iter().any(|(_, value)| value.contains("form"));
    let by_contents = all().iter().filter(|escape| escape.concern == Concern::Contents);
    let by_contents = by_contents.filter(|escape| !is_form(escape));
    let by_contents: Vec<&Escape> = by_contents.collect();
    assert!(by_contents.len() > 400, "{}", by_contents.len());
    let (mut open, mut closed) = (Vec::new(), Vec::new());
    for escape in by_contents {
        let is_known = HARMLESS.contains(&escape.name);
        match passes(escape) {
            Some(why) if !is_known => {
                open.push(format!("{} {}: {why}", escape.engine, escape.name));
            }
            None if is_known => closed.push(escape.name),
            _ => {}
        }
    }
    assert!(open.is_empty(), "{} escapes pass:\n{}", open.len(), open.join("\n"));
    assert!(
        closed.is_empty(),
        "these do not pass any more, so take them off the list: {closed:#?}"
    );
}

/// podman turns fields of Docker's API into arguments of its own command line, and reads files of the
/// host for a build (podman 6.0.2 pkg/api/handlers/compat/containers_create.go and images_build.go).
#[test]
fn what_podman_reads_in_its_own_way_is_found() {
    let create = |body: &str| {
        let body = format!("{{\"Image\":\"own-image\",{body}}}");
        request_passes(EngineKind::Podman, "POST", "/containers/create", &body)
    };
    assert!(create("\"Volumes\":{\"/h\":{}}").is_some(), "an anonymous volume");
    let mount = |mount: &str| format!("\"HostConfig\":{{\"Mounts\":[{{{mount}}}]}}");
    let tmpfs = mount(r#""Type":"tmpfs","Target":"/h""#);
    assert!(create(&tmpfs).is_some(), "memory");
    for body in [
        // A key with a colon is an argument of --volume.
        r#""Volumes":{"/etc:/h":{}}"#.to_owned(),
        r#""Volumes":{"data:/h":{}}"#.to_owned(),
        // The texts of a mount are joined with commas into an argument of --mount.
        mount(r#""Type":"volume","Target":"/h,volume-opt=o=bind,volume-opt=device=/""#),
        mount(r#""Type":"tmpfs","Target":"/h","Consistency":"x,type=bind""#),
        mount(r#""Type":"tmpfs,src=/","Target":"/h""#),
        mount(r#""Type":"volume","Target":"/h","VolumeOptions":{"Subpath":"x,src=data"}"#),
        // It is deleted with the container.
        r#""HostConfig":{"ContainerIDFile":"/etc/passwd"}"#.to_owned(),
        // A file that conmon writes.
        r#""HostConfig":{"LogConfig":{"Type":"k8s-file","Config":{"path":"/etc/x"}}}"#.to_owned(),
        r#""HostConfig":{"UsernsMode":"keep-id"}"#.to_owned(),
        r#""HostConfig":{"NetworkMode":"own,theirs"}"#.to_owned(),
    ] {
        assert!(create(&body).is_none(), "{body}");
    }
    let build = |query: &str| {
        let target = format!("/build?t=own-image&nsoptions=[]&{query}");
        request_passes(EngineKind::Podman, "POST", &target, "")
    };
    assert!(build("dockerfile=Dockerfile&nocache=1").is_some());
    for target in ["/build?t=own-image", "/build?t=own-image&nsoptions="] {
        let passes = request_passes(EngineKind::Podman, "POST", target, "");
        assert_eq!(passes, None, "the network of the host: {target}");
    }
    for query in [
        "dockerfile=/etc/passwd",
        "secrets=[%22id=a,src=../../etc/passwd%22]",
        "cppflags=[%22-I/etc%22]",
        "outputs=type=local,dest=/etc",
        "rusagelogfile=/etc/x",
        "annotations=[%22run.oci.x=y%22]",
        "volume=/:/h",
        "additionalbuildcontexts=a=localpath:/etc",
        "isolation=chroot",
        "remote=/etc",
        "sbom-output=/etc/x",
        "sbom-purl-output=/etc/x",
        "transientRunMounts=type=bind,source=/,target=/h",
        "sourcePolicy={}",
    ] {
        assert!(build(query).is_none(), "{query}");
    }
}
