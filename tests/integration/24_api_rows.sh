#!/bin/bash
# shellcheck disable=SC2016,SC2119
# What holds for every address of the API alike, with real curl: HEAD, 405 with Allow, unknown parameters, types, 404 and
# the body's rules.  docs/api.md is printed from the table of addresses: an address that is missing here fails the story.
# shellcheck source=tests/integration/lib.sh
. "$SOURCE_DIR/tests/integration/lib.sh"
export DETRD_TRAINER="$SOURCE_DIR/tests/integration/doubles/api_trainer"
# shellcheck source=tests/integration/api_lib.sh
. "$SOURCE_DIR/tests/integration/api_lib.sh"
start
submit
touch "$state/trace" "$state/eval"
until_true 60 test -e "$folder/ready"
until_true 60 has_series val/mAP_50_95
until_true 60 curl -sfS -o "$work/body" "$url/v1/jobs/$id/checkpoints/last.safetensors"

json=application/json events=text/event-stream text='text/plain; charset=utf-8'
# the methods of an address, its Content-Type
addresses="
/v1/jobs|POST GET HEAD|$json
/v1/jobs/{id}|GET HEAD DELETE|$json
/v1/jobs/{id}/cancel|POST|
/v1/jobs/{id}/metrics|GET HEAD|$json
/v1/jobs/{id}/events|GET HEAD|$events
/v1/events|GET HEAD|$events
/v1/jobs/{id}/log|GET HEAD|$text
/v1/jobs/{id}/amp|GET HEAD|$json
/v1/jobs/{id}/checkpoints|GET HEAD|$json
/v1/jobs/{id}/checkpoints/{name}|GET HEAD|application/octet-stream
/v1/schemas/job|GET HEAD|application/schema+json
/v1/gpus|GET HEAD|$json
/healthz|GET HEAD|$json"

echo "the addresses are those of docs/api.md"
documented=$(sed -n 's/^### \(GET\|POST\|DELETE\) //p' "$SOURCE_DIR/docs/api.md" | sort -u)
is "$documented" "$(printf '%s\n' "$addresses" | sed '/^$/d; s/|.*//' | sort -u)" "the addresses"

path_of() { printf '%s' "$1" | sed "s/{id}/$2/; s/{name}/last.safetensors/"; } # ADDRESS ID

while IFS='|' read -r address methods type; do
    [ -n "$address" ] || continue
    path=$(path_of "$address" "$id")
    [ "$address" != /v1/events ] || path="$path?topics=jobs"
    echo "$address"
    for method in GET POST PUT PATCH DELETE OPTIONS; do
        case " $methods " in *" $method "*) continue ;; esac
        problem 405 method "$method" -X "$method" "$url$path"
        is "$(header Allow | tr -d ,)" "$methods" "Allow of $address"
    done
    case $path in *\?*) more="&" ;; *) more="?" ;; esac
    case " $methods " in
    *" GET "*)
        problem 400 bad_query "unknown parameter 'colour'" "$url$path${more}colour=red"
        call 200 -I "$url$path"
        is "$(header Content-Type)" "$type" "type of $address"
        is "$(header X-Content-Type-Options)" nosniff "$address"
        if [ "$type" != "$events" ]; then
            length=$(header Content-Length)
            call 200 "$url$path"
            is "$(wc -c <"$work/body")" "$length" "what HEAD says of $address"
            [ "${type#*json}" = "$type" ] || body 'type == "object"'
        fi
        problem 415 media_type "curl say --json" -X GET -H 'Content-Type: text/plain' -d '{}' "$url$path"
        problem 422 bad_spec "takes no body" -X GET --json '{}' "$url$path"
        ;;
    *) problem 400 bad_query "unknown parameter 'colour'" -X POST "$url$path${more}colour=red" ;;
    esac
    case $address in
    *'{id}'*)
        method=${methods%% *}
        problem 404 not_found "no job 4711" -X "$method" "$url$(path_of "$address" 4711)"
        problem 404 not_found "no address" -X "$method" "$url$(path_of "$address" x)"
        problem 404 not_found "no address" -X "$method" "$url$path/"
        ;;
    esac
done <<<"$addresses"
problem 400 bad_query "unknown parameter 'colour'" -X DELETE "$url/v1/jobs/$id?colour=red"
problem 422 bad_spec "takes no body" -X DELETE --json '{}' "$url/v1/jobs/$id"

echo "sizes and depths, to the last one that is taken"
pad() { printf '{"model": "pico", "dataset_dir": "%s", "name": "%s"' "$work/data" "$1"; }
body_of() { # BYTES: a spec of that size
    local text
    text=$(pad big)
    printf '%s%*s}' "$text" $(($1 - ${#text} - 1)) ""
}
body_of 1048576 >"$work/largest"
is "$(wc -c <"$work/largest")" 1048576 "the largest body"
call 201 --json "@$work/largest" "$url/v1/jobs"
body_of 1048577 >"$work/larger"
problem 413 too_large "1048576 bytes" --json "@$work/larger" "$url/v1/jobs"
nested() { # DEPTH: brackets inside the spec's own
    printf '{"model": "pico", "dataset_dir": "%s", "labels": ' "$work/data"
    printf '[%.0s' $(seq $(($1 - 1)))
    printf ']%.0s' $(seq $(($1 - 1)))
    printf '}'
}
nested 16 >"$work/deepest"
problem 422 bad_spec "/labels" --json "@$work/deepest" "$url/v1/jobs"
nested 17 >"$work/deeper"
problem 400 not_json "deeper than 16" --json "@$work/deeper" "$url/v1/jobs"
for number in Infinity -Infinity -NaN 1e999 -1e999 01 .5 1. +1 0x10; do
    problem 400 not_json "line 1, column" --json "{\"lr\": $number}" "$url/v1/jobs"
done
problem 400 not_json "duplicate" --json '{"amp": {"enabled": true, "enabled": false}}' "$url/v1/jobs"
problem 400 not_json "line 1, column" --json '{"model": "pico"},' "$url/v1/jobs"
problem 400 not_json "line 1, column" --json '"a\u0000b"' "$url/v1/jobs"
problem 422 bad_spec "must be an object" --json '"pico"' "$url/v1/jobs"
call 200 "$url/v1/jobs"
body '(.jobs | length) == 2'
"$BIN_DIR/detrd" --state_dir="$state" --stop-workers
wait "$daemon" || fail "it ended with $?"
echo "all as api.md says"
