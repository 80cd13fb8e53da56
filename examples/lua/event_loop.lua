-- Prints the events of several CAD servers from one luv event loop, which sleeps until one of them has an event.
--
--     SONORAN_API_KEY=... SONORAN_LIBRARY=/full/path/libsonoran.so luajit event_loop.lua COMMUNITY SERVERS [URL]
--
-- SERVERS: their numbers, with commas. sonoran.lua has to lie where require looks: beside this script, or on
-- LUA_PATH. luv is on LuaRocks, and Debian has it as lua-luv.

local community, servers, url = ...
local key = os.getenv("SONORAN_API_KEY")
if not (community and servers and key) then
  io.stderr:write("usage: SONORAN_API_KEY=... luajit event_loop.lua COMMUNITY SERVERS [URL]\n")
  os.exit(2)
end

local uv = require("luv")
local sonoran = assert(require("sonoran").load(os.getenv("SONORAN_LIBRARY")))

-- luv polls a descriptor; the library owns it, so nothing here closes it.
local function watch(session)
  local poll = uv.new_poll(assert(session:fd()))
  poll:start("r", function(why)
    assert(not why, why)
    for event in session:events() do
      print(event)
      io.flush()
    end
    -- after SESSION_CLOSED the descriptor stays readable
    if not session:state() then poll:close() end
  end)
end

for server in servers:gmatch("%d+") do
  watch(assert(sonoran.connect {
    communityId = community,
    apiKey = key,
    serverId = tonumber(server),
    url = url,
  }))
end
uv.run()
