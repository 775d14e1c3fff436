#!/bin/bash
# shellcheck disable=SC2016
# The HTTP API with real curl: every address, every kind of error.  The trainer is a test double that waits to be let on.
# shellcheck source=tests/integration/lib.sh
. "$SOURCE_DIR/tests/integration/lib.sh"
export DETRD_TRAINER="$SOURCE_DIR/tests/integration/doubles/api_trainer"
# shellcheck source=tests/integration/api_lib.sh
. "$SOURCE_DIR/tests/integration/api_lib.sh"
mkdir -p "$work/roots/in" "$work/elsewhere"

start

echo "health, pages, headers"
call 200 "$url/healthz"
body '.status == "ok" and (.version | length > 0)'
is "$(header Cache-Control)" no-store "caching of replies"
for path in / /jobs /jobs/17 '/jobs?state=x&unknown=1' '/?a=b'; do
    call 200 "$url$path"
    is "$(header Content-Type)" "text/html; charset=utf-8" "$path"
    is "$(header Content-Security-Policy)" "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'" "$path"
    is "$(header X-Content-Type-Options)" nosniff "$path"
    is "$(header Referrer-Policy)" no-referrer "$path"
    is "$(header Cache-Control)" no-store "$path"
    has "$(cat "$work/body")" "<!doctype html>" "$path"
done
call 404 "$url/nowhere?x=1"
has "$(cat "$work/body")" "<!doctype html>" "a page that is not there"
script=$(sed -n 's/.*src="\([^"]*app.js\)".*/\1/p' "$work/body")
call 200 "$url$script"
cp "$work/body" "$work/app.js"
has "$(header Cache-Control)" immutable "caching of assets"
is "$(header Content-Type)" "text/javascript; charset=utf-8" "$script"
etag=$(header ETag)
call 200 --compressed "$url$script"
is "$(header Content-Encoding)" gzip "a browser's encoding"
cmp "$work/body" "$work/app.js" || fail "unpacked by curl and by detrd it differs"
call 304 -H "If-None-Match: $etag" "$url$script"
problem 405 method "GET, HEAD" -X POST "$url/"
is "$(header Allow)" "GET, HEAD" "Allow of a page"

