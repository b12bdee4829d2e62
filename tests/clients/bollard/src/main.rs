//! A program that uses bollard as others do.

use std::io::Read;
use std::time::{SystemTime, UNIX_EPOCH};

use bollard::Docker;
use bollard::container::{AttachContainerResults, LogOutput};
use bollard::errors::Error;
use bollard::exec::{StartExecOptions, StartExecResults};
use bollard::models::{
    ContainerCreateBody, ContainerUpdateBody, ExecConfig, Ipam, IpamConfig, NetworkCreateRequest,
    VolumeCreateRequest,
};
use bollard::query_parameters as query;
use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncWrite, AsyncWriteExt};

const IMAGE: &str = "busybox:latest";
const DOCKERFILE: &str = "FROM busybox\nCOPY data /data\nRUN wc -c /data && echo built >/made\nCMD [\"cat\", \"/made\"]\n";

type Any = Box<dyn std::error::Error>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Any> {
    let docker = Docker::connect_with_defaults()?.negotiate_version().await?;
    engine(&docker).await?;
    images(&docker).await?;
    build(&docker).await?;
    life(&docker).await?;
    running(&docker).await?;
    networks_and_volumes(&docker).await
}

async fn engine(docker: &Docker) -> Result<(), Any> {
    say("negotiated", json!(docker.client_version().to_string()));
    say("ping", json!(docker.ping().await?));
    say("version", json!(docker.version().await?.api_version));
    say("info", json!(docker.info().await?.os_type.map(|kind| kind.to_string())));
    say("disk use", json!(docker.df(None::<query::DataUsageOptions>).await.is_ok()));
    Ok(())
}

async fn images(docker: &Docker) -> Result<(), Any> {
    let list = docker.list_images(None::<query::ListImagesOptions>).await?;
    say("images", json!(list.iter().map(|image| &image.repo_tags).collect::<Vec<_>>()));
    say("history", json!(docker.image_history(IMAGE).await?.len()));
    let to = query::TagImageOptionsBuilder::new().repo("rust-tag").tag("1").build();
    docker.tag_image(IMAGE, Some(to)).await?;
    let saved = joined(docker.export_image("rust-tag:1")).await?;
    let remove =
        async |name: &str| docker.remove_image(name, None::<query::RemoveImageOptions>, None).await;
    say("untag", json!(remove("rust-tag:1").await?));
    let load = query::ImportImageOptionsBuilder::new().build();
    let loaded = docker.import_image(load, bollard::body_full(saved.into()), None);
    let loaded: Vec<_> = loaded.try_collect().await?;
    say("load", json!(loaded.iter().map(|line| &line.stream).collect::<Vec<_>>()));
    remove("rust-tag:1").await?;
    refused("absent image", docker.inspect_image("no-such-image").await);
    let nowhere = query::CreateImageOptionsBuilder::new().from_image("127.0.0.1:1/none").tag("1");
    let pulled = docker.create_image(Some(nowhere.build()), None, None);
    refused("pull from nowhere", pulled.try_collect::<Vec<_>>().await);
    Ok(())
}

async fn build(docker: &Docker) -> Result<(), Any> {
    let bulk = bulk();
    let context = archive(&[("Dockerfile", DOCKERFILE.as_bytes()), ("data", bulk)])?;
    // In pieces, as from a file.
    let pieces: Vec<_> = context.chunks(10_000).map(Bytes::copy_from_slice).collect();
    let options = query::BuildImageOptionsBuilder::new().t("rust-build").nocache(true);
    let options = options.networkmode("none").rm(true).build();
    let body = bollard::body_stream(futures_util::stream::iter(pieces));
    let lines: Vec<_> = docker.build_image(options, None, Some(body)).try_collect().await?;
    let varies = |line: &str| {
        ["--->", "Removing intermediate", "Successfully built"].iter().any(|id| line.contains(id))
    };
    let lines = lines.into_iter().filter_map(|line| line.stream);
    say("build", json!(lines.filter(|line| line != "\n" && !varies(line)).collect::<Vec<_>>()));
    docker.remove_image("rust-build", None::<query::RemoveImageOptions>, None).await?;
    Ok(())
}

