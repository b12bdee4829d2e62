//! Answers that depend only on the state of the engine, worded as dockerd words them.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::containers::{Container, Phase, Status};
use super::engine::{Engine, constant_id};
use super::http::Answer;
use super::query::Query;

/// The ID of the only image.
pub(super) const IMAGE_ID: &str =
    "sha256:3f57d9401f8d42f986df300f0c69192fc41da28ccc8d797829467780db3dd741";

const IMAGE_SIZE: u64 = 4_260_000;
const MEMORY: u64 = 8 << 30;
const STARTED: &str = "2026-01-02T03:04:05.678901234Z";
const VOLUME: &str = "data";

/// Network names with their drivers. Their IDs are constant IDs from 1000 on.
const NETWORKS: [(&str, &str); 3] = [("bridge", "bridge"), ("host", "host"), ("none", "null")];

pub(super) fn no_container(name: &str) -> Answer {
    Answer::refusal(404, &format!("No such container: {name}"))
}

/// Whether an image reference names the engine's image.
pub(super) fn is_busybox(image: &str) -> bool {
    let name = image.strip_prefix("docker.io/").unwrap_or(image);
    let name = name.strip_prefix("library/").unwrap_or(name);
    matches!(name, "busybox" | "busybox:latest") || image == IMAGE_ID
}

pub(super) fn version(_: &Arc<Engine>, _: &str, _: &Query) -> Answer {
    Answer::ok(json!({
        "Platform": { "Name": "dsp sample engine" },
        "Components": [{
            "Name": "Engine", "Version": "20.10.24",
            "Details": { "ApiVersion": "1.41", "Arch": "amd64", "MinAPIVersion": "1.12", "Os": "linux",
                "BuildTime": STARTED, "Experimental": "false", "GitCommit": "sample",
                "GoVersion": "none", "KernelVersion": "6.1.0" },
        }],
        "Version": "20.10.24", "ApiVersion": "1.41", "MinAPIVersion": "1.12", "GitCommit": "sample",
        "GoVersion": "none", "Os": "linux", "Arch": "amd64", "KernelVersion": "6.1.0",
        "BuildTime": STARTED,
    }))
}

pub(super) fn info(engine: &Arc<Engine>, _: &str, _: &Query) -> Answer {
    let all = engine.containers();
    let running = all.iter().filter(|one| one.status().phase == Phase::Running).count();
    Answer::ok(json!({
        "ID": "DSPS:AMPL:EENG:INE0:0000:0000:0000:0000:0000:0000:0000:0000",
        "Containers": all.len(), "ContainersRunning": running, "ContainersPaused": 0,
        "ContainersStopped": all.len() - running, "Images": 1, "Driver": "overlay2",
        "DriverStatus": [["Backing Filesystem", "none"]],
        "Plugins": { "Volume": ["local"], "Network": ["bridge", "host", "null"],
            "Authorization": null, "Log": ["json-file"] },
        "MemoryLimit": true, "SwapLimit": true, "CpuCfsPeriod": true, "CpuCfsQuota": true,
        "CPUShares": true, "CPUSet": true, "PidsLimit": true, "IPv4Forwarding": true,
        "BridgeNfIptables": true, "BridgeNfIp6tables": true, "OomKillDisable": true,
        "SystemTime": Timestamp::now().to_string(), "LoggingDriver": "json-file",
        "CgroupDriver": "cgroupfs", "CgroupVersion": "1", "KernelVersion": "6.1.0",
        "OperatingSystem": "dsp sample engine", "OSType": "linux", "Architecture": "x86_64",
        "IndexServerAddress": "https://index.docker.io/v1/", "NCPU": 2, "MemTotal": MEMORY,
        "DockerRootDir": "/var/lib/docker", "Name": "sample", "Labels": [],
        "ServerVersion": "20.10.24", "Runtimes": { "runc": { "path": "runc" } },
        "DefaultRuntime": "runc", "Swarm": { "LocalNodeState": "inactive" },
        "SecurityOptions": ["name=seccomp,profile=default"], "Warnings": null,
    }))
}

