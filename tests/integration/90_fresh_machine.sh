#!/bin/bash
# A fresh machine: a bare Debian in a folder, with nothing of ours and no compiler, and in it a clone and ./demo.
# Needs root, debootstrap and the package registries that this machine reaches.
# shellcheck source=tests/integration/lib.sh
. "$SOURCE_DIR/tests/integration/lib.sh"

skip() {
    echo "skip: fresh_machine ($*)"
    exit 77
}

# All runs in namespaces of its own, so that mounts and processes have ended before the folder is removed, out here.
if [ "${1:-}" != inside ]; then
    [ "$(id -u)" = 0 ] || skip "not root"
    command -v debootstrap >/dev/null || skip "no debootstrap"
    unshare --mount --mount-proc --pid --fork true 2>/dev/null || skip "no namespaces here"
    status=0
    unshare --mount --mount-proc --pid --fork --kill-child -- bash "$0" inside "$work" || status=$?
    exit $status
fi
rmdir "$work"
trap - EXIT
work=$2
root=$work/root

# Where packages come from is this machine's business; what is installed is the test's.
copy_settings() {
    local file folder

    cp /etc/resolv.conf "$root/etc/"
    rm -f "$root/etc/apt/sources.list"
    cp -rL /etc/apt/sources.list* /etc/apt/apt.conf.d "$root/etc/apt/"
    cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
    for file in /etc/pip.conf /etc/xdg/pip ~/.pip ~/.config/pip ~/.npmrc; do
        [ ! -e "$file" ] || cp -rL --parents "$file" "$root"
    done
    # folders of wheels that pip's settings name
    for folder in $(python3 -m pip config list | grep -oE "(file://)?/[^' ]+" | sed 's,^file://,,' | sort -u); do
        [ -d "$folder" ] || continue
        mkdir -p "$root$folder" "$root$folder/../files"
        mount --bind -o ro "$folder" "$root$folder"
        # an index of pages has its files beside it
        [ ! -d "$folder/../files" ] || mount --bind -o ro "$folder/../files" "$root$folder/../files"
    done
}

make_devices() {
    local name major minor

    while read -r name major minor; do
        rm -f "$root/dev/$name"
        mknod -m 666 "$root/dev/$name" c "$major" "$minor"
    done <<<'null 1 3
zero 1 5
full 1 7
random 1 8
urandom 1 9
tty 5 0'
}

mapfile -t settings < <(env | grep -E '^(PIP_|NPM_CONFIG_)[A-Z_]*=')

# in_root COMMAND: with nothing of the caller's environment but where packages come from
in_root() {
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 "${settings[@]}" \
        NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt chroot "$root" bash -c "cd /root/detrd && $1"
}

read -r site release < <(apt-get indextargets --format '$(SITE) $(RELEASE)' 'Created-By: Packages' | sort -u)
[ -n "${release:-}" ] || skip "apt names no mirror"
debootstrap --variant=minbase --include=ca-certificates "$release" "$root" "$site" >"$work/debootstrap.log" 2>&1 ||
    skip "debootstrap failed: $(tail -n 1 "$work/debootstrap.log")"
copy_settings
make_devices
mount -t proc proc "$root/proc"
git clone -q "$SOURCE_DIR" "$root/root/detrd"

echo "./demo on a fresh machine"
in_root ./demo 2>&1 | tee "$work/log"
last=$(tail -n 1 "$work/log")
echo "$last" | grep -qE '^demo: mAP50 0\.(8[89]|9[0-9]), trained in [0-9]+ s, http://127\.0\.0\.1:[0-9]+/jobs/1$' ||
    fail "the last line is: $last"
grep -qx 'demo: amp: train = eval = policy at 54 points, bfloat16' "$work/log" || fail "no verdict on mixed precision"
grep -q 'to download' "$work/log" || fail "it did not say how large a download is"
is "$(stat -c %a "$root/root/detrd/build/demo/state")" 700 "mode of the state folder"

echo "./demo again, and ./demo stop while it trains"
in_root ./demo >"$work/again" 2>&1 &
again=$!
until_true 60 grep -q 'job 3: pico' "$work/again"
grep -q 'nothing to rebuild' "$work/again" || fail "the second run built something"
grep -q 'the daemon runs already' "$work/again" || fail "the second run started a daemon"
job=$root/root/detrd/build/demo/state/jobs/3/1
until_true 60 grep -qs '"type": *"metric"' "$job/events.jsonl"
in_root './demo stop'
! wait $again || fail "the demo went on without its daemon"
tail -n 1 "$job/events.jsonl" | grep -q '"stopped"' || fail "the worker did not end as asked"
[ -s "$job/checkpoints/last.safetensors" ] || fail "the worker did not checkpoint"
! pgrep -x detrd >/dev/null || fail "the daemon still runs"