async fn life(docker: &Docker) -> Result<(), Any> {
    let config = ContainerCreateBody {
        image: Some(IMAGE.to_owned()),
        cmd: Some(words(&["sh", "-c", "echo out; echo err >&2; cat; exit 3"])),
        open_stdin: Some(true),
        stdin_once: Some(true),
        ..Default::default()
    };
    let named = query::CreateContainerOptionsBuilder::new().name("rust-life").build();
    docker.create_container(Some(named.clone()), config.clone()).await?;
    refused("a second of that name", docker.create_container(Some(named), config).await);
    let all = query::AttachContainerOptionsBuilder::new().stdin(true).stdout(true).stderr(true);
    let attached = docker.attach_container("rust-life", Some(all.stream(true).build())).await?;
    let AttachContainerResults { output, input } = attached;
    docker.start_container("rust-life", None::<query::StartContainerOptions>).await?;
    say("attached", talk(input, b"typed\n", output).await?);
    let mut waiting = docker.wait_container("rust-life", None::<query::WaitContainerOptions>);
    match waiting.next().await {
        Some(Err(Error::DockerContainerWaitError { code, .. })) => say("wait", json!(code)),
        other => say("wait", json!(format!("{other:?}"))),
    }
    let follow = query::LogsOptionsBuilder::new().follow(true).stdout(true).stderr(true).build();
    say("followed", streams(docker.logs("rust-life", Some(follow))).await?);
    let rename = query::RenameContainerOptionsBuilder::new().name("rust-renamed").build();
    docker.rename_container("rust-life", rename).await?;
    say("changes", json!(docker.container_changes("rust-renamed").await?));
    say("export", json!(!joined(docker.export_container("rust-renamed")).await?.is_empty()));
    docker.remove_container("rust-renamed", None::<query::RemoveContainerOptions>).await?;
    let inspect = None::<query::InspectContainerOptions>;
    refused("absent container", docker.inspect_container("rust-life", inspect).await);
    Ok(())
}

async fn running(docker: &Docker) -> Result<(), Any> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let config = ContainerCreateBody {
        image: Some(IMAGE.to_owned()),
        cmd: Some(words(&["sleep", "1000"])),
        tty: Some(true),
        ..Default::default()
    };
    let named = query::CreateContainerOptionsBuilder::new().name("rust-run").build();
    let id = docker.create_container(Some(named), config).await?.id;
    docker.start_container(&id, None::<query::StartContainerOptions>).await?;
    let list = docker.list_containers(None::<query::ListContainersOptions>).await?;
    say("list", json!(list.iter().map(|found| &found.names).collect::<Vec<_>>()));
    let top = docker.top_processes(&id, None::<query::TopOptions>).await?;
    say("top", json!(top.processes.map(|rows| rows.len())));
    let size = query::ResizeContainerTTYOptionsBuilder::new().h(40).w(100).build();
    docker.resize_container_tty(&id, size).await?;
    let update = ContainerUpdateBody { cpu_shares: Some(512), ..Default::default() };
    docker.update_container(&id, update).await?;
    executions(docker, &id).await?;
    bytes_survive(docker, &id).await?;
    let once = query::StatsOptionsBuilder::new().stream(false).build();
    let once: Vec<_> = docker.stats(&id, Some(once)).try_collect().await?;
    say("stats", json!(once.iter().map(|sample| &sample.name).collect::<Vec<_>>()));
    let streamed = docker.stats(&id, None::<query::StatsOptions>).take(2);
    say("streamed stats", json!(streamed.try_collect::<Vec<_>>().await?.len()));
    docker.pause_container(&id).await?;
    docker.unpause_container(&id).await?;
    let now = query::RestartContainerOptionsBuilder::new().t(0).build();
    docker.restart_container(&id, Some(now)).await?;
    docker.kill_container(&id, None::<query::KillContainerOptions>).await?;
    let kill = docker.kill_container(&id, None::<query::KillContainerOptions>).await;
    refused("kill what has ended", kill);
    docker.remove_container(&id, None::<query::RemoveContainerOptions>).await?;
    let filters = [("container", vec![id.as_str()])].into();
    let range = query::EventsOptionsBuilder::new().filters(&filters);
    let until = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs() + 1;
    let range = range.since(&since.to_string()).until(&until.to_string()).build();
    let events: Vec<_> = docker.events(Some(range)).try_collect().await?;
    let actions = events.into_iter().filter_map(|event| event.action);
    // The engine may report a pause a second time if its runtime is slow, and Engine 28 reports a
    // stop before or after the death.
    let uncertain = |action: &String| {
        ["exec", "pause", "unpause", "stop"].iter().any(|start| action.starts_with(start))
    };
    say("events", json!(actions.filter(|it| !uncertain(it)).collect::<Vec<_>>()));
    Ok(())
}

async fn executions(docker: &Docker, id: &str) -> Result<(), Any> {
    let config = |command: &[&str], input| ExecConfig {
        attach_stdin: Some(input),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        cmd: Some(words(command)),
        ..Default::default()
    };
    let shell = ["sh", "-c", "echo out; cat; echo err >&2; exit 5"];
    for input in [true, false] {
        let exec = docker.create_exec(id, config(&shell, input)).await?.id;
        say("exec", run(docker, &exec, b"typed\n").await?);
        say("status", json!(docker.inspect_exec(&exec).await?.exit_code));
    }
    let exec = docker.create_exec(id, config(&["wc", "-c"], true)).await?.id;
    say("much input", run(docker, &exec, bulk()).await?);
    let exec = docker.create_exec(id, config(&["true"], false)).await?.id;
    let detached = StartExecOptions { detach: true, ..Default::default() };
    let started = docker.start_exec(&exec, Some(detached)).await?;
    say("detached", json!(matches!(started, StartExecResults::Detached)));
    refused("absent exec", docker.start_exec("no-such-exec", None).await);
    Ok(())
}

