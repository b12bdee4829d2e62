# shellcheck shell=bash
# Simulates a machine on which Docker is in use: containerd, a Docker Engine with its bridge and settings,
# and a container that serves a page. It runs in its own namespaces, as their first process, started by
# the test in `isolation.rs`. Logs go to FOLDER.
set -euo pipefail
folder=$1

# /proc is still that of the machine below, so this is the ID outside.
read -r pid _ </proc/self/stat
cp -a /etc "$folder/etc"
for name in /run /etc /var/lib /opt; do
    mount -t tmpfs -o mode=755 tmpfs "$name"
done
cp -a "$folder/etc/." /etc
rm -rf "$folder/etc" /etc/docker /etc/containerd /etc/cni
mount -t proc proc /proc
mount --make-rshared /
busybox ip link set lo up

# What another engine must not use: a plugin, and settings with which it would fail.
mkdir -p /etc/docker/plugins
printf 'unix:///run/docker/plugins/theirs.sock\n' >/etc/docker/plugins/theirs.spec
printf '{"data-root": "/var/lib/docker", "debug": true}\n' >/etc/docker/daemon.json

wait_for() {
    until "$@" >/dev/null 2>&1; do sleep 0.05; done
}

containerd >"$folder/containerd.log" 2>&1 &
wait_for ctr version
dockerd -H unix:///run/docker.sock --cgroup-parent "/dsp-machine-$pid/docker" \
    --exec-opt native.cgroupdriver=cgroupfs >"$folder/dockerd.log" 2>&1 &
export DOCKER_HOST=unix:///run/docker.sock
wait_for docker version

mkdir -p "$folder/image/bin"
cp "$(command -v busybox)" "$folder/image/bin/busybox"
tar -C "$folder/image" -c . | docker import - page >/dev/null
docker run -d --name page -p 127.0.0.1:8000:80 page /bin/busybox sh -c \
    'echo theirs >/bin/index.html; exec /bin/busybox httpd -f -p 80 -h /bin' >/dev/null
wait_for curl --silent --fail http://127.0.0.1:8000/

# The last change.
echo "$pid" >"$folder/pid"
while :; do
    sleep 1000 &
    wait $! || true
done
