#!/bin/sh
# tests/integration/51_data_layouts.sh: COCO 2017's layout beside Roboflow's, by hand and through the API, with the real
# trainer: the same images give the same run, and COCO's ids are columns.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
worker=$BIN_DIR/detrd-worker
cd "$work"

# to_coco DIR: moves a set from Roboflow's layout to COCO 2017's
to_coco() {
    mkdir "$1/annotations"
    for names in train:train2017 valid:val2017; do
        mv "$1/${names%:*}" "$1/${names#*:}"
        mv "$1/${names#*:}/_annotations.coco.json" "$1/annotations/instances_${names#*:}.json"
    done
}

# renumber DIR SCRIPT: edits category ids, which the generated set has as 0 (grouping the others), 1, 2, 3
renumber() {
    find "$1" -name '*.json' -exec sed -i "$2" {} +
}

job() {
    mkdir "$1"
    echo "{\"model\": \"pico\", \"dataset_dir\": \"$work/set\", \"resolution\": 64, \"multi_scale\": \"off\",
        \"batch_size\": 2, \"threads\": 1, \"seed\": 3, \"epochs\": 2}" >"$1/spec.json"
    status_of "$worker" "$1"
    is "$status" 0 "status of $1 ($err)"
}

plan() { sed -n 's/.*"type":"plan".*"classes":\(\[[^]]*\]\).*/\1/p' "$1/events.jsonl"; }

# figures NAME: what was learned and measured, without what is timed
figures() {
    grep -e '"type":"metric"' -e '"type":"eval"' "$1/events.jsonl" |
        sed 's/"seq":[0-9]*,"time_ms":[0-9]*,//; s/,*"\(sys\|train\/images_per_s\|train\/data_wait_ratio\)[^,}]*//g'
}

# ---- the same images in both layouts, with ids that are positions and columns alike: the same run ----
"$worker" shapes set --train 6 --valid 2 --test 0
renumber set 's/"id":\([0-3]\),"name"/"id":_\1,"name"/g; s/"category_id":\([1-3]\)/"category_id":_\1/g
    s/"id":_0/"id":3/g; s/id":_1/id":0/g; s/id":_2/id":1/g; s/id":_3/id":2/g'
job roboflow
to_coco set
job coco
want='[{"id":0,"index":0,"name":"circle"},{"id":1,"index":1,"name":"square"},{"id":2,"index":2,"name":"triangle"}]'
is "$(plan roboflow)" "$want" "classes in Roboflow's layout"
is "$(plan coco)" "$want" "classes in COCO 2017's layout"
has "$(figures roboflow)" '"train/loss":' "figures"
is "$(figures coco)" "$(figures roboflow)" "figures of the same images in two layouts"
cmp roboflow/checkpoints/last.safetensors coco/checkpoints/last.safetensors || fail "the layouts gave different weights"

# ---- COCO's own numbering: ids are columns, 90 the last one ----
renumber set 's/"id":3,"name"/"id":89,"name"/; s/"id":2,"name"/"id":90,"name"/; s/"category_id":2/"category_id":90/g
    s/"id":1,"name"/"id":13,"name"/; s/"category_id":1,/"category_id":13,/g
    s/"id":0,"name"/"id":1,"name"/; s/"category_id":0/"category_id":1/g'
job sparse
is "$(plan sparse)" \
    '[{"id":1,"index":1,"name":"circle"},{"id":13,"index":13,"name":"square"},{"id":90,"index":90,"name":"triangle"}]' \
    "classes with COCO's ids"
header=$(head -c 200000 sparse/checkpoints/last.safetensors | tr -d '\0 ')
has "$header" '\"classes\":[{\"id\":1,\"index\":1,\"name\":\"circle\"},{\"id\":13,\"index\":13,' "the checkpoint's class table"
has "$header" '"model.class_embed.bias":{"dtype":"F32","shape":[91]' \
    "the columns of the head"
has "$(tail -n 3 sparse/events.jsonl)" '"per_class":[{"id":1,"name":"circle"' "figures by class"

# ---- check, in words and in short ----
status_of "$worker" check set
is "$status" 0 "status of check ($err)"
has "$(cat stdout)" "train: 6 images" "the report"
has "$(cat stdout)" "pixels decoded" "the report"
has "$(cat stdout)" "  90 triangle (id 90): " "the report"
status_of "$worker" check --brief set
is "$status" 0 "status of check --brief ($err)"
has "$(cat stdout)" '"pixels":"not decoded"' "the brief report"
head -c 300 set/train2017/00003.png >short.png
cp short.png set/train2017/00003.png
status_of "$worker" check --brief set
is "$status" 0 "a brief check of an image that is cut short behind its header ($err)"
status_of "$worker" check set
is "$status" 1 "a check of an image that is cut short"
has "$err" "image 'train2017/00003.png': the file is truncated" "its words"

# ---- the API reads by the same table ----
"$BIN_DIR/detrd" --state_dir="$work/state" --listen=127.0.0.1:0 >url 2>log &
story_pids="$story_pids $!"
until_true 60 grep -qs http url
url=$(sed 's/.*\(http\)/\1/' url)
ask() {
    curl -s --json "{\"model\": \"pico\", \"dataset_dir\": \"$work/set\"}" "$url/v1/jobs?validate=true"
}
reply=$(ask)
has "$reply" '"valid":true' "validate on COCO 2017's layout"
has "$reply" '"pixels":"not decoded"' "what validate did not look at"
mkdir set/train
cp set/annotations/instances_train2017.json set/train/_annotations.coco.json
reply=$(ask)
has "$reply" '"status":422' "validate on two layouts"
has "$reply" "has two layouts: train/_annotations.coco.json (Roboflow's COCO layout) and annotations/instances_train2017.json (COCO 2017's layout)" "its words"
rm -r set/train set/annotations
reply=$(ask)
has "$reply" "has no annotation file; expected is train/_annotations.coco.json with images in train/" "no layout"
has "$reply" "or annotations/instances_train2017.json with images in train2017/" "no layout"

echo "everything holds"
