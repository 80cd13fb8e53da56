-- A resource as in the README: listens in lists, calls the hub, and hands over units.
Sonoran.on('event_911', function(event, server, text)
    print(('lua 911 %s %d %s'):format(event.type, server, tostring(text:sub(1, 1) == '{')))
end)
Sonoran.on('*', function(event)
    if event.type == 'EVENT_FAIL' then error('on purpose') end
    if event.type == 'EVENT_WAIT' then Wait(100) end
    print('lua all ' .. event.type)
end)

AddEventHandler('test:lua', function()
    print('lua await ' .. Citizen.Await(exports.sonoran:call('echo', { { 1.5, 'x' } })))
    local result, problem = Sonoran.call('echo', { { n = 2 } })
    print('lua call ' .. tostring(result.n) .. ' ' .. tostring(problem))
    result, problem = Sonoran.call('nosuchmethod', {})
    print('lua refused ' .. tostring(result) .. ' ' .. tostring(problem))
    print('lua ready ' .. tostring(exports.sonoran:isReady()) .. ' ' .. tostring(exports.sonoran:isReady(4095)))
    print('lua units ' .. tostring(exports.sonoran:sendUnitLocations({
        { communityUserId = 'lua-2', location = 'Two', coordinates = vector2(1.5, 2) },
        { communityUserId = 'lua-3', location = 'Three', coordinates = vector3(1, 2, 3) },
        { communityUserId = 'lua-bad', location = 'Bad', coordinates = print },
    })))
end)

AddEventHandler('test:nonsense', function()
    for name, value in pairs { table = { a = 1 }, vector = vector3(1, 2, 3), ['function'] = print, number = 5, NUL = 'a\0b', bytes = '\xff\xfe', none = nil } do
        for _, export in ipairs { 'invoke', 'ingest', 'sendUnitLocations', 'isReady', 'status' } do
            local fine, result = pcall(exports.sonoran[export], exports.sonoran, value, value, value)
            print(('lua nonsense %s %s %s %s'):format(export, name, tostring(fine), export == 'status' and 'json' or tostring(result)))
        end
        local fine, result = pcall(function() return Citizen.Await(exports.sonoran:call(value, value, value)) end)
        print(('lua nonsense call %s %s %s'):format(name, tostring(fine), tostring(result)))
    end
end)
