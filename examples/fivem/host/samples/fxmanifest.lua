fx_version 'cerulean'
game 'common'

server_scripts {
    '@sonoran/server.js',
    '@sonoran/lib/sonoran.lua',
    '@sonoran/lib/sonoran.js',
    'samples.lua',
    'samples.js'
}
