#!/bin/sh
# tests/integration/52_data_odd.sh: what labs bring and what must train as it is, in one data set: a split of one image,
# thousands of boxes, images without any, odd names, a byte-order mark, CRLF, sizes that are wrong.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
worker=$BIN_DIR/detrd-worker
cd "$work"

"$worker" shapes plain --train 4 --valid 1 --test 0
mkdir -p "set/train/a b/ü" set/valid
cp plain/train/00000.png "set/train/a b/ü/100%20 %d.jpg"
cp plain/train/00001.png set/train/..x.png
ln -s ..x.png set/train/link.png
cp plain/train/00002.png set/train/background.PNG
cp plain/valid/00000.png set/valid/only.png

boxes() { # IMAGE COUNT FIRST
    awk -v image="$1" -v count="$2" -v first="$3" 'BEGIN {
        for (i = 0; i < count; i++)
            printf ",\r\n  {\"id\": \"n%d\", \"image_id\": %s, \"category_id\": 7.0, \"bbox\": [%d, %.1f, 1.2e1, 90E-1], \"segmentation\": null}",
                first + i, image, i % 110, i / 20
    }'
}
{
    printf '\357\273\277{"info": {"score": NaN},\r\n "images": [\r\n'
    printf '  {"id": 10, "file_name": "a b/\\u00fc/100%%20 %%d.jpg", "width": 128, "height": 128},\r\n'
    printf '  {"id": 20, "file_name": "..x.png", "width": 999, "height": 128},\r\n'
    printf '  {"id": 30, "file_name": "link.png"},\r\n  {"id": 40, "file_name": "background.PNG", "width": 128, "height": 128}],\r\n'
    printf ' "categories": [{"id": 0, "name": "root", "supercategory": "none"}, {"id": 7, "name": "thing", "supercategory": "root"}],\r\n'
    printf ' "annotations": [\r\n  {"image_id": 20, "category_id": 7, "bbox": [-5, 100, 500, 500], "area": null, "iscrowd": 1}'
    printf ',\r\n  {"image_id": 20, "category_id": 7, "bbox": [5, 5, 20, 0]},\r\n  {"image_id": 30, "category_id": 7, "bbox": [5, 5, -20, 4]}'
    boxes 10 2000 0
    boxes 30 3 2000
    printf ']}\r\n'
} >set/train/_annotations.coco.json
{
    printf '{"images": [{"id": 1.0, "file_name": "only.png", "width": 128, "height": 128}], "categories": [],'
    printf ' "annotations": [{"id": null, "image_id": 1, "category_id": 7, "bbox": [10, 10, 40, 40]}]}'
} >set/valid/_annotations.coco.json

mkdir odd
echo "{\"model\": \"pico\", \"dataset_dir\": \"$work/set\", \"resolution\": 64, \"batch_size\": 2, \"threads\": 1,
    \"seed\": 3, \"epochs\": 2}" >odd/spec.json
status_of "$worker" odd
is "$status" 0 "status of a job on an odd data set ($err)"
has "$(tail -n 1 odd/events.jsonl)" '"result":"done"' "its end"
plan=$(grep '"type":"plan"' odd/events.jsonl)
has "$plan" '"images":{"train":4,"valid":1}' "its images"
has "$plan" '"classes":[{"id":7,"index":0,"name":"thing"}]' "its classes"
is "$(grep -c '"type":"metric"' odd/events.jsonl)" 10 "steps: a small set's epoch has five"
has "$(head -c 200000 odd/checkpoints/last.safetensors | tr -d '\0')" '\"classes\":[{\"id\":7,\"index\":0,\"name\":\"thing\"}]' \
    "the class table in the checkpoint"
is "$(grep -c '"type":"warning"' odd/events.jsonl)" 2 "warnings"
warnings=$(grep '"type":"warning"' odd/events.jsonl)
has "$warnings" '"detail":"2 image(s) without width and height, or with others than the file has; the file counts","pointer":"/images/1","file":"train/_annotations.coco.json","count":2' \
    "the warning about sizes"
has "$warnings" '"detail":"2 box(es) without width or height, or outside of their image; they are left out","pointer":"/annotations/1/bbox","file":"train/_annotations.coco.json","count":2' \
    "the warning about boxes"

# ---- what is wrong is told in one line, with file and pointer, whatever the file looks like ----
printf '{"images": [{"id": 1, "file_name": "only.png"}], "categories": [], "annotations": [\n {"image_id": 1, "category_id": 7,\n  "bbox": [\n   1,\n   2,\n   3\n  ]}]}' \
    >set/valid/_annotations.coco.json
status_of "$worker" check --brief set
is "$status" 1 "status of a check"
is "$(wc -l <stderr)" 1 "lines on stderr ($err)"
has "$err" "valid/_annotations.coco.json /annotations/0/bbox: [ 1, 2, 3 ] is not four finite numbers: x, y, width, height" \
    "its words"

echo "everything holds"
