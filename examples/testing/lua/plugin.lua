-- A typical game server plugin: it keeps a list of 911 calls, and reports where its units are.
local sonoran = require 'sonoran'

local Plugin = {}
Plugin.__index = Plugin

function Plugin.start(options)
  return setmetatable({ session = sonoran.connect(options), calls = {}, ready = 0 }, Plugin)
end

-- One tick of the game server. The library never blocks it.
function Plugin:tick()
  for event in self.session:events() do
    local kind = event:match('"type"%s*:%s*"([^"]*)"')
    if kind == 'SESSION_READY' then self.ready = self.ready + 1 end
    if kind == 'EVENT_911' then table.insert(self.calls, event:match('"caller"%s*:%s*"([^"]*)"')) end
  end
end

function Plugin:report(id, location)
  self.session:send_unit_locations(('[{"communityUserId":"%s","location":"%s"}]'):format(id, location))
end

return Plugin
