-- outbound.lua LIBRARY OPTIONS: does through bindings/lua what tests/c/outbound.c does, but knows only the
-- command `units COUNT TICKS`.
local ffi = require("ffi")
ffi.cdef [[
struct pollfd { int fd; short events; short revents; };
int poll(struct pollfd *fds, unsigned long count, int timeout);
]]
local sonoran = assert(require("sonoran").load(arg[1]))
local session = assert(sonoran.connect(arg[2]))
local input = ffi.new("struct pollfd", { fd = 0, events = 1 })
local ticks = 0
io.stdin:setvbuf("no")

local function print_events()
  for event in session:events() do print("event " .. event) end
  io.flush()
end

local function give_units(count, last)
  local sum, worst = 0, 0
  for _ = 1, last do
    local units = {}
    for unit = 0, count - 1 do
      units[#units + 1] = string.format(
        '{"communityUserId":"license:%08d","location":"Alta St","coordinates":{"x":%d,"y":-1038.5,"z":30.1}}', unit, ticks)
    end
    local text = "[" .. table.concat(units, ",") .. "]"
    local before = os.clock()
    assert(session:send_unit_locations(text))
    local took = (os.clock() - before) * 1e6
    sum, worst = sum + took, math.max(worst, took)
    ticks = ticks + 1
    print_events()
    ffi.C.poll(nil, 0, 50)
  end
  print(string.format("did %d units, mean %.0f us, worst %.0f us", count, sum / last, worst))
end

while true do
  print_events()
  if ffi.C.poll(input, 1, 2) > 0 then
    local line = io.read("*l")
    if not line then break end
    local count, last = line:match("^units (%d+) (%d+)$")
    give_units(tonumber(count), tonumber(last))
  end
end
assert(session:disconnect())
for event in session:events(60000) do
  if event:find('"SESSION_CLOSED"', 1, true) then break end
end
