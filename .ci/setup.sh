# shellcheck shell=bash
# shellcheck disable=SC2034 # the lists are used by those who source this
# .ci/setup.sh: what ./demo, ./test and .ci/run take from the machine; sourced by them, from the root of the clone.
# Installs only what is missing, and says before a download about how large it is.

TORCH_VERSION=2.13.0
BUILD=$PWD/build

say() { printf '%s: %s\n' "${0##*/}" "$*"; }

stop() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# what is asked for, how it is looked for, the Debian package that has it
needs_to_build='
tool cc          gcc
tool c++         g++
tool cmake       cmake
tool ninja       ninja-build
tool pkg-config  pkg-config
tool curl        curl
tool jq          jq
tool python3     python3
lib libmicrohttpd libmicrohttpd-dev
lib jansson      libjansson-dev
lib sqlite3      libsqlite3-dev
lib inih         libinih-dev
lib libjpeg      libjpeg-dev
lib libpng       libpng-dev
lib zlib         zlib1g-dev
'
needs_to_test='
lib check        check
tool sqlite3     sqlite3
tool flock       util-linux
tool nm          binutils
'
needs_in_ci='
tool clang-format clang-format
tool clang-tidy  clang-tidy
tool cppcheck    cppcheck
tool shellcheck  shellcheck
tool chromium    chromium
tool debootstrap debootstrap
'

is_there() {
    case $1 in
    tool) command -v "$2" >/dev/null ;;
    lib) command -v pkg-config >/dev/null && pkg-config --exists "$2" ;;
    module) python3 -c "import $2" 2>/dev/null ;;
    esac
}

missing_packages() {
    local kind what package

    while read -r kind what package; do
        [ -z "$kind" ] || is_there "$kind" "$what" || echo "$package"
    done <<<"$1"
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# install_packages NEEDS: by apt, as root or with sudo
install_packages() {
    local packages size

    mapfile -t packages < <(missing_packages "$1")
    [ ${#packages[@]} -gt 0 ] || return 0
    command -v apt-get >/dev/null ||
        stop "please install what Debian calls ${packages[*]}: there is no apt-get here to do it"
    [ "$(id -u)" = 0 ] || command -v sudo >/dev/null ||
        stop "please have these Debian packages installed: ${packages[*]} (neither root nor sudo here)"
    as_root apt-get update -qq || say "apt-get update failed; going on with the lists that are there"
    size=$(LC_ALL=C apt-get install --assume-no --no-install-recommends "${packages[@]}" 2>/dev/null |
        sed -n 's/^Need to get \(.*\) of archives.*/\1/p') || true
    say "installing ${packages[*]}: ${size:-an unknown size} to download"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${packages[@]}" \
        >/dev/null || stop "apt-get could not install ${packages[*]}"
}

make_venv() {
    [ ! -x "$BUILD/venv/bin/pip" ] || return 0
    install_packages 'module ensurepip python3-venv'
    python3 -m venv "$BUILD/venv" || stop "python3 -m venv failed"
}

# The folder of a torch that python3 imports and that is new enough, or nothing.
imported_torch() {
    python3 -c '
import os, torch
if tuple(int(part) for part in torch.__version__.split(".")[:2]) >= (2, 9):
    print(os.path.dirname(torch.__file__))' 2>/dev/null || true
}

# The PyPI packages that have the libraries which libtorch_cpu.so does not find, one a line.
missing_cuda_packages() {
    local root=$1 cuda suffix library

    cuda=$(sed -n "s/^cuda.*= '\([0-9.]*\)'/\1/p" "$root/version.py")
    suffix=""
    [ "${cuda%%.*}" != 12 ] || suffix=-cu12
    ldd "$root/lib/libtorch_cpu.so" | sed -n 's/^[[:space:]]*\(.*\) => not found/\1/p' | sort -u |
        while read -r library; do
            case $library in
            libcudart.so.*) echo "nvidia-cuda-runtime$suffix==$cuda.*" ;;
            libcupti.so.*) echo "nvidia-cuda-cupti$suffix==$cuda.*" ;;
            libcufile.so.*) echo "nvidia-cufile$suffix" ;;
            libnvToolsExt.so.*) echo "nvidia-nvtx$suffix==$cuda.*" ;;
            *) echo "libtorch needs $library, and no package is known that has it" >&2 ;;
            esac
        done
}

install_torch() {
    local root packages

    make_venv
    if [ -e /proc/driver/nvidia/version ]; then
        say "installing torch $TORCH_VERSION with its CUDA libraries into build/venv: about 2.5 GB to download"
        "$BUILD/venv/bin/pip" install --quiet "torch==$TORCH_VERSION" || stop "pip could not install torch"
        return
    fi
    say "installing torch $TORCH_VERSION alone into build/venv: 200 MB (a CPU build) to 600 MB to download"
    "$BUILD/venv/bin/pip" install --quiet --no-deps "torch==$TORCH_VERSION" || stop "pip could not install torch"
    root=$(echo "$BUILD"/venv/lib/python3*/site-packages/torch)
    mapfile -t packages < <(missing_cuda_packages "$root")
    [ ${#packages[@]} -gt 0 ] || return 0
    say "this torch is a CUDA build; installing the libraries it cannot load without: ${packages[*]}, about 15 MB"
    "$BUILD/venv/bin/pip" install --quiet --no-deps "${packages[@]}" || stop "pip could not install ${packages[*]}"
}

# Sets and exports TORCH_ROOT: the caller's, that of the last build here, python3's, or one installed into build/venv.
find_torch() {
    local cached

    cached=$(sed -n 's/^TORCH_ROOT:PATH=//p' "$BUILD/CMakeCache.txt" 2>/dev/null) || true
    if [ -n "${TORCH_ROOT:-}" ]; then
        say "libtorch: $TORCH_ROOT (TORCH_ROOT)"
    elif [ -n "$cached" ] && [ -e "$cached/lib/libtorch_cpu.so" ]; then
        TORCH_ROOT=$cached
    else
        TORCH_ROOT=$(imported_torch)
        [ -n "$TORCH_ROOT" ] || {
            ls -d "$BUILD"/venv/lib/python3*/site-packages/torch >/dev/null 2>&1 || install_torch
            TORCH_ROOT=$(echo "$BUILD"/venv/lib/python3*/site-packages/torch)
        }
        say "libtorch: $TORCH_ROOT"
    fi
    export TORCH_ROOT
}

# The page's uPlot comes from npm; where there is none, the build takes one by the venv's pip.
find_npm() {
    command -v npm >/dev/null && return
    make_venv
    PATH=$BUILD/venv/bin:$PATH
}

set_up() {
    install_packages "$1"
    find_torch
    find_npm
    command -v nvcc >/dev/null || say "no nvcc here: building without CUDA kernels (the plain C path)"
}
