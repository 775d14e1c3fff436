#!/bin/sh
# The keeper, with a test trainer: who holds a folder, how signals travel, and what exit.json says.
# shellcheck source=tests/integration/lib.sh
. "$SOURCE_DIR/tests/integration/lib.sh"
worker=$BIN_DIR/detrd-worker
export DETRD_TRAINER="$SOURCE_DIR/tests/integration/doubles/trainer"

# folder NAME PLAY: a new job folder
folder() {
    mkdir "$work/$1"
    echo '{"model": "pico", "threads": 2}' >"$work/$1/spec.json"
    echo "$2" >"$work/$1/play"
}

# runs PLAY STATUS CAUSE DETAIL: one job to its end
runs() {
    folder "$1" "$1"
    status_of "$worker" "$work/$1"
    is "$status" "$2" "status of '$1'"
    is "$(field "$work/$1/exit.json" cause)" "$3" "cause of '$1'"
    has "$(told "$work/$1/exit.json" detail)" "$4" "detail of '$1'"
    [ "$2" = 0 ] || has "$(tail -n 1 "$work/stderr")" "detrd-worker: $3: " "last line of '$1'"
}

echo "usage"
status_of "$worker"
is "$status" 2 "no argument"
status_of "$worker" a b
is "$status" 2 "two folders"
status_of "$worker" --what
is "$status" 2 "unknown option"
status_of "$worker" "$work/nothing"
is "$status" 2 "no such folder"
has "$err" "$work/nothing" "no such folder"
mkdir "$work/empty"
status_of "$worker" "$work/empty"
is "$status" 2 "no spec"
has "$err" "spec.json" "no spec"

echo "how jobs end"
runs fail 1 dataset "no valid split in /x"
is "$(field "$work/fail/exit.json" code)" 1 "code"
is "$(cat "$work/fail/environment")" "1000 2" "GOMP_SPINCOUNT and OMP_NUM_THREADS"
has "$(cat "$work/fail/exit.json")" '"max_rss_bytes": ' "resource usage"
runs crash 1 crashed "signal 11 (SIGSEGV)"
has "$(told "$work/crash/exit.json" detail)" "two | three | four | five | last words: ? and a tab ." "last log lines"
has "$(cat "$work/stderr")" "last words" "the trainer's output passes through"
runs status 1 crashed "status 134; it wrote last: assertion failed"
runs silent 1 internal "without saying how"
runs torn 1 crashed "status 3"
runs late 0 null ""
is "$(field "$work/late/exit.json" signal)" 6 "signal"
has "$err" "warning: the trainer crashed after its last word" "a crash after bye is a warning"

echo "a folder that ran"
status_of "$worker" "$work/fail"
is "$status" 2 "a second run"
has "$err" "copy spec.json to a new folder" "a second run"
is "$(wc -l <"$work/fail/events.jsonl")" 2 "spool after a second run"

echo "killed"
for sig in KILL:9 TERM:15 INT:2 HUP:1; do
    name=${sig%:*}
    folder "kill$name" hang
    "$worker" "$work/kill$name" 2>"$work/kill$name/log" &
    keeper=$!
    story_pids="$story_pids $keeper"
    until_true 10 grep -qs trainer_pid "$work/kill$name/manifest.json"
    is "$(field "$work/kill$name/manifest.json" keeper_pid)" "$keeper" "keeper_pid"
    is "$(field "$work/kill$name/manifest.json" boot_id)" "$(cat /proc/sys/kernel/random/boot_id)" "boot_id"
    trainer=$(field "$work/kill$name/manifest.json" trainer_pid)
    until_true 10 grep -q sleep "/proc/$trainer/comm"
    if [ "$name" = KILL ]; then target=$trainer; else target=$keeper; fi
    kill -s "$name" "$target"
    status=0
    wait "$keeper" || status=$?
    is "$status" 1 "status after SIG$name"
    is "$(field "$work/kill$name/exit.json" signal)" "${sig#*:}" "signal in exit.json"
    is "$(field "$work/kill$name/exit.json" cause)" killed "cause after SIG$name"
    has "$(told "$work/kill$name/exit.json" detail)" "signal ${sig#*:} (SIG$name)" "detail after SIG$name"
