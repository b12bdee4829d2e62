use crate::generate::recording;
use crate::support::World;

const PROFILE: &str = "version: 1\nname: p\nmin_api: \"1.41\"\nallow:\n  - GET /info\n  \
    - GET /containers/*/json\n  - POST /containers/create\n  - GET /networks/%3Cb%3E\ndeny:\n  - POST /build\n\
    accept:\n  - code: unused-rule\n    reason: <img src=x onerror=alert(1)>\nunknown:\n  - GET /extension/%22\n";

const OLD: &str = "version: 1\nname: p\nmin_api: \"1.41\"\nallow:\n  - GET /info\n  \
    - GET /containers/web/json\n  - GET /events\n";

/// A folder with a profile, an older one, and two sessions with names that contain markup.
fn world() -> World {
    let world = World::without_engine();
    world.write("p.yaml", PROFILE);
    world.write("old.yaml", OLD);
    let ids = ["0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"; 1];
    recording(
        &world,
        "r",
        &[
            "GET /v1.41/info",
            "GET /v1.41/containers/%3Cscript%3Ealert(1)/json",
            "GET /v1.41/containers/%22%20onload=%22x/json",
            "GET /v1.41/containers/a%E2%80%AEb/json",
            &format!("GET /v1.41/containers/{}/json", ids[0]),
            "GET /v1.41/<svg>/x",
        ],
    );
    world
}

fn page(world: &World, args: &[&str]) -> String {
    let done = world.dsp(&[&["report", "p.yaml"], args].concat());
    assert_eq!((done.status, done.err.as_str()), (0, ""));
    done.out
}

#[test]
fn the_page_is_whole_and_the_same_each_time() {
    let world = world();
    let text = page(&world, &["r", "--against", "old.yaml"]);
    assert_eq!(text, page(&world, &["r", "r", "--against", "old.yaml"]));
    assert!(text.starts_with("<!DOCTYPE html>") && text.trim_end().ends_with("</html>"));
    for there in [
        "Content-Security-Policy",
        "default-src 'none'",
        "lets a client become root on the host, because of: POST /containers/create.",
        "Changes since old.yaml",
        "Was enough recorded?",
        "role=\"img\"",
        "0123456789ab…",
    ] {
        assert!(text.contains(there), "{there}");
    }
    // Nothing is fetched and no script runs.
    for other in ["http://", "https://", "<script", "javascript:", "@import", "url(", "src="] {
        let found = text.match_indices(other).filter(|(at, _)| !text[..*at].ends_with("img "));
        assert_eq!(found.count(), 0, "{other}");
    }
    let body = text.split_once("<body>").unwrap().1;
    let body = body.replace(env!("CARGO_PKG_VERSION"), "[VERSION]").replace('>', ">\n");
    insta::assert_snapshot!(body);
}

#[test]
fn the_verdict_comes_first() {
    let world = world();
    let verdict = |page: &str| {
        let section = page.split_once("<h2 id=\"verdict\">").unwrap().1;
        section.split_once("</ul>").unwrap().0.to_owned()
    };
    let drifted = page(&world, &["r", "--against", "old.yaml"]);
    let first = drifted.split("<h2").nth(1).unwrap();
    assert!(first.starts_with(" id=\"verdict\""), "{first}");
    let text = verdict(&drifted);
    assert!(text.contains("Drift:</strong> the program asked for"), "{text}");
    assert!(text.contains("Wider</strong> than old.yaml"), "{text}");
    assert!(text.contains("Not reviewed:"), "{text}");
    assert!(drifted.contains("denied-operation-used") || drifted.contains("unknown-operation"));

    world.write("q.yaml", "version: 1\nname: q\nallow:\n  - GET /info\n");
    recording(&world, "info", &["GET /v1.41/info"]);
    assert_eq!(
        world.dsp(&["review", "-q", "q.yaml", "--keep", "info", "--keep", "read"]).status,
        0
    );
    let calm = world.dsp(&["report", "q.yaml", "info", "--against", "q.yaml"]).out;
    let text = verdict(&calm);
    assert!(text.contains("No drift:") && text.contains("Reviewed:"), "{text}");
    assert!(text.contains("Not wider</strong> than q.yaml"), "{text}");
    // What somebody has accepted is still not allowed.
    world.write(
        "a.yaml",
        "version: 1\nname: a\nallow:\n  - GET /events\naccept:\n  - code: new-operation\n    rule: GET /info\n    reason: known\n",
    );
    let accepted = world.dsp(&["report", "a.yaml", "info"]).out;
    assert!(
        verdict(&accepted).contains("No open drift:</strong> 1 accepted finding below"),
        "{accepted}"
    );
    // What was added after the review is marked where it is.
    world.write(
        "q.yaml",
        &world.read("q.yaml").replace("\nallow:\n", "\nallow:\n  - POST /build\n"),
    );
    let added = world.dsp(&["report", "q.yaml"]).out;
    assert!(added.contains("not accepted</strong>, added after the review"), "{added}");
    assert!(verdict(&added).contains("nobody has accepted <a href=\"#rules\">1 rule"), "{added}");
}

