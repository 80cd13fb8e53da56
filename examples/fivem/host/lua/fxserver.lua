-- The Lua side of the stand-in for FXServer: runs the Lua scripts of any number of resources, each with the globals
-- that FXServer's Lua 5.4 gives a server script (and without require, package, io, os or ffi, which it does not).
-- It talks to the host over stdin and stdout; see ../server/ChildRuntime.cs.
--
-- MessagePack and JSON are those of Debian's lua-messagepack and lua-dkjson: FXServer has dkjson too.
package.path = package.path .. ';/usr/share/lua/5.4/?.lua;/usr/share/lua/5.3/?.lua'
local mp, json = require 'MessagePack', require 'dkjson'

mp.set_array 'without_hole'
mp.set_string 'string'

local TICK = 50 -- a server's tick in ms; only ticks advance a script's time here
local FUNCTION, LOCAL_FUNCTION, VECTOR2, VECTOR4 = 10, 11, 20, 22
local runtimes = {}
local current -- the running runtime

-- frames ----------------------------------------------------------------------------------------------------------

local handle

local function send(...)
    local body = mp.pack { ... }
    io.stdout:write(string.pack('>s4', body))
    io.stdout:flush()
end

local function receive()
    local head = io.stdin:read(4)
    if not head then os.exit(0) end
    return mp.unpack(io.stdin:read((string.unpack('>I4', head))))
end

local function bytes(text)
    return setmetatable({ text }, { __bytes = true })
end

local function native(name, ...)
    local before = current
    send('native', before.instance, name, ...)
    while true do
        local message = receive()
        if message[1] == 'answer' then
            current = before
            return message[2]
        end
        send('answer', handle(message))
    end
end

-- values ----------------------------------------------------------------------------------------------------------

