# shellcheck shell=sh disable=SC2034
# tests/integration/lib.sh: what every story needs; sourced by the scripts beside it.
# BIN_DIR and SOURCE_DIR come from ctest.  Each test gets a fresh folder $work, removed at the end.
set -eu

work=$(mktemp -d "${TMPDIR:-/tmp}/detrd-test-XXXXXX")
trap 'finish $?' EXIT
story_pids=""

finish() {
    for pid in $story_pids; do kill -9 "$pid" 2>/dev/null || true; done
    rm -rf --one-file-system "$work"
    exit "$1"
}

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

# until_true SECONDS COMMAND...: waits for what must come; the limit only ends a test that has failed.
until_true() {
    left=$(($1 * 50))
    shift
    until "$@"; do
        left=$((left - 1))
        [ $left -gt 0 ] || fail "this never came true: $*"
        sleep 0.02
    done
}

# is ACTUAL EXPECTED WHAT
is() { [ "$1" = "$2" ] || fail "$3: '$1' instead of '$2'"; }

# has TEXT PART WHAT
has() {
    case $1 in
    *"$2"*) ;;
    *) fail "$3: '$1' does not contain '$2'" ;;
    esac
}

# status_of COMMAND...: sets status and err (standard error) instead of ending the script.
status_of() {
    status=0
    "$@" >"$work/stdout" 2>"$work/stderr" || status=$?
    err=$(cat "$work/stderr")
}

is_gone() {
    state=$(sed -n 's/^State:[[:space:]]*\(.\).*/\1/p' "/proc/$1/status" 2>/dev/null) || true
    [ -z "$state" ] || [ "$state" = Z ]
}

# field FILE KEY: the value of a top-level key of a JSON file of ours (one key a line).
field() { sed -n 's/^ *"'"$2"'": "\{0,1\}\([^",]*\).*/\1/p' "$1"; }

# told FILE KEY: the whole text of a key of such a file.
told() { sed -n 's/^ *"'"$2"'": "\(.*\)",\{0,1\}$/\1/p' "$1"; }