async fn bytes_survive(docker: &Docker, id: &str) -> Result<(), Any> {
    let bulk = bulk();
    let to = query::UploadToContainerOptionsBuilder::new().path("/tmp").build();
    let body = bollard::body_full(archive(&[("bulk", bulk)])?.into());
    docker.upload_to_container(id, Some(to), body).await?;
    let from = |path| query::DownloadFromContainerOptionsBuilder::new().path(path).build();
    let came = joined(docker.download_from_container(id, Some(from("/tmp/bulk")))).await?;
    let mut archive = tar::Archive::new(came.as_slice());
    for entry in archive.entries()? {
        let mut data = Vec::new();
        entry?.read_to_end(&mut data)?;
        say("archive", json!([data.len(), data == bulk]));
    }
    let absent = docker.download_from_container(id, Some(from("/no-such-file")));
    refused("get what is absent", joined(absent).await);
    Ok(())
}

async fn networks_and_volumes(docker: &Docker) -> Result<(), Any> {
    let subnet = IpamConfig { subnet: Some("10.1.5.0/24".to_owned()), ..Default::default() };
    let network = NetworkCreateRequest {
        name: "rust-net".to_owned(),
        internal: Some(true),
        ipam: Some(Ipam { config: Some(vec![subnet]), ..Default::default() }),
        ..Default::default()
    };
    docker.create_network(network).await?;
    let inspect = None::<query::InspectNetworkOptions>;
    say("network", json!(docker.inspect_network("rust-net", inspect.clone()).await?.ipam));
    docker.remove_network("rust-net").await?;
    refused("absent network", docker.inspect_network("rust-net", inspect).await);
    let volume = VolumeCreateRequest { name: Some("rust-vol".to_owned()), ..Default::default() };
    docker.create_volume(volume).await?;
    say("volume", json!(docker.inspect_volume("rust-vol").await?.driver));
    docker.remove_volume("rust-vol", None::<query::RemoveVolumeOptions>).await?;
    refused("absent volume", docker.inspect_volume("rust-vol").await);
    Ok(())
}

/// Runs an exec with this input and returns its output.
async fn run(docker: &Docker, exec: &str, input: &'static [u8]) -> Result<Value, Any> {
    match docker.start_exec(exec, None).await? {
        StartExecResults::Attached { output, input: to } => talk(to, input, output).await,
        StartExecResults::Detached => Err("the exec was detached".into()),
    }
}

/// Sends all of the input and its end, and reads the output in the meantime.
async fn talk(
    mut to: impl AsyncWrite + Unpin + Send + 'static,
    input: &'static [u8],
    output: impl Stream<Item = Result<LogOutput, Error>>,
) -> Result<Value, Any> {
    let send = tokio::spawn(async move {
        // If the program does not read its input, its output shows that.
        let _ = to.write_all(input).await;
        let _ = to.shutdown().await;
    });
    let seen = streams(output).await;
    send.await?;
    seen
}

/// The output on each stream.
async fn streams(output: impl Stream<Item = Result<LogOutput, Error>>) -> Result<Value, Any> {
    let (mut out, mut err) = (String::new(), String::new());
    let frames: Vec<_> = output.try_collect().await?;
    for frame in frames {
        match frame {
            LogOutput::StdErr { .. } => err += &frame.to_string(),
            _ => out += &frame.to_string(),
        }
    }
    Ok(json!({ "out": out, "err": err }))
}

async fn joined(stream: impl Stream<Item = Result<Bytes, Error>>) -> Result<Vec<u8>, Error> {
    Ok(stream.try_collect::<Vec<_>>().await?.concat())
}

fn say(step: &str, value: Value) {
    println!("{step}: {}", without_ids(&value.to_string()));
}

/// Prints the error that a program gets.
fn refused<T>(step: &str, result: Result<T, Error>) {
    let seen = result.err().map_or("no error".to_owned(), |error| error.to_string());
    say(step, json!(seen));
}

/// Replaces the words of 64 hexadecimal digits.
fn without_ids(text: &str) -> String {
    let mut clean = String::new();
    for word in text.split_inclusive(|digit: char| !digit.is_ascii_hexdigit()) {
        let end = word.trim_start_matches(|digit: char| digit.is_ascii_hexdigit());
        clean += if word.len() - end.len() == 64 { "ID" } else { &word[..word.len() - end.len()] };
        clean += end;
    }
    clean
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// Some megabytes that do not repeat within any buffer on the way.
fn bulk() -> &'static [u8] {
    static BULK: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(|| {
        (0..800_000u32).flat_map(|n| n.wrapping_mul(0x9e37_79b1).to_le_bytes()).collect()
    });
    &BULK
}

fn archive(files: &[(&str, &[u8])]) -> std::io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, data) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(data.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        archive.append_data(&mut header, name, *data)?;
    }
    archive.into_inner()
}
