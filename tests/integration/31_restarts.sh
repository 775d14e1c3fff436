#!/bin/bash
# shellcheck disable=SC2119
# Restarts with the real trainer: the daemon is killed 100 times under one job, with clients listening, and nobody
# notices; keeper and trainer are killed 20 times, and each end is told truthfully.
# KILLS, ENDS, STARTS: other numbers than these.  SEED: the moments of an earlier run, as it printed it.
# shellcheck source=tests/integration/lib.sh
. "$SOURCE_DIR/tests/integration/lib.sh"
kills=${KILLS:-100}
ends=${ENDS:-20}
starts=${STARTS:-30}
seed=${SEED:-$RANDOM}
RANDOM=$seed
echo "SEED=$seed: $kills kills of the daemon, $ends of keeper and trainer"
home=$work/state
port=$((20000 + RANDOM % 12000)) # below those that clients get, so that it stays free while no daemon listens
followers=""

# processes ID: pid and name of what works on job ID, one a line
processes() {
    local file line
    for file in $(grep -lsa "$home/jobs/$1/[0-9]" /proc/[0-9]*/cmdline); do
        line=$(tr '\0' ' ' 2>/dev/null <"$file") || continue
        case $line in
        *detrd-worker\ *) echo "$(basename "$(dirname "$file")") keeper" ;;
        *detrd-trainer\ *) echo "$(basename "$(dirname "$file")") trainer" ;;
        esac
    done
}

process() { processes "$id" | sed -n "s/ $1\$//p" | head -1; }                   # NAME: its pid
are_gone() { [ -z "$(processes "$id")" ]; }

# A worker outlives its daemon, and so a test that failed.
clean_up() {
    kill -9 $story_pids 2>/dev/null || true
    for pid in $(processes '[0-9]*' | sed 's/ .*//'); do kill -9 "$pid" 2>/dev/null || true; done
    if [ "$1" != 0 ]; then
        echo "SEED=$seed; the daemons' last words:"
        tail -n 20 "$work/log"
    fi
    finish "$1"
}
trap 'clean_up $?' EXIT

pause() { # MS
    sleep "$(($1 / 1000)).$(printf %03d $(($1 % 1000)))"
}

# launch: a daemon that nobody waits for
launch() {
    "$BIN_DIR/detrd" --state_dir="$home" --listen="127.0.0.1:$port" --worker="$BIN_DIR/detrd-worker" \
        --stop_grace_s=30 >>"$work/stdout" 2>>"$work/log" &
    daemon=$!
    story_pids="$daemon $followers"
}

serves() { curl -sS -m 20 -o "$work/health" "$url/healthz" 2>/dev/null; }

start() {
    launch
    until_true 60 serves
}

end() { # SIGNAL: ends the daemon; sets status
    kill -s "$1" "$daemon"
    status=0
    wait "$daemon" 2>/dev/null || status=$?
}

submit() { # MEMBERS: sets id and folder
    local reply
    reply=$(curl -sS -m 90 --json "{\"model\": \"pico\", \"dataset_dir\": \"$work/shapes\", \"resolution\": 64, \"batch_size\": 1,
        \"multi_scale\": \"off\", \"scale_jitter\": false, \"threads\": 1, \"device\": \"cpu\", \"seed\": 1, $1}" "$url/v1/jobs")
    id=$(jq -er .id <<<"$reply") || fail "submit: $reply"
    folder=$home/jobs/$id/1
}

job() { curl -sS -m 20 "$url/v1/jobs/$id" | jq -r "$1"; }
in_state() { [ "$(job .state)" = "$1" ]; }
has_ended() { [ "$(job .ended)" != null ]; }
sql() { sqlite3 "$home/detrd.db" "$1"; }
steps_told() { cat "$folder/events.jsonl" 2>/dev/null | grep -c '"type":"metric"' || true; }
states() { sql "SELECT group_concat(data ->> '\$.state', ' ') FROM (SELECT data FROM event WHERE job = $id AND type = 1 ORDER BY id)"; }

