#!/bin/sh
# The pictures of ARCHITECTURE.md, held against the code: who includes whom, what each program links, and where
# mixed precision is entered and the model is run.
# shellcheck source=tests/integration/lib.sh
. "$SOURCE_DIR/tests/integration/lib.sh"
cd "$SOURCE_DIR"
build=$(dirname "$BIN_DIR")

# may FOLDER OTHER...: FOLDER includes its own headers and those of the others, and nothing else of ours
may() {
    folder=$1
    shift
    found=$(find "$folder" -maxdepth 1 -name '*.[ch]' -o -maxdepth 1 -name '*.cpp' -o -maxdepth 1 -name '*.hpp' \
        -o -maxdepth 1 -name '*.cu')
    [ -n "$found" ] || fail "$folder has no code"
    # shellcheck disable=SC2086 # names of ours, without spaces
    grep -H '^#include "' $found | sed 's,:#include ", ,; s/".*//' >"$work/includes" || true # one may include none
    while read -r file include; do
        case " $folder $* " in
        *" $(dirname "$include") "*) ;;
        *) fail "$file includes $include; $folder may include: $*" ;;
        esac
    done <"$work/includes"
}

echo "includes"
may base
may spec base
may storage spec base
may jobs storage spec base
may api api/resources api/events api/http jobs storage spec base
may api/resources api/events api/http webui jobs storage spec base
may api/events api/http jobs storage spec base
may api/http jobs storage spec base
may daemon api jobs storage spec base
may keeper spec base
may trainer trainer/model trainer/optim trainer/data trainer/metrics trainer/tensor trainer/kernels spec base
may trainer/model trainer/tensor trainer/kernels spec base
may trainer/optim trainer/tensor trainer/kernels spec base
may trainer/data trainer/data/image trainer/tensor trainer/kernels spec base
may trainer/data/image base
may trainer/metrics trainer/tensor trainer/kernels spec base
may trainer/tensor trainer/kernels spec base
may trainer/kernels base

# links PROGRAM PATTERN...: fails when it links a library of those
links_none() {
    program=$1
    shift
    libraries=$(ldd "$BIN_DIR/$program")
    for pattern; do
        case $libraries in
        *"$pattern"*) fail "$program links $pattern" ;;
        esac
    done
}

echo "libraries"
links_none detrd libtorch libc10 libcuda libcudart
links_none detrd-worker libtorch libc10 libcuda libcudart libmicrohttpd libsqlite3
[ -e "$BIN_DIR/detrd-trainer" ] || {
    echo "skip: structure of the trainer (built without it)"
    exit 0
}
links_none detrd-trainer libmicrohttpd libsqlite3
has "$(ldd "$BIN_DIR/detrd-trainer")" libtorch_cpu "detrd-trainer"

find "$build/trainer" -name '*.o' -exec nm -AC --undefined-only {} + >"$work/uses"

# users PATTERN: the objects that use a symbol which matches, one a line
users() { grep -- "$1" "$work/uses" | sed 's,^.*/\([^/:]*\.o\):.*,\1,' | sort -u; }

echo "mixed precision"
is "$(users 'at::autocast::')" autocast.cpp.o "objects that use libtorch's autocast"
is "$(users ' tensor_autocast_enter$')" amp.c.o "objects that enter the region"
is "$(users ' tensor_autocast_leave$')" amp.c.o "objects that leave the region"
is "$(users ' model_forward$' | wc -l)" 1 "objects that run the model ($(users ' model_forward$' | tr '\n' ' '))"