pub(super) fn containers(engine: &Arc<Engine>, _: &str, query: &Query) -> Answer {
    let all = engine.containers();
    let shown = all.iter().filter(|one| query.flag("all") || one.status().phase == Phase::Running);
    Answer::ok(shown.map(|container| summary(container)).collect())
}

pub(super) fn container(engine: &Arc<Engine>, name: &str, _: &Query) -> Answer {
    let Some(container) = engine.container(name) else { return no_container(name) };
    let status = container.status();
    let (path, arguments) =
        container.command.split_first().map_or(("", &[][..]), |(path, rest)| (path.as_str(), rest));
    let mut config = container.config.clone();
    let mut host = json!({ "NetworkMode": "default", "AutoRemove": false, "Privileged": false });
    if let Some(config) = config.as_object_mut() {
        for (key, value) in [("Tty", json!(false)), ("OpenStdin", json!(false)), ("Env", json!([]))]
        {
            config.entry(key).or_insert(value);
        }
        config.remove("NetworkingConfig");
        if let Some(given) = config.remove("HostConfig") {
            host = given;
        }
    }
    let running = status.phase == Phase::Running;
    Answer::ok(json!({
        "Id": container.id, "Created": container.created.to_string(), "Path": path, "Args": arguments,
        "State": {
            "Status": phase(status), "Running": running, "Paused": false, "Restarting": false,
            "OOMKilled": false, "Dead": false, "Pid": if running { 4242 } else { 0 },
            "ExitCode": status.code, "Error": "", "StartedAt": container.created.to_string(),
            "FinishedAt": "0001-01-01T00:00:00Z",
        },
        "Image": IMAGE_ID, "Name": format!("/{}", container.name), "RestartCount": 0,
        "Driver": "overlay2", "Platform": "linux", "ExecIDs": null, "HostConfig": host, "Mounts": [],
        "Config": config,
        "NetworkSettings": { "Bridge": "", "Ports": {}, "Networks": endpoint() },
    }))
}

pub(super) fn top(engine: &Arc<Engine>, name: &str, _: &Query) -> Answer {
    let Some(container) = engine.container(name) else { return no_container(name) };
    if container.status().phase != Phase::Running {
        return Answer::refusal(409, &format!("Container {} is not running", container.id));
    }
    engine.event(&container, "top", &[]);
    let command = container.command.join(" ");
    Answer::ok(json!({
        "Processes": [["root", "4242", "4200", "0", "03:04", "?", "00:00:00", command]],
        "Titles": ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"],
    }))
}

/// The statistics of a container in the answer to the `count`th request.
pub(super) fn stats(container: &Container, count: u64) -> Value {
    let cpu = |count: u64| {
        json!({
            "cpu_usage": { "total_usage": 30_000_000 * count, "percpu_usage": [30_000_000 * count, 0],
                "usage_in_kernelmode": 10_000_000 * count, "usage_in_usermode": 20_000_000 * count },
            "system_cpu_usage": 2_000_000_000 * count, "online_cpus": 2,
            "throttling_data": { "periods": 0, "throttled_periods": 0, "throttled_time": 0 },
        })
    };
    json!({
        "read": Timestamp::now().to_string(), "preread": STARTED, "pids_stats": { "current": 1 },
        "blkio_stats": { "io_service_bytes_recursive": [] }, "num_procs": 0, "storage_stats": {},
        "cpu_stats": cpu(count), "precpu_stats": cpu(count.saturating_sub(1)),
        "memory_stats": { "usage": 5_734_400, "max_usage": 8_829_760,
            "stats": { "cache": 0, "total_inactive_file": 0 }, "limit": MEMORY },
        "networks": { "eth0": { "rx_bytes": 1024 * count, "tx_bytes": 512 * count } },
        "name": format!("/{}", container.name), "id": container.id,
    })
}

pub(super) fn start(engine: &Arc<Engine>, name: &str, _: &Query) -> Answer {
    let Some(container) = engine.container(name) else { return no_container(name) };
    Answer::empty(if engine.start(&container) { 204 } else { 304 })
}

