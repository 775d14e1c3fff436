#!/bin/sh
# A worker whose data does not come, because the disk hangs, leaves the cores to others, and goes on when it comes.
# shellcheck source=tests/integration/lib.sh
. "$SOURCE_DIR/tests/integration/lib.sh"
worker=$BIN_DIR/detrd-worker
job=$work/job

# ticks PID: the processor time it has taken, all its threads together
ticks() { sed 's/.*) //' "/proc/$1/stat" | awk '{ print $12 + $13 }'; }
uptime_s() { cut -d' ' -f1 /proc/uptime; }
steps() { cat "$job/events.jsonl" 2>/dev/null | grep -c '"type":"metric"' || true; }
has_steps() { [ "$(steps)" -ge "$1" ]; }

"$worker" shapes "$work/set" --train 200 --valid 2 --test 0
mkdir "$job"
cat >"$job/spec.json" <<JSON
{"model": "pico", "dataset_dir": "$work/set", "resolution": 64, "batch_size": 2, "threads": 2, "multi_scale": "off",
 "scale_jitter": false, "device": "cpu", "epochs": 1000, "eval_interval": 1000, "seed": 1}
JSON
SLOW_DISK=$work/hangs LD_PRELOAD=$BIN_DIR/slow_disk.so "$worker" "$job" &
keeper=$!
story_pids=$keeper
until_true 120 has_steps 5
trainer=$(field "$job/manifest.json" trainer_pid)
[ "$(find "/proc/$trainer/task" -mindepth 1 -maxdepth 1 | wc -l)" -ge 3 ] || fail "no second thread that could wait"
has "$(tr '\0' '\n' <"/proc/$trainer/environ")" GOMP_SPINCOUNT=1000 "the trainer's environment"

touch "$work/hangs"
tries=30
while :; do # first it uses up what was read ahead
    before=$(steps)
    burned=$(($(ticks "$trainer") + $(ticks "$keeper")))
    begin=$(uptime_s)
    sleep 3
    burned=$(($(ticks "$trainer") + $(ticks "$keeper") - burned))
    share=$(echo "$begin $(uptime_s) $burned $(getconf CLK_TCK)" | awk '{ printf "%.2f", 100 * $3 / $4 / ($2 - $1) }')
    [ "$(steps)" != "$before" ] || break
    tries=$((tries - 1))
    [ $tries -gt 0 ] || fail "it does not wait"
done
echo "waiting, keeper and trainer burn $share % of a core"
[ "$(echo "$share" | awk '{ print ($1 < 5) }')" = 1 ] || fail "a waiting worker burns $share % of a core"

rm "$work/hangs"
until_true 120 has_steps $((before + 5))
kill -TERM "$keeper"
status=0
wait "$keeper" || status=$?
is "$status" 0 "status after SIGTERM"
[ -s "$job/checkpoints/last.safetensors" ] || fail "no checkpoint"
