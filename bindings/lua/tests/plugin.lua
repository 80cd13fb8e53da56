-- A plugin in Lua, which its host runs in a state of its own: `start(LIBRARY, OPTIONS)`, then `run(COUNT)`. It leaves
-- out calls, wants no key, and checks that it gets all other numbers in their order. Returns how many it got.
local sonoran, session

function start(library, options)
  sonoran = assert(dofile(binding).load(library))
  session = assert(sonoran.connect(options))
end

function run(count)
  local got, expected = 0, 1
  local deadline = os.time() + 240
  while expected < count do
    assert(os.time() < deadline, "time is up")
    for event in session:events(100) do
      local number = tonumber(event:match('"number":(%d+)'))
      if number then
        assert(number == expected, "expected " .. expected .. ": " .. event)
        assert(not event:find('"key"', 1, true) and not event:find("EVENT_911", 1, true), event)
        got = got + 1
        expected = expected + (expected % 4 == 3 and 2 or 1)
      else
        assert(not event:find("SESSION_EVENTS_DROPPED", 1, true), event)
      end
    end
  end
  assert(session:disconnect())
  return got
end
