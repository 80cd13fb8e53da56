#!/bin/bash
# Builds the library and tests the C# binding and its example on Mono and on .NET. The driver is
# ../testing/tests/csharp.rs. SONORAN_LIBRARY and SONORAN_HUB name another libsonoran.so and hub to test with.
cd "$(dirname "$0")/../testing" && exec cargo test --quiet --workspace --test csharp -- --test-threads=1 "$@"
