//! The tests' own engines do not change the machine that they run on.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::{engine_name, real_or_return};
use crate::support::{World, left_out};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// How many times 10 ms the machine may take to start and to end.
const TRIES: usize = 6000;

/// What `machine.sh` creates, in namespaces that simulate a machine. Dropping it ends everything.
struct Machine {
    unshare: Child,
    pid: String,
    folder: PathBuf,
}

impl Machine {
    fn start(world: &World) -> Self {
        let folder = world.path("machine");
        fs::create_dir(&folder).unwrap();
        let mut unshare = Command::new("unshare");
        unshare.args(["--net", "--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child"]);
        unshare.args(["--propagation", "private", "--", "bash", "tests/it/real_engine/machine.sh"]);
        let log = fs::File::create(folder.join("log")).unwrap();
        let unshare = unshare
            .arg(&folder)
            .current_dir(ROOT)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut machine = Self { unshare, pid: String::new(), folder };
        for _ in 0..TRIES {
            let pid = fs::read_to_string(machine.folder.join("pid")).unwrap_or_default();
            if pid.ends_with('\n') {
                machine.pid = pid.trim().to_owned();
                return machine;
            }
            let ended = machine.unshare.try_wait().unwrap();
            assert!(ended.is_none(), "{ended:?}\n{}", machine.logs());
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        panic!("the machine does not come up:\n{}", machine.logs());
    }

    fn logs(&self) -> String {
        let read = |name| fs::read_to_string(self.folder.join(name)).unwrap_or_default();
        ["log", "containerd.log", "dockerd.log"].map(read).join("\n")
    }

    /// Runs a line of shell on the machine, which must succeed.
    fn run(&self, line: &str) -> String {
        let done = Command::new("nsenter")
            .args(["--target", &self.pid, "--net", "--mount", "--pid", "--ipc", "--uts"])
            .args(["--", "bash", "-euc", "set -o pipefail; cd \"$0\"; eval \"$1\"", ROOT, line])
            .env_remove("DOCKER_HOST")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let [out, err] =
            [&done.stdout, &done.stderr].map(|text| String::from_utf8_lossy(text).into_owned());
        assert!(done.status.success(), "{line}\n{out}{err}");
        out
    }

    /// Everything that an engine could change here: what was examined, and the result.
    fn state(&self) -> Vec<(&'static str, String)> {
        LOOKS.iter().map(|(name, line)| (*name, self.run(line))).collect()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = self.unshare.kill();
        let _ = self.unshare.wait();
        // The cgroups of its containers are in a hierarchy shared with the machine, and remain
        // until the last process has ended.
        let name = format!("*/dsp-machine-{}*", self.pid);
        let find = ["/sys/fs/cgroup", "-depth", "-type", "d", "-path", &name, "-delete"];
        for _ in 0..TRIES {
            let deleted = Command::new("find").args(find).output();
            if deleted.is_ok_and(|done| done.status.success()) {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }
}

/// What is examined before and after, and how. Of `/proc/sys`, only the part for the network and
/// the limits that dockerd raises are stable otherwise.
const LOOKS: [(&str, &str); 14] = [
    ("interfaces", "busybox ip -o link | sed 's/qlen.*//'"),
    ("addresses", "busybox ip -o -4 addr"),
    ("routes", "busybox ip route; busybox ip -6 route"),
    ("neighbours' rules", "busybox ip rule"),
    ("packet filter", "iptables-save | sed '/^#/d; s/\\[[0-9:]*\\]//'"),
    ("packet filter of IPv6", "ip6tables-save | sed '/^#/d; s/\\[[0-9:]*\\]//'"),
    (
        "settings of the kernel",
        "{ find /proc/sys/net /proc/sys/kernel/keys /proc/sys/fs/inotify -type f -perm -200 \
         ! -name 'nf_conntrack_*' ! -name stable_secret -exec grep -H '' {} + || true; } 2>&1 | sort",
    ),
    ("mounts", "cat /proc/self/mountinfo"),
    ("files", "find /run /etc /opt /var/lib/docker /var/lib/containerd | sort; ls /var/lib"),
    ("settings", "cat /etc/docker/*.json"),
    ("processes", "ps -e -o pid=,comm= | grep -vE ' (bash|ps|grep|sleep)$'"),
    ("containers", "ctr namespaces list; ctr -n moby containers list; ctr -n moby tasks list"),
    (
        "Docker's objects",
        "export DOCKER_HOST=unix:///run/docker.sock; docker ps -a --no-trunc --format '{{.ID}} {{.Names}}'; \
         docker network ls; \
         docker inspect page --format '{{.State.StartedAt}} {{.State.Pid}} {{.NetworkSettings.IPAddress}}'",
    ),
    (
        "the page",
        "address=$(docker -H unix:///run/docker.sock inspect page --format '{{.NetworkSettings.IPAddress}}'); \
         curl --silent --fail --max-time 10 http://$address/; curl --silent --fail --max-time 10 http://127.0.0.1:8000/",
    ),
];

/// Uses an engine as tests do: plain containers, a published port, a network in which containers
/// find each other, a bind mount and a volume.
const USE: &str = "
    docker() { command docker -H unix://$dir/docker.sock \"$@\"; }
    docker run --rm busybox true
    docker network create inner >/dev/null
    docker run -d --stop-signal KILL --name web --network inner -p 127.0.0.1:8000:80 busybox \
        sh -c 'echo ours >/tmp/index.html; exec httpd -f -p 80 -h /tmp' >/dev/null
    docker run --rm --network inner busybox sh -c \
        'until wget -q -O - http://web/; do sleep 0.1; done' | grep -qx ours
    scripts/engine run $dir curl --silent --fail http://127.0.0.1:8000/ | grep -qx ours
    echo shared >$dir.file
    docker run --rm -v $dir.file:/file -v kept:/kept busybox sh -c 'cp /file /kept' >/dev/null
    docker run -d --stop-signal KILL --restart always --name again busybox sleep 1000 >/dev/null";

/// Runs a test's engine on a machine and checks that nothing there changes.
fn changes_nothing(world: &World, uses: impl Fn(&dyn Fn(&str) -> String)) {
    let machine = Machine::start(world);
    let before = machine.state();
    let page = &before.last().unwrap().1;
    assert_eq!(page, "theirs\ntheirs\n");
    let ours = format!("dir={}/ours;", world.folder.path().display());
    uses(&|line| machine.run(&format!("{ours} {line}")));
    for ((name, was), (_, is)) in before.iter().zip(machine.state()) {
        assert!(*was == is, "{name}\n--- before\n{was}--- now\n{is}");
    }
    assert!(Path::new(&format!("/proc/{}", machine.pid)).exists());
}

#[test]
fn an_engine_of_the_tests_changes_nothing_of_the_machine() {
    let world = real_or_return!();
    let docker = engine_name("docker");
    changes_nothing(&world, |run| {
        run(&format!("scripts/engine start $dir {docker} >$dir.address"));
        run(USE);
        // While it runs, it has its own processes, and they do not talk to the machine's.
        let list = "ctr -n moby containers list -q | wc -l";
        assert_eq!(run(list), "1\n", "only the machine's own container is in its containerd");
        let inside = run("nsenter -a -t $(cat $dir/world/pid) sh -c \
             'find /etc/docker /run /var/lib; : >/proc/sys/kernel/keys/maxkeys' 2>&1 || true");
        for theirs in ["daemon.json", "theirs.spec", "/run/docker.sock", "containerd.sock"] {
            assert!(!inside.contains(theirs), "{theirs}: {inside}");
        }
        assert!(inside.contains("Read-only file system"), "{inside}");
        run("scripts/engine restart $dir");
        run("until [ $(docker -H unix://$dir/docker.sock ps -q | wc -l) = 1 ]; do sleep 0.1; done");
        run(&format!("kill -9 $(cat $dir/pid); scripts/engine start $dir {docker} >/dev/null"));
        let group =
            run("find /sys/fs/cgroup -type d -name dsp-engine-$(cat $dir/world/pid) | wc -l");
        assert_ne!(group.trim(), "0", "the engine's containers have groups of their own");
        let name = run("echo dsp-engine-$(cat $dir/world/pid)");
        run("scripts/engine stop $dir && ! test -e $dir && rm $dir.file $dir.address");
        let left = run(&format!("find /sys/fs/cgroup -name {}", name.trim()));
        assert_eq!(left, "", "groups are left");
    });
}

#[test]
fn podman_changes_nothing_of_the_machine() {
    let world = real_or_return!();
    let podman = engine_name("podman");
    if Command::new("podman").arg("--version").output().is_err() {
        return left_out("podman is not installed");
    }
    changes_nothing(&world, |run| {
        run(&format!(
            "scripts/engine start $dir {podman} >/dev/null; \
             docker -H unix://$dir/docker.sock run -d --stop-signal KILL --name web busybox sleep 1000 >/dev/null; \
             docker -H unix://$dir/docker.sock run --rm busybox true; \
             scripts/engine restart $dir; scripts/engine stop $dir"
        ));
    });
}