#[test]
fn what_is_left_open_is_listed_by_rule() {
    let world = world();
    let text = page(&world, &[]);
    assert!(text.contains("What it leaves open"), "{text}");
    assert!(text.contains("<summary><code>POST /containers/create</code> leaves "), "{text}");
    world.write("calm.yaml", "version: 1\nname: q\nallow:\n  - GET /info\n");
    let calm = world.dsp(&["report", "calm.yaml"]).out;
    assert!(calm.contains("None of the "), "{calm}");
}

#[test]
fn a_narrow_rule_does_not_count_what_others_used() {
    let world = World::without_engine();
    let rules =
        "  - GET /containers/a/json\n  - GET /containers/b/json\n  - GET /containers/c/json\n";
    world.write("p.yaml", &format!("version: 1\nname: p\nallow:\n{rules}"));
    recording(&world, "r", &["GET /v1.41/containers/a/json", "GET /v1.41/containers/b/json"]);
    let text = page(&world, &["r"]);
    assert_eq!(text.matches("among 2 requests, 1 session of the operation").count(), 2);
    assert_eq!(text.matches(">never<").count(), 1);
}

#[test]
fn names_stay_text() {
    let text = page(&world(), &["r"]);
    for markup in ["<script>", "<img", "<svg>", "<b>", "\" onload", "\u{202e}"] {
        assert!(!text.contains(markup), "{markup}");
    }
    assert!(text.contains("&lt;script&gt;alert(1)") && text.contains("\\u{202e}"));
}

#[test]
fn it_is_written_to_a_file_and_replaced() {
    let world = world();
    for _ in 0..2 {
        let done = world.dsp(&["report", "p.yaml", "-o", "report.html"]);
        assert_eq!((done.status, done.err.as_str()), (0, "dsp: wrote report.html\n"));
    }
    assert!(!world.read("report.html").contains("Was enough recorded?"), "nothing was given");
    recording(&world, "empty", &[]);
    assert_eq!(world.dsp(&["report", "p.yaml", "empty"]).status, 4);
    assert_eq!(world.dsp(&["report", "none.yaml"]).status, 1);
    assert_eq!(world.dsp(&["report", "p.yaml", "--against", "none.yaml"]).status, 1);
    assert_eq!(world.dsp(&["report"]).status, 2);
}

/// The page in frames of several widths, measured by a script next to it.
const HARNESS: &str = r#"<!doctype html><body><script>
const widths = [320, 390, 768, 1280], said = [];
let left = widths.length;
for (const width of widths) {
  const frame = document.createElement("iframe");
  frame.style.width = width + "px";
  frame.style.border = 0;
  frame.onload = () => {
    const page = frame.contentDocument, all = q => [...page.querySelectorAll(q)];
    const levels = all("h1,h2,h3").map(h => +h.tagName[1]);
    said.push({
      width,
      overflow: page.documentElement.scrollWidth - width,
      levels_skip: levels.some((level, i) => level > (levels[i - 1] || 0) + 1),
      landmarks: ["header", "main", "footer"].filter(q => all(q).length === 1).length,
      unnamed_sections: all("section").filter(s => !page.getElementById(s.getAttribute("aria-labelledby"))).length,
      headless_tables: all("table").filter(t => !t.caption || !t.querySelector("thead th[scope=col]")).length,
      unnamed_drawings: all("svg").filter(s => !s.querySelector("title") || s.getAttribute("role") !== "img").length,
      language: page.documentElement.lang,
      scripts: all("script").length,
    });
    if (--left === 0) document.body.textContent = JSON.stringify(said.sort((a, b) => a.width - b.width));
  };
  frame.src = "report.html";
  document.body.append(frame);
}
</script></body>"#;

#[test]
fn a_browser_shows_it_at_every_width() {
    let world = world();
    world.write("report.html", &page(&world, &["r", "--against", "old.yaml"]));
    world.write("harness.html", HARNESS);
    let url = format!("file://{}", world.path("harness.html").display());
    let profile = format!("--user-data-dir={}", world.path("browser").display());
    let is_there = world.shell("command -v chromium").status == 0;
    if !is_there {
        let is_required = std::env::var("DSP_TEST_ENGINE").is_ok_and(|value| value == "required");
        assert!(!is_required, "chromium is missing");
        eprintln!("chromium is missing");
        return;
    }
    let done = world.finish(world.command(
        "chromium",
        &[
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--allow-file-access-from-files",
            "--virtual-time-budget=20000",
            &profile,
            "--dump-dom",
            &url,
        ],
    ));
    let start = done.out.find("<body>[").unwrap_or_else(|| panic!("{}\n{}", done.out, done.err));
    let json = done.out[start + "<body>".len()..].split("</body>").next().unwrap();
    let measured: serde_json::Value = serde_json::from_str(json).unwrap();
    assert_eq!(measured.as_array().unwrap().len(), 4);
    for width in measured.as_array().unwrap() {
        assert!(width["overflow"].as_i64().unwrap() <= 0, "{width}");
        assert_eq!(width["levels_skip"], false, "{width}");
        assert_eq!(width["landmarks"], 3, "{width}");
        for none in ["unnamed_sections", "headless_tables", "unnamed_drawings", "scripts"] {
            assert_eq!(width[none], 0, "{none}: {width}");
        }
        assert_eq!(width["language"], "en");
    }
}
