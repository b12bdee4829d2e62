# shellcheck shell=bash
# Shared by the shell clients: a separate folder, and a transcript that is the same on every run.
set -uo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
export BUILDX_CONFIG=$work/.buildx BUILDKIT_PROGRESS=plain

# Some megabytes that do not repeat within any buffer on the way.
seq 1 500000 >bulk

# Removes what differs between runs: IDs and the folder's name.
without_ids() {
    sed -E "s/\b[0-9a-f]{64}\b/ID/g; s/\b[0-9a-f]{25}\b/ID/g; s/\b[0-9a-f]{12}\b/ID/g; s|$work|DIR|g; s/time=\"[^\"]*\"/time=TIME/"
}

# Runs a command and shows what a person would see: output, errors, status.
try() {
    local status=0
    echo "\$ $*" | without_ids
    "$@" >"$work/.out" 2>"$work/.err" || status=$?
    without_ids <"$work/.out"
    # The CLI of 20.10 prints this from another thread, or not at all, when a container does not start.
    without_ids <"$work/.err" | sed '/error waiting for container: context canceled/d; s/^/! /'
    [ "$status" = 0 ] || echo "= $status"
}

# The same for a command whose lines have no fixed order.
try_sorted() {
    try "$@" | { IFS= read -r line; echo "$line"; LC_ALL=C sort; }
}

# Normalizes BuildKit's messages about its steps, which run in parallel with varying durations. A base
# that is used twice is reported under either name, and which step of a build finds another one's
# result in the cache depends on which is faster.
steps() {
    local status
    "$@" 2>&1 | tee "$work/.steps" |
        sed -nE '/\] FROM /d; s/^#[0-9]+ (\[.*|ERROR.*)/\1/p; s/^#[0-9]+ [0-9.]+ (.*)/\1/p' |
        without_ids | LC_ALL=C sort -u
    status=${PIPESTATUS[0]}
    [ "$status" = 0 ] || { tail -n 1 "$work/.steps" | without_ids; echo "= $status"; }
}