pub(super) fn stop(engine: &Arc<Engine>, name: &str, _: &Query) -> Answer {
    let Some(container) = engine.container(name) else { return no_container(name) };
    if container.status().phase != Phase::Running {
        return Answer::empty(304);
    }
    container.kill();
    engine.event(&container, "stop", &[]);
    Answer::empty(204)
}

pub(super) fn kill(engine: &Arc<Engine>, name: &str, query: &Query) -> Answer {
    let Some(container) = engine.container(name) else { return no_container(name) };
    if container.status().phase != Phase::Running {
        let message =
            format!("Cannot kill container: {name}: Container {} is not running", container.id);
        return Answer::refusal(409, &message);
    }
    let signal = query.get("signal").filter(|signal| !signal.is_empty()).unwrap_or("SIGKILL");
    // The programs ignore every signal that does not normally end a process.
    if matches!(signal.trim_start_matches("SIG"), "KILL" | "TERM" | "INT" | "9" | "15" | "2") {
        container.kill();
    }
    engine.event(&container, "kill", &[("signal", signal.to_owned())]);
    Answer::empty(204)
}

pub(super) fn remove(engine: &Arc<Engine>, name: &str, query: &Query) -> Answer {
    let Some(container) = engine.container(name) else { return no_container(name) };
    if container.status().phase == Phase::Running && !query.flag("force") {
        let message = format!(
            "You cannot remove a running container {}. Stop the container before attempting removal or force remove",
            container.id
        );
        return Answer::refusal(409, &message);
    }
    engine.remove(&container);
    Answer::empty(204)
}

pub(super) fn nothing(_: &Arc<Engine>, _: &str, _: &Query) -> Answer {
    Answer::empty(200)
}

pub(super) fn exec(engine: &Arc<Engine>, id: &str, _: &Query) -> Answer {
    let Some(exec) = engine.exec(id) else {
        return Answer::refusal(404, &format!("No such exec instance: {id}"));
    };
    let (name, arguments) =
        exec.command.split_first().map_or(("", &[][..]), |(name, rest)| (name.as_str(), rest));
    Answer::ok(json!({
        "ID": exec.id, "Running": exec.running(), "ExitCode": exec.code(),
        "ProcessConfig": { "tty": exec.tty, "entrypoint": name, "arguments": arguments,
            "privileged": false },
        "OpenStdin": exec.stdin, "OpenStderr": true, "OpenStdout": true, "CanRemove": false,
        "ContainerID": exec.container.id, "DetachKeys": "", "Pid": 4243,
    }))
}

pub(super) fn images(_: &Arc<Engine>, _: &str, _: &Query) -> Answer {
    Answer::ok(json!([image_summary()]))
}

pub(super) fn image(_: &Arc<Engine>, name: &str, _: &Query) -> Answer {
    if !is_busybox(name) {
        let tag = if name.contains(':') { "" } else { ":latest" };
        return Answer::refusal(404, &format!("no such image: {name}: No such image: {name}{tag}"));
    }
    Answer::ok(json!({
        "Id": IMAGE_ID, "RepoTags": ["busybox:latest"], "RepoDigests": [], "Parent": "",
        "Comment": "", "Created": STARTED, "Container": "", "DockerVersion": "20.10.24",
        "Author": "", "Config": { "Cmd": ["sh"], "Env": null, "Labels": null },
        "Architecture": "amd64", "Os": "linux", "Size": IMAGE_SIZE, "VirtualSize": IMAGE_SIZE,
        "RootFS": { "Type": "layers", "Layers": [format!("sha256:{}", constant_id(2000))] },
        "Metadata": { "LastTagTime": STARTED },
    }))
}

pub(super) fn networks(_: &Arc<Engine>, _: &str, _: &Query) -> Answer {
    Answer::ok((0..NETWORKS.len()).filter_map(network_value).collect())
}

pub(super) fn network(_: &Arc<Engine>, name: &str, _: &Query) -> Answer {
    let named = |value: &Value| {
        let id = value.get("Id").and_then(Value::as_str).unwrap_or_default();
        value.get("Name").and_then(Value::as_str) == Some(name) || id.starts_with(name)
    };
    match (0..NETWORKS.len()).filter_map(network_value).find(named) {
        Some(network) => Answer::ok(network),
        None => Answer::refusal(404, &format!("network {name} not found")),
    }
}

