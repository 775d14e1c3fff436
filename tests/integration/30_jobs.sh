#!/bin/bash
# Jobs from submission to their end, with real processes: one at a time, endings told truthfully, whoever is killed, and
# daemons that come and go.  The trainer is a double that does what its job's name says.
# shellcheck source=tests/integration/lib.sh
. "$SOURCE_DIR/tests/integration/lib.sh"
export DETRD_TRAINER="$SOURCE_DIR/tests/integration/doubles/scripted_trainer"
unset FAKE_GPUS
home=$work/state
mkdir "$work/data"

start() { # SETTING...
    rm -f "$home/url"
    "$BIN_DIR/detrd" --state_dir="$home" --listen=127.0.0.1:0 --worker="$BIN_DIR/detrd-worker" "$@" \
        >>"$work/stdout" 2>>"$work/log" &
    daemon=$!
    story_pids="$story_pids $daemon"
    until_true 60 test -s "$home/url"
    url=$(cat "$home/url")
}

end() { # SIGNAL: ends the daemon; sets status
    kill -s "$1" "$daemon"
    status=0
    wait "$daemon" 2>/dev/null || status=$?
}

submit() { # NAME [MEMBERS]: sets id and folder
    local reply
    reply=$(curl -sS -m 20 --json "{\"model\": \"pico\", \"dataset_dir\": \"$work/data\", \"name\": \"$1\"${2:+, }${2:-}}" \
        "$url/v1/jobs")
    id=$(jq -er .id <<<"$reply") || fail "submit $1: $reply"
    folder=$home/jobs/$id/1
}

job() { curl -sS -m 20 "$url/v1/jobs/${2:-$id}" | jq -r "$1"; }
in_state() { [ "$(job .state "${2:-$id}")" = "$1" ]; }
has_ended() { [ "$(job .ended)" != null ]; }
cancel() { curl -sS -m 20 -o "$work/body" -w '%{http_code}' -X POST "$url/v1/jobs/${1:-$id}/cancel"; }
pid() { field "$folder/manifest.json" "$1"; }

# ends_as STATE CAUSE DETAIL-PART: waits for the end of job $id
ends_as() {
    until_true 30 has_ended
    is "$(job .state)" "$1" "state of job $id ($(job .name))"
    is "$(job .cause)" "$2" "cause of job $id ($(job .name))"
    has "$(job .detail)" "$3" "detail of job $id ($(job .name))"
}

# whole_series: the steps of train/loss are 1, 2, 3 ... without a gap or a repetition
whole_series() {
    curl -sS "$url/v1/jobs/$id/metrics?name=train/loss" |
        jq -e '.series[0].value as $v | $v == [range(1; ($v | length) + 1)]' >/dev/null || fail "series of job $id: $(
        curl -sS "$url/v1/jobs/$id/metrics?name=train/loss"
    )"
}

start --stop_grace_s=1

echo "an end of each kind"
submit "hello plan step step step done"
ends_as "done" null null
is "$(job '[.progress.step, .progress.steps, .progress.images_per_s, .attempt] | join(" ")')" "3 10 4 1" "progress"
is "$(job .device.name)" "Test CPU" "device"
is "$(stat -c %a "$folder")" 700 "mode of the job folder"
is "$(jq -r .name "$folder/spec.json")" "hello plan step step step done" "spec.json"
is "$(cat "$folder/environment")" "|PCI_BUS_ID" "a job on the CPU sees no GPU"
whole_series
submit "hello failed"
ends_as failed dataset "no valid split"
submit "failed"
ends_as failed dataset "no valid split"
submit "hello crash"
ends_as failed crashed "signal 11 (SIGSEGV)"
submit "hello bad"
ends_as failed crashed "status 7; it wrote last: out of luck"
submit "hello done crash"
ends_as "done" null null
has "$(job '.warnings[].detail')" "crashed after its last word: signal 11" "warning of a crash after bye"
submit "hello garbage step torn"
ends_as failed internal "without saying how"
has "$(job '.warnings[].detail')" "not JSON" "warning of a line that is no message"
has "$(job '.warnings[].detail')" "the last line is torn" "warning of a torn line"
submit "done"
ends_as failed internal "done before it said hello"

