fx_version 'cerulean'
game 'common'

server_scripts {
    '@sonoran/lib/sonoran.lua',
    'count.lua'
}