# agrees: job, attempt and events of job $id say the same; STATES is a regular expression
agrees() {
    [[ "$(states)" =~ ^$1$ ]] || fail "states of job $id: $(states)"
    is "$(sql "SELECT json_array(data ->> '\$.state', data ->> '\$.cause', data ->> '\$.detail') FROM event
        WHERE job = $id AND type = 1 ORDER BY id DESC LIMIT 1")" "$(job '[.state, .cause, .detail] | tojson')" "the last state of job $id"
    is "$(sql "SELECT count(*), max(attempt) FROM attempt WHERE job = $id")" "1|1" "attempts of job $id"
    is "$(sql "SELECT max(id) FROM event WHERE job = $id")" "$(sql "SELECT max(id) FROM event WHERE job = $id AND type = 1")" \
        "nothing follows the end of job $id"
    is "$(sql "SELECT seq FROM event WHERE job = $id AND seq IS NOT NULL ORDER BY id" | tr '\n' ' ')" \
        "$(jq -r 'select(.type != "hello" and .type != "bye").seq' "$folder/events.jsonl" 2>/dev/null | tr '\n' ' ')" \
        "messages of job $id in the database and in its spool"
    until_true 20 are_gone # who was killed may take a moment to go
}

# whole: what is complete of a stream
whole() { awk '{ message = message $0 "\n" } $0 == "" { printf "%s", message; message = "" }'; }

# follow FILE ADDRESS: a client like a browser's EventSource: it drops a message that was cut, and comes again with the
# last id that it has
follow() {
    local last=0
    until [ -e "$1.enough" ]; do
        curl -sSN -H "Last-Event-ID: $last" "$2" >"$1.part" 2>"$1.err" || sleep 0.02
        whole <"$1.part" >>"$1"
        last=$(sed -n 's/^id: //p' "$1" | tail -1)
        last=${last:-0}
    done
}

# told FILE: the messages with an id but the states, which also say what is so at the moment
told() { awk -v RS= -v ORS='\n\n' '/^id: / && !/\nevent: state\n/' "$1"; }
has_final() { grep -qs '"state":"done"' "$1"; }

"$BIN_DIR/detrd-worker" shapes "$work/shapes" --train 8 --valid 2 --test 0
url=http://127.0.0.1:$port
start

echo "$SECONDS s: the daemon is killed under a running job, and its clients notice nothing"
steps=$((kills * 6))
submit "\"epochs\": 10000, \"max_steps\": $steps, \"eval_interval\": 8"
follow "$work/one" "$url/v1/jobs/$id/events" &
followers="$followers $!"
follow "$work/all" "$url/v1/events?topics=jobs,job.$id" &
followers="$followers $!"
for ((i = 0; i < kills; i++)); do
    case $((RANDOM % 3)) in
    0) pause $((RANDOM % 15)) ;;  # while it starts
    1) pause $((RANDOM % 500)) ;; # while it takes what was said without it
    2)
        until_true 60 serves
        pause $((RANDOM % 1300))
        ;;
    esac
    end KILL
    launch
    # the job must outlast the kills
    trainer=$(field "$folder/manifest.json" trainer_pid 2>/dev/null || true)
    if [ -n "$trainer" ]; then
        if [ $(($(steps_told) * kills)) -gt $((steps * (i + 1))) ]; then kill -STOP "$trainer"; else kill -CONT "$trainer"; fi
    fi
