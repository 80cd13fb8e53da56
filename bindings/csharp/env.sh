# Sourced by the test.sh of examples: what they run on, and what they run against.
# shellcheck shell=bash disable=SC2034
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
shared=$root/../shared
built=${CARGO_TARGET_DIR:-$root/target}/debug
if [ -z "${SONORAN_LIBRARY:-}" ] || [ -z "${SONORAN_HUB:-}" ]; then
    # as `cargo xtask` does, see AS_FOR_TESTS there
    (cd "$root" && cargo build --quiet --workspace --lib --examples --bin sonoran-hub)
fi
SONORAN_LIBRARY=$(realpath -m "${SONORAN_LIBRARY:-$built/libsonoran.so}")
SONORAN_HUB=$(realpath -m "${SONORAN_HUB:-$built/sonoran-hub}")
for file in "$SONORAN_LIBRARY" "$SONORAN_HUB"; do
    [ -f "$file" ] || { echo "$file is missing: SONORAN_LIBRARY and SONORAN_HUB name another"; exit 1; }
done
export SONORAN_LIBRARY SONORAN_HUB

# The documented events are beside the checkout; without them, the local hub's events replace them.
if [ -z "${SONORAN_FIXTURES:-}" ]; then
    SONORAN_FIXTURES=$root/hub/src/events.jsonl
    [ ! -d "$shared/fixtures" ] || SONORAN_FIXTURES=$(printf '%s:' "$shared"/fixtures/*.jsonl | sed 's/:$//')
fi
export SONORAN_FIXTURES

# Mono's compiler, and a .NET SDK; each is empty if missing.
mono='' dotnet='' mcs="mcs -langversion:7.2 -unsafe -warnaserror"
if command -v mono >/dev/null && command -v mcs >/dev/null; then mono=mono; fi
if command -v dotnet >/dev/null && dotnet --list-sdks | grep -qE '^1[0-9]\.'; then dotnet=dotnet
elif [ -x "$shared/dotnet/dotnet.sh" ]; then dotnet=$(realpath "$shared/dotnet/dotnet.sh")
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TMPDIR=$work

step() { printf '\n-- %s\n' "$*"; }
not_run() { echo "NOT RUN: $1: $2"; }