pub(super) fn volumes(_: &Arc<Engine>, _: &str, _: &Query) -> Answer {
    Answer::ok(json!({ "Volumes": [volume_value()], "Warnings": null }))
}

pub(super) fn volume(_: &Arc<Engine>, name: &str, _: &Query) -> Answer {
    if name == VOLUME {
        return Answer::ok(volume_value());
    }
    Answer::refusal(404, &format!("get {name}: no such volume"))
}

pub(super) fn disk_usage(engine: &Arc<Engine>, _: &str, _: &Query) -> Answer {
    let containers: Vec<_> = engine.containers().iter().map(|one| summary(one)).collect();
    let mut volume = volume_value();
    if let Some(volume) = volume.as_object_mut() {
        volume.insert("UsageData".to_owned(), json!({ "RefCount": 1, "Size": 4096 }));
    }
    Answer::ok(json!({
        "LayersSize": IMAGE_SIZE, "Images": [image_summary()], "Containers": containers,
        "Volumes": [volume], "BuildCache": null, "BuilderSize": 0,
    }))
}

/// In the sample engine, nothing is ever unused.
pub(super) fn prune(_: &Arc<Engine>, what: &str, _: &Query) -> Answer {
    let deleted = format!("{what}Deleted");
    Answer::ok(match what {
        "Networks" => json!({ deleted: null }),
        "Volumes" => json!({ deleted: [], "SpaceReclaimed": 0 }),
        _ => json!({ deleted: null, "SpaceReclaimed": 0 }),
    })
}

fn phase(status: Status) -> &'static str {
    match status.phase {
        Phase::Created => "created",
        Phase::Exited => "exited",
        Phase::Running => "running",
    }
}

fn summary(container: &Container) -> Value {
    let status = container.status();
    let told = match status.phase {
        Phase::Created => "Created".to_owned(),
        Phase::Exited => format!("Exited ({}) 1 second ago", status.code),
        Phase::Running => "Up 2 hours".to_owned(),
    };
    json!({
        "Id": container.id, "Names": [format!("/{}", container.name)], "Image": container.image,
        "ImageID": IMAGE_ID, "Command": container.command.join(" "),
        "Created": container.created.as_second(), "Ports": [], "Labels": {}, "State": phase(status),
        "Status": told, "HostConfig": { "NetworkMode": "default" },
        "NetworkSettings": { "Networks": endpoint() }, "Mounts": [],
    })
}

fn endpoint() -> Value {
    json!({ "bridge": {
        "IPAMConfig": null, "Links": null, "Aliases": null, "NetworkID": constant_id(1000),
        "EndpointID": "", "Gateway": "", "IPAddress": "", "IPPrefixLen": 0, "MacAddress": "",
        "DriverOpts": null,
    } })
}

fn image_summary() -> Value {
    json!({
        "Containers": -1, "Created": 1_767_323_045, "Id": IMAGE_ID, "Labels": null, "ParentId": "",
        "RepoDigests": null, "RepoTags": ["busybox:latest"], "SharedSize": -1, "Size": IMAGE_SIZE,
        "VirtualSize": IMAGE_SIZE,
    })
}

fn network_value(index: usize) -> Option<Value> {
    let (name, driver) = NETWORKS.get(index)?;
    Some(json!({
        "Name": name, "Id": constant_id(1000 + index as u64), "Created": STARTED, "Scope": "local",
        "Driver": driver, "EnableIPv6": false,
        "IPAM": { "Driver": "default", "Options": null, "Config": [] }, "Internal": false,
        "Attachable": false, "Ingress": false, "ConfigFrom": { "Network": "" },
        "ConfigOnly": false, "Containers": {}, "Options": {}, "Labels": {},
    }))
}

fn volume_value() -> Value {
    json!({
        "CreatedAt": "2026-01-02T03:04:05Z", "Driver": "local", "Labels": null, "Name": VOLUME,
        "Mountpoint": "/var/lib/docker/volumes/data/_data", "Options": null, "Scope": "local",
    })
}
