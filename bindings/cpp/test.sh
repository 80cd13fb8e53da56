#!/bin/bash
# Builds the library and tests sonoran.hpp, its CMake and pkg-config packages, examples/cpp and examples/plugin. The
# tests are in ../testing/tests/cpp.rs. SONORAN_LIBRARY names another libsonoran.so to test.
cd "$(dirname "$0")/../testing" && exec cargo test --quiet --workspace --test cpp -- --test-threads=1 "$@"
