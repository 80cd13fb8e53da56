// server.lua in JavaScript: name it in fxmanifest.lua instead of server.lua, or use it in your own resource.

// Some events wrap their data in an array of one.
function dataOf(jsonText) {
	const { data } = JSON.parse(jsonText);
	return Array.isArray(data) ? data[0] : data;
}

on('sonoran:EVENT_911', jsonText => {
	const { call } = dataOf(jsonText);
	console.log(`911 from ${call.caller} at ${call.location}: ${call.description}`);
});

on('sonoran:EVENT_UNIT_PANIC', jsonText => {
	const unit = dataOf(jsonText);
	if (unit.isPanic) console.log(`PANIC of unit ${(unit.identIds || [unit.identId]).join(', ')}`);
});

on('sonoran:SESSION_READY', (jsonText, server) => console.log(`events of CAD server ${server} flow`));

// Positions for the live map, as often as you like: the library sends each unit's newest one as soon as the hub
// allows it. communityUserId, roblox, apiId or identId identifies a unit.
//
//     exports.sonoran.sendUnitLocations([{ communityUserId: 'license:...', location: 'Vinewood Blvd', coordinates: GetEntityCoords(ped) }])
