rockspec_format = "3.0"
package = "sonoran"
version = "0.1.0-1"
source = {
  url = "file://sonoran-0.1.0.tar.gz",
}
description = {
  summary = "Events from Sonoran CAD's websocket hub for LuaJIT hosts",
  detailed = [[
A LuaJIT FFI binding of libsonoran. The rock holds Lua code only: put libsonoran.so or sonoran.dll of the same
release where you like, and give its full path to load.]],
  license = "MIT OR Apache-2.0",
}
dependencies = {
  "lua == 5.1", -- as LuaJIT presents itself
}
build = {
  type = "builtin",
  modules = {
    sonoran = "sonoran.lua",
  },
}
