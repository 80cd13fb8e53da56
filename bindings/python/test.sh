#!/bin/bash
# Builds the library and tests the Python binding. The tests are in ../testing/tests/python.rs. SONORAN_LIBRARY names
# another libsonoran.so to test.
cd "$(dirname "$0")/../testing" && exec cargo test --quiet --workspace --test python -- --test-threads=1 "$@"
