#!/bin/bash
# shellcheck disable=SC2016,SC2119
# Around a submission with real curl: the schema, validation with its data set, a request sent twice, a job removed.
# shellcheck source=tests/integration/lib.sh
. "$SOURCE_DIR/tests/integration/lib.sh"
export DETRD_TRAINER="$SOURCE_DIR/tests/integration/doubles/api_trainer"
# shellcheck source=tests/integration/api_lib.sh
. "$SOURCE_DIR/tests/integration/api_lib.sh"
export HOLD_DEVICES="$work/hold"
touch "$HOLD_DEVICES"
start

echo "before it is known what the machine has"
# submit_early: a submission that has to wait; sets early
submit_early() {
    curl -sS -v -m 60 -o "$work/early" -w '%{http_code}' --json "{\"model\": \"pico\", \"dataset_dir\": \"$work/data\", \"device\": \"auto\"}" \
        "$url/v1/jobs?validate=true" >"$work/early.status" 2>"$work/early.said" &
    early=$!
    story_pids="$story_pids $early"
    until_true 60 grep -q '^> POST' "$work/early.said"
    for i in 1 2 3; do # meanwhile everything else is answered
        call 200 "$url/healthz"
        call 200 "$url/v1/jobs"
        body '.jobs == []'
    done
    [ ! -s "$work/early.status" ] || fail "answered with $(cat "$work/early.status")"
}
submit_early
kill "$daemon"
wait "$daemon" || fail "SIGTERM ended it with $?"
wait "$early"
is "$(cat "$work/early.status")" 503 "status of who waits for a daemon that ends"
start
submit_early
rm "$HOLD_DEVICES"
wait "$early"
is "$(cat "$work/early.status")" 200 "status of who has waited"
jq -e '.spec.device == "cpu"' "$work/early" >/dev/null || fail "what has waited: $(cat "$work/early")"

echo "the schema"
call 200 "$url/v1/schemas/job"
body '.type == "object" and .additionalProperties == false and .required == ["model", "dataset_dir"]'
body '.properties.model.enum == ["pico", "nano", "small", "medium", "base", "large"]'
body '.properties.epochs == {"type": "integer", "minimum": 1, "maximum": 100000, "default": 100, "description": "Passes over the training set."}'
body '.properties.amp.additionalProperties == false and (.properties.amp.properties.enabled | .type == "boolean" and (has("default") | not))'
body '.properties.pretrain_weights.type == ["string", "null"] and .properties.pretrain_weights.default == null'
body '.properties.aug_config.enum == [null, {}] and .properties.labels.maxProperties == 16'
call 200 -I "$url/v1/schemas/job"
problem 405 method "POST" --json '{}' "$url/v1/schemas/job"
call 200 "$url/v1/schemas/job"
cp "$work/body" "$work/schema"

echo "validate"
spec() { echo "{\"model\": \"pico\", \"dataset_dir\": \"$work/$1\", \"amp\": {\"enabled\": true}}"; }
mkdir "$work/bad" "$work/broken" "$work/killed" "$work/slow"
call 200 --json "$(spec data)" "$url/v1/jobs?validate=true"
body 'keys == ["dataset", "spec", "valid", "warnings"] and .valid == true and .spec.epochs == 100'
body '.dataset | .train.images == 8 and .valid.boxes == 3 and .classes[0].name == "Zell€" and (has("warnings") | not)'
body '.warnings | length == 2 and .[0].pointer == "/amp/dtype" and .[1].count == 2 and (.[0] | keys == ["count", "detail", "file", "pointer"])'
body --slurpfile schema "$work/schema" '(.spec | keys) == ($schema[0].properties | keys)'
problem 422 bad_spec "/epochs" --json '{"model": "pico", "dataset_dir": "'"$work/data"'", "epochs": 0}' "$url/v1/jobs?validate=true"
problem 422 bad_spec "no valid split" --json "$(spec bad)" "$url/v1/jobs?validate=true"
body --arg bad "$work/bad" '.errors == [{"pointer": "/dataset_dir", "detail": ("no valid split in " + $bad), "value": $bad}]'
problem 503 unavailable "not JSON" --json "$(spec broken)" "$url/v1/jobs?validate=true"
problem 503 unavailable "SIGKILL" --json "$(spec killed)" "$url/v1/jobs?validate=true"
for i in 1 2 3 4; do
    curl -sS -m 60 -o "$work/slow.$i" --json "$(spec slow)" "$url/v1/jobs?validate=true" &
    story_pids="$story_pids $!"
    slow=$!
    until_true 60 test -e "$work/slow/started"
    rm "$work/slow/started"
done
call 200 "$url/healthz" # the daemon serves on meanwhile
problem 503 unavailable "4 data sets are being read" --json "$(spec data)" "$url/v1/jobs?validate=true"
touch "$work/slow/go"
wait "$slow" || fail "curl ended with $?"
jq -e '.valid == true' "$work/slow.4" >/dev/null || fail "a slow one: $(cat "$work/slow.4")"
call 200 "$url/v1/jobs"
body '.jobs == []'