done

echo "stopped on request"
for name in TERM INT HUP; do
    folder "stop$name" stop
    "$worker" "$work/stop$name" &
    keeper=$!
    story_pids="$story_pids $keeper"
    until_true 10 test -e "$work/stop$name/ready"
    kill -s "$name" "$keeper"
    status=0
    wait "$keeper" || status=$?
    is "$status" 0 "status after SIG$name with a checkpoint"
    is "$(cat "$work/stop$name/signals")" "$name" "signals that the trainer saw"
    is "$(field "$work/stop$name/exit.json" cause)" killed "cause"
    has "$(told "$work/stop$name/exit.json" detail)" "stopped by SIG$name at step 3" "detail"
done

echo "kill -9 of the keeper alone"
folder orphan hang
"$worker" "$work/orphan" 2>/dev/null &
keeper=$!
story_pids="$story_pids $keeper"
until_true 10 grep -qs trainer_pid "$work/orphan/manifest.json"
trainer=$(field "$work/orphan/manifest.json" trainer_pid)
until_true 10 grep -q sleep "/proc/$trainer/comm"
kill -9 "$keeper"
until_true 1 is_gone "$trainer"
[ ! -e "$work/orphan/exit.json" ] || fail "nobody was there to write exit.json"
flock -n "$work/orphan/lock" true || fail "the lock of a dead keeper is free"

echo "no libtorch"
folder missing silent
DETRD_TRAINER=$work/no-trainer status_of "$worker" "$work/missing"
is "$status" 1 "status without a trainer"
is "$(field "$work/missing/exit.json" cause)" libtorch "cause without a trainer"
has "$err" "libtorch: cannot run $work/no-trainer: No such file or directory" "words without a trainer"
status_of env DETRD_TRAINER="$BIN_DIR/double_without_library" "$worker" "$work/missing" # its spool is still empty
is "$status" 1 "status without a library"
is "$(field "$work/missing/exit.json" cause)" libtorch "cause without a library"
has "$err" "detrd-worker: libtorch: detrd-trainer cannot start" "words without a library"
is "$(wc -l <"$work/stderr")" 1 "lines without a library: a sentence, not a loader's message"
status_of env DETRD_TRAINER="$BIN_DIR/double_without_library" "$worker" devices
is "$status" 1 "devices without a library"
has "$err" "detrd-trainer cannot start" "devices without a library"

echo "other commands"
status_of "$worker" devices
is "$status" 5 "status of a command is the trainer's"
has "$(cat "$work/stdout")" '"libtorch": "0.0"' "output of a command"

echo "two workers on one folder, 100 times"
for i in $(seq 100); do
    folder "race$i" wait
    for j in 1 2; do
        {
            status=0
            "$worker" "$work/race$i" 2>"$work/race$i.err$j" || status=$?
            echo "$status" >"$work/race$i.status$j"
        } &
    done
    # the loser ends first: the winner's trainer waits for it
    until_true 10 sh -c "ls '$work/race$i'.status? >'$work/ended' 2>/dev/null"
    until_true 10 test -s "$(cat "$work/ended")"
    is "$(cat "$(cat "$work/ended")")" 3 "status of the second worker"
    until_true 10 test -s "$work/race$i/trainers"
    touch "$work/race$i/go"
    wait
    is "$(cat "$work/race$i".status1 "$work/race$i".status2 | sort | tr '\n' ' ')" "0 3 " "statuses"
    is "$(wc -l <"$work/race$i/trainers")" 1 "trainers that ran"
    has "$(cat "$work/race$i".err?)" "another worker holds this folder" "words of the second worker"
done
