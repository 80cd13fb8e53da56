-- sonoran.lua: events from Sonoran CAD's websocket hub for LuaJIT hosts, through the FFI.
--
--     local sonoran = assert(require("sonoran").load("/srv/game/libsonoran.so"))
--     local session = assert(sonoran.connect { communityId = "abc", apiKey = key, serverId = 1 })
--
--     for event in session:events() do ... end       -- once per tick; event is JSON text
--
-- sonoran.h is the manual of the options, the events, the error codes, and what the library does to
-- your process. A function that fails returns nil, a sentence that says what to do, and a code, such
-- as sonoran.E_OPTION.
--
-- For LuaJIT 2.1 (OpenResty, Luvit, custom engines). FiveM's and RedM's Lua is not LuaJIT and has no
-- FFI, and Garry's Mod turns it off: there a C# resource or a binary module must hold the session.

local ffi = require("ffi")

-- The declarations of sonoran.h. Numbers have 32 bits, so that Lua sees plain numbers.
local DECLARATIONS = [[
typedef int32_t sonoran_session;
sonoran_session sonoran_connect(const char *options_json);
char *sonoran_poll_event(sonoran_session session);
void sonoran_free(char *string);
char *sonoran_wait_event(sonoran_session session, int32_t timeout_ms);
sonoran_session sonoran_wait_any(const sonoran_session *sessions, int32_t count, int32_t timeout_ms);
intptr_t sonoran_wait_handle(sonoran_session session);
int32_t sonoran_wake(sonoran_session session);
int32_t sonoran_disconnect(sonoran_session session);
int32_t sonoran_state(sonoran_session session);
int32_t sonoran_invoke(sonoran_session session, const char *method, const char *arguments_json);
int32_t sonoran_send_unit_locations(sonoran_session session, const char *updates_json);
int32_t sonoran_ingest(sonoran_session session, const char *body);
char *sonoran_stats(sonoran_session session);
const char *sonoran_last_error(void);
const char *sonoran_error_name(int32_t code);
const char *sonoran_version(void);
int32_t sonoran_shutdown(int32_t timeout_ms);
]]
ffi.cdef(DECLARATIONS)

-- The version of sonoran.h that this file was written for.
local VERSION = "0.1.0"

local CODES = {
  E_ARGUMENT = -1,
  E_JSON = -2,
  E_OPTION = -3,
  E_TOO_LARGE = -4,
  E_UNIT = -5,
  E_KEY = -6,
  E_SESSION = -10,
  E_EXISTS = -11,
  E_NOT_READY = -12,
  E_CLOSED = -13,
  E_BUSY = -14,
  E_FORKED = -20,
  E_SYSTEM = -21,
  E_TIMEOUT = -22,
  E_INTERNAL = -29,
  -- not in sonoran.h: there is no usable library
  E_LIBRARY = -100,
}

local STATES = { "connecting", "authenticating", "ready", "retrying", "closed" }

-- JSON ---------------------------------------------------------------------------------------------

-- Stands for JSON's null, which a Lua table cannot hold as nil.
local null = setmetatable({}, { __tostring = function() return "null" end })

local function quoted(text)
  local escaped = text:gsub('[%c"\\]', function(c) return ("\\u%04x"):format(c:byte()) end)
  return '"' .. escaped .. '"'
end

local encode

local function encode_array(list, count, depth)
  local parts = {}
  for i = 1, count do parts[i] = encode(list[i], depth) end
  return "[" .. table.concat(parts, ",") .. "]"
end