echo "a request sent twice"
call 201 -H "Idempotency-Key: a b" --json "$(spec data)" "$url/v1/jobs"
id=$(jq .id "$work/body")
call 201 -H "Idempotency-Key: a b" --json "$(spec data)" "$url/v1/jobs"
body --argjson id "$id" '.id == $id'
is "$(header Location)" "/v1/jobs/$id" "Location"
problem 422 bad_spec "another body" -H "Idempotency-Key: a b" --json "$(spec bad)" "$url/v1/jobs"
problem 400 bad_query "1 to 200" -H "Idempotency-Key: $(printf 'x%.0s' {1..201})" --json "$(spec data)" "$url/v1/jobs"
call 201 -H "Idempotency-Key: a b" --unix-socket "$socket" --json "$(spec data)" http://localhost/v1/jobs
body --argjson id "$id" '.id != $id'
problem 422 bad_spec "/epochs" -H "Idempotency-Key: c" --json '{"model": "pico", "dataset_dir": "'"$work/data"'", "epochs": 0}' "$url/v1/jobs"
call 201 -H "Idempotency-Key: c" --json "$(spec data)" "$url/v1/jobs"
waiting=$(jq .id "$work/body")
kill "$daemon"
wait "$daemon" || fail "SIGTERM ended it with $?"
sqlite3 "$state/detrd.db" "UPDATE submission SET made_ms = made_ms - 86400001 WHERE key = 'c'"
start
call 201 -H "Idempotency-Key: a b" --json "$(spec data)" "$url/v1/jobs"
body --argjson id "$id" '.id == $id'
call 201 -H "Idempotency-Key: c" --json "$(spec data)" "$url/v1/jobs"
body --argjson id "$waiting" '.id > $id'

echo "a job removed"
until_true 60 job_is running
touch "$state/trace" "$state/eval"
call 200 "$url/v1/jobs/$id"
folder=$(jq -r .folder "$work/body")
until_true 60 test -e "$folder/ready"
problem 409 conflict "cancel it first" -X DELETE "$url/v1/jobs/$id"
problem 409 conflict "is queued" -X DELETE "$url/v1/jobs/$waiting"
problem 404 not_found "no job 4711" -X DELETE "$url/v1/jobs/4711"
curl -sSN -m 60 -o "$work/stream" "$url/v1/events?topics=jobs,job.$id&after=0" &
stream=$!
story_pids="$story_pids $stream"
until_true 60 test -e "$work/stream"
until_true 60 grep -q running "$work/stream"
call 202 -X POST "$url/v1/jobs/$id/cancel"
until_true 60 job_is cancelled
call 200 "$url/v1/jobs/$id"
body '.disk_bytes > 4096'
mkdir "$work/elsewhere" && touch "$work/elsewhere/kept" && ln -s "$work/elsewhere" "$folder/link"
call 204 -X DELETE "$url/v1/jobs/$id"
[ ! -e "$state/jobs/$id" ] || fail "its folder is left"
[ -e "$work/elsewhere/kept" ] || fail "it was followed out of the folder"
until_true 60 grep -q "^event: deleted" "$work/stream"
has "$(grep -A1 '^event: deleted' "$work/stream")" "\"job\":$id" "the deleted event"
for path in "" /metrics /events /log /amp /checkpoints /checkpoints/last.safetensors; do
    problem 410 gone "job $id was deleted" "$url/v1/jobs/$id$path"
done
problem 410 gone "was deleted" -X POST "$url/v1/jobs/$id/cancel"
problem 410 gone "was deleted" -X DELETE "$url/v1/jobs/$id"
problem 410 gone "was deleted" "$url/v1/events?topics=job.$id"
problem 410 gone "was deleted" -H "Idempotency-Key: a b" --json "$(spec data)" "$url/v1/jobs"
call 200 "$url/v1/jobs"
body --argjson id "$id" 'all(.jobs[]; .id != $id) and (.jobs | length) == 3'
call 200 "$url/v1/jobs?state=cancelled"
body '.jobs == []'
# rows JOB: what is left of it in the database
rows() {
    sqlite3 -cmd '.timeout 5000' "$state/detrd.db" "SELECT ((SELECT count(*) FROM metric WHERE job = $1) +
        (SELECT count(*) FROM metric_block WHERE job = $1) + (SELECT count(*) FROM attempt WHERE job = $1)) || ' ' ||
        (SELECT group_concat(type) FROM event WHERE job = $1)"
}
until_true 60 eval '[ "$(rows "$id")" = "0 8" ]' # but for the event that says that it was deleted
call 202 -X POST "$url/v1/jobs/$waiting/cancel"
until_true 60 eval 'curl -sS "$url/v1/jobs/$waiting" | jq -e ".state == \"cancelled\"" >/dev/null'
call 204 -X DELETE "$url/v1/jobs/$waiting"
kill -9 "$daemon" # before its rows have gone, or after
wait "$daemon" 2>/dev/null || true
start
until_true 60 eval '[ "$(rows "$waiting")" = "0 8" ]'
problem 410 gone "job $waiting was deleted" "$url/v1/jobs/$waiting"
"$BIN_DIR/detrd" --state_dir="$state" --stop-workers
wait "$daemon" || fail "it ended with $?"
echo "all as api.md says"
