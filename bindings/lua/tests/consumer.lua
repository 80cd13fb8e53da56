-- The host under test, as bindings/testing/src/host.rs describes it.
local url, mode, path = ...
local sonoran = assert(require("sonoran").load(os.getenv("SONORAN_LIBRARY")))

local file = path ~= "-" and assert(io.open(path, "wb")) or nil
local pushes, over = 0, false
local session

local function say(line)
  print(line)
  io.flush()
end

local function take(event)
  if file then file:write(event, "\0") end
  local kind = event:match('"type":"([%w_]+)"')
  if kind == "SESSION_READY" then
    say("ready")
  elseif kind == "SESSION_LOST" then
    error(event)
  elseif kind == "TEST_MARK" then
    say("mark " .. pushes)
    pushes = 0
  elseif kind == "TEST_CALL" then
    assert(session:invoke("echo", { { 7, "x" } }))
    assert(session:send_unit_locations { { communityUserId = "u-1", location = "Legion Square" } })
    assert(session:ingest '{"key":"demo-key", "type":"EVENT_INGESTED","data":1.50}')
  elseif kind == "SESSION_CALL_RESULT" or kind == "EVENT_INGESTED" then
    say("saw " .. event)
  elseif kind == "TEST_END" then
    over = true
  elseif kind ~= "SESSION_LOG" then
    pushes = pushes + 1
  end
end

session = assert(sonoran.connect {
  communityId = "demo", apiKey = "demo-key", serverId = 1, url = url .. "/apiWsHub", log = "debug",
})
while not over do
  for event in session:events(mode == "wait" and 60000 or nil) do
    take(event)
    if over then break end
  end
  -- nothing for now: yield the CPU
  if mode == "poll" and not over then
    local event = session:wait(1)
    if event then take(event) end
  end
end
if file then file:close() end
assert(session:disconnect())
session = nil
assert(sonoran.shutdown(30000))
