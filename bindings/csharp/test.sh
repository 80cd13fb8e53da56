#!/bin/bash
# Builds and tests the C# binding and its example on Mono and on .NET.
#   SONORAN_LIBRARY  libsonoran.so     SONORAN_HUB  the local hub, or the start.sh of another
# Both default to cargo's debug build. What cannot be run here is said on a line that starts with NOT RUN:
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck source=env.sh
. ./env.sh

# Runs an example until it has shown an event, presses Enter, and expects a clean end.
example() {
    local hub_arguments="--listen 127.0.0.1:0 --stop-on-eof --stream 50" url line status=0
    if [[ $SONORAN_HUB == *.sh ]]; then hub_arguments="--urls http://127.0.0.1:0 --stopOnEof true"; fi
    mkfifo "$work/hub.in" "$work/hub.out" "$work/example.in" "$work/example.out"
    # shellcheck disable=SC2086
    "$SONORAN_HUB" $hub_arguments < "$work/hub.in" > "$work/hub.out" &
    exec {to_hub}> "$work/hub.in" {from_hub}< "$work/hub.out"
    read -r -t 60 _ url <&"$from_hub"
    SONORAN_API_KEY=demo-key timeout -k 5 60 "$@" demo 1 "$url/apiWsHub" < "$work/example.in" > "$work/example.out" &
    local program=$!
    exec {to_example}> "$work/example.in"
    while read -r line; do
        echo "    ${line:0:110}" | tee -a "$work/example.txt"
        case $line in
            *SESSION_READY*) [[ $SONORAN_HUB != *.sh ]] || curl -sf -o "$work/answer" "$url/control/push?serverId=1" -d '{"type":"EVENT_911"}' ;;
            *EVENT_*) [ -z "$to_example" ] || { echo >&"$to_example"; exec {to_example}>&-; to_example=; } ;;
        esac
    done < "$work/example.out"
    wait "$program" || status=$?
    exec {to_hub}>&- {from_hub}<&-
    wait
    [ "$status" = 0 ] || { echo "the example ended with $status"; return 1; }
    for line in SESSION_READY EVENT_ SESSION_CLOSED; do
        grep -q "$line" "$work/example.txt" || { echo "the example showed no $line"; return 1; }
    done
    rm "$work/hub.in" "$work/hub.out" "$work/example.in" "$work/example.out" "$work/example.txt"
}

# What has to be changed together.
consistency() {
    local header=${SONORAN_INCLUDE:-$root/include}/sonoran.h version name
    for name in $(sed -n 's/^SONORAN_API.*[ *]\(sonoran_[a-z_]*\)(.*/\1/p' "$header"); do
        grep -q "\"$name\"" src/NativeApi.cs || { echo "src/NativeApi.cs does not bind $name of sonoran.h"; return 1; }
    done
    version=$(sed -n 's/^#define SONORAN_VERSION "\(.*\)"/\1/p' "$header")
    for name in src/Sonoran.csproj "$root"/examples/fivem/sonoran/fxmanifest.lua "$root"/examples/csharp/Example.csproj; do
        grep -Eq "[Vv]ersion([>]|=\"| ')$version['\"<]" "$name" || { echo "$name is not of version $version, as sonoran.h is"; return 1; }
    done
}

mono_tests() {
    step "Mono: the same source for net452, and its tests"
    $mcs -target:library -out:"$work/Sonoran.dll" src/*.cs
    $mcs -pkg:nunit -r:System.Net.Http.dll -out:"$work/tests.exe" src/*.cs tests/*.cs tests/mono/*.cs
    mono "$work/tests.exe"
    step "Mono: the example"
    $mcs -out:"$work/example.exe" "$root"/examples/csharp/Program.cs src/*.cs
    example mono "$work/example.exe"
}

dotnet_tests() {
    step ".NET: build for netstandard2.0 and net8.0, and the tests on net10.0"
    "$dotnet" test tests/Sonoran.Tests.csproj -c Release -v q --logger "console;verbosity=normal" > "$work/tests.txt" 2>&1 \
        || { grep -v '^  Passed' "$work/tests.txt"; return 1; }
    grep -E 'bench:|KiB|units at|Total tests|Passed:' "$work/tests.txt"

    step ".NET: pack, and use the package from a new project"
    local rid=linux-x64 version framework
    version=$(sed -n 's/.*<Version>\(.*\)<.*/\1/p' src/Sonoran.csproj)
    mkdir -p "$work/runtimes/$rid/native" "$work/feed" "$work/user"
    cp "$SONORAN_LIBRARY" "$work/runtimes/$rid/native/libsonoran.so"
    "$dotnet" pack src/Sonoran.csproj -v q -o "$work/feed" -p:SonoranRuntimes="$work/runtimes/"
    cp "$root/examples/csharp/Program.cs" "$work/user/"
    cat > "$work/user/User.csproj" <<XML
<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup><OutputType>Exe</OutputType><TargetFramework>net10.0</TargetFramework></PropertyGroup>
  <ItemGroup><PackageReference Include="Sonoran.Events" Version="$version" /></ItemGroup>
</Project>
XML
    # A cache of its own: the version number of the package is the same each time.
    local sources="-p:RestoreAdditionalProjectSources=$work/feed"
    [ ! -d "$shared/dotnet/packages" ] || sources="-p:RestoreSources=\"$work/feed;$shared/dotnet/packages\""
    "$dotnet" build "$work/user/User.csproj" -v q -o "$work/user/out" "$sources" -p:RestorePackagesPath="$work/user/packages"
    for framework in netstandard2.0 net8.0; do
        [ -s "$work/user/packages/sonoran.events/$version/lib/$framework/Sonoran.dll" ] || { echo "the package has no $framework"; return 1; }
    done
    cmp "$SONORAN_LIBRARY" "$work/user/out/runtimes/$rid/native/libsonoran.so"
    ( unset SONORAN_LIBRARY; example "$dotnet" "$work/user/out/User.dll" )
    echo "    and with the package's netstandard2.0 build, as an older runtime takes it:"
    cp "$work/user/packages/sonoran.events/$version/lib/netstandard2.0/Sonoran.dll" "$work/user/out/"
    ( unset SONORAN_LIBRARY; example "$dotnet" "$work/user/out/User.dll" )

    step ".NET: the example"
    "$dotnet" build "$root/examples/csharp/Example.csproj" -v q
    example "$dotnet" "$root/examples/csharp/bin/Debug/net10.0/Example.dll"
}

consistency
if [ -n "$mono" ]; then mono_tests; else not_run "C# on Mono" "mono and mcs are missing (apt-get install mono-mcs mono-runtime libmono-cil-dev)"; fi
if [ -n "$dotnet" ]; then dotnet_tests; else not_run "C# on .NET" "there is no .NET SDK 10 (https://dot.net)"; fi
[ -n "$mono$dotnet" ]
