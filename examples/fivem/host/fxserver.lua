-- A stand-in for the Lua side of FXServer: reads a resource's manifest, runs its Lua scripts with the globals
-- that FXServer's Lua 5.4 gives them (and without require, package, io, os or ffi, which it does not), and plays
-- events to them.
--
--     lua5.4 fxserver.lua RESOURCE EVENTS      EVENTS: lines of type, server and JSON text, with tabs between
--
-- Events are triggered as the C# bridge does. What a script prints is printed; an error in a handler ends it.
local resource, recorded = arg[1], arg[2]

local handlers = {}

local function trigger(name, ...)
    for _, handler in ipairs(handlers[name] or {}) do handler(...) end
end

-- json.decode of FXServer is dkjson's: objects and arrays become tables, null becomes nil.
local json = {}
do
    local escapes = { b = '\b', f = '\f', n = '\n', r = '\r', t = '\t', ['"'] = '"', ['\\'] = '\\', ['/'] = '/' }
    local value

    local function space(text, at)
        return text:find('[^ \t\r\n]', at) or #text + 1
    end

    local function fail(text, at)
        error(('no JSON at %d: %s'):format(at, text:sub(at, at + 20)), 0)
    end

    local function unit(text, at)
        return tonumber(text:match('^\\u(%x%x%x%x)', at) or fail(text, at), 16)
    end

    local function string_value(text, at)
        local parts, from = {}, at + 1
        while true do
            local stop = text:find('["\\]', from) or fail(text, at)
            parts[#parts + 1] = text:sub(from, stop - 1)
            if text:sub(stop, stop) == '"' then return table.concat(parts), stop + 1 end
            local escape = text:sub(stop + 1, stop + 1)
            if escape == 'u' then
                local code = unit(text, stop)
                from = stop + 6
                if code >= 0xD800 and code < 0xDC00 and text:find('^\\u[dD][c-fC-F]', from) then
                    code = 0x10000 + (code - 0xD800) * 0x400 + unit(text, from) - 0xDC00
                    from = from + 6
                end
                parts[#parts + 1] = utf8.char(code)
            else
                parts[#parts + 1] = escapes[escape] or fail(text, stop)
                from = stop + 2
            end
        end
    end

    local function list(text, at, close, element)
        at = space(text, at + 1)
        if text:sub(at, at) == close then return at + 1 end
        while true do
            at = space(text, element(at))
            local mark = text:sub(at, at)
            at = space(text, at + 1)
            if mark == close then return at end
            if mark ~= ',' then fail(text, at) end
        end
    end

    function value(text, at)
        local mark = text:sub(at, at)
        if mark == '"' then return string_value(text, at) end
        if mark == '{' then
            local object = {}
            return object, list(text, at, '}', function(from)
                local key, colon = string_value(text, from)
                colon = text:match('^[ \t\r\n]*():', colon) or fail(text, colon)
                local member, after = value(text, space(text, colon + 1))
                object[key] = member
                return after
            end)
        end
        if mark == '[' then
            local array, count = {}, 0
            return array, list(text, at, ']', function(from)
                local element, after = value(text, from)
                count = count + 1
                array[count] = element
                return after
            end)
        end
        for word, meaning in pairs { ['true'] = true, ['false'] = false, null = 0 } do
            if text:sub(at, at + #word - 1) == word then
                if word == 'null' then meaning = nil end
                return meaning, at + #word
            end
        end
        local number = text:match('^-?%d+%.?%d*[eE]?[+-]?%d*', at) or fail(text, at)
        return tonumber(number), at + #number
    end

    function json.decode(text)
        local decoded, after = value(text, space(text, 1))
        if space(text, after) <= #text then fail(text, after) end
        return decoded
    end
end

local globals = {
    assert = assert, error = error, ipairs = ipairs, next = next, pairs = pairs, pcall = pcall, print = print, select = select,
    setmetatable = setmetatable, tonumber = tonumber, tostring = tostring, type = type,
    coroutine = coroutine, math = math, string = string, table = table, utf8 = utf8, json = json,
    GetCurrentResourceName = function() return 'sonoran' end,
    TriggerEvent = trigger,
    AddEventHandler = function(name, handler)
        handlers[name] = handlers[name] or {}
        table.insert(handlers[name], handler)
    end,
}
globals._G = globals

-- A manifest is a Lua script whose words are functions that note their arguments.
local manifest = {}
assert(loadfile(resource .. '/fxmanifest.lua', 't', setmetatable({}, {
    __index = function(_, word)
        return function(text)
            manifest[word] = manifest[word] or {}
            table.insert(manifest[word], text)
        end
    end,
})))()
assert(manifest.fx_version[1] == 'cerulean' and manifest.game[1] == 'common' and manifest.server_only[1] == 'yes', 'the manifest')
for _, script in ipairs(manifest.server_script) do
    local path = resource .. '/' .. script
    assert(io.open(path), script .. ' is in the manifest but not there'):close()
    if script:find('%.lua$') then assert(loadfile(path, 't', globals))() else assert(script:find('%.net%.dll$'), script) end
end

local count = 0
for line in io.lines(recorded) do
    local kind, server, text = line:match('^([^\t]*)\t(%d+)\t(.*)$')
    trigger('sonoran:event', kind, text, math.tointeger(server))
    trigger('sonoran:' .. kind, text, math.tointeger(server))
    count = count + 1
end
print(('played %d events'):format(count))
