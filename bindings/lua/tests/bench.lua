-- bench.lua OPTIONS EVENTS ROUNDS: what an event costs a LuaJIT host; see `bench` in bindings/testing/src/host.rs.
local options, events, rounds = ...
events = tonumber(events)
local sonoran = assert(require("sonoran").load(os.getenv("SONORAN_LIBRARY")))
local session = assert(sonoran.connect(options))

local ffi = require("ffi")
ffi.cdef [[
struct bench_time { long seconds; long nanoseconds; };
int clock_gettime(int clock, struct bench_time *time);
int usleep(unsigned microseconds);
]]
local function now()
  local time = ffi.new("struct bench_time")
  ffi.C.clock_gettime(1, time)
  return tonumber(time.seconds) * 1e9 + tonumber(time.nanoseconds)
end

repeat until session:wait():find("SESSION_READY", 1, true)
for _ = 1, rounds do
  print("round")
  io.flush()
  local all = '"queuedEvents":' .. events .. ","
  while not session:stats():find(all, 1, true) do ffi.C.usleep(5000) end
  local taken, bytes = 0, 0
  local start = now()
  for event in session:events() do
    taken = taken + 1
    bytes = bytes + #event
  end
  local took = now() - start
  assert(taken == events and bytes >= events * 50)
  print(("ns %.0f"):format(took / events))
  io.flush()
end