done
kill -CONT "$(field "$folder/manifest.json" trainer_pid)"
[ ! -e "$folder/exit.json" ] || fail "the job ended before the last kill"
echo "$SECONDS s: $i kills, $((i + 1 - $(grep -c ^listening "$work/log"))) of them before the daemon listened; the job is at step $(steps_told) of $steps"
until_true 60 serves
until_true 600 has_ended
is "$(job '[.state, .attempt, .cause] | tojson')" '["done",1,null]' "how the job ended"
is "$(grep -c '"type":"hello"' "$folder/events.jsonl")" 1 "trainers that ever ran"
agrees 'queued (starting queued )*starting running done'
curl -sS "$url/v1/jobs/$id/metrics?name=train/loss" >"$work/series"
jq -e --argjson steps "$steps" '.x[0].step == [range(1; $steps + 1)] and (.series[0].value | length) == $steps' "$work/series" >"$work/jq" ||
    fail "the series: $(cat "$work/series")"
is "$(sql "SELECT name FROM metric WHERE job = $id GROUP BY name HAVING count(*) <> count(DISTINCT step)")" "" "series with a step twice"
is "$(sql "SELECT DISTINCT count(*) FROM metric WHERE job = $id AND name GLOB 'train/*' GROUP BY name")" "$steps" "points of each series"
is "$(job '.warnings | length')" 0 "warnings"
until_true 20 has_final "$work/one"
touch "$work/one.enough"
until_true 20 grep -qs '"state":"done"' "$work/all.part" "$work/all"
touch "$work/all.enough"
curl -sS "$url/v1/jobs/$id/events" >"$work/afterwards"
end TERM # which ends the stream of topics
is "$status" 0 "status after SIGTERM"
wait $followers || true
followers=""
for client in one all; do
    is "$(sed -n 's/^id: //p' "$work/$client")" "$(sql "SELECT id FROM event WHERE job = $id ORDER BY id")" "ids of client $client"
    told "$work/$client" | cmp - <(told "$work/afterwards") || fail "client $client heard something else"
    ! grep -q '^event: reset' "$work/$client" || fail "client $client was sent back"
done
is "$(sql 'PRAGMA integrity_check')" ok "the database"

echo "$SECONDS s: keeper and trainer are killed, and each end is told truthfully"
# moment: waits for one at which to kill
moment() {
    case $1 in
    0) pause $((RANDOM % 400)) ;; # it may not have begun
    1) until_true 60 grep -qs '"type":"hello"' "$folder/events.jsonl" ;;
    2) until_true 60 eval '[ -e "$folder/checkpoints/.last.safetensors.tmp" ] || [ -e "$folder/checkpoints/.best.safetensors.tmp" ] || [ -e "$folder/exit.json" ]' ;;
    3)
        until_true 60 grep -qs '"type":"plan"' "$folder/events.jsonl"
        pause $((RANDOM % 1500))
        ;;
    esac
}

# as_it_was: what is told of the end is what the folder holds
as_it_was() {
    local bye cause detail
    bye=$(jq -r 'select(.type == "bye").result' "$folder/events.jsonl" 2>/dev/null) || true
    cause=$(job .cause) detail=$(job .detail)
    if [ "$bye" = "done" ]; then
        is "$(job .state)" "done" "job $id, which said so"
    elif [ -e "$folder/exit.json" ]; then
        is "$(job .state) $cause" "failed killed" "job $id with an exit.json"
        has "$detail" "signal 9 (SIGKILL)" "detail of job $id"
    else
        is "$(job .state) $cause" "failed lost" "job $id without an exit.json"
        has "$detail" "nothing records how it ended" "detail of job $id"
    fi
    if [ "$1" = trainer ] && [ "$bye" != "done" ]; then is "$cause" killed "job $id, whose trainer alone was killed"; fi
}

# late_kill: kills a victim that was not there yet
late_kill() {
    keeper=$(process keeper) pid=$(process $victim)
    [ -n "$pid" ] && kill -9 "$pid"
}

# kill_again: a keeper that was killed before it had begun was started again, to run for long
kill_again() {
    local now
    now=$(process keeper)
    [ -n "$now" ] && [ "$now" != "$keeper" ] || return 0
    keeper=$now victim=keeper
    kill -9 "$now" 2>/dev/null || true
}

