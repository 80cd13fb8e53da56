fx_version 'cerulean'
game 'common' -- FiveM and RedM

name 'sonoran'
description 'Events from Sonoran CAD for your server scripts'
version '0.1.0'

server_only 'yes'

-- The bridge to the native library. The library itself is not a script, so it is not listed here.
-- It is in runtimes/<system>/native.
server_script 'bin/Sonoran.Server.net.dll'

-- Your own handlers. server.js is the same in JavaScript.
server_script 'server.lua'
