//! What `docs/monitoring` has works with a real Prometheus.

use std::fs;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use crate::support::{World, left_out, wait_for};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/monitoring");

/// A program that is ended when this is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn is_there(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok()
}

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The queries of the dashboard, each with the title of its panel, as Grafana sends them.
fn panels() -> Vec<(String, String)> {
    let text = fs::read_to_string(format!("{FOLDER}/dsp-dashboard.json")).unwrap();
    let dashboard: serde_json::Value = serde_json::from_str(&text).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let query = |panel: &serde_json::Value| {
        let query = panel["targets"][0]["expr"].as_str().unwrap();
        let query = query.replace("$instance", ".*").replace("$program", ".*");
        (panel["title"].as_str().unwrap().to_owned(), query.replace("$__rate_interval", "1m"))
    };
    panels.map(query).collect()
}

#[test]
fn the_alerts_fire_when_they_should() {
    if !is_there("promtool") {
        return left_out("promtool is not installed");
    }
    for args in [["check", "rules", "dsp-alerts.yaml"], ["test", "rules", "dsp-alerts-test.yaml"]] {
        let done = Command::new("promtool").args(args).current_dir(FOLDER).output().unwrap();
        assert!(done.status.success(), "{done:?}");
    }
}

#[test]
fn a_real_prometheus_shows_every_panel() {
    if !is_there("prometheus") {
        return left_out("Prometheus is not installed");
    }
    let world = World::sample();
    let (metrics, web) = (free_port(), free_port());
    world.write("p.yaml", "version: 1\nname: p\nallow:\n  - GET /containers/json\n");
    let folder = world.folder.path().display();
    world.write(
        "dsp.yaml",
        &format!(
            "version: 1\nmetrics: tcp://127.0.0.1:{metrics}\nprograms:\n  web:\n    profile: p.yaml\n    \
             listen: unix://{folder}/p.sock\n"
        ),
    );
    world.write(
        "prometheus.yml",
        &format!(
            "global: {{ scrape_interval: 1s, evaluation_interval: 1s }}\nrule_files: [{FOLDER}/dsp-alerts.yaml]\n\
             scrape_configs:\n  - job_name: dsp\n    static_configs: [{{ targets: [\"127.0.0.1:{metrics}\"] }}]\n"
        ),
    );
    let quiet = |mut command: Command| {
        Running(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    };
    let _dsp = quiet(world.dsp_command(&["serve", "dsp.yaml"]));
    let listen = format!("--web.listen-address=127.0.0.1:{web}");
    let storage = format!("--storage.tsdb.path={folder}/data");
    let _prometheus =
        quiet(world.command("prometheus", &["--config.file=prometheus.yml", &listen, &storage]));
    let get = |arguments: &[&str]| {
        let done = Command::new("curl").args(["-s", "-m", "5"]).args(arguments).output().unwrap();
        String::from_utf8(done.stdout).unwrap()
    };
    let query = |query: &str| -> serde_json::Value {
        let url = format!("http://127.0.0.1:{web}/api/v1/query");
        let answer = get(&["--data-urlencode", &format!("query={query}"), &url]);
        serde_json::from_str(&answer).unwrap_or_default()
    };
    let socket = format!("{folder}/p.sock");
    let ask = |path: &str| get(&["--unix-socket", &socket, &format!("http://d{path}")]);
    wait_for("the first values", || {
        ask("/containers/json");
        ask("/_ping");
        query("dsp_engine_up == 1")["data"]["result"].as_array().is_some_and(|it| !it.is_empty())
    });
    for (title, expression) in panels() {
        wait_for(&title, || {
            ask("/containers/json");
            ask("/_ping");
            let answer = query(&expression);
            assert_ne!(answer["status"], "error", "{title}: {answer}");
            answer["data"]["result"].as_array().is_some_and(|it| !it.is_empty())
        });
    }
    let rules = get(&[&format!("http://127.0.0.1:{web}/api/v1/rules")]);
    assert!(rules.contains("DspEngineDown") && !rules.contains("\"lastError\""), "{rules}");
}
