fx_version 'cerulean'
games {'gta5'}

server_scripts {
    'core/apiws.js'
    ,'core/httpd.lua'
    ,'submodules/locations/sv_locations.lua'
}