start
tally=""
for ((i = 0; i < ends; i++)); do
    victim=$([ $((i % 2)) = 0 ] && echo keeper || echo trainer)
    with=$(((i / 2) % 4)) # the daemon: 0 lives, 1 is away, 2 is killed at the same moment, 3 while it sees to the end
    submit '"epochs": 1000, "max_steps": 300, "eval_interval": 1'
    at=$((RANDOM % 4))
    if [ $with = 1 ]; then
        [ $at = 0 ] || until_true 60 test -e "$folder/manifest.json"
        end KILL
    fi
    moment $at
    with_daemon=""
    [ $with != 2 ] || with_daemon=$daemon
    keeper=$(process keeper) pid=$(process $victim)
    [ -z "$pid$with_daemon" ] || kill -9 $with_daemon $pid 2>/dev/null || true
    if [ $with = 3 ]; then
        pause $((RANDOM % 300))
        end KILL
    fi
    [ $with != 2 ] || wait "$daemon" 2>/dev/null || true
    [ $with = 0 ] || start
    until_true 60 eval '[ -n "$pid" ] || late_kill || has_ended'
    until_true 60 eval 'kill_again; has_ended'
    as_it_was $victim
    agrees 'queued (starting queued )*starting (running )?(failed|done)'
    tally="$tally$victim $with/$at $(job '.cause // .state'), "
done
echo "$SECONDS s: ${tally%, }"
is "$(sql 'PRAGMA integrity_check')" ok "the database"

echo "$SECONDS s: cancelled, stopped and started with SIGTERM, stopped with the workers; a second daemon; another boot"
long='"epochs": 1000, "max_steps": 2000, "eval_interval": 1000'
for ((i = 0; i < 3; i++)); do # the daemon is killed between writing that a job stops and seeing to it, or about then
    submit "$long"
    until_true 60 eval '[ "$(steps_told)" -gt 2 ]'
    curl -sS -m 60 -o "$work/cancel" -X POST "$url/v1/jobs/$id/cancel" 2>"$work/err" &
    client=$!
    pause $((RANDOM % 40))
    end KILL
    wait "$client" || true
    start
    [[ "$(curl -sS -m 60 -o "$work/cancel" -w '%{http_code}' -X POST "$url/v1/jobs/$id/cancel")" = 20[02] ]] ||
        fail "cancel, asked again: $(cat "$work/cancel")"
    until_true 60 has_ended
    is "$(job '[.state, .cause, .attempt] | tojson')" '["cancelled",null,1]' "a job cancelled over a restart"
    has "$(job .detail)" "stopped by SIGTERM at step " "detail of a job cancelled over a restart"
    agrees 'queued (starting queued )*starting running stopping cancelled'
done
submit "$long"
until_true 60 in_state running
trainer=$(process trainer)
end TERM
is "$status" 0 "status after SIGTERM"
is "$(process trainer)" "$trainer" "the trainer after its daemon's end"
start
in_state running || fail "not adopted: $(job .state)"
status_of "$BIN_DIR/detrd" --state_dir="$home" --listen=127.0.0.1:0
is "$status" 1 "status of a second daemon"
has "$err" "another detrd (pid $daemon) uses state_dir '$home'" "words of a second daemon"
until_true 60 eval '[ "$(steps_told)" -gt 2 ]'
"$BIN_DIR/detrd" --stop-workers --state_dir="$home" 2>>"$work/log" || fail "--stop-workers"
status=0
wait "$daemon" || status=$?
is "$status" 0 "status of the daemon after --stop-workers"
are_gone || fail "--stop-workers left $(processes "$id")"
start
is "$(job '[.state, .cause, .attempt] | tojson')" '["failed","killed",1]' "the end after --stop-workers"
has "$(job .detail)" "stopped by SIGTERM at step " "detail after --stop-workers"
[ -s "$folder/checkpoints/last.safetensors" ] || fail "--stop-workers left no checkpoint"
agrees 'queued (starting queued )*starting running failed'
submit "$long"
until_true 60 eval '[ "$(steps_told)" -gt 2 ]'
end KILL
kill -9 "$(process keeper)"
until_true 20 are_gone
jq '.boot_id = "00000000-0000-0000-0000-000000000000"' "$folder/manifest.json" >"$work/manifest"
cp "$work/manifest" "$folder/manifest.json" # as a machine finds it that was restarted
start
until_true 60 has_ended
is "$(job '[.state, .cause, .detail] | tojson')" '["failed","lost","the machine restarted while it ran"]' "after another boot"
agrees 'queued (starting queued )*starting running failed'

