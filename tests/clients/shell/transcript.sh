# shellcheck shell=bash
# What the shell clients share: a folder of their own, and a transcript that is the same on every run.
set -uo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
export BUILDX_CONFIG=$work/.buildx BUILDKIT_PROGRESS=plain

# Some MB that do not repeat within any buffer on the way.
seq 1 500000 >bulk

# Takes out what differs from run to run: ids and the folder's name.
without_ids() {
    sed -E "s/\b[0-9a-f]{64}\b/ID/g; s/\b[0-9a-f]{25}\b/ID/g; s/\b[0-9a-f]{12}\b/ID/g; s|$work|DIR|g; s/time=\"[^\"]*\"/time=TIME/"
}

# Runs a command and shows what a person would see: output, errors, status.
try() {
    local status=0
    echo "\$ $*" | without_ids
    "$@" >"$work/.out" 2>"$work/.err" || status=$?
    without_ids <"$work/.out"
    # The CLI of 20.10 says this of its own thread, or not, when a container does not start.
    without_ids <"$work/.err" | sed '/error waiting for container: context canceled/d; s/^/! /'
    [ "$status" = 0 ] || echo "= $status"
}

# The same for a command whose lines come in no certain order.
try_sorted() {
    try "$@" | { IFS= read -r line; echo "$line"; LC_ALL=C sort; }
}

# What BuildKit says of its steps, which run side by side and take their time. A base that is used
# twice is told of under either name, and which steps of a build find another one's result in the
# cache depends on which is faster.
steps() {
    local status
    "$@" 2>&1 | tee "$work/.steps" |
        sed -nE '/\] FROM /d; s/^#[0-9]+ (\[.*|ERROR.*)/\1/p; s/^#[0-9]+ [0-9.]+ (.*)/\1/p' |
        without_ids | LC_ALL=C sort -u
    status=${PIPESTATUS[0]}
    [ "$status" = 0 ] || { tail -n 1 "$work/.steps" | without_ids; echo "= $status"; }
}
