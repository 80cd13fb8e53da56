# What the tests of the bindings share: a hub to run against, and its remote control. For bash.
#
# A test sources it with these set, as the project's test command does:
#   SONORAN_LIBRARY  the shared library      SONORAN_HUB  the local hub      SONORAN_INCLUDE  the folder of sonoran.h
#
# A host under test is a program, run as `consumer URL MODE FILE` (MODE: poll or wait; FILE: - for none). It
# opens one session, writes every event to FILE with a NUL byte after each, and says on stdout, a line each:
#   ready      the session is authenticated
#   mark N     an event of the type TEST_MARK came, N pushes after the last one
#   saw EVENT  a SESSION_CALL_RESULT, or an event of the type EVENT_INGESTED
# On an event of the type TEST_CALL it invokes echo with the one argument [7,"x"], sends the location "Legion
# Square" of the unit "u-1" by its communityUserId, and ingests $ingested. On TEST_END it closes its session and
# exits with 0. It does not outlive the hub: it fails on SESSION_LOST.

: "${SONORAN_LIBRARY:?the full path of libsonoran.so}" "${SONORAN_HUB:?the full path of sonoran-hub}"
: "${SONORAN_INCLUDE:?the folder of sonoran.h}"
export LC_ALL=C # bytes are bytes

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
scratch=$(mktemp -d)
trap 'kill $(jobs -pr) 2>/dev/null || true; wait; rm -rf "$scratch"' EXIT

pass() { echo "ok       $*"; }
not_run() { echo "NOT RUN: $*"; }
fail() {
    echo "FAILED   $*" >&2
    exit 1
}

# await FILE PATTERN PID [COUNT]: waits until COUNT lines (1) of the output of process PID match.
await() {
    local file=$scratch/$1 pattern=$2 pid=$3 count=${4-1} deadline=$((SECONDS + 120)) alive=1
    while true; do
        kill -0 "$pid" 2>/dev/null || alive=0 # looked at first: what it said last counts
        (($(grep -c -e "$pattern" "$file") < count)) || return 0
        ((alive && SECONDS < deadline)) ||
            fail "no '$pattern' (number $count) from $1, which said: $(tail -n 5 "$file" "$file.err")"
        sleep 0.02
    done
}

# start NAME COMMAND...: runs it in the background and sets pid. Its output: $scratch/NAME and NAME.err.
start() {
    local name=$1
    shift
    : >"$scratch/$name"
    "$@" >"$scratch/$name" 2>"$scratch/$name.err" </dev/null {hub_input}>&- &
    pid=$!
}

# finish NAME PID: waits for its end, which must be a success.
finish() {
    wait "$2" || fail "$1 ended with code $?: $(tail -n 30 "$scratch/$1.err")"
}

# start_hub COMMAND...: sets hub (its URL). It ends when its stdin does: with this shell at the latest.
start_hub() {
    rm -f "$scratch/hub.in"
    mkfifo "$scratch/hub.in"
    : >"$scratch/hub"
    "$@" >"$scratch/hub" 2>"$scratch/hub.err" <"$scratch/hub.in" &
    hub_pid=$!
    exec {hub_input}>"$scratch/hub.in"
    await hub '^listening http:' "$hub_pid"
    hub=$(sed -n 's/^listening //p' "$scratch/hub")
}

stop_hub() {
    exec {hub_input}>&-
    finish hub "$hub_pid"
}

start_local_hub() { start_hub "$SONORAN_HUB" --listen 127.0.0.1:0 --stop-on-eof; }

# start_aspnet_hub NAME: Microsoft's own SignalR server, or else the local hub. Sets hub_kind.
start_aspnet_hub() {
    local command=$repository/../shared/aspnet-hub/start.sh
    if [[ -x $command ]]; then
        start_hub "$command" --urls http://127.0.0.1:0 --stopOnEof true
        hub_kind="ASP.NET hub"
    else
        not_run "$1: against the ASP.NET hub, because ../shared/aspnet-hub is not there; the local hub takes its place"
        start_local_hub
        hub_kind="local hub"
    fi
}

