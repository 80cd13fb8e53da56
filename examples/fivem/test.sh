#!/bin/bash
# Builds the resource and runs it in stand-ins for FXServer and SonoranCAD: on Mono, as in FiveM Legacy and RedM, and on
# .NET 10, as in the Enhanced server.
#   SONORAN_LIBRARY  libsonoran.so     SONORAN_HUB  the local hub, or the start.sh of another
#   SONORAN_UNPACKED a release's resource, which runs on Mono instead of the one built here
# The first two default to cargo's debug build. A line that starts with NOT RUN: says what cannot run here.
# With arguments, runs only the tests whose names contain one of them.
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck source=../../bindings/csharp/env.sh
. ../../bindings/csharp/env.sh

binding=$root/bindings/csharp
msgpack=$shared/fxserver/MsgPack.dll
resources=$work/resources
limit=1200 # seconds; a run that takes longer has hung

if [ ! -f "$msgpack" ]; then
    not_run "the FiveM resource" "../shared/fxserver/MsgPack.dll is missing, with which FXServer's C# runtime reads and writes everything"
    exit 0
fi

if ! command -v lua5.4 >/dev/null || ! LUA_PATH='/usr/share/lua/5.3/?.lua;/usr/share/lua/5.4/?.lua' lua5.4 -e "require 'MessagePack' require 'dkjson'" 2>/dev/null; then
    not_run "what Lua scripts see of the resource" "lua5.4 or its libraries are missing (apt-get install lua5.4 lua-messagepack lua-dkjson)"
else
    export SONORAN_LUA="lua5.4 $PWD/host/lua/fxserver.lua"
fi
if ! command -v node >/dev/null; then
    not_run "what JavaScript sees of the resource, and SonoranCAD beside it" "node is missing"
elif ! [ host/node/node_modules -nt host/node/package-lock.json ] && ! (cd host/node && npm ci >"$work/npm.txt" 2>&1); then
    tail -n 20 "$work/npm.txt"
    not_run "what JavaScript sees of the resource, and SonoranCAD beside it" "npm could not install what host/node/package-lock.json names"
else
    export SONORAN_NODE="node $PWD/host/node/fxserver.js"
    step "TypeScript: the annotations"
    host/node/node_modules/.bin/tsc --noEmit --strict --target es2022 --lib es2022 sonoran/types/sonoran.d.ts host/node/types.ts
fi

# Lays the resources out as a server owner does.
lay_out() { # lay_out BIN LISTENER IDLE
    rm -rf "$resources"
    mkdir -p "$resources/sonoran/bin" "$resources/sonoran/runtimes/linux-x64/native"
    if [ -n "${SONORAN_UNPACKED:-}" ]; then
        cp -r "$SONORAN_UNPACKED/." "$resources/sonoran/"
    else
        cp -r sonoran/README.md sonoran/fxmanifest.lua sonoran/server.* sonoran/lib sonoran/sonorancad "$resources/sonoran/"
        cp "$1"/Sonoran.Server.net.dll "$1"/Sonoran.Bridge.dll "$resources/sonoran/bin/"
    fi
    cp "$SONORAN_LIBRARY" "$resources/sonoran/runtimes/linux-x64/native/libsonoran.so"
    cp -r host/sonorancad host/listener host/lualistener host/idle host/waiter host/samples "$resources/"
    [ -n "${SONORAN_LUA:-}" ] || sed -i '/server.lua/d' "$resources/sonoran/fxmanifest.lua"
    # The bridge alone, without a Lua script.
    mkdir -p "$resources/bridge"
    cp -r "$resources/sonoran/bin" "$resources/sonoran/runtimes" "$resources/bridge/"
    sed '/server.lua/d' sonoran/fxmanifest.lua > "$resources/bridge/fxmanifest.lua"
    cp "$2" "$resources/listener/Listener.net.dll"
    cp "$3" "$resources/idle/Idle.net.dll"
}

