-- How SonoranCAD sends unit locations, by its public behaviour: one thread, every 250 ms, at most 25 in a call, through
-- its own export by name and without protection. An error ends the thread, and the live map stands still until the
-- next restart. A location that was handed over counts as sent, whatever became of it.
local moved, queue = {}, {}

AddEventHandler('test:move', function(unit, location)
    if not moved[unit] then table.insert(queue, unit) end
    moved[unit] = location
end)

CreateThread(function()
    while true do
        local batch = {}
        while #queue > 0 and #batch < 25 do
            local unit = table.remove(queue, 1)
            table.insert(batch, { communityUserId = unit, location = moved[unit], coordinates = { x = 1.5, y = 2, z = '30' } })
            moved[unit] = nil
        end
        if #batch > 0 then
            TriggerEvent('test:sent', batch)
            exports['sonorancad']:sendUnitLocations(batch)
        end
        Wait(250)
    end
end)
