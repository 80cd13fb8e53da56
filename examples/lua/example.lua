-- Prints the events of one CAD server.
--
--     SONORAN_API_KEY=... SONORAN_LIBRARY=/full/path/libsonoran.so luajit example.lua COMMUNITY SERVER [URL]
--
-- sonoran.lua must be where require looks: beside this script, or on LUA_PATH.

local community, server, url = ...
local key = os.getenv("SONORAN_API_KEY")
if not (community and server and key) then
  io.stderr:write("usage: SONORAN_API_KEY=... luajit example.lua COMMUNITY SERVER [URL]\n")
  os.exit(2)
end

local sonoran = assert(require("sonoran").load(os.getenv("SONORAN_LIBRARY")))
local session = assert(sonoran.connect {
  communityId = community,
  apiKey = key,
  serverId = server,
  url = url,
})

-- This script has nothing else to do, so it waits. A server polls on its tick: for event in session:events() do
while session:state() do
  for event in session:events(1000) do
    print(event)
    io.flush()
  end
end