local pack_table = mp.packers['table']
mp.packers['table'] = function(buffer, value)
    local meta = getmetatable(value)
    if meta and meta.__bytes then return mp.packers['binary'](buffer, value[1]) end
    if meta and meta.__reference then return mp.packers['ext'](buffer, FUNCTION, value.reference) end
    if meta and meta.__vector then
        return mp.packers['ext'](buffer, VECTOR2 - 2 + #value, string.pack('<' .. ('f'):rep(#value), table.unpack(value)))
    end
    -- in FXServer the empty table is an array
    return pack_table(buffer, value)
end
mp.packers['function'] = function(buffer, value)
    local number = current.next_function
    current.next_function = number + 1
    current.functions[number] = { call = value, holders = 0 }
    mp.packers['ext'](buffer, FUNCTION, ('%s:%d:%d'):format(current.resource, current.instance, number))
end

local await

local reference_meta = { __reference = true }
function reference_meta:__call(...)
    local answer = native('InvokeFunctionReference', self.reference, bytes(mp.pack { ... }))
    local results = answer and answer ~= '' and mp.unpack(answer)
    if not results then error('nothing came back from ' .. self.reference) end
    local first = results[1]
    if type(first) == 'table' and first.__cfx_async_retval and coroutine.isyieldable() then
        local promise = current.globals.promise.new()
        first.__cfx_async_retval(function(values, failure)
            if values then promise:resolve(values) elseif failure then promise:reject(failure) end
        end)
        return table.unpack(await(promise))
    end
    return table.unpack(results)
end
-- A collection may run anywhere, even between the two halves of a frame, so references wait for the next answer.
local collected = {}
function reference_meta:__gc() table.insert(collected, self) end

local function give_back()
    while #collected > 0 do
        local remote = table.remove(collected)
        -- the runtime that held it may be gone
        current = runtimes[remote.holder]
        if current then native('DeleteFunctionReference', remote.reference) end
    end
    current = nil
end

function mp.build_ext(tag, data)
    if tag == FUNCTION or tag == LOCAL_FUNCTION then
        native('DuplicateFunctionReference', data)
        return setmetatable({ reference = data, holder = current.instance }, reference_meta)
    end
    if tag >= VECTOR2 and tag <= VECTOR4 then
        local numbers = { string.unpack('<' .. ('f'):rep(#data // 4), data) }
        numbers[#numbers] = nil
        return setmetatable(numbers, { __vector = true, __index = function(v, name) return rawget(v, ({ x = 1, y = 2, z = 3, w = 4 })[name]) end })
    end
    error('extension ' .. tag)
end

-- the scheduler ---------------------------------------------------------------------------------------------------

local function trace(text) native('Trace', tostring(text)) end

local function resume(thread, ...)
    local before = current
    current = thread.runtime
    local fine, wish, value = coroutine.resume(thread.coroutine, ...)
    if not fine then
        trace('^1SCRIPT ERROR: ' .. tostring(wish) .. '^7')
        thread.failure = wish
    elseif coroutine.status(thread.coroutine) == 'suspended' then
        if wish == 'wait' then
            thread.due = current.clock + value
            table.insert(current.threads, thread)
        else
            value:next(function() resume(thread) end, function() resume(thread) end)
        end
    end
    current = before
    return thread
end

local function start(body)
    return resume { runtime = current, coroutine = coroutine.create(body) }
end

function await(promise)
    if promise.state == 0 then coroutine.yield('await', promise) end
    if promise.state == 2 or promise.state == 4 then error(promise.value, 2) end
    return promise.value
end

local function new_promise()
    local promise = { state = 0, waiting = {} }
    local function settle(state)
        return function(self, value)
            if self.state ~= 0 then return end
            self.state, self.value = state, value
            for _, waiter in ipairs(self.waiting) do waiter() end
        end
    end
    promise.resolve, promise.reject = settle(3), settle(4)
    function promise:next(fine, failed)
        table.insert(self.waiting, function() (self.state == 3 and fine or failed)(self.value) end)
    end
    return promise
end

-- a runtime's globals ---------------------------------------------------------------------------------------------

local function trigger(name, ...) native('TriggerEvent', name, bytes(mp.pack { ... })) end

local function globals_of(runtime)
    local function add_handler(name, handler)
        runtime.handlers[name] = runtime.handlers[name] or {}
        table.insert(runtime.handlers[name], handler)
        native('RegisterResourceAsEventHandler', name)
    end

    local kept = {} -- exports, until their resource stops
    local function event_of(resource, name) return ('__cfx_export_%s_%s'):format(resource, name) end
    local listens = false
    local exports = setmetatable({}, {
        __index = function(_, resource)
            return setmetatable({}, {
                __index = function(_, name)
                    if not listens then
                        listens = true
                        add_handler('onServerResourceStop', function(stopped) kept[stopped] = {} end)
                    end
                    kept[resource] = kept[resource] or {}
                    if not kept[resource][name] then
                        trigger(event_of(resource, name), function(exported) kept[resource][name] = exported end)
                        if not kept[resource][name] then error(('No such export %s in resource %s'):format(name, resource), 2) end
                    end
                    return function(_, ...)
                        local results = table.pack(pcall(kept[resource][name], ...))
                        if not results[1] then error(('An error occurred while calling export `%s` in resource `%s`: %s'):format(name, resource, results[2]), 2) end
                        return table.unpack(results, 2, results.n)
                    end
                end,
            })
        end,
        __call = function(_, name, exported)
            add_handler(event_of(runtime.resource, name), function(take) take(exported) end)
        end,
    })

    local globals = {
        assert = assert, error = error, ipairs = ipairs, next = next, pairs = pairs, pcall = pcall, select = select, rawget = rawget,
        setmetatable = setmetatable, getmetatable = getmetatable, tonumber = tonumber, tostring = tostring, type = type,
        coroutine = coroutine, math = math, string = string, table = table, utf8 = utf8, json = json,
        vector2 = function(x, y) return setmetatable({ x, y }, { __vector = true }) end,
        vector3 = function(x, y, z) return setmetatable({ x, y, z }, { __vector = true }) end,
        print = function(...)
            local words = table.pack(...)
            for i = 1, words.n do words[i] = tostring(words[i]) end
            trace(table.concat(words, '\t'))
        end,
        Wait = function(milliseconds) coroutine.yield('wait', milliseconds) end,
        CreateThread = function(body) table.insert(runtime.threads, { runtime = runtime, coroutine = coroutine.create(body), due = 0 }) end,
        promise = { new = new_promise },
        Citizen = { Await = await, CreateThreadNow = start },
        IsDuplicityVersion = function() return true end,
        GetCurrentResourceName = function() return runtime.resource end,
        AddEventHandler = add_handler,
        TriggerEvent = trigger,
        exports = exports,
        SetHttpHandler = function(handler)
            runtime.functions[runtime.next_function] = { call = handler, holders = 1 }
            native('SetHttpHandler', ('%s:%d:%d'):format(runtime.resource, runtime.instance, runtime.next_function))
            runtime.next_function = runtime.next_function + 1
        end,
    }
    for _, name in ipairs { 'GetConvar', 'GetResourceState', 'LoadResourceFile' } do
        globals[name] = function(...) return native(name, ...) end
    end
    globals._G = globals
    return globals
end

-- The values of an array, including nils: in the server's own library a table knows its length.
local function values_of(packed)
    local head = packed:byte()
    local count = head < 0xa0 and head - 0x90 or head == 0xdc and string.unpack('>I2', packed, 2) or string.unpack('>I4', packed, 2)
    return table.unpack(mp.unpack(packed), 1, count)
end

-- what the host asks for ------------------------------------------------------------------------------------------

local asked = {}

function asked.create(instance, resource)
    runtimes[instance] = { instance = instance, resource = resource, functions = {}, next_function = 0, handlers = {}, threads = {}, clock = 0 }
    runtimes[instance].globals = globals_of(runtimes[instance])
end

function asked.load(_, code, shown)
    local chunk, problem = load(code, shown, 't', current.globals)
    if not chunk then return trace('Error parsing script ' .. shown .. ': ' .. problem) end
    start(chunk)
end

function asked.tick()
    local threads = current.threads
    current.threads, current.clock = {}, current.clock + TICK
    for _, thread in ipairs(threads) do
        if thread.due <= current.clock then resume(thread) else table.insert(current.threads, thread) end
    end
end

function asked.event(_, name, arguments, source)
    local handlers = current.handlers[name]
    if not handlers or source:find('^net') then return end -- none of these scripts registers a net event
    local values = table.pack(values_of(arguments))
    for _, handler in ipairs { table.unpack(handlers) } do start(function() handler(table.unpack(values, 1, values.n)) end) end
end

function asked.call(_, number, arguments)
    local entry = current.functions[number]
    if not entry then
        trace('Invalid ref call attempt: ' .. number)
        return bytes(mp.pack(nil))
    end
    local results, promise
    local thread = start(function() results = { entry.call(values_of(arguments)) } if promise then promise(results, nil) end end)
    if thread.failure then return bytes(mp.pack(nil)) end
    if results then return bytes(mp.pack(results)) end
    return bytes(mp.pack { { __cfx_async_retval = function(callback) promise = callback end } })
end

function asked.duplicate(_, number)
    local entry = current.functions[number]
    if entry then entry.holders = entry.holders + 1 end
    return entry ~= nil
end

function asked.remove(_, number)
    local entry = current.functions[number]
    if not entry then return end
    entry.holders = entry.holders - 1
    if entry.holders <= 0 then current.functions[number] = nil end
end

function asked.destroy(instance) runtimes[instance] = nil end

function handle(message)
    local before = current
    local instance = message[2]
    current = runtimes[instance]
    local answer = asked[message[1]](table.unpack(message, 2))
    current = before
    return answer
end

while true do
    local answer = handle(receive())
    give_back()
    send('answer', answer)
end
