-- Two coroutines take turns on a tick: one waits for events, the other reports where a unit is.
--
--     SONORAN_API_KEY=... SONORAN_LIBRARY=/full/path/libsonoran.so luajit coroutines.lua COMMUNITY SERVER [URL]
--
-- sonoran.lua must be where require looks: beside this script, or on LUA_PATH.

local community, server, url = ...
local key = os.getenv("SONORAN_API_KEY")
if not (community and server and key) then
  io.stderr:write("usage: SONORAN_API_KEY=... luajit coroutines.lua COMMUNITY SERVER [URL]\n")
  os.exit(2)
end

local sonoran = assert(require("sonoran").load(os.getenv("SONORAN_LIBRARY")))
local session = assert(sonoran.connect {
  communityId = community,
  apiKey = key,
  serverId = server,
  url = url,
})

-- Ends with the session, after SESSION_CLOSED.
local function listen()
  for event in session:stream() do
    print(event)
    io.flush()
  end
end

local function patrol()
  local streets = { "Alta St", "Vespucci Blvd", "Legion Square" }
  local tick = 0
  while session:state() do
    tick = tick + 1
    session:send_unit_locations { { communityUserId = "unit-1", location = streets[tick % #streets + 1] } }
    coroutine.yield()
  end
end

-- A server calls this part on its tick. Here the script ticks by itself, 20 times a second.
local ffi = require("ffi")
ffi.cdef "int poll(void *, unsigned long, int);"
local tasks = { coroutine.create(listen), coroutine.create(patrol) }
repeat
  local running = 0
  for _, task in ipairs(tasks) do
    if coroutine.status(task) ~= "dead" then
      assert(coroutine.resume(task))
      running = running + 1
    end
  end
  ffi.C.poll(nil, 0, 50)
until running == 0
