#!/bin/bash
# shellcheck disable=SC2016,SC2119
# Event streams with real curl: one job's and several topics', resumed, reset, ended; what has no id; a daemon that sleeps.
# shellcheck source=tests/integration/lib.sh
. "$SOURCE_DIR/tests/integration/lib.sh"
export DETRD_TRAINER="$SOURCE_DIR/tests/integration/doubles/scripted_trainer"
# shellcheck source=tests/integration/api_lib.sh
. "$SOURCE_DIR/tests/integration/api_lib.sh"

# listen FILE CURL-ARGUMENT...: a stream in the background; sets listener
listen() {
    local file=$1
    shift
    : >"$file"
    curl -sSNv -o "$file" "$@" 2>"$file.headers" & # -D would write its file at the end
    listener=$!
    story_pids="$story_pids $listener"
    until_true 60 grep -q '^< HTTP/1.1 200' "$file.headers"
}

# events FILE: its messages as one JSON object a line; the last one may be on its way
events() {
    jq -Rsc 'split("\n\n")[:-1][] | split("\n") | map(split(": ") | {(.[0]): (.[1:] | join(": "))}) | add
        | {id: (.id // null | if . then tonumber else . end), event, data: (.data | fromjson)}' "$1"
}

# heard FILE FILTER: a message for which jq's filter is true has come
heard() { events "$1" | jq -se "any(.[]; $2)" >/dev/null; }

# all FILE FILTER: jq's filter is true of the list of all messages but the pings
all() { events "$1" | jq -se --argjson id "${id:-0}" "map(select(.event != \"ping\")) | $2" >/dev/null || fail "not so: $2: $(cat "$1")"; }

start

echo "the stream of a job: every row once, in order, to its end"
submit '"name": "hello plan step step garbage ready wait step done"'
listen "$work/one" "$url/v1/jobs/$id/events"
until_true 60 test -e "$folder/ready"
until_true 60 heard "$work/one" '.event == "metric" and .data.step == 2'
touch "$folder/go"
wait "$listener" || fail "the stream ended with $?"
all "$work/one" '[.[].event] == ["state", "state", "state", "plan", "metric", "metric", "warning", "metric", "state"] or
    [.[].event] == ["state", "state", "plan", "state", "metric", "metric", "warning", "metric", "state"]'
all "$work/one" '[.[].id] as $ids | $ids == ($ids | sort | unique) and $ids[0] == 1'
all "$work/one" 'all(.[]; .data.job == $id)'
all "$work/one" '[.[] | select(.event == "state").data] | [.[].state] == ["queued", "starting", "running", "done"]
    and (.[3] | keys == ["attempt", "cause", "detail", "job", "reason", "state"]) and [.[].attempt] == [0, 1, 1, 1]'
all "$work/one" '[.[] | select(.event == "metric").data] | .[1] | .values["train/loss"] == 2 and .seq == 4 and .type == "metric" and .attempt == 1'
grep -qi '^< content-type: text/event-stream' "$work/one.headers" || fail "its type: $(cat "$work/one.headers")"
grep -qi '^< cache-control: no-store' "$work/one.headers" || fail "its caching: $(cat "$work/one.headers")"

echo "resumed"
curl -sSN "$url/v1/jobs/$id/events" >"$work/again"
cmp "$work/again" "$work/one" || fail "heard afterwards it differs"
middle=$(events "$work/one" | jq -s '.[4].id')
curl -sSN -H "Last-Event-ID: $middle" "$url/v1/jobs/$id/events?after=1" >"$work/header"
curl -sSN "$url/v1/jobs/$id/events?after=$middle" >"$work/query"
cmp "$work/header" "$work/query" || fail "the header and the parameter differ"
is "$( (events "$work/one" | head -5; events "$work/query") | jq -sc '[.[].id]')" "$(events "$work/one" | jq -sc '[.[].id]')" "the ids"
last=$(events "$work/one" | jq -s '.[-1].id')
call 200 "$url/v1/jobs/$id/events?after=$last"
is "$(cat "$work/body")" "" "what follows the end"
call 200 "$url/v1/jobs/$id/events?after=999999"
has "$(head -2 "$work/body")" 'event: reset' "a position that never was"
has "$(head -2 "$work/body")" 'data: {"after":0}' "where it goes on"
tail -n +4 "$work/body" | cmp - "$work/one" || fail "after a reset it does not start anew"
call 200 -I "$url/v1/jobs/$id/events"
problem 400 bad_query "Last-Event-ID is 'x'" -H "Last-Event-ID: x" "$url/v1/jobs/$id/events"
problem 400 bad_query "after must be" "$url/v1/jobs/$id/events?after=-1"
problem 404 not_found "no job 4711" "$url/v1/jobs/4711/events"
problem 400 bad_query "is not a topic" "$url/v1/events"
problem 400 bad_query "'job.x' is not a topic" "$url/v1/events?topics=jobs,job.x"
problem 404 not_found "no job 4711" "$url/v1/events?topics=job.4711"
problem 400 bad_query "32 topics at most" "$url/v1/events?topics=jobs$(printf ',jobs%.0s' {1..32})"
problem 405 method "POST" -X POST "$url/v1/events?topics=jobs"

echo "several topics, from what is new"
listen "$work/jobs" "$url/v1/events?topics=jobs"
submit '"name": "hello plan ready wait step bad"'
listen "$work/two" "$url/v1/events?topics=jobs,job.$id,gpus"
until_true 60 test -e "$folder/ready"
first=$id
first_folder=$folder
submit '"name": "hello done"'
until_true 60 heard "$work/two" '.data.state == "queued" and .data.job == '"$id"' and (.data.reason | type == "string")'
touch "$first_folder/go"
until_true 60 heard "$work/two" '.event == "log" and .id == null and .data.size_bytes > 0 and .data.job == '"$first"
until_true 60 heard "$work/two" '.data.state == "done" and .data.job == '"$id"
until_true 60 heard "$work/jobs" '.data.state == "done" and .data.job == '"$id"
all "$work/jobs" 'all(.[]; .event == "state") and ([.[] | .data.job] | unique == [$id - 1, $id]) and .[0].data.state == "queued"'
all "$work/two" 'map(select(.id)) | [.[].id] as $ids | $ids == ($ids | sort | unique) and any(.[]; .event == "metric") and all(.[]; .event == "state" or .data.job == $id - 1)'
call 200 "$url/v1/jobs/$first/log"
is "$(events "$work/two" | jq -s '[.[] | select(.event == "log")][-1].data.size_bytes')" "$(wc -c <"$work/body")" "the log's size"
from=$(events "$work/two" | jq -s '[.[] | select(.id)][1].id')
listen "$work/three" -H "Last-Event-ID: $from" "$url/v1/events?topics=jobs,job.$first"
until_true 60 heard "$work/three" '.data.state == "done"'
is "$(events "$work/three" | jq -sc '[.[].id | select(.)]')" "$(events "$work/two" | jq -sc --argjson from "$from" '[.[].id | select(. and . > $from)]')" "ids behind $from"
listen "$work/four" "$url/v1/events?topics=jobs&after=999999"
until_true 60 heard "$work/four" '.event == "reset" and .id == null and (.data.after > 0)'
until_true 60 heard "$work/jobs" '.event == "ping" and .id == null and .data == {}'

echo "a daemon killed under a stream: its client goes on without gap or repeat"
submit '"name": "hello plan steps"'
: >"$work/all"
seen=0
for round in 1 2 3 4 5; do
    listen "$work/part" -H "Last-Event-ID: $seen" "$url/v1/jobs/$id/events"
    until_true 60 heard "$work/part" '.event == "metric"'
    kill -9 "$daemon"
    wait "$daemon" "$listener" 2>/dev/null || true
    events "$work/part" | jq '.id | select(.)' >>"$work/all"
    seen=$(tail -1 "$work/all")
    start
done
call 202 -X POST "$url/v1/jobs/$id/cancel"
call 200 -H "Last-Event-ID: $seen" "$url/v1/jobs/$id/events"
cp "$work/body" "$work/part"
events "$work/part" | jq '.id | select(.)' >>"$work/all"
has "$(tail -3 "$work/part")" '"state":"cancelled"' "the end"
is "$(cat "$work/all")" "$(sqlite3 "$state/detrd.db" "SELECT id FROM event WHERE job = $id ORDER BY id")" "ids after $round kills"
is "$(curl -sS "$url/v1/jobs/$id" | jq .attempt)" 1 "its attempts"

echo "at rest"
kill "$daemon"
wait "$daemon" || fail "SIGTERM ended it with $?"
FAKE_GPUS="8.6" LD_LIBRARY_PATH=$BIN_DIR/../fake_nvml start
listen "$work/gpus" "$url/v1/events?topics=gpus"
until_true 60 heard "$work/gpus" '.event == "gpu" and .id == null and (.data | keys | index("memory_used_bytes") and index("job") and index("uuid"))'
kill "$listener"
kill "$daemon"
wait "$daemon" || fail "SIGTERM ended it with $?"
: >"$work/log"
start
until_true 60 grep -q "worker answered" "$work/log"
call 200 "$url/healthz"
wakes() { awk '/ctxt_switches/ { sum += $2 } END { print sum }' "/proc/$daemon/status"; }
sleep 2 # the connection of the request is closed, and its memory given back
before=$(wakes)
sleep 6
after=$(wakes)
[ $((after - before)) -le 1 ] || fail "with nobody there it woke $((after - before)) times in 6 s"
kill "$daemon"
wait "$daemon" || fail "it ended with $?"
echo "all as api.md says"
