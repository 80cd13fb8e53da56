#!/usr/bin/env bash
# Tests sonoran.hpp with g++, its CMake and pkg-config packages, and examples/cpp. Needs what
# ../testing/testing.sh names and g++; cmake, pkg-config and valgrind where they are to be tested.
set -euo pipefail
cd "$(dirname "$0")"
. ../testing/testing.sh

# What a release holds, and a user unpacks somewhere.
prefix=$scratch/prefix
mkdir -p "$prefix/include" "$prefix/lib/cmake/sonoran" "$prefix/lib/pkgconfig"
cp "$SONORAN_INCLUDE/sonoran.h" sonoran.hpp "$prefix/include"
ln -s "$SONORAN_LIBRARY" "$prefix/lib/libsonoran.so"
cp sonoran-config.cmake sonoran-config-version.cmake "$prefix/lib/cmake/sonoran"
cp sonoran.pc "$prefix/lib/pkgconfig"
export SONORAN_LIBRARY=$prefix/lib/libsonoran.so

build() { g++ -g -O1 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wold-style-cast -Werror -I"$prefix/include" -pthread "$@"; }
link=(-L"$prefix/lib" -lsonoran -Wl,-rpath,"$prefix/lib" -Wl,-z,lazy)
load=(-DSONORAN_LOAD -ldl)

test_api() {
    local standard exceptions
    for standard in 17 20; do
        for exceptions in -fexceptions -fno-exceptions; do
            build -std=c++$standard $exceptions tests/api.cpp -o "$scratch/api" "${link[@]}"
            "$scratch/api" || fail "api, linked, C++$standard $exceptions"
            build -std=c++$standard $exceptions tests/api.cpp -o "$scratch/api" "${load[@]}"
            "$scratch/api" "$unusable" || fail "api, loaded, C++$standard $exceptions"
            pass "C++$standard $exceptions: compiles without a warning, linked and loaded, and keeps its word"
        done
    done
}

# One program may include the header in many files, and link in one what it loads in another.
test_many_files() {
    local name
    for name in one two; do
        printf '#include "sonoran.hpp"\nstd::string_view %s() { return sonoran::version(); }\n' $name >"$scratch/$name.cpp"
    done
    printf '%s\n' '#include "sonoran.hpp"' 'std::string_view one(), two();' \
        'int main() { return !(one() == SONORAN_VERSION && two().empty() && sonoran::version() == one()); }' >"$scratch/main.cpp"
    build -std=c++17 -c "$scratch/one.cpp" -o "$scratch/one.o"
    build -std=c++17 -DSONORAN_LOAD -c "$scratch/two.cpp" -o "$scratch/two.o"
    build -std=c++17 "$scratch/main.cpp" "$scratch/one.o" "$scratch/two.o" -o "$scratch/many" "${link[@]}" -ldl
    "$scratch/many" || fail "a program of files that link and files that load"
    pass "a program of files that link and files that load"
}

test_old_library() {
    mkdir -p "$scratch/old"
    cp "$unusable/old.so" "$scratch/old/libsonoran.so"
    if LD_LIBRARY_PATH=$scratch/old "$scratch/linked" http://127.0.0.1:1 poll - 2>"$scratch/said"; then
        fail "a linked program accepts a library that is too old"
    fi
    grep -q 'the sonoran library is version 0.0.9, but this program was built for .*: replace the file' "$scratch/said" ||
        fail "a library that is too old: $(cat "$scratch/said")"
    pass "a linked program names a library that is too old"
}

# The same with every access checked, and every leak found.
test_address_sanitizer() {
    local checks=(-fsanitize=address,undefined -fno-sanitize-recover=all)
    echo 'int main() { return new int[9] == nullptr; }' >"$scratch/leak.cpp"
    build -O0 "${checks[@]}" "$scratch/leak.cpp" -o "$scratch/leak"
    "$scratch/leak" 2>"$scratch/leak.err" && fail "the address sanitizer finds no leak where one is"
    build -std=c++17 "${checks[@]}" tests/api.cpp -o "$scratch/api" "${load[@]}"
    "$scratch/api" "$unusable" || fail "api under the address sanitizer"
    build -std=c++17 "${checks[@]}" tests/consumer.cpp -o "$scratch/checked" "${link[@]}"
    test_bytes "C++ under the address sanitizer" "$scratch/checked"
}

