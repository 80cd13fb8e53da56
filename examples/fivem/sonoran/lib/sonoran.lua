-- For your own resource: `server_script '@sonoran/lib/sonoran.lua'` in its manifest, above your scripts. Then
--
--     Sonoran.on('EVENT_911', function(event, server) print(event.data.call.caller) end)
--
-- All of a tick's events come in one list and are told apart here, which costs the server a fraction of what
-- AddEventHandler('sonoran:EVENT_911', ...) does. The server's scripts have it, the clients' have not.
if not IsDuplicityVersion() then return end

---@class Sonoran
Sonoran = {}

---@type table<string, fun(event: table, server: integer, json_text: string)[]>
local handlers = {}

--- Calls `handler` with each event of a type, or of all types with '*'. A handler may wait: others do not wait for it.
---@param kind string EVENT_911 and so on; upper and lower case are the same
---@param handler fun(event: table, server: integer, json_text: string)
function Sonoran.on(kind, handler)
    kind = kind:upper()
    handlers[kind] = handlers[kind] or {}
    table.insert(handlers[kind], handler)
end

--- Calls a method of the hub and waits for its result; only in a thread or an event's handler.
---@param method string
---@param arguments? any[]
---@param server? integer without it, the first
---@return any result nil when it failed
---@return string? problem what the hub or the library said
function Sonoran.call(method, arguments, server)
    local fine, answer = pcall(function()
        return Citizen.Await(exports.sonoran:call(method, arguments, server))
    end)
    if not fine then return nil, tostring(answer) end
    return (json.decode(answer)) -- which returns more than the value
end

local function tell(list, event, server, text)
    for _, handler in ipairs(list or {}) do
        Citizen.CreateThreadNow(function() handler(event, server, text) end)
    end
end

AddEventHandler('sonoran:events', function(events)
    for _, entry in ipairs(events) do
        local kind, text, server = entry[1], entry[2], entry[3]
        if handlers[kind] or handlers['*'] then
            local event = json.decode(text)
            tell(handlers[kind], event, server, text)
            tell(handlers['*'], event, server, text)
        end
    end
end)

-- Whichever of the two starts first.
AddEventHandler('sonoran:hello', function() TriggerEvent('sonoran:listen') end)
TriggerEvent('sonoran:listen')
