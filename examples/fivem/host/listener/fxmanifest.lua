fx_version 'cerulean'
game 'common'

server_script 'Listener.net.dll'
