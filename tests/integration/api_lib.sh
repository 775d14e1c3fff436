# shellcheck shell=bash disable=SC2016,SC2034,SC2154
# tests/integration/api_lib.sh: what the stories of the HTTP API share: a daemon and real curl; sourced behind lib.sh.
state=$work/state
socket=$work/detrd.sock
mkdir -p "$work/data"

start() { # SETTING...
    rm -f "$state/url"
    "$BIN_DIR/detrd" --state_dir="$state" --listen=127.0.0.1:0 --listen="unix:$socket" \
        --worker="$BIN_DIR/detrd-worker" "$@" 2>>"$work/log" &
    daemon=$!
    story_pids="$story_pids $daemon"
    until_true 60 test -s "$state/url"
    url=$(cat "$state/url")
}

# call STATUS CURL-ARGUMENT...: one request; its body goes to $work/body, its headers to $work/headers.
call() {
    local expected=$1 got
    shift
    got=$(curl -sS -m 20 -o "$work/body" -D "$work/headers" -w '%{http_code}' "$@") || fail "curl $*"
    [ "$got" = "$expected" ] || fail "curl $*: status $got instead of $expected: $(cat "$work/body")"
}

# body FILTER: jq's filter must be true of the last body
body() { jq -e "$@" "$work/body" >"$work/jq" || fail "not so: $1: $(head -c 2000 "$work/body")"; }

# header NAME: its value in the last reply
header() { sed -n "s/^$1: \(.*\)\r\$/\1/Ip" "$work/headers"; }

# problem STATUS WORD PART CURL-ARGUMENT...: a request that must be refused
problem() {
    local status=$1 word=$2 part=$3
    shift 3
    call "$status" "$@"
    is "$(header Content-Type)" "application/problem+json" "type of the error of curl $*"
    body '.type == "urn:detrd:'"$word"'" and .status == '"$status"' and (.title | length > 0) and (.request_id | length > 0)'
    body --arg part "$part" '.detail | contains($part)'
}

# refused POINTER DETAIL-PART SPEC-MEMBERS: a spec with one fault
refused() {
    problem 422 bad_spec "$1" --json "{\"model\": \"pico\", \"dataset_dir\": \"$work/data\"${3:+, }$3}" "$url/v1/jobs"
    body --arg pointer "$1" --arg part "$2" '.errors | length == 1 and .[0].pointer == $pointer and (.[0].detail | contains($part))'
}

# submit MEMBERS: queues a job; sets id and folder
submit() {
    call 201 --json "{\"model\": \"pico\", \"dataset_dir\": \"$work/data\"${1:+, }${1:-}}" "$url/v1/jobs"
    id=$(jq .id "$work/body")
    folder=$(jq -r .folder "$work/body")
    is "$(header Location)" "/v1/jobs/$id" "Location"
}

job_is() { # STATE
    curl -sS "$url/v1/jobs/$id" | jq -e --arg state "$1" '.state == $state' >/dev/null
}

has_series() { # NAME
    curl -sS "$url/v1/jobs/$id/metrics" | jq -e --arg name "$1" '.metrics[$name]' >/dev/null
}
