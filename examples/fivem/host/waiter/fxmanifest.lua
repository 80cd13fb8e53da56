-- below bodacious: the server's main thread stands in for .NET's thread pool
fx_version 'adamant'
game 'common'

server_script 'Waiter.net.dll'
