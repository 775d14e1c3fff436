#!/bin/bash
# shellcheck disable=SC2016,SC2119
# Parts of files and of series with real curl: Range on checkpoints; buckets and CSV of metrics.
# shellcheck source=tests/integration/lib.sh
. "$SOURCE_DIR/tests/integration/lib.sh"
export DETRD_TRAINER="$SOURCE_DIR/tests/integration/doubles/api_trainer"
# shellcheck source=tests/integration/api_lib.sh
. "$SOURCE_DIR/tests/integration/api_lib.sh"
start
submit
touch "$state/trace" "$state/eval"
until_true 60 test -e "$folder/ready"
until_true 60 eval 'curl -sS "$url/v1/jobs/$id/metrics" | jq -e ".metrics[\"train/loss\"].step == 3" >/dev/null'

echo "parts of a checkpoint"
file=$url/v1/jobs/$id/checkpoints/last.safetensors
part() { # RANGE TEXT CONTENT-RANGE
    call 206 -H "Range: $1" "$file"
    is "$(cat "$work/body")" "$2" "$1"
    is "$(header Content-Range)" "bytes $3/12" "$1"
    is "$(header Content-Length)" "${#2}" "$1"
}
part bytes=0-0 a 0-0
part bytes=2-5 chec 2-5
part bytes=2-99 checkpoint 2-11
part bytes=10- nt 10-11
part bytes=-3 int 9-11
part bytes=-99 "a checkpoint" 0-11
for whole in bytes=5-2 bytes=0-1,3-4 lines=1-2 bytes=x-; do
    call 200 -H "Range: $whole" "$file"
    is "$(cat "$work/body")" "a checkpoint" "$whole"
    is "$(header Accept-Ranges)" bytes "$whole"
done
for outside in bytes=12- bytes=99-100 bytes=-0; do
    call 416 -H "Range: $outside" "$file"
    is "$(header Content-Range)" "bytes */12" "$outside"
    body '.status == 416 and .type == "urn:detrd:bad_query" and (.detail | contains("12 bytes"))'
done
call 206 -I -H "Range: bytes=1-2" "$file"
etag=$(header ETag)
call 206 -H "If-Range: $etag" -H "Range: bytes=1-2" "$file"
printf 'another file' >"$folder/checkpoints/new" && mv "$folder/checkpoints/new" "$folder/checkpoints/last.safetensors"
call 200 -H "If-Range: $etag" -H "Range: bytes=1-2" "$file"
is "$(cat "$work/body")" "another file" "a file that was replaced meanwhile"
head -c 3 "$work/body" >"$work/begun"
curl -sS -C - -o "$work/begun" "$file"
is "$(cat "$work/begun")" "another file" "curl -C -"

echo "buckets"
metrics=$url/v1/jobs/$id/metrics
call 200 "$metrics?name=train/loss&name=train/lr&points=1"
body '.series[0] | .value == [8.875] and .min == [8.5] and .max == [9.25]'
body '.x == [{"step": [3], "epoch": [2], "time_ms": [1795629762011], "attempt": [1]}] and [.series[].x] == [0, 0]'
call 200 "$metrics?name=train/loss&points=10"
body '.series[0] | .value == [9.25, "nan", 8.5] and .min == [9.25, null, 8.5] and .max == [9.25, null, 8.5]'
call 200 "$metrics?name=train/loss&points=2&x=epoch"
body '.series[0].value == [9.25, 8.5] and .x[0].step == [2, 3]'
call 200 "$metrics?name=train/loss&points=2&x=time"
body '.x[0].step == [2, 3]'
call 200 "$metrics?name=train/loss&from=2&to=2"
body '(.series[0] | .value == ["nan"] and (has("min") | not)) and .x[0].step == [2]'
call 200 "$metrics?name=train/loss&x=time&from=1795629762006"
body '.x[0].step == [2, 3]'
call 200 "$metrics?name=train/loss&from=50&points=5"
body '.series[0].value == [] and .series[0].min == []'
problem 400 bad_query "x is 'hour'" "$metrics?name=train/loss&x=hour"
problem 400 bad_query "points must be a whole number from 1" "$metrics?name=train/loss&points=0"
problem 400 bad_query "from lies behind to" "$metrics?name=train/loss&from=3&to=2"
problem 400 bad_query "points goes with name" "$metrics?points=10"

echo "compressed"
call 200 "$url/v1/schemas/job"
cp "$work/body" "$work/plain"
is "$(header Content-Encoding)" "" "the encoding for who asked for none"
has "$(cat "$work/headers")" "Vary: Accept-Encoding" "what it varies by"
call 200 -H "Accept-Encoding: gzip" "$url/v1/schemas/job"
is "$(header Content-Encoding)" gzip "the encoding"
gzip -dc "$work/body" | cmp - "$work/plain" || fail "unpacked it differs"
call 200 -H "Accept-Encoding: gzip;q=0" "$url/v1/schemas/job"
cmp "$work/body" "$work/plain" || fail "packed for who does not take it"

echo "CSV"
call 200 -H "Accept: text/csv" "$metrics?name=train/loss&name=val%2FAP%2FZell%E2%82%AC"
is "$(header Content-Type)" "text/csv; charset=utf-8" "its type"
is "$(header Vary)" Accept "what it varies by"
is "$(cat "$work/body")" 'name,attempt,step,epoch,time_ms,value
"train/loss",1,1,1,1795629762005,9.25
"train/loss",1,2,1,1795629762006,nan
"train/loss",1,3,2,1795629762011,8.5
"val/AP/Zell€",1,2,1,1795629762009,0.31' "points"
call 200 -H "Accept: text/csv" "$metrics?name=train/loss&points=2&x=epoch"
is "$(cat "$work/body")" 'name,attempt,step,epoch,time_ms,value,min,max
"train/loss",1,2,1,1795629762006,9.25,9.25,9.25
"train/loss",1,3,2,1795629762011,8.5,8.5,8.5' "buckets"
call 200 -H "Accept: text/csv" "$metrics"
has "$(cat "$work/body")" '"train/loss",1,3,2,1795629762011,8.5' "newest values"
call 202 -X POST "$url/v1/jobs/$id/cancel"
until_true 60 job_is cancelled
kill "$daemon"
wait "$daemon" || fail "it ended with $?"
echo "all as api.md says"
