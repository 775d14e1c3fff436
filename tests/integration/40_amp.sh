#!/bin/sh
# tests/integration/40_amp.sh MUTANT: the AMP proof on a real job of pico at 64 px under bfloat16.
# "none": the traces of train and eval are equal and as the policy says.  A mutant: the job fails with amp_mismatch and
# says where.  "off": with the policy off the result is bit-identical to a trainer that never enters autocast.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
mutant=$1

"$BIN_DIR/detrd-trainer" shapes "$work/shapes" --train 4 --valid 2 --test 0

# job NAME ENABLED: a folder with a job of two steps
job() {
    mkdir "$work/$1"
    cat >"$work/$1/spec.json" <<EOF
{"model": "pico", "dataset_dir": "$work/shapes", "resolution": 64, "multi_scale": "off", "scale_jitter": false,
 "batch_size": 1, "eval_batch_size": 1, "epochs": 1, "max_steps": 2, "seed": 1, "threads": 1,
 "amp": {"enabled": $2, "dtype": "bfloat16"}}
EOF
}

# run NAME MUTANT: sets status, err and bye
run() {
    DETRD_TEST_MUTANT=$2
    export DETRD_TEST_MUTANT
    status_of "$BIN_DIR/detrd-trainer-mutant" "$work/$1"
    bye=$(tail -n 1 "$work/$1/events.jsonl")
}

points() { grep '"pass":"'"$2"'"' "$work/$1/events.jsonl" | grep -o '"point":"[^"]*"' | wc -l; }

# expect_mismatch TEXT...: the job failed with amp_mismatch and said each text
expect_mismatch() {
    run job "$mutant"
    is "$status" 1 "status of $mutant"
    has "$bye" '"cause":"amp_mismatch"' "$mutant"
    for text in "$@"; do has "$bye" "$text" "$mutant"; done
    has "$err" "$(echo "$bye" | sed 's/.*"detail":"\([^"]*\)".*/\1/')" "the last line on standard error"
}

job job true
case $mutant in
none)
    run job ""
    is "$status" 0 "status: $err"
    has "$bye" '"result":"done"' "the job"
    is "$(points job eval)" 54 "points of eval"
    is "$(points job train)" 55 "points of train, the criterion among them"
    ;;
off)
    job off false
    job never false
    run off ""
    is "$status" 0 "status: $err"
    run never never
    is "$status" 0 "status: $err"
    cmp "$work/off/checkpoints/last.safetensors" "$work/never/checkpoints/last.safetensors" ||
        fail "a policy that is off changes the result"
    ;;
eval_not_entered | eval_other_device)
    expect_mismatch "patch_embeddings: policy says bfloat16 on cpu" "eval ran float32 on cpu"
    ;;
eval_other_dtype) expect_mismatch "patch_embeddings: policy says bfloat16 on cpu, eval ran float16 on cpu" ;;
train_not_entered | neither_entered)
    expect_mismatch "patch_embeddings: policy says bfloat16 on cpu" "train ran float32 on cpu"
    ;;
second_entry) expect_mismatch "patch_embeddings: policy says bfloat16 on cpu, depth 1, train ran bfloat16 on cpu, depth 2" ;;
criterion_inside) expect_mismatch "criterion: policy says float32 on cpu, depth 0, train ran float32 on cpu, depth 1" ;;
*) fail "no such mutant: $mutant" ;;
esac