echo "host and origin"
port=${url##*:}
call 200 -H "Host: localhost:$port" "$url/healthz"
call 200 -H "Host: [::1]:1" "$url/healthz"
call 200 -H "Host: 127.0.0.1" "$url/healthz"
problem 403 forbidden "evil.example" -H "Host: evil.example" "$url/healthz"
problem 403 forbidden "evil.example" -H "Host: evil.example:$port" "$url/"
problem 403 forbidden "Host header is missing" -0 -H "Host:" "$url/healthz"
problem 403 forbidden "http://evil.example" -H "Origin: http://evil.example" "$url/v1/jobs"
problem 403 forbidden "null" -H "Origin: null" --json '{}' "$url/v1/jobs"
call 200 -H "Origin: $url" "$url/v1/jobs"
call 200 -0 -H "Host:" --unix-socket "$socket" "http://localhost/healthz"
is "$(stat -c %a "$state")" 700 "mode of the state folder"
status_of "$BIN_DIR/detrd" --state_dir="$work/other" --listen=0.0.0.0:0
[ "$status" != 0 ] || fail "it listens on every address"
has "$err" "loopback" "an address that is not loopback"

echo "addresses and methods"
problem 404 not_found "/v1/nothing" "$url/v1/nothing"
problem 404 not_found "/v1" "$url/v1"
problem 404 not_found "/v1/jobs/" "$url/v1/jobs/"
problem 404 not_found "no job 4711" "$url/v1/jobs/4711"
problem 404 not_found "/v1/jobs/abc" "$url/v1/jobs/abc"
problem 404 not_found "/v1/jobs/-1" "$url/v1/jobs/-1"
for tail in metrics log amp checkpoints checkpoints/last.safetensors 'metrics?name=x'; do
    problem 404 not_found "no job 4711" "$url/v1/jobs/4711/$tail"
done
problem 404 not_found "no job 4711" -X POST "$url/v1/jobs/4711/cancel"
problem 405 method "DELETE" -X DELETE "$url/v1/jobs"
is "$(header Allow)" "POST, GET, HEAD" "Allow"
problem 405 method "GET is not" "$url/v1/jobs/1/cancel"
is "$(header Allow)" "POST" "Allow"
problem 405 method "PUT" -X PUT --json '{}' "$url/v1/gpus"

echo "queries"
problem 400 bad_query "unknown parameter 'colour'" "$url/v1/jobs?colour=red"
problem 400 bad_query "unknown parameter 'x'" "$url/healthz?x"
problem 400 bad_query "label' comes later" "$url/v1/jobs?label=a:b"
problem 400 bad_query "q' comes later" "$url/v1/jobs?q=cells"
problem 400 bad_query "validate is 'yes'" --json '{}' "$url/v1/jobs?validate=yes"
problem 400 bad_query "limit must be a whole number from 1 to 500" "$url/v1/jobs?limit=501"
problem 400 bad_query "limit must be" "$url/v1/jobs?limit=ten"
problem 400 bad_query "given twice" "$url/v1/jobs?limit=1&limit=2"
problem 400 bad_query "'sleeping' is not a state" "$url/v1/jobs?state=running,sleeping"
problem 400 bad_query "cursor must be" "$url/v1/jobs?cursor=x"

echo "bodies"
problem 415 media_type "curl say --json" -d '{}' "$url/v1/jobs"
problem 415 media_type "-H 'Content-Type: application/json'" -H 'Content-Type:' -d '{}' "$url/v1/jobs"
problem 415 media_type "text/plain" -H 'Content-Type: text/plain' -d '{}' "$url/v1/jobs"
problem 400 not_json "line 1, column 1: empty" -X POST "$url/v1/jobs"
problem 400 not_json "line 2, column" --json "$(printf '{"model":\n nano}')" "$url/v1/jobs"
problem 400 not_json "line 1, column" --json '{"model": "pico"} {}' "$url/v1/jobs"
problem 400 not_json "duplicate" --json '{"lr": 1, "lr": 2}' "$url/v1/jobs"
problem 400 not_json "line 1" --json '{"lr": NaN}' "$url/v1/jobs"
problem 400 not_json "overflow" --json '{"lr": 1e999}' "$url/v1/jobs"
problem 400 not_json "deeper than 16" --json "$(printf '[%.0s' {1..17})$(printf ']%.0s' {1..17})" "$url/v1/jobs"
problem 400 not_json "decode byte 0xff" --json "$(printf '{"name": "\xff"}')" "$url/v1/jobs"
problem 422 bad_spec "must be an object" --json '[]' "$url/v1/jobs"
problem 422 bad_spec "takes no body" --json '{}' "$url/v1/jobs/1/cancel"
head -c 1100000 /dev/zero | tr '\0' ' ' >"$work/large"
problem 413 too_large "1048576 bytes" --json "@$work/large" "$url/v1/jobs"
problem 413 too_large "1048576 bytes" -H 'Expect:' --json "@$work/large" "$url/v1/jobs"
problem 413 too_large "1048576 bytes" -H 'Expect:' -H 'Transfer-Encoding: chunked' --json "@$work/large" "$url/v1/jobs"

echo "specs"
refused /amp/dtype "float16 is not available on cpu; use bfloat16" '"amp": {"dtype": "float16"}'
body '.errors[0].value == "float16"'
refused /amp_dtype "use /amp/dtype" '"amp_dtype": "bf16"'
refused /epoch "unknown key" '"epoch": 3'
refused /epochs "must be a whole number from 1 to 100000" '"epochs": "3"'
refused /lr "must be a number from 1e-10 to 1" '"lr": 3'
refused /resolution "must be a multiple of 16" '"resolution": 100'
refused /early_stopping "comes later" '"early_stopping": true'
refused /device "cuda is not available" '"device": "cuda"'
refused /pretrain_weights "absolute" '"pretrain_weights": "last.safetensors"'
dir() { problem 422 bad_spec "/dataset_dir" --json "{\"model\": \"pico\", \"dataset_dir\": \"$1\"}" "$url/v1/jobs"; body --arg part "$2" '.errors[0].detail | contains($part)'; }
dir "$work/nothing" "no such folder"
dir data "absolute path"
dir "$BIN_DIR/detrd" "not a folder"
if [ "$(id -u)" != 0 ]; then
    mkdir -m 000 "$work/closed"
    dir "$work/closed" "may not be read by '$(id -un)'"
fi
problem 422 bad_spec "4 faults" --json '{"model": "huge", "dataset_dir": "/nothing/here", "lr": "fast", "amp": {"dtype": "float16"}}' "$url/v1/jobs"
body '[.errors[].pointer] == ["/model", "/lr", "/amp/dtype", "/dataset_dir"]'
call 200 "$url/v1/jobs"
body '.jobs == [] and .next_cursor == null'

echo "a job"
submit '"name": "cells", "labels": {"lab": "a"}, "amp": {"enabled": true}, "seed": null'
body 'keys == ["attempt", "best", "cause", "detail", "device", "disk_bytes", "ended", "folder", "id", "made", "name", "priority", "progress", "reason", "spec", "started", "state", "user", "warnings"]'
body '.name == "cells" and .user == null and .cause == null and .ended == null and .best == null'
body '(.made | test("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\\.[0-9]{3}Z$")) and (.folder | startswith("/"))'
body '.spec.resolution == 128 and .spec.device == "cpu" and .spec.labels == {"lab": "a"} and (.spec.seed | type == "number")'
body '.spec.amp == {"enabled": true, "device_type": "cpu", "dtype": "bfloat16", "grad_scaler": false, "allow_unscaled_float16": false}'
body '.warnings | length == 1 and .[0].pointer == "/amp/dtype" and (.[0].detail | contains("emulated"))'
spec=$(jq -S .spec "$work/body")
until_true 60 job_is running
call 200 "$url/v1/jobs/$id"
is "$(jq -S .spec "$work/body")" "$spec" "the stored spec"
is "$(jq -S . "$folder/spec.json")" "$spec" "the spec in the job's folder"
body '.attempt == 1 and .started != null and .reason == null and .device == {"type": "cpu", "name": "Test CPU", "uuids": []}'
problem 404 not_found "no precision trace yet" "$url/v1/jobs/$id/amp"
first=$id
first_folder=$folder

echo "the queue"
submit '"priority": 5, "name": "behind"'
body '.state == "queued" and .attempt == 0 and .device == null and .progress == null and (.reason | length > 10)'
second=$id
call 201 --unix-socket "$socket" --json "{\"model\": \"pico\", \"dataset_dir\": \"$work/data\", \"name\": \"mine\"}" http://localhost/v1/jobs
body --arg user "$(id -un)" '.user == $user'
third=$(jq .id "$work/body")
call 200 "$url/v1/jobs"
body --argjson a "$first" --argjson b "$second" --argjson c "$third" '[.jobs[].id] == [$c, $b, $a] and .next_cursor == null and (.jobs[0] | has("spec") | not)'
call 200 "$url/v1/jobs?limit=2"
body --argjson b "$second" '(.jobs | length) == 2 and .jobs[1].id == $b and (.next_cursor | type == "string")'
cursor=$(jq -r .next_cursor "$work/body")
call 200 "$url/v1/jobs?limit=2&cursor=$cursor"
body --argjson a "$first" '[.jobs[].id] == [$a] and .next_cursor == null'
call 200 "$url/v1/jobs?state=running,done"
body --argjson a "$first" '[.jobs[].id] == [$a]'
call 200 "$url/v1/jobs?user=$(id -un)&state=queued"
body --argjson c "$third" '[.jobs[].id] == [$c]'
call 200 "$url/v1/gpus"
body --argjson a "$first" '.cpu == {"slots": 1, "jobs": [$a]} and (.gpus | type == "array")'
call 202 -X POST "$url/v1/jobs/$second/cancel"
body '.state == "cancelled" and .ended != null'
call 200 -X POST "$url/v1/jobs/$second/cancel"
call 202 -X POST -H 'Content-Type: application/json' "$url/v1/jobs/$third/cancel"
call 200 "$url/v1/jobs/$second/log"
is "$(cat "$work/body")" "" "the log of a job that never started"

echo "train is traced"
id=$first
folder=$first_folder
call 200 "$url/v1/jobs/$id/metrics"
body '.metrics == {}'
call 200 "$url/v1/jobs/$id/checkpoints"
body '.checkpoints == []'
touch "$state/trace"
until_true 60 curl -sfS -o "$work/body" "$url/v1/jobs/$id/amp" 2>/dev/null
body '.eval == [] and .equal == null and .as_policy == true and .first_difference == null and (.train | length) == 55'
body 'keys == ["as_policy", "device", "equal", "eval", "first_difference", "libtorch", "policy", "train"]'
body '.policy.dtype == "bfloat16" and .libtorch == "9.9.9" and .device == "Test CPU"'
body '.train[0] | keys == ["depth", "device", "dtype", "point"]'
touch "$state/eval"
until_true 60 test -e "$folder/ready"

echo "metrics"
until_true 60 eval 'curl -sS "$url/v1/jobs/$id/metrics" | jq -e ".metrics[\"train/loss\"].step == 3" >/dev/null'
call 200 "$url/v1/jobs/$id/metrics"
body '.metrics["train/loss"] | .value == 8.5 and .step == 3 and .epoch == 2 and (.time | startswith("2026-11-25T18:02:42."))'
body '.metrics["val/AP/Zell€"].value == 0.31'
call 200 "$url/v1/jobs/$id/metrics?name=train/loss&name=train/lr&name=val/mAP_50_95&name=val%2FmAP_50_95%40500&name=val/mAR"
body '[.series[].name] == ["train/loss", "train/lr", "val/mAP_50_95", "val/mAP_50_95@500", "val/mAR"]'
body '.series[0].value == [9.25, "nan", 8.5] and .series[1].value == [0.0001, 0.0001, 0.0001] and .series[4].value == []'
body '[.series[].x] == [0, 0, 1, 1, 2] and (.x | length) == 3'
body '.x[0] == {"step": [1, 2, 3], "epoch": [1, 1, 2], "time_ms": [1795629762005, 1795629762006, 1795629762011], "attempt": [1, 1, 1]}'
body '.series[2].definition | contains("IoU 0.50 to 0.95") and contains("valid") and contains("EMA weights") and contains("maxDets 100")'
body '.series[3].definition | contains("maxDets 500")'
last=$(jq .last_id "$work/body")
call 200 "$url/v1/jobs/$id/metrics?name=train/loss&after=$last"
body --argjson last "$last" '.series[0].value == [] and .last_id == $last'
call 200 "$url/v1/jobs/$id/metrics?name=train/loss&after=$((last - 1))"
body '.series[0].value == [8.5]'
problem 400 bad_query "after goes with name" "$url/v1/jobs/$id/metrics?after=1"
problem 400 bad_query "name must be" "$url/v1/jobs/$id/metrics?name="
call 200 "$url/v1/jobs/$id"
body '.progress | .epoch == 2 and .epochs == 2 and .step == 3 and .steps == 4'
body '.best == {"metric": "val/mAP_50_95", "value": 0.31, "epoch": 1}'
body '(.warnings | length) == 2 and .warnings[1] == {"detail": "2 boxes without area", "pointer": "/annotations/3", "file": "train/_annotations.coco.json", "count": 2}'

echo "amp, log, checkpoints"
call 200 "$url/v1/jobs/$id/amp"
body '.equal == true and .as_policy == true and .first_difference == null and (.train | length) == 55 and (.eval | length) == 54'
call 200 "$url/v1/jobs/$id/log?tail=2"
is "$(cat "$work/body")" "$(printf 'line two\nline three')" "the log's tail"
is "$(header Content-Type)" "text/plain; charset=utf-8" "the log"
call 200 "$url/v1/jobs/$id/log"
has "$(cat "$work/body")" "line one" "the whole log"
problem 400 bad_query "tail must be" "$url/v1/jobs/$id/log?tail=0"
call 200 "$url/v1/jobs/$id/checkpoints"
body '.checkpoints | length == 1 and (.[0] | .name == "last.safetensors" and .kind == "last" and .bytes == 12 and .step == 2 and (.made | startswith("2026-")))'
call 200 "$url/v1/jobs/$id/checkpoints/last.safetensors"
is "$(cat "$work/body")" "a checkpoint" "the file"
is "$(header Content-Length)" 12 "its size"
problem 404 not_found "no checkpoint 'best.safetensors'" "$url/v1/jobs/$id/checkpoints/best.safetensors"
call 404 --path-as-is "$url/v1/jobs/$id/checkpoints/../spec.json"
call 404 "$url/v1/jobs/$id/checkpoints/..%2Fspec.json"
rm "$folder/checkpoints/last.safetensors"
ln -s /etc/passwd "$folder/checkpoints/last.safetensors"
call 500 "$url/v1/jobs/$id/checkpoints/last.safetensors"
rm "$folder/checkpoints/last.safetensors"
problem 404 not_found "is gone" "$url/v1/jobs/$id/checkpoints/last.safetensors"

echo "HEAD"
for path in /healthz /v1/jobs "/v1/jobs/$id" "/v1/jobs/$id/metrics" "/v1/jobs/$id/log?tail=5" "/v1/jobs/$id/amp" /v1/gpus / "$script"; do
    call 200 -I "$url$path"
done

echo "how it ends"
touch "$folder/go"
until_true 60 job_is "done"
problem 409 conflict "done" -X POST "$url/v1/jobs/$id/cancel"
submit '"labels": {"play": "mismatch"}, "amp": {"enabled": true}'
until_true 60 test -e "$folder/ready"
until_true 60 has_series val/mAP_50_95
call 200 "$url/v1/jobs/$id/amp"
body '.equal == false and .as_policy == false'
body '.first_difference == {"point": "patch_embeddings", "pass": "eval", "policy": "bfloat16 on cpu, depth 1", "ran": "float32 on cpu, depth 0"}'
call 202 -X POST "$url/v1/jobs/$id/cancel"
until_true 60 job_is cancelled
call 200 -X POST "$url/v1/jobs/$id/cancel"

echo "dataset_roots"
kill "$daemon"
wait "$daemon" || fail "SIGTERM ended it with $?"
[ ! -e "$socket" ] || fail "the socket is left behind"
start --dataset_roots="$work/roots"
dir "$work/elsewhere" "dataset_roots"
dir "$work/roots/../elsewhere" "dataset_roots"
ln -s "$work/elsewhere" "$work/roots/link"
dir "$work/roots/link" "dataset_roots"
call 201 --json "{\"model\": \"pico\", \"dataset_dir\": \"$work/roots/in\"}" "$url/v1/jobs"
id=$(jq .id "$work/body")
until_true 60 job_is running
"$BIN_DIR/detrd" --state_dir="$state" --stop-workers
wait "$daemon" || fail "it ended with $?"
echo "all as api.md says"