# build_unusable: $unusable, a folder of files that are no library of ours, each in its way. Needs gcc.
build_unusable() {
    local folder=$(dirname "${BASH_SOURCE[0]}")
    unusable=$scratch/unusable
    mkdir -p "$unusable"
    fake() { gcc -Wall -Wextra -Werror -shared -fPIC -I"$SONORAN_INCLUDE" -DVERSION="\"$1\"" -o "$2" "$folder/fake.c"; }
    fake 0.0.9 "$unusable/old.so"
    fake 99.0.0 "$unusable/echo.so"
    echo 'no library' >"$unusable/text.so"
    echo 'int other;' | gcc -shared -fPIC -x c -o "$unusable/other.so" -
    cp "$unusable/other.so" "$unusable/foreign.so" # of another architecture: the ELF class says 32 bits
    printf '\1' | dd of="$unusable/foreign.so" bs=1 seek=4 conv=notrunc status=none
}

# request METHOD PATH [BODY]: what the hub answers. Spoken by bash itself: neither curl nor python need be there.
request() {
    local body=${3-} address=${hub#http://} connection answer
    exec {connection}<>"/dev/tcp/${address%:*}/${address##*:}"
    printf '%s %s HTTP/1.0\r\nContent-Length: %d\r\n\r\n%s' "$1" "$2" "${#body}" "$body" >&"$connection"
    answer=$(cat <&"$connection")
    exec {connection}>&-
    [[ $answer == HTTP/1.[01]\ 2* ]] || fail "the hub answered to $1 $2: $answer"
    printf '%s\n' "${answer#*$'\r\n\r\n'}"
}

push() { # push SHAPE BODY
    local answer
    answer=$(request POST "/control/push?serverId=1&shape=$1" "$2")
    [[ $answer == *'"websocket"'* ]] || fail "the hub did not push: $answer"
}

options() { # options [MORE]: of a session with the hub, as JSON
    printf '{"communityId":"demo","apiKey":"demo-key","serverId":1,"url":"%s/apiWsHub"%s}' "$hub" "${1-}"
}

mark='{"key":"demo-key","type":"TEST_MARK"}'
call='{"key":"demo-key","type":"TEST_CALL"}'
end='{"key":"demo-key","type":"TEST_END"}'
ingested='{"key":"demo-key", "type":"EVENT_INGESTED","data":1.50}'

# test_bytes NAME CONSUMER...: every fixture, and text that is hard on strings, arrives byte for byte.
test_bytes() {
    local name=$1 mode shape body fixtures=("$repository"/../shared/fixtures/*.jsonl) bodies=()
    shift
    if [[ -r ${fixtures[0]} ]]; then
        while IFS= read -r body; do
            body=${body#*\"payload\": }
            bodies+=("${body%\}}")
        done < <(cat "${fixtures[@]}")
    else
        not_run "$name: the recorded push events, because ../shared/fixtures is not there; only the hard ones are pushed"
    fi
    bodies+=(
        '{"key":"demo-key","type":"EVENT_HARD","data":"zürich € 🚓"}'
        $'{"key":"demo-key","type":"EVENT_HARD","data":"\\ud83d\\ude93 \\u0000 \\/ \\" \\\\"}'
        '{"key":"demo-key","type":"EVENT_HARD","data":[1.0,1e400,-0,12345678901234567890123,0.1e-7,1.50]}'
        $'{ "key" : "demo-key",\t"type":"EVENT_HARD" , "data":{"b":1,"a":2,"b":3,"":null} }'
        "{\"key\":\"demo-key\",\"type\":\"EVENT_HARD\",\"data\":\"$(printf '%065536d' 0)\"}"
    )
    start_aspnet_hub "$name"
    for mode in poll wait; do
        for shape in verbatim string; do
            start consumer "$@" "$hub" "$mode" "$scratch/events"
            await consumer '^ready$' "$pid"
            for body in "${bodies[@]}" "$end"; do push "$shape" "$body"; done
            finish consumer "$pid"
            printf '%s\0' "${bodies[@]}" "$end" >"$scratch/expected"
            # what the session itself had to say is no push
            grep -zv '"type":"SESSION_' "$scratch/events" >"$scratch/pushes"
            cmp "$scratch/expected" "$scratch/pushes" || fail "$name: events pushed as $shape changed on their way to $mode"
            pass "$name: ${#bodies[@]} events of the $hub_kind, pushed as $shape, taken by $mode, byte for byte"
        done
    done
    stop_hub
}

# test_calls NAME CONSUMER...: what the host sends reaches the hub, and what it is handed joins the events.
test_calls() {
    local name=$1 deadline=$((SECONDS + 120))
    shift
    start_aspnet_hub "$name"
    start consumer "$@" "$hub" wait -
    await consumer '^ready$' "$pid"
    push verbatim "$call"
    await consumer '^saw .*"type":"SESSION_CALL_RESULT".*"result":\[7,"x"\]' "$pid"
    await consumer "^saw $ingested\$" "$pid"
    until [[ $(request GET /control/calls) == *unitLocation*Legion\ Square* ]]; do
        ((SECONDS < deadline)) || fail "$name: the hub heard of no unit: $(request GET /control/calls)"
        sleep 0.02
    done
    push verbatim "$end"
    finish consumer "$pid"
    stop_hub
    pass "$name: calls, unit locations and ingested events, with the $hub_kind"
}

# resident PID: its memory in KiB
resident() { awk '/^VmRSS:/ { print $2; found = 1 } END { exit !found }' "/proc/$1/status"; }

# test_memory NAME CONSUMER...: 100,000 events of 1 kB leave nothing behind.
#
# They come in bursts of 1000, each taken before the next, so that a slow host has no more than 1 MB waiting.
test_memory() {
    local name=$1 burst answer warm grown
    shift
    start_local_hub
    start consumer "$@" "$hub" poll -
    await consumer '^ready$' "$pid"
    for ((burst = 1; burst <= 120; burst++)); do
        answer=$(request POST "/control/burst?serverId=1&count=1000&size=1000")
        [[ $answer == *'"websocket":1000,'* ]] || fail "the hub did not push 1000 events: $answer"
        push verbatim "$mark"
        await consumer "^mark 1000$" "$pid" "$burst"
        ((burst != 20)) || warm=$(resident "$pid")
    done
    grown=$(($(resident "$pid") - warm))
    push verbatim "$end"
    finish consumer "$pid"
    # the smallest block there is, once per event, would be 3125
    ((grown < 2500)) || fail "$name: 100,000 events left $grown KiB behind"
    pass "$name: 100,000 events, memory grew by $grown KiB from $warm KiB"
    stop_hub
}

# bench NAME COMMAND...: what it costs to poll, read and free an event. The program is run with options,
# EVENTS and ROUNDS; it says `round` when it wants EVENTS events, and `ns X` when it has taken them. It may say
# `empty X` too: what a poll costs that finds none.
bench() {
    local name=$1 events=50000 rounds=5 round best empty
    shift
    start_local_hub
    start bench "$@" "$(options ',"queueEvents":100000')" "$events" "$rounds"
    for ((round = 1; round <= rounds; round++)); do
        await bench '^round$' "$pid" "$round"
        request POST "/control/burst?serverId=1&count=$events" >/dev/null
    done
    finish bench "$pid"
    best=$(sed -n 's/^ns //p' "$scratch/bench" | sort -n | head -n 1)
    [[ $best ]] || fail "$name measured nothing"
    empty=$(sed -n 's/^empty //p' "$scratch/bench" | sort -n | head -n 1)
    echo "bench:   $name: $best ns per event (polled, read, freed; best of $rounds rounds of $events)${empty:+, $empty ns per empty poll}"
    stop_hub
}
