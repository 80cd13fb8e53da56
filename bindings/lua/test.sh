#!/bin/bash
# Builds the library and tests sonoran.lua, its rockspec and examples/lua with LuaJIT. The tests are in
# ../testing/tests/lua.rs. SONORAN_LIBRARY names another libsonoran.so to test.
cd "$(dirname "$0")/../testing" && exec cargo test --quiet --workspace --test lua -- --test-threads=1 "$@"
