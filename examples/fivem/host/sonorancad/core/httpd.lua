-- How SonoranCAD takes push events, by its public behaviour: through the shim and by HTTP, each in its own thread, and
-- only with the right key. An event then goes to SonoranCAD's own handlers and to whoever registered for the type. The
-- test hears of each event.
local own = { EVENT_911 = true, EVENT_UNIT_STATUS = true }
local registered = {}

AddEventHandler('SonoranCAD::RegisterPushEvent', function(kind, handler)
    registered[kind] = registered[kind] or {}
    table.insert(registered[kind], handler)
end)

local function handle(text)
    local body = json.decode(text)
    if type(body) ~= 'table' then return '{"error":"bad request"}' end
    if type(body.key) ~= 'string' or body.key:upper() ~= GetConvar('sonoran_apiKey', ''):upper() then return 'error' end
    local kind = body.type:upper()
    TriggerEvent('test:cad', kind, text)
    if not own[kind] then TriggerEvent('SonoranCAD::pushevents:OtherEvent', kind, body.data) end
    for _, handler in ipairs(registered[kind] or {}) do pcall(handler, body) end
    return 'ok'
end

AddEventHandler('SonoranCAD::pushevents:shim', function(text)
    CreateThread(function() handle(text) end)
end)

SetHttpHandler(function(request, response)
    request.setDataHandler(function(text)
        CreateThread(function() response.send(handle(text)) end)
    end)
end)