local function encode_object(map, depth)
  local parts = {}
  for key, value in pairs(map) do
    if type(key) ~= "string" then
      error("the keys of a table must be all strings, or 1 to n without a gap: found " .. tostring(key), 0)
    end
    parts[#parts + 1] = quoted(key) .. ":" .. encode(value, depth)
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

-- A table whose keys are exactly 1 to n is a list; any other, even an empty one, is an object.
function encode(value, depth)
  local kind = type(value)
  if value == null then return "null" end
  if kind == "string" then return quoted(value) end
  if kind == "boolean" then return tostring(value) end
  if kind == "number" then
    if value ~= value or math.abs(value) == math.huge then error("JSON has no number " .. value, 0) end
    local short = ("%.15g"):format(value)
    return tonumber(short) == value and short or ("%.17g"):format(value)
  end
  if kind ~= "table" then error("JSON has no " .. kind, 0) end
  if depth == 0 then error("a table is nested too deep, or contains itself", 0) end
  local count = 0
  for _ in pairs(value) do count = count + 1 end
  if count > 0 and #value == count then return encode_array(value, count, depth - 1) end
  return encode_object(value, depth - 1)
end

-- Returns a string that C can take whole; otherwise nil, a sentence and a code.
local function plain(value, argument, expected)
  if type(value) ~= "string" then
    return nil, argument .. " is a " .. type(value) .. ": expected " .. expected, CODES.E_ARGUMENT
  end
  if value:find("\0", 1, true) then -- C would drop the rest
    return nil, argument .. " has a NUL byte in it: JSON writes that as \\u0000", CODES.E_ARGUMENT
  end
  return value
end

-- Returns a table as JSON (an empty one as `empty`), and JSON text as it is; otherwise nil, a sentence and a code.
local function json(value, argument, empty)
  if type(value) ~= "table" then return plain(value, argument, "a table or JSON text") end
  if next(value) == nil then return empty end
  local ok, text = pcall(encode, value, 64)
  if not ok then return nil, argument .. " is not JSON: " .. text, CODES.E_JSON end
  return text
end

-- The API over a loaded library -----------------------------------------------------------------------

-- The returned API keeps `lib` referenced: LuaJIT unloads a library that nothing refers to.
local function bind(lib)
  local function failed(code)
    return nil, ffi.string(lib.sonoran_last_error()), code
  end

  local function done(code)
    if code < 0 then return failed(code) end
    return true
  end

  -- A negative time means no waiting, not waiting without limit.
  local function milliseconds(time)
    return math.max(0, math.min(time, 0x7fffffff))
  end

  -- The library's string as a Lua string, freed at once. NULL is not nil, but it equals nil.
  local function take(text)
    local copy = ffi.string(text)
    lib.sonoran_free(text)
    return copy
  end

  -- No event: nil, or an error if the session is gone.
  local function none(session)
    local state = lib.sonoran_state(session.number)
    if state < 0 then return failed(state) end
    return nil
  end

  local Session = {}

  -- The next event as JSON text, or nil if there is none. Never blocks. After the session's last event,
  -- SESSION_CLOSED: nil, a sentence and sonoran.E_SESSION.
  function Session:poll()
    local text = lib.sonoran_poll_event(self.number)
    if text ~= nil then return take(text) end
    return none(self)
  end

  -- As poll, but blocks the Lua state until there is an event, for `timeout_ms` or without limit.
  function Session:wait(timeout_ms)
    local text = lib.sonoran_wait_event(self.number, timeout_ms and milliseconds(timeout_ms) or -1)
    if text ~= nil then return take(text) end
    return none(self)
  end

  -- Separate from Session:events, because LuaJIT does not compile a function that has a closure in it.
  local function waiting(session, timeout_ms)
    return function() return session:wait(timeout_ms) end
  end

  -- Iterates over the queued events; with `timeout_ms` it also waits that long for each.
  function Session:events(timeout_ms)
    if timeout_ms then return waiting(self, timeout_ms) end
    return self.poll, self
  end

  -- Separate from Session:stream, for the same reason.
  local function streaming(session, pause)
    return function()
      while true do
        local event, _, code = session:poll()
        if event or code then return event end
        pause()
      end
    end
  end

  -- For coroutines: iterates over all events up to the last, and calls `pause` whenever none is queued: by
  -- default coroutine.yield, which gives the tick back to the host, or what sleeps in your event loop.
  function Session:stream(pause)
    return streaming(self, pause or coroutine.yield)
  end

  -- For an event loop to wait on until there is an event to poll: a file descriptor that becomes readable (on
  -- Windows the number of an event's HANDLE). It belongs to the library: only wait on it.
  function Session:fd()
    local handle = tonumber(lib.sonoran_wait_handle(self.number))
    if handle < 0 then return failed(handle) end
    return handle
  end

  -- Makes the current wait, or else the next one, return nil once.
  function Session:wake()
    return done(lib.sonoran_wake(self.number))
  end

  -- "connecting", "authenticating", "ready", "retrying" or "closed".
  function Session:state()
    local state = lib.sonoran_state(self.number)
    if state < 0 then return failed(state) end
    return STATES[state] or tostring(state)
  end

  -- Calls a method of the hub with a list of arguments (or JSON text). Returns the request's number:
  -- one SESSION_CALL_RESULT with it as `id` follows.
  function Session:invoke(method, arguments)
    local name, sentence, code = plain(method, "method", "a string")
    if not name then return nil, sentence, code end
    local text
    text, sentence, code = json(arguments or {}, "arguments", "[]")
    if not text then return nil, sentence, code end
    local request = lib.sonoran_invoke(self.number, name, text)
    if request < 0 then return failed(request) end
    return request
  end

  -- Takes the newest locations of units: a list of tables as sonoran.h describes them (or JSON text).
  -- They go out as soon as the hub allows.
  function Session:send_unit_locations(updates)
    local text, sentence, code = json(updates, "updates", "[]")
    if not text then return nil, sentence, code end
    return done(lib.sonoran_send_unit_locations(self.number, text))
  end

  -- Takes a push that reached the host by HTTP: the posted text. It joins the events.
  function Session:ingest(body)
    local text, sentence, code = plain(body, "body", "a string")
    if not text then return nil, sentence, code end
    return done(lib.sonoran_ingest(self.number, text))
  end

  -- The session's figures as JSON text.
  function Session:stats()
    local text = lib.sonoran_stats(self.number)
    if text ~= nil then return take(text) end
    return none(self)
  end

  -- Ends the session. Queued events can still be polled; SESSION_CLOSED is the last.
  function Session:disconnect()
    return done(lib.sonoran_disconnect(self.number))
  end

  -- `number` is the session in the C API. A session that nothing refers to is disconnected. The function
  -- is looked up here, because the library's table may be collected before the last session.
  local disconnect = lib.sonoran_disconnect
  local session = ffi.metatype("struct { sonoran_session number; }", {
    __index = Session,
    __gc = function(self) disconnect(self.number) end,
    __tostring = function(self) return "sonoran session " .. self.number end,
  })

  local sonoran = { null = null, VERSION = ffi.string(lib.sonoran_version()) }
  for name, code in pairs(CODES) do sonoran[name] = code end

  -- Opens a session. `options`: a table, or JSON text. Does not block: events report the rest.
  function sonoran.connect(options)
    local text, sentence, code = json(options, "options", "{}")
    if not text then return nil, sentence, code end
    local number = lib.sonoran_connect(text)
    if number < 0 then return failed(number) end
    return session(number)
  end

  -- Waits, for `timeout_ms` or without limit, until a session of a list has an event to poll, and returns that
  -- session. Blocks the Lua state. A busy session does not hide the others.
  function sonoran.wait_any(sessions, timeout_ms)
    local numbers = ffi.new("sonoran_session[?]", #sessions)
    for i = 1, #sessions do numbers[i - 1] = sessions[i].number end
    local found = lib.sonoran_wait_any(numbers, #sessions, timeout_ms and milliseconds(timeout_ms) or -1)
    if found < 0 then return failed(found) end
    for i = 1, #sessions do
      if sessions[i].number == found then return sessions[i] end
    end
    return nil
  end

  -- Ends all sessions of the process and the library's threads; waits up to `timeout_ms` (5000) and
  -- returns how many events were dropped.
  function sonoran.shutdown(timeout_ms)
    local dropped = lib.sonoran_shutdown(milliseconds(timeout_ms or 5000))
    if dropped < 0 then return failed(dropped) end
    return dropped
  end

  -- The name of an error code, such as "SONORAN_E_OPTION".
  function sonoran.error_name(code)
    return code == CODES.E_LIBRARY and "E_LIBRARY" or ffi.string(lib.sonoran_error_name(code))
  end

  return sonoran
end

-- Loading ---------------------------------------------------------------------------------------------

local FILE = ffi.os == "Windows" and "sonoran.dll" or "libsonoran.so"
local ADVICE = ": put the " .. FILE .. " for this system's architecture"
  .. (ffi.os == "Windows" and "" or " and C library (glibc or musl)") .. " there"

-- A version's major and minor parts in one comparable number.
local function release(version)
  local major, minor = version:match("^(%d+)%.(%d+)")
  return (tonumber(major) or 0) * 256 + (tonumber(minor) or 0)
end

-- Why `lib` cannot be used, or nil.
local function defect(lib, file)
  local found, version = pcall(function() return ffi.string(lib.sonoran_version()) end)
  if found and release(version) < release(VERSION) then
    return file .. " is version " .. version .. ", but sonoran.lua was written for " .. VERSION
      .. ": replace the file by that version or a newer one"
  end
  for name in DECLARATIONS:gmatch("(sonoran_[%w_]+)%(") do
    if not pcall(function() return lib[name] end) then
      return file .. " is not a whole sonoran library, it lacks " .. name .. ADVICE
    end
  end
end

-- The file beside sonoran.lua or, if there is none, its bare name, for the system's loader to find.
local function default_file()
  local beside = (debug.getinfo(1, "S").source:match("^@(.*[/\\])") or "./") .. FILE
  local file = io.open(beside, "rb")
  if not file then return FILE end
  file:close()
  return beside
end

local loaded = {}

-- Loads the library and returns the API over it. `file`: its full path; the default is default_file.
local function load(file)
  file = file or default_file()
  if not loaded[file] then
    local found, lib = pcall(ffi.load, file)
    if not found then return nil, "cannot load " .. file .. " (" .. lib .. ")" .. ADVICE, CODES.E_LIBRARY end
    local problem = defect(lib, file)
    if problem then return nil, problem, CODES.E_LIBRARY end
    loaded[file] = bind(lib)
  end
  return loaded[file]
end

return { load = load, VERSION = VERSION, E_LIBRARY = CODES.E_LIBRARY }
