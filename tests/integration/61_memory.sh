#!/bin/sh
# A trainer's memory does not grow: after 1,000 steps it is within 3 % of what it was after 200.
# shellcheck source=tests/integration/lib.sh
. "$SOURCE_DIR/tests/integration/lib.sh"
worker=$BIN_DIR/detrd-worker
job=$work/job

# rss STEP: sys/rss_bytes of that step
rss() { sed -n 's/.*"type":"metric","step":'"$1"',.*"sys\/rss_bytes":\([0-9]*\).*/\1/p' "$job/events.jsonl"; }

"$worker" shapes "$work/set" --train 50 --valid 2 --test 0
mkdir "$job"
cat >"$job/spec.json" <<JSON
{"model": "pico", "dataset_dir": "$work/set", "resolution": 64, "batch_size": 1, "threads": 1, "multi_scale": "off",
 "scale_jitter": false, "device": "cpu", "epochs": 1000, "max_steps": 1000, "eval_interval": 1000, "seed": 1}
JSON
"$worker" "$job"
early=$(rss 200)
late=$(rss 1000)
[ -n "$early" ] && [ -n "$late" ] || fail "no sys/rss_bytes at step 200 or 1000"
change=$(echo "$early $late" | awk '{ printf "%.2f", 100 * ($2 - $1) / $1 }')
echo "after 200 steps $early bytes, after 1,000 $late: $change %"
[ "$(echo "$change" | awk '{ print ($1 < 3 && $1 > -3) }')" = 1 ] || fail "memory changed by $change %"
