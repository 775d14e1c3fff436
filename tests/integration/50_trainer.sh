#!/bin/sh
# tests/integration/50_trainer.sh: jobs by hand, with detrd-worker and the real trainer: what a finished one leaves,
# a stop, a start from weights, and every kind of bad input with its words.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
worker=$BIN_DIR/detrd-worker
cd "$work"

"$worker" shapes shapes --train 6 --valid 2 --test 0

# job NAME MEMBERS: a folder with a small job; MEMBERS are added to its spec
small='"resolution": 64, "multi_scale": "off", "scale_jitter": false, "batch_size": 2, "threads": 1, "seed": 3'
job() {
    mkdir "$1"
    echo "{\"model\": \"pico\", \"dataset_dir\": \"${data:-$work/shapes}\", $small${2:+, $2}}" >"$1/spec.json"
}

# failed NAME CAUSE TEXT...: the job ends with that cause; every text is in the words, on stderr and in exit.json
failed() {
    name=$1 cause=$2
    shift 2
    status_of "$worker" "$name"
    is "$status" 1 "status of $name ($err)"
    is "$(field "$name/exit.json" cause)" "$cause" "cause of $name"
    for text in "$@"; do
        has "$(told "$name/exit.json" detail)" "$text" "detail of $name"
        has "$(tail -n 1 "$work/stderr")" "$text" "last line of $name"
    done
}

bye() { tail -n 1 "$1/events.jsonl"; }
types() { sed 's/^{"seq":[0-9]*,"time_ms":[0-9]*,"type":"\([a-z_]*\)".*/\1/' "$1/events.jsonl" | uniq | tr '\n' ' '; }

# ---- a job to its end ----
job whole '"epochs": 2'
status_of "$worker" whole
is "$status" 0 "status of a whole job ($err)"
is "$(types whole)" "hello plan amp_trace metric amp_trace eval checkpoint metric eval checkpoint bye " "what it told"
has "$(bye whole)" '"result":"done"' "its end"
[ -s whole/checkpoints/last.safetensors ] && [ -s whole/checkpoints/best.safetensors ] || fail "checkpoints"
has "$(cat whole/spec.json)" '"lr_vit_layer_decay":0.8' "the effective spec"
has "$(cat whole/spec.json)" '"amp":{"enabled":false,"device_type":"cpu","dtype":"bfloat16","grad_scaler":false' "the policy in full"
seqs=$(sed 's/^{"seq":\([0-9]*\),.*/\1/' whole/events.jsonl)
is "$seqs" "$(seq 1 "$(wc -l <whole/events.jsonl)")" "seq counts without gaps"
digest=$(sha256sum whole/checkpoints/last.safetensors | cut -d' ' -f1)
has "$(grep '"name":"last.safetensors"' whole/events.jsonl | tail -n 1)" "$digest" "the told digest"

status_of "$worker" whole
is "$status" 2 "a folder that ran already"
has "$err" "copy spec.json to a new folder" "its words"

# ---- the same spec gives the same run ----
mkdir again
cp whole/spec.json again
"$worker" again 2>/dev/null
cmp whole/checkpoints/last.safetensors again/checkpoints/last.safetensors || fail "the same spec gave another result"

# ---- SIGTERM: a checkpoint, then the end ----
job stopped '"epochs": 10000'
"$worker" stopped 2>/dev/null &
keeper=$!
story_pids="$story_pids $keeper"
until_true 120 grep -qs '"step":2,' stopped/events.jsonl
kill -TERM $keeper
status=0
wait $keeper || status=$?
is "$status" 0 "status of a stopped job"
has "$(bye stopped)" '"result":"stopped"' "the end of a stopped job"
has "$(bye stopped)" 'stopped by SIGTERM at step ' "its words"
[ -s stopped/checkpoints/last.safetensors ] || fail "a stopped job left no checkpoint"

# ---- weights ----
job from "\"max_steps\": 1, \"pretrain_weights\": \"$work/whole/checkpoints/best.safetensors\""
status_of "$worker" from
is "$status" 0 "status of a job that starts from weights ($err)"
echo "no checkpoint at all" >garbage.safetensors
job garbage_weights "\"pretrain_weights\": \"$work/garbage.safetensors\""
failed garbage_weights weights "$work/garbage.safetensors"
head -c 100000 whole/checkpoints/last.safetensors >torn.safetensors
job torn_weights "\"pretrain_weights\": \"$work/torn.safetensors\""
failed torn_weights weights "$work/torn.safetensors"
job no_weights '"pretrain_weights": "/nonexistent/w.safetensors"'
failed no_weights weights "/nonexistent/w.safetensors"

# ---- the spec ----
mkdir broken
printf '{"model": "pico",\n "epochs": 3,,\n}' >broken/spec.json
failed broken bad_spec "line 2"
mkdir faults
echo '{"model": "pico", "dataset_dir": "/x", "epochs": "many", "batch_size": 0, "learning_rate": 1}' >faults/spec.json
failed faults bad_spec "/epochs" "/batch_size" "/learning_rate"
mkdir nospec
status_of "$worker" nospec
is "$status" 2 "a folder without a spec"
has "$err" "spec.json" "its words"
job float16 '"amp": {"enabled": true, "dtype": "float16"}'
failed float16 bad_spec "/amp/dtype" "float16 is not available on cpu; use bfloat16"

# ---- the data set ----
data=$work/missing
job no_data
failed no_data dataset "$work/missing"
mkdir -p empty/train empty/valid
echo '{"images": [], "annotations": [], "categories": [{"id": 1, "name": "a"}]}' | tee empty/train/_annotations.coco.json >empty/valid/_annotations.coco.json
data=$work/empty
job no_images
failed no_images dataset "train"
mkdir -p cut/train cut/valid
cp shapes/valid/* cut/valid
cp shapes/train/* cut/train
printf '{"images": [],\n "annotations": [}' >cut/train/_annotations.coco.json
data=$work/cut
job cut_json
failed cut_json dataset "train/_annotations.coco.json" "line 2"
cp shapes/train/_annotations.coco.json cut/train
head -c 300 shapes/train/00003.png >cut/train/00003.png
job cut_image
failed cut_image dataset "00003.png"
unset data

# ---- numbers that leave the road ----
job wild '"lr": 1, "lr_encoder": 1, "clip_max_norm": 0, "epochs": 100'
failed wild non_finite "the loss is" "at step "

echo "everything holds"