test_valgrind() {
    if ! command -v valgrind >/dev/null; then
        not_run "C++ under valgrind, because it is not installed"
        return
    fi
    test_bytes "C++ under valgrind" valgrind --quiet --error-exitcode=9 --leak-check=full \
        --errors-for-leak-kinds=definite,indirect "$scratch/linked"
}

# test_example NAME PROGRAM: it shows what happens, and Ctrl-C ends it in good order.
test_example() {
    start_local_hub
    SONORAN_API_KEY=demo-key start example "$2" demo 1 "$hub/apiWsHub"
    await example '"type":"SESSION_READY"' "$pid"
    push verbatim '{"key":"demo-key","type":"EVENT_911","data":{"call":{"callId":7}}}'
    await example '^{"key":"demo-key","type":"EVENT_911","data":{"call":{"callId":7}}}$' "$pid"
    kill -INT "$pid"
    finish example "$pid"
    await example '"type":"SESSION_CLOSED"' "$pid"
    stop_hub
    pass "examples/cpp, built with $1"
}

test_cmake() {
    local build=$scratch/cmake
    if ! command -v cmake >/dev/null; then
        not_run "find_package(sonoran), because cmake is not installed"
        return
    fi
    if cmake -S ../../examples/cpp -B "$build" -DCMAKE_PREFIX_PATH="$prefix" >"$scratch/said" 2>&1 &&
        cmake --build "$build" >>"$scratch/said" 2>&1; then
        test_example CMake "$build/sonoran_example"
    else
        fail "find_package(sonoran): $(cat "$scratch/said")"
    fi

    # what does not fit is refused, with the reason
    local version
    printf '%s\n' 'cmake_minimum_required(VERSION 3.14)' 'project(probe LANGUAGES CXX)' \
        'find_package(sonoran ${VERSION} REQUIRED)' >"$scratch/CMakeLists.txt"
    probe() { cmake -S "$scratch" -B "$scratch/probe" -DCMAKE_PREFIX_PATH="$prefix" -DVERSION="$1" >"$scratch/said" 2>&1; }
    for version in "$header_version" "${header_version%.*}" "$header_version;EXACT"; do
        probe "$version" || fail "find_package(sonoran $version): $(cat "$scratch/said")"
    done
    for version in 0.0.9 0.99 1.0 99; do
        ! probe $version || fail "find_package(sonoran $version) takes $header_version"
        grep -q "version: $header_version" "$scratch/said" || fail "find_package(sonoran $version): $(cat "$scratch/said")"
    done
    mv "$prefix/lib/libsonoran.so" "$scratch/away"
    ! probe "" || fail "find_package(sonoran) finds a library that is not there"
    mv "$scratch/away" "$prefix/lib/libsonoran.so"
    grep -q 'libsonoran.so:' "$scratch/said" || fail "find_package(sonoran) without library: $(cat "$scratch/said")"
    pass "find_package(sonoran): takes what fits and says what does not"
}

test_pkg_config() {
    grep -qx "Version: $header_version" sonoran.pc || fail "sonoran.pc has another version than the header: $header_version"
    if ! command -v pkg-config >/dev/null; then
        not_run "sonoran.pc, because pkg-config is not installed"
        return
    fi
    local flags
    flags=$(PKG_CONFIG_PATH=$prefix/lib/pkgconfig pkg-config --cflags --libs sonoran)
    # shellcheck disable=SC2086 # words
    g++ -std=c++17 -Wall -Werror ../../examples/cpp/main.cpp -o "$scratch/packaged" $flags -Wl,-rpath,"$prefix/lib"
    test_example pkg-config "$scratch/packaged"
}

header_version=$(sed -n 's/^#define SONORAN_VERSION "\(.*\)"/\1/p' "$SONORAN_INCLUDE/sonoran.h")
build_unusable
build -std=c++17 tests/consumer.cpp -o "$scratch/linked" "${link[@]}"
build -std=c++17 tests/consumer.cpp -o "$scratch/loaded" "${load[@]}"
test_api
test_many_files
test_old_library
test_bytes C++ "$scratch/linked"
test_calls C++ "$scratch/linked"
test_memory C++ "$scratch/loaded"
test_address_sanitizer
test_valgrind
test_cmake
test_pkg_config
gcc -O2 -Wall -Wextra -Werror -I"$prefix/include" ../testing/bench.c -o "$scratch/bench_c" "${link[@]}"
bench C "$scratch/bench_c"
build -std=c++17 -O2 tests/bench.cpp -o "$scratch/bench_cpp" "${link[@]}"
bench C++ "$scratch/bench_cpp"
