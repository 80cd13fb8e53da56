#!/usr/bin/env bash
# Tests sonoran.lua with LuaJIT, its rockspec, and examples/lua. Needs what ../testing/testing.sh names,
# luajit and gcc; luarocks where the rock is to be tested.
set -euo pipefail
cd "$(dirname "$0")"
. ../testing/testing.sh

export LUA_PATH="$PWD/?.lua;;"

test_api() {
    luajit tests/api.lua "$SONORAN_INCLUDE" "$unusable" || fail "api"
    pass "LuaJIT: declarations equal the header's, JSON, ownership, the sentence of every failure"
}

test_example() {
    start_local_hub
    # beside sonoran.lua, as a user would lay it out
    mkdir -p "$scratch/user"
    cp ../../examples/lua/example.lua sonoran.lua "$scratch/user"
    ln -s "$SONORAN_LIBRARY" "$scratch/user/libsonoran.so"
    cd "$scratch/user"
    SONORAN_API_KEY=demo-key start example \
        env -u SONORAN_LIBRARY LUA_PATH='./?.lua' luajit example.lua demo 1 "$hub/apiWsHub"
    cd - >/dev/null
    await example '"type":"SESSION_READY"' "$pid"
    push verbatim '{"key":"demo-key","type":"EVENT_911","data":{"call":{"callId":7}}}'
    await example '^{"key":"demo-key","type":"EVENT_911","data":{"call":{"callId":7}}}$' "$pid"
    kill "$pid"
    wait "$pid" || true
    stop_hub
    pass "examples/lua"
}

test_rock() {
    local header_version
    header_version=$(sed -n 's/^#define SONORAN_VERSION "\(.*\)"/\1/p' "$SONORAN_INCLUDE/sonoran.h")
    [[ -f sonoran-$header_version-1.rockspec ]] || fail "the rockspec is of another version than the header: $header_version"
    if ! command -v luarocks >/dev/null; then
        not_run "the rockspec, because luarocks is not installed"
        return
    fi
    luarocks lint "sonoran-$header_version-1.rockspec" || fail "luarocks lint"
    luarocks --lua-version 5.1 --tree "$scratch/rocks" make "sonoran-$header_version-1.rockspec" >"$scratch/said" 2>&1 ||
        fail "luarocks make: $(cat "$scratch/said")"
    LUA_PATH="$scratch/rocks/share/lua/5.1/?.lua" luajit -e \
        "assert(assert(require('sonoran').load(os.getenv('SONORAN_LIBRARY'))).VERSION == '$header_version')" ||
        fail "the installed rock"
    pass "the rock installs and loads"
}

build_unusable
test_api
test_bytes LuaJIT luajit tests/consumer.lua
test_calls LuaJIT luajit tests/consumer.lua
test_memory LuaJIT luajit tests/consumer.lua
test_example
test_rock
gcc -O2 -Wall -Wextra -Werror -I"$SONORAN_INCLUDE" ../testing/bench.c -o "$scratch/bench_c" "$SONORAN_LIBRARY" \
    -Wl,-rpath,"$(dirname "$SONORAN_LIBRARY")"
bench C "$scratch/bench_c"
bench LuaJIT luajit tests/bench.lua
