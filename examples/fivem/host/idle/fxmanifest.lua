fx_version 'cerulean'
game 'common'

server_script 'Idle.net.dll'