echo "one at a time"
submit "hello obey ready wait done"
first=$id
until_true 20 test -e "$folder/ready"
go=$folder/go
submit "hello done"
in_state queued || fail "two jobs on one CPU slot"
is "$(job .reason)" "the CPU slot is taken by job $first" "reason"
submit "hello done" '"priority": 5'
urgent=$id
is "$(curl -sS "$url/v1/gpus" | jq -c .cpu)" "{\"slots\":1,\"jobs\":[$first]}" "who has the CPU slot"
touch "$go"
id=$((urgent - 1))
ends_as "done" null null
[[ "$(job .started "$urgent")" < "$(job .started)" ]] || fail "the older job ran before the urgent one"

echo "cancel"
submit "hello obey ready wait done"
until_true 20 test -e "$folder/ready"
running=$id
submit "hello done"
is "$(cancel)" 202 "cancel of a queued job"
ends_as cancelled null null
is "$(cancel)" 200 "cancel again"
id=$running folder=$home/jobs/$id/1
is "$(cancel)" 202 "cancel of a running job"
ends_as cancelled null "stopped by SIGTERM at step 0"
submit "hello done"
ends_as "done" null null
is "$(cancel)" 409 "cancel of a job that is done"

echo "a worker that does not listen is killed after its grace"
submit "hello deaf ready wait"
until_true 20 test -e "$folder/ready"
is "$(cancel)" 202 "cancel"
ends_as cancelled null "signal 9 (SIGKILL)"

echo "killed"
submit "hello ready wait done"
until_true 20 test -e "$folder/ready"
kill -9 "$(pid trainer_pid)"
ends_as failed killed "signal 9"
submit "hello ready wait done"
until_true 20 test -e "$folder/ready"
trainer=$(pid trainer_pid)
kill -9 "$(pid keeper_pid)" "$trainer"
submit "hello done"
ends_as "done" null null # the slot is free
id=$((id - 1))
ends_as failed lost "nothing records how it ended"
submit "hello ready wait done"
until_true 20 test -e "$folder/ready"
trainer=$(pid trainer_pid)
kill -9 "$(pid keeper_pid)"
until_true 5 is_gone "$trainer"
ends_as failed lost "nothing records how it ended"

echo "a worker that cannot be started"
end TERM
start --worker=/nonexistent/detrd-worker
submit "hello done"
ends_as failed internal "start '/nonexistent/detrd-worker': No such file"

echo "the daemon ends and starts, the job goes on"
end TERM
is "$status" 0 "status after SIGTERM"
start --stop_grace_s=20
submit "hello plan steps"
until_true 20 in_state running
end TERM
kill -0 "$(pid trainer_pid)" || fail "the worker ended with its daemon"
start --stop_grace_s=20
in_state running || fail "not adopted: $(job .state)"
for _ in 1 2 3 4 5; do
    end KILL
    start --stop_grace_s=20
done
is "$(job .attempt)" 1 "attempts"
is "$(cancel)" 202 "cancel of an adopted job"
ends_as cancelled null "stopped by SIGTERM at step"
whole_series

echo "endings that no daemon saw"
submit "hello ready wait done"
until_true 20 test -e "$folder/ready"
end KILL
kill -9 "$(pid trainer_pid)"
until_true 20 test -e "$folder/exit.json"
start
ends_as failed killed "signal 9"
submit "hello ready wait done"
until_true 20 test -e "$folder/ready"
end KILL
kill -9 "$(pid keeper_pid)"
start
ends_as failed lost "nothing records how it ended"
submit "hello step wait step done"
until_true 20 in_state running
end KILL
touch "$folder/go"
until_true 20 test -e "$folder/exit.json"
start
ends_as "done" null null
whole_series

