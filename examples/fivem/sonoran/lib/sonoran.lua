-- For your own resource: `server_script '@sonoran/lib/sonoran.lua'` in its manifest, above your scripts. Then
--
--     Sonoran.on('EVENT_911', function(event, server) print(event.data.call.caller) end)
--
-- A tick's events come together in lists, which this file splits. That costs the server a fraction of what
-- AddEventHandler('sonoran:EVENT_911', ...) does. Server scripts have it, client scripts do not.
if not IsDuplicityVersion() then return end

---@class Sonoran
Sonoran = {}

---@type table<string, fun(event: table, server: integer, json_text: string)[]>
local handlers = {}

--- Calls `handler` with each event of a type, or of all types with '*'. A handler may wait without delaying the others.
---@param kind string EVENT_911 and so on, in upper or lower case
---@param handler fun(event: table, server: integer, json_text: string)
function Sonoran.on(kind, handler)
    kind = kind:upper()
    handlers[kind] = handlers[kind] or {}
    table.insert(handlers[kind], handler)
end

--- Calls a method of the hub and waits for its result. Works only in a thread or an event handler.
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
    return (json.decode(answer)) -- json.decode returns more than the value
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

-- Works whichever of the two resources starts first.
AddEventHandler('sonoran:hello', function() TriggerEvent('sonoran:listen') end)
TriggerEvent('sonoran:listen')
