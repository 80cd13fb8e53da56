#!/bin/bash
# Builds the library and the hub, and runs both example suites. SONORAN_LIBRARY and SONORAN_HUB name others to use.
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck source=../../bindings/csharp/env.sh
. ../../bindings/csharp/env.sh

step LuaJIT
if command -v luajit >/dev/null && command -v curl >/dev/null; then
    (cd lua && SONORAN_LUA=../../../bindings/lua/sonoran.lua timeout 120 luajit suite.lua)
else
    not_run testing "the suite for LuaJIT: luajit or curl is missing"
fi

step xunit
if [ -n "$dotnet" ]; then
    # built in a separate folder, because other tests build the binding's project, too
    cp -r xunit "$work/xunit"
    sed -i "s|../../../bindings|$root/bindings|" "$work/xunit/PluginTests.csproj"
    SONORAN_LIBRARY=$SONORAN_LIBRARY timeout 300 "$dotnet" test "$work/xunit" --artifacts-path "$work/built" --nologo
else
    not_run testing "the suite in xunit: there is no .NET SDK 10"
fi
