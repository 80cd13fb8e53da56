-- luajit suite.lua, with SONORAN_HUB and SONORAN_LIBRARY set; SONORAN_LUA names sonoran.lua if it is elsewhere.
package.preload.sonoran = function()
  return assert(dofile(os.getenv 'SONORAN_LUA' or 'sonoran.lua').load(os.getenv 'SONORAN_LIBRARY'))
end
local Plugin = require 'plugin'
local Hub = require 'hub'

local hub = Hub.start()
local servers = 0

local function new_plugin()
  servers = servers + 1
  local plugin = Plugin.start { communityId = 'demo', apiKey = 'demo-key', serverId = servers, url = hub.url, retryMinMs = 50, retryMaxMs = 500 }
  return plugin, servers
end

-- Ticks until something has happened; gives up after 30 s.
local function until_it(happens, plugin, what)
  local limit = os.time() + 30
  while not happens() do
    assert(os.time() < limit, what .. ' did not happen: ' .. plugin.session:stats())
    plugin:tick()
  end
end

local tests = {}

function tests.it_reacts_to_a_911_call()
  local plugin, server = new_plugin()
  until_it(function() return plugin.ready == 1 end, plugin, 'the session')
  local answer = hub:post('push?serverId=' .. server, [[{"key":"demo-key","type":"EVENT_911","data":{"call":{"callId":1,"caller":"Jo"}}}]])
  assert(answer:find('websocket', 1, true), answer)
  until_it(function() return #plugin.calls == 1 end, plugin, 'the call')
  assert(plugin.calls[1] == 'Jo')
end

function tests.it_survives_a_kick()
  local plugin, server = new_plugin()
  until_it(function() return plugin.ready == 1 end, plugin, 'the session')
  assert(hub:post('abort?serverId=' .. server) == '{"aborted":1}')
  until_it(function() return plugin.ready == 2 end, plugin, 'coming back')
  hub:post('push?serverId=' .. server, [[{"key":"demo-key","type":"EVENT_911","data":{"call":{"callId":2,"caller":"Ann"}}}]])
  until_it(function() return plugin.calls[1] == 'Ann' end, plugin, 'the call after the kick')
end

function tests.it_sends_its_units()
  local plugin, server = new_plugin()
  plugin:report('steam:' .. server, 'Grove Street')
  local units
  until_it(function()
    units = hub:get 'units'
    return units:find('steam:' .. server, 1, true)
  end, plugin, 'the unit')
  assert(units:find('Grove Street', 1, true), units)
end

local failed = 0
for name, test in pairs(tests) do
  local ok, problem = xpcall(test, debug.traceback)
  print((ok and 'ok      ' or 'FAILED  ') .. name:gsub('_', ' ') .. (ok and '' or '\n' .. problem))
  failed = failed + (ok and 0 or 1)
end
os.exit(failed == 0 and 0 or 1)
