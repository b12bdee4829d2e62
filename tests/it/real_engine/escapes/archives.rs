//! The archives that escapes send.

use std::fs;
use std::path::Path;
use std::process::Command;

/// The settings of a plugin that mounts the host.
const PLUGIN: &str = r#"{"description":"","documentation":"","entrypoint":["/own"],"workdir":"","user":{},
"interface":{"socket":"own.sock","types":["docker.dummy/1.0"]},"network":{"type":"host"},"env":[],"args":{},
"linux":{"capabilities":["CAP_SYS_ADMIN"],"devices":[]},"propagatedMount":"",
"mounts":[{"name":"h","source":"/","destination":"/h","type":"bind","options":["rbind"],"settable":null}]}"#;

/// The line with which a context checks where it is built.
fn check(name: &str, mark: &str) -> String {
    let fetch = |from: &str| format!("RUN wget -q -O - http://{from}/mark | grep -q {mark}");
    match name {
        "context" => "COPY mark /mark".to_owned(),
        "context-in-host-network" => fetch(super::scene::SERVER),
        "context-in-their-network" => fetch(super::scene::THEIR_ADDRESS),
        // With the second version of cgroups, nobody sees its own place.
        "context-with-a-cgroup" => {
            "RUN test -e /sys/fs/cgroup/cgroup.controllers || grep -q dsp-escape /proc/self/cgroup"
                .to_owned()
        }
        "context-with-a-volume" => format!("RUN grep -q {mark} /h/mark"),
        "context-with-capabilities" => {
            "RUN caps=$(sed -n 's/^CapEff:[^0-9a-f]*//p' /proc/self/status) && test $((0x$caps >> 21 & 1)) = 1"
                .to_owned()
        }
        "context-with-a-device" => "RUN test -c /dev/own".to_owned(),
        _ => panic!("{name} is not an archive"),
    }
}

/// Packs the archive for a placeholder, in a folder for that.
pub fn pack(folder: &Path, name: &str, mark: &str) -> Vec<u8> {
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder).unwrap();
    let write = |name: &str, text: &str| fs::write(folder.join(name), text).unwrap();
    match name {
        "archive" => write("mark", mark),
        "plugin" => {
            write("config.json", PLUGIN);
            fs::create_dir(folder.join("rootfs")).unwrap();
            write("rootfs/own", "");
        }
        _ => {
            write("mark", mark);
            write("Dockerfile", &format!("FROM busybox\n{}\n", check(name, mark)));
        }
    }
    let packed = Command::new("tar").arg("-C").arg(folder).args(["-c", "."]).output().unwrap();
    assert!(packed.status.success(), "{}", String::from_utf8_lossy(&packed.stderr));
    packed.stdout
}
