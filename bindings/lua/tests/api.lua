-- Tests without a hub: the declarations against the header, JSON, ownership, and the sentence of every failure.
-- Arguments: the folder of sonoran.h and the folder of unusable libraries.
local include, broken = ...
local library = os.getenv("SONORAN_LIBRARY")
local module = require("sonoran")
local ffi = require("ffi")
ffi.cdef "int usleep(unsigned microseconds);"

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

local function equal(got, expected, what)
  if got ~= expected then
    error(("%s: got %s, expected %s"):format(what, tostring(got), tostring(expected)), 2)
  end
end

local function contains(text, part)
  if not tostring(text):find(part, 1, true) then error(("%q is not in %q"):format(part, tostring(text)), 2) end
end

local header = read(include .. "/sonoran.h")
local source = read(package.searchpath and package.searchpath("sonoran", package.path) or "sonoran.lua")

-- The declarations of C code as a sorted list, without comments and directives, whitespace collapsed.
local function declarations(code)
  code = code:gsub("/%*.-%*/", ""):gsub("\n#[^\n]*", "\n"):gsub("SONORAN_API", "")
  code = code:gsub('extern "C" {', ""):gsub("\n} *//[^\n]*", "\n"):gsub("//[^\n]*", "")
  local list = {}
  for declaration in code:gmatch("[^;]+") do
    declaration = declaration:gsub("%s+", " "):gsub("^ ", ""):gsub(" $", "")
    if declaration ~= "" then list[#list + 1] = declaration end
  end
  table.sort(list)
  return table.concat(list, ";\n")
end

local function test_declarations()
  local ours = declarations(assert(source:match("DECLARATIONS = %[%[(.-)%]%]")))
  contains(ours, "char *sonoran_poll_event(sonoran_session session)")
  equal(ours, declarations(header), "sonoran.lua's declarations and the header's")
end

local function test_constants(sonoran)
  local count = 0
  for name, code in header:gmatch("#define SONORAN_(E_[%u_]+) %((%-%d+)%)") do
    equal(sonoran[name], tonumber(code), name)
    equal(sonoran.error_name(tonumber(code)), "SONORAN_" .. name, "error_name")
    count = count + 1
  end
  for name in pairs(sonoran) do
    if name:find("^E_") then count = count - 1 end
  end
  equal(count, -1, "codes that only sonoran.lua has (E_LIBRARY)")
  equal(module.VERSION, header:match('#define SONORAN_VERSION "(.-)"'), "VERSION")
  equal(sonoran.VERSION, module.VERSION, "the library's VERSION")
  for name, number in header:gmatch("#define SONORAN_STATE_(%u+) (%d+)") do
    contains(source:match("local STATES = (%b{})"):gsub('"', ""), name:lower())
    local states = assert(loadstring("return " .. source:match("local STATES = (%b{})")))()
    equal(states[tonumber(number)], name:lower(), "state " .. number)
  end
end

-- The library echo.so fails every connect with the options as the sentence.
local function test_json()
  local echo = assert(module.load(broken .. "/echo.so"))
  local function json(options) return (select(2, echo.connect(options))) end

  equal(json {}, "{}", "nothing")
  equal(json { a = 'b"c\\\n\1\127é' }, [[{"a":"b\u0022c\u005c\u000a\u0001\u007f]] .. 'é"}', "a string")
  equal(json { a = "x\0y" }, [[{"a":"x\u0000y"}]], "a NUL byte")
  equal(json { ['k"'] = true }, [[{"k\u0022":true}]], "a key")
  equal(json { a = { true, false, echo.null, { b = {} }, { "x" } } }, [=[{"a":[true,false,null,{"b":{}},["x"]]}]=], "nesting")
  for text, number in pairs {
    ["1"] = 1, ["-0"] = -0.0, ["0.1"] = 0.1, ["2147483647"] = 2147483647, ["1e+300"] = 1e300,
    ["9007199254740991"] = 2 ^ 53 - 1, ["0.30000000000000004"] = 0.1 + 0.2, ["-73.125"] = -73.125,
  } do
    equal(json { n = number }, '{"n":' .. text .. "}", "a number")
  end
  equal(json '{"as":"it is"}', '{"as":"it is"}', "JSON text")

  local itself = {}
  itself.itself = itself
  for part, options in pairs {
    ["JSON has no number nan"] = { a = 0 / 0 },
    ["JSON has no number inf"] = { a = math.huge },
    ["JSON has no function"] = { a = print },
    ["found 1"] = { "a", b = "c" },
    ["found 3"] = { [3] = "a" },
    ["found true"] = { [true] = "a" },
    ["contains itself"] = itself,
    ["NUL byte"] = "{}\0{}",
    ["expected a table or JSON text"] = 5,
  } do
    local session, sentence, code = echo.connect(options)
    equal(session, nil, "connect")
    contains(sentence, part)
    equal(code, type(options) == "table" and echo.E_JSON or echo.E_ARGUMENT, part)
  end
end

local function test_loading()
  for file, part in pairs {
    ["/missing.so"] = "No such file",
    ["/text.so"] = "put the libsonoran.so for this system's architecture",
    ["/foreign.so"] = "put the libsonoran.so for this system's architecture",
    ["/other.so"] = "lacks sonoran_connect",
    ["/old.so"] = "is version 0.0.9, but sonoran.lua was written for " .. module.VERSION,
  } do
    local loaded, sentence, code = module.load(broken .. file)
    equal(loaded, nil, file)
    contains(sentence, broken .. file)
    contains(sentence, part)
    equal(code, module.E_LIBRARY, file)
  end
  -- loaded only once, however often and by whomever
  local sonoran = assert(module.load(library))
  equal(module.load(library), sonoran, "a second load")
  package.loaded.sonoran = nil
  assert(require("sonoran").load(library).connect)
end

-- A hub that does not exist (nothing listens on port 1), tried once an hour.
local function nowhere(server)
  return {
    communityId = "demo", apiKey = "demo-key", serverId = server, url = "http://127.0.0.1:1/apiWsHub",
    retryMinMs = 3600000, retryMaxMs = 3600000,
  }
end

local function test_failures(sonoran)
  local session, sentence, code = sonoran.connect("")
  equal(session, nil, "connect")
  equal(code, sonoran.E_JSON, "the code for no JSON")
  session, sentence, code = sonoran.connect { communityId = "a", apiKey = "b", serverID = 1 }
  equal(session, nil, "connect")
  equal(code, sonoran.E_OPTION, "the code for an unknown option")
  contains(sentence, "serverID")
end

local function test_session(sonoran)
  local session = assert(sonoran.connect(nowhere(1)))
  contains(tostring(session), "sonoran session " .. session.number)
  contains(session:stats(), '"session":' .. session.number)
  contains(session:wait(), '"type":"SESSION_RETRY"')
  assert(session:wake())
  repeat until not session:wait() -- without wake this would last an hour
  session:wait(-1) -- no waiting, not waiting forever
  session:wait(0.5)
  equal(session:state(), "retrying", "state")
  equal(select("#", session:poll()), 1, "the results of poll when there is nothing")

  equal(select(3, session:invoke("echo", {})), sonoran.E_NOT_READY, "invoke")
  assert(session:send_unit_locations { { apiId = "a", location = "b" } })
  assert(session:send_unit_locations {})
  local accepted, sentence, code = session:send_unit_locations { { apiId = "a" } }
  equal(accepted, nil, "a unit without location")
  equal(code, sonoran.E_UNIT, "a unit without location")
  contains(sentence, "location")
  equal(select(3, session:ingest '{"key":"another","type":"EVENT_911"}'), sonoran.E_KEY, "ingest")
  for _, call in ipairs { "invoke", "ingest", "send_unit_locations" } do
    equal(select(3, session[call](session, "x\0", "[]")), sonoran.E_ARGUMENT, call .. " with a NUL byte")
    equal(select(3, session[call](session, nil)), sonoran.E_ARGUMENT, call .. " without an argument")
  end
  equal(select(3, session:invoke("echo", { a = print })), sonoran.E_JSON, "invoke")

  assert(session:disconnect())
  local last
  for event in session:events(60000) do last = event end
  contains(last, '"type":"SESSION_CLOSED"')
  for _, method in ipairs { "poll", "wait", "wake", "state", "stats", "disconnect", "invoke", "ingest", "send_unit_locations" } do
    local result, sentence, code = session[method](session, method == "wait" and 0 or "[]", "[]")
    equal(result, nil, method)
    contains(sentence, "session " .. session.number)
    equal(code, sonoran.E_SESSION, method)
  end
  for event in session:events() do error(event) end
  for event in session:stream(error) do error(event) end
end

local function test_stream(sonoran)
  local session = assert(sonoran.connect(nowhere(4)))
  local pauses, types = 0, {}
  local listener = coroutine.create(function()
    for event in session:stream() do types[#types + 1] = event:match('"type":"([%w_]+)"') end
    return "over"
  end)
  repeat
    local alive, result = coroutine.resume(listener)
    assert(alive, result)
    pauses = pauses + 1
    if #types == 1 then session:disconnect() end
    if not result then ffi.C.usleep(1000) end
  until result == "over"
  equal(table.concat(types, " "), "SESSION_RETRY SESSION_CLOSED", "the events of a stream")
  assert(pauses > 1, "it never gave the tick back")
end

local function test_collection(sonoran)
  -- a session that nothing refers to is disconnected: its number dies, and the next session may replace it
  local options = nowhere(2)
  options.replace = false
  local session = assert(sonoran.connect(options))
  local second, sentence = sonoran.connect(options)
  equal(second, nil, "a second session")
  contains(sentence, tostring(session):match("session %d+"))
  session = nil
  collectgarbage()
  collectgarbage()
  assert(sonoran.connect(options))

  -- a session alone keeps its library loaded
  session = sonoran.connect(nowhere(3))
  module, package.loaded.sonoran, sonoran = nil, nil, nil
  collectgarbage()
  collectgarbage()
  assert(session:state())
  -- still open when the state closes
  _G.left_open = session
end

local function test_waiting(sonoran)
  ffi.cdef [[
struct test_pollfd { int fd; short events, revents; };
int poll(struct test_pollfd *fds, unsigned long count, int timeout_ms);
]]
  local first, second = assert(sonoran.connect(nowhere(11))), assert(sonoran.connect(nowhere(12)))
  local fd = assert(second:fd())
  equal(second:fd(), fd, "the same descriptor")
  local fds = ffi.new("struct test_pollfd[1]", { { fd, 1, 0 } })
  equal(ffi.C.poll(fds, 1, 60000), 1, "SESSION_RETRY makes it readable")
  contains(assert(second:poll()), "SESSION_RETRY")
  equal(ffi.C.poll(fds, 1, 0), 0, "nothing waits")
  equal(assert(sonoran.wait_any({ second, first }, 60000)), first, "the one that has something")
  contains(assert(first:poll()), "SESSION_RETRY")
  equal(sonoran.wait_any({ second, first }, 1), nil, "neither has anything")
  assert(second:disconnect())
  equal(sonoran.wait_any({ first, second }), second, "its last event")
  contains(assert(second:poll()), "SESSION_CLOSED")
  equal(ffi.C.poll(fds, 1, 0), 1, "it stays readable")
  local _, sentence, code = second:fd()
  equal(code, sonoran.E_SESSION, "a session that is gone")
  contains(sentence, "session " .. second.number)
  equal(select(3, sonoran.wait_any { second }), sonoran.E_SESSION, "a session that is gone")
  equal(select(3, sonoran.wait_any {}), sonoran.E_ARGUMENT, "no session")
end

local function test_readers(sonoran)
  local function reader(name)
    local options = nowhere(13)
    options.reader = name
    return options
  end
  local first, second = assert(sonoran.connect(reader("map"))), assert(sonoran.connect(reader("discord")))
  contains(assert(first:wait(60000)), "SESSION_RETRY")
  contains(assert(second:wait(60000)), "SESSION_RETRY")
  local other = reader("third")
  other.stableMs = 1
  local none, sentence, code = sonoran.connect(other)
  equal(none, nil, "another option of the connection")
  contains(sentence, '"stableMs"')
  equal(code, sonoran.E_EXISTS, "its code")
  assert(first:disconnect())
  contains(assert(first:wait(60000)), "SESSION_CLOSED")
  assert(second:state() ~= "closed", "the other one goes on")
end

do
  local sonoran = assert(module.load(library))
  test_declarations()
  test_constants(sonoran)
  test_json()
  test_loading()
  test_failures(sonoran)
  test_session(sonoran)
  test_stream(sonoran)
  test_waiting(sonoran)
  test_readers(sonoran)
  assert(sonoran.shutdown(30000))
end
test_collection(assert(module.load(library)))
