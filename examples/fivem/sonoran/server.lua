-- Handles the CAD's events. Change this file, or listen to the same events in your own resource.
-- server.js is the same in JavaScript.
--
-- Every event comes as 'sonoran:<TYPE>' with its JSON text, the number of the CAD's server and its type. The types are
-- those of Sonoran's push events (EVENT_911, ...) and of the connection itself (SESSION_READY, ...).

-- Some events wrap their data in an array of one.
local function data_of(json_text)
    local data = json.decode(json_text).data
    return type(data) == 'table' and data[1] or data
end

AddEventHandler('sonoran:EVENT_911', function(json_text)
    local call = data_of(json_text).call
    print(('911 from %s at %s: %s'):format(call.caller, call.location, call.description))
end)

AddEventHandler('sonoran:EVENT_UNIT_PANIC', function(json_text)
    local unit = data_of(json_text)
    if unit.isPanic then print('PANIC of unit ' .. table.concat(unit.identIds or { unit.identId }, ', ')) end
end)

AddEventHandler('sonoran:SESSION_READY', function(_, server)
    print(('events of CAD server %d flow'):format(server))
end)

-- Positions for the live map, as often as you like: the library sends each unit's newest one as soon as the hub
-- allows it. communityUserId, roblox, apiId or identId identifies a unit.
--
--     exports.sonoran:sendUnitLocations({ { communityUserId = 'license:...', location = 'Vinewood Blvd', coordinates = GetEntityCoords(ped) } })