submit "hello ready wait done"
until_true 20 test -e "$folder/ready"
end KILL
kill -9 "$(pid keeper_pid)"
jq '.boot_id = "another"' "$folder/manifest.json" >"$work/manifest"
cp "$work/manifest" "$folder/manifest.json"
start
ends_as failed lost "the machine restarted while it ran"

echo "a job whose folder never began is started again"
submit "hello ready wait done"
until_true 20 test -e "$folder/ready"
blocker=$id go=$folder/go
submit "hello done"
end KILL
# what a daemon leaves that dies between its database and its spawn
sqlite3 "$home/detrd.db" "UPDATE job SET state = 2 WHERE id = $id;
    INSERT INTO attempt(job, attempt, uuid, started_ms) VALUES ($id, 1, '', 1)"
touch "$go"
start
ends_as "done" null null
is "$(job .attempt)" 1 "attempt"
id=$blocker
ends_as "done" null null

echo "a second daemon is refused"
status_of "$BIN_DIR/detrd" --state_dir="$home" --listen=127.0.0.1:0
is "$status" 1 "status of the second daemon"
has "$err" "another detrd (pid $daemon) uses state_dir '$home'" "words of the second daemon"

echo "--stop-workers"
submit "hello steps"
until_true 20 in_state running
submit "hello done"
"$BIN_DIR/detrd" --stop-workers --state_dir="$home" 2>>"$work/log" || fail "--stop-workers"
status=0
wait "$daemon" || status=$?
is "$status" 0 "status of the daemon after --stop-workers"
start
ends_as "done" null null # it waited, and starts with the daemon
id=$((id - 1))
ends_as failed killed "stopped by SIGTERM at step"
submit "hello steps"
until_true 20 in_state running
end KILL
"$BIN_DIR/detrd" --stop-workers --state_dir="$home" 2>>"$work/log" || fail "--stop-workers without a daemon"
until_true 5 is_gone "$(pid keeper_pid)"
start
ends_as failed killed "stopped by SIGTERM at step"

status_of "$BIN_DIR/detrd" --stop-workers --state_dir="$work/typo"
is "$status" 1 "--stop-workers without a state"
has "$err" "no daemon has ever run on state_dir '$work/typo'" "--stop-workers without a state"
[ ! -e "$work/typo" ] || fail "--stop-workers made a state"

echo "GPUs"
end TERM
export FAKE_GPUS="7.5 8.6"
LD_LIBRARY_PATH=$BIN_DIR/../fake_nvml start
is "$(curl -sS "$url/v1/gpus" | jq -c '[.gpus[] | .uuid, .compute_capability, .job]')" \
    '["GPU-fake-0","7.5",null,"GPU-fake-1","8.6",null]' "gpus"
submit "hello obey ready wait done" '"device": "cuda", "amp": {"enabled": true, "dtype": "bfloat16"}'
until_true 20 test -e "$folder/ready"
is "$(cat "$folder/environment")" "GPU-fake-1|PCI_BUS_ID" "environment of a job on a GPU"
is "$(curl -sS "$url/v1/gpus" | jq .gpus[1].job)" "$id" "who has the GPU"
bfloat16=$id
submit "hello done" '"device": "cuda", "amp": {"enabled": true, "dtype": "bfloat16"}'
waits=$id
submit "hello done" '"device": "cuda", "amp": {"enabled": true, "dtype": "float16"}'
ends_as "done" null null
is "$(cat "$folder/environment")" "GPU-fake-0|PCI_BUS_ID" "environment of a job in float16"
in_state queued "$waits" || fail "bfloat16 on a GPU below 8.0"
end TERM
LD_LIBRARY_PATH=$BIN_DIR/../fake_nvml start
is "$(curl -sS "$url/v1/gpus" | jq .gpus[1].job)" "$bfloat16" "who has the GPU after a restart"
is "$(cancel "$bfloat16")" 202 "cancel"
id=$waits
ends_as "done" null null
end TERM
is "$status" 0 "status after SIGTERM"
has "$(cat "$work/stdout")" "detrd: listening on http://127.0.0.1:" "standard output"
