local count, characters = 0, 0

Sonoran.on('EVENT_UNIT_STATUS', function(event, _, text)
    count = count + 1
    characters = characters + #text
    assert(event.data.seq)
end)

exports('count', function() return { 0, count, characters } end)