if [ -n "$mono" ]; then
    step "Mono: the resource in an AppDomain of its own, as FXServer runs it"
    cp "$msgpack" "$work/"
    $mcs -target:library -r:"$msgpack" -out:"$work/CitizenFX.Core.dll" host/core/*.cs
    $mcs -target:library -r:"$work/CitizenFX.Core.dll" -out:"$work/Sonoran.Server.net.dll" sonoran/src/*.cs
    $mcs -target:library -r:"$work/CitizenFX.Core.dll" -out:"$work/Sonoran.Bridge.dll" sonoran/src/bridge/*.cs "$binding"/src/*.cs
    for script in listener idle; do $mcs -target:library -r:"$work/CitizenFX.Core.dll" -out:"$work/$script.net.dll" host/$script/*.cs; done
    $mcs -target:library -r:"$work/CitizenFX.Core.dll" -out:"$work/Waiter.net.dll" host/waiter/*.cs "$binding"/src/*.cs
    $mcs -pkg:nunit -r:"$work/CitizenFX.Core.dll" -r:System.Net.Http.dll -out:"$work/FxServerHost.exe" \
        host/server/*.cs "$binding"/src/*.cs "$binding"/tests/Hub.cs "$binding"/tests/mono/*.cs
    lay_out "$work" "$work/listener.net.dll" "$work/idle.net.dll"
    cp "$work/Waiter.net.dll" "$resources/waiter/"
    on_mono() { # on_mono RESOURCES [PART_OF_A_NAME or -PART...]
        # FXServer's settings. At the limit Mono prints the stack of each thread, and is killed.
        SONORAN_RESOURCES=$1 MONO_THREADS_SUSPEND=preemptive MONO_GC_PARAMS=mode=pause:5,nursery-size=16m \
            timeout --signal=QUIT --kill-after=20 "$limit" mono "$work/FxServerHost.exe" "${@:2}"
    }
    if [ $# -gt 0 ]; then
        on_mono "$resources" "$@"
    else
        # Servers mostly wait for their next tick, so half of the tests run beside the others; costs are measured alone.
        cp -r "$resources" "$work/beside"
        on_mono "$work/beside" EntryTests ResourceTests RestartTests >"$work/beside.txt" 2>&1 &
        failed=0
        on_mono "$resources" -EntryTests -ResourceTests -RestartTests -CostTests || failed=1
        wait $! || failed=1
        cat "$work/beside.txt"
        on_mono "$resources" CostTests || failed=1
        [ "$failed" = 0 ]
    fi
else
    not_run "the FiveM resource on Mono" "mono and mcs are missing (apt-get install mono-mcs mono-runtime libmono-cil-dev)"
fi

if [ -n "${SONORAN_UNPACKED:-}" ]; then
    : # its bridge is the one for Mono
elif [ -n "$dotnet" ]; then
    step ".NET 10: the same source"
    "$dotnet" build host/server/FxServerHost.csproj -v q -p:MsgPack="$msgpack"
    core=$PWD/host/core/bin/Debug/net10.0/CitizenFX.Core.dll
    "$dotnet" build sonoran/src/Sonoran.Server.csproj -v q -f net10.0 -p:CitizenFXCore="$core"
    for script in listener idle; do "$dotnet" build host/$script/$script.csproj -v q -p:MsgPack="$msgpack"; done
    lay_out sonoran/src/bin/Debug/net10.0 host/listener/bin/Debug/net10.0/listener.net.dll host/idle/bin/Debug/net10.0/idle.net.dll
    # Figures and many rounds run only on the runtime that most servers have.
    filter="FullyQualifiedName!~CostTests&FullyQualifiedName!~Many"
    [ $# -eq 0 ] || filter=$(printf '|FullyQualifiedName~%s' "$@" | cut -c2-)
    SONORAN_RESOURCES=$resources timeout --kill-after=20 "$limit" "$dotnet" test host/server/FxServerHost.csproj --no-build -v q --filter "$filter" \
        --logger "console;verbosity=minimal" -- RunConfiguration.TreatNoTestsAsError=true
else
    not_run "the FiveM resource on .NET" "there is no .NET SDK 10 (https://dot.net)"
fi
[ -n "$mono$dotnet" ]
