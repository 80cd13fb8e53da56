---@meta
-- For the Lua language server: add this folder to its `workspace.library`. Nothing loads it on the server.

---@class SonoranUnitLocation One of communityUserId, roblox, apiId and identId identifies the unit.
---@field location string
---@field communityUserId? string
---@field roblox? number
---@field apiId? string|number
---@field identId? string|number
---@field coordinates? vector2|vector3|vector4|{ x: number, y: number, z?: number, w?: number }
---@field peerId? string
---@field vehicle? table

---@class SonoranPromise For Citizen.Await, which returns the hub's result as JSON text, or raises the hub's message.

---@class SonoranExports
---@field sendUnitLocations fun(self: SonoranExports, units: SonoranUnitLocation[]|table<any, SonoranUnitLocation>|string, server?: integer): boolean
---@field call fun(self: SonoranExports, method: string, arguments?: any[]|string, server?: integer): SonoranPromise
---@field invoke fun(self: SonoranExports, method: string, arguments?: any[]|string, server?: integer): integer
---@field ingest fun(self: SonoranExports, body: string|table, server?: integer): boolean
---@field isReady fun(self: SonoranExports, server?: integer): boolean
---@field status fun(self: SonoranExports): string

---@class CfxExports
---@field sonoran SonoranExports

---@type CfxExports
exports = exports

---One event of one type, such as sonoran:EVENT_911.
---@alias SonoranEventHandler fun(json_text: string, server: integer, kind: string)

---Every event, as sonoran:event.
---@alias SonoranAnyEventHandler fun(kind: string, json_text: string, server: integer)

---A tick's events, as sonoran:events: each is its type, its JSON text and the number of the CAD's server.
---@alias SonoranEventsHandler fun(events: { [1]: string, [2]: string, [3]: integer }[])

---@param name 'sonoran:event'
---@param handler SonoranAnyEventHandler
---@overload fun(name: 'sonoran:events', handler: SonoranEventsHandler)
---@overload fun(name: string, handler: function)
function AddEventHandler(name, handler) end
