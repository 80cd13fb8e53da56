#!/bin/bash
# Builds the resource and runs it in a host that stands in for FXServer, on Mono as FiveM Legacy and RedM have it
# and on .NET 10 as the Enhanced server has it; then its server.lua in Lua 5.4 with the events that came through.
#   SONORAN_LIBRARY  libsonoran.so     SONORAN_HUB  the local hub, or the start.sh of another
#   SONORAN_UNPACKED the resource as a release has it, which is run on Mono in place of the one built here
# Both default to cargo's debug build. What cannot be run here is said on a line that starts with NOT RUN:
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck source=../../bindings/csharp/env.sh
. ../../bindings/csharp/env.sh

binding=$root/bindings/csharp
resource=$work/resources/sonoran

# Lays the resource out as a server owner does.
lay_out() {
    local bridge=$1
    rm -rf "$resource"
    mkdir -p "$resource/bin" "$resource/runtimes/linux-x64/native"
    if [ -n "${SONORAN_UNPACKED:-}" ]; then
        cp -r "$SONORAN_UNPACKED/." "$resource/"
    else
        cp sonoran/fxmanifest.lua sonoran/server.lua "$resource/"
        cp "$bridge" "$resource/bin/Sonoran.Server.net.dll"
    fi
    cp "$SONORAN_LIBRARY" "$resource/runtimes/linux-x64/native/libsonoran.so"
}
export SONORAN_RESOURCE=$resource SONORAN_RECORD=$work/events.tsv

if [ -n "$mono" ]; then
    step "Mono: the resource in an AppDomain of its own, as FXServer runs it"
    $mcs -target:library -out:"$work/CitizenFX.Core.dll" host/core/*.cs
    $mcs -target:library -r:"$work/CitizenFX.Core.dll" -out:"$work/Sonoran.Server.net.dll" sonoran/src/*.cs "$binding"/src/*.cs
    $mcs -r:"$work/CitizenFX.Core.dll" -r:System.Net.Http.dll -out:"$work/FxServerHost.exe" \
        host/server/*.cs "$binding"/src/*.cs "$binding"/tests/Hub.cs "$binding"/tests/mono/*.cs
    lay_out "$work/Sonoran.Server.net.dll"
    mono "$work/FxServerHost.exe"
else
    not_run "the FiveM resource on Mono" "mono and mcs are missing (apt-get install mono-mcs mono-runtime libmono-cil-dev)"
fi

if [ -n "${SONORAN_UNPACKED:-}" ]; then
    : # its bridge is the one for Mono
elif [ -n "$dotnet" ]; then
    step ".NET 10: the same source"
    "$dotnet" build host/server/FxServerHost.csproj -v q
    core=$PWD/host/core/bin/Debug/net10.0/CitizenFX.Core.dll
    "$dotnet" build sonoran/src/Sonoran.Server.csproj -v q -f net10.0 -p:CitizenFXCore="$core"
    lay_out sonoran/src/bin/Debug/net10.0/Sonoran.Server.net.dll
    "$dotnet" host/server/bin/Debug/net10.0/FxServerHost.dll
else
    not_run "the FiveM resource on .NET" "there is no .NET SDK 10 (https://dot.net)"
fi

step "Lua 5.4: server.lua with the events that the resource emitted"
if ! command -v lua5.4 >/dev/null; then
    not_run "server.lua" "lua5.4 is missing (apt-get install lua5.4)"
elif [ ! -s "$SONORAN_RECORD" ]; then
    not_run "server.lua" "no host ran that records events"
else
    lua5.4 host/fxserver.lua "$resource" "$SONORAN_RECORD" | tee "$work/lua.txt"
    for line in '911 from John Doe at 1234 E Hawick Ave: This is a 911 call!' 'PANIC of unit 1, 2, 3' 'events of CAD server [0-9]* flow' "played $(wc -l < "$SONORAN_RECORD") events"; do
        grep -qx "$line" "$work/lua.txt" || { echo "server.lua did not print: $line"; exit 1; }
    done
fi
[ -n "$mono$dotnet" ]