echo "$SECONDS s: the daemon is killed while jobs are submitted and start"
end TERM
export DETRD_TRAINER="$SOURCE_DIR/tests/integration/doubles/scripted_trainer"
last=$id
start
# post KEY: prints the id
post() {
    curl -sS -m 60 -H "Idempotency-Key: $1" --json "{\"model\": \"pico\", \"dataset_dir\": \"$work/shapes\", \"device\": \"cpu\",
        \"name\": \"hello plan step done\"}" "$url/v1/jobs" 2>/dev/null | jq -e .id
}
for ((i = 1; i <= starts; i++)); do
    post "$i" >"$work/first" &
    client=$!
    pause $((RANDOM % 40))
    end KILL
    acknowledged=""
    ! wait "$client" || acknowledged=$(cat "$work/first")
    start
    id=$(post "$i") || fail "submission $i"
    is "$id" $((last + i)) "submission $i, sent twice"
    [ -z "$acknowledged" ] || is "$id" "$acknowledged" "submission $i, which was acknowledged"
done
for ((i = 1; i <= starts; i++)); do
    id=$((last + i)) folder=$home/jobs/$((last + i))/1
    until_true 60 has_ended
    is "$(job '[.state, .attempt] | tojson')" '["done",1]' "job $id"
    is "$(grep -c '"type": "hello"' "$folder/events.jsonl")" 1 "trainers that ever ran for job $id"
    agrees 'queued (starting queued )*starting running done'
done

again=$(($(sql "SELECT count(*) FROM event WHERE job > $last AND type = 1 AND data ->> '\$.state' = 'queued'") - starts))
echo "$SECONDS s: $starts jobs, $again starts that had not begun were made again"
echo "$SECONDS s: a worker that spoils its folder"
end TERM
cat >"$work/spoiler" <<'TRAINER'
#!/bin/bash
# A test trainer that puts something else where its spool and its log should be, as its job's name says.
case $1 in devices) echo '{"libtorch": "1", "devices": []}' && exit ;; esac
case $(jq -r .name "$1/spec.json") in
folder) mkdir "$1/events.jsonl" ;;
link) ln -s /etc/passwd "$1/events.jsonl" ;;
pipe) mkfifo "$1/events.jsonl" ;;
esac
until [ -e "$1/go" ] || [ ! -d "$1" ]; do sleep 0.05; done
TRAINER
chmod +x "$work/spoiler"
export DETRD_TRAINER=$work/spoiler
start
for name in folder link pipe; do
    submit "\"name\": \"$name\""
    until_true 60 eval '[ "$(job ".warnings | length")" = 1 ]'
    has "$(job '.warnings[0].detail')" "cannot be read: open 'events.jsonl'" "warning of a spool that is a $name"
    end KILL
    start
    touch "$folder/go"
    until_true 60 has_ended
    is "$(job '[.state, .cause, (.warnings | length)] | tojson')" '["failed","internal",1]' "a job whose spool is a $name"
    has "$(job .detail)" "without saying how" "detail of a job whose spool is a $name"
done
end TERM
is "$status" 0 "status after SIGTERM"
