// Stands in for SonoranCAD's own core/apiws.js. It has the same export but no session with the CAD: the sonoran
// resource holds that session, gives SonoranCAD its events and takes its unit locations. Copy this file over
// sonorancad/core/apiws.js and name that path in sonorancad/configuration/updateIgnore.json; the README has the line.
//
// The two resources communicate only through events, and each handover is acknowledged before `emit` returns. Neither
// keeps a function of the other, so either may be restarted, or crash, at any time. What is not acknowledged is handed
// over again.
(() => {
	'use strict';

	const RESOURCE = GetCurrentResourceName();
	const RETRY_MS = 1000;
	const PATIENCE = 10; // retries before the console says that nobody takes anything
	const MOST_POSTED = 1000;

	// The documented types of push events. SonoranCAD hands the whole event to whoever registers for its type.
	const TYPES = new Set([
		'EVENT_911', 'EVENT_CHAR_SELECTED', 'EVENT_COMMUNITY_LINK_VERIFIED', 'EVENT_DISPATCH_CLOSED', 'EVENT_DISPATCH_EDIT',
		'EVENT_DISPATCH_NEW', 'EVENT_DISPATCH_NOTE', 'EVENT_DISPATCH_TOGGLE_BODYCAM', 'EVENT_DISPATCH_UNIT_ATTACH',
		'EVENT_DISPATCH_UNIT_DETACH', 'EVENT_NEW_CALLOUT', 'EVENT_PAGER_REBORN', 'EVENT_PRINT_RECORD', 'EVENT_RECORD_ADD',
		'EVENT_RECORD_EDIT', 'EVENT_RECORD_REMOVE', 'EVENT_REMOVE_911', 'EVENT_STATION_ALERT', 'EVENT_STREETSIGN_UPDATED',
		'EVENT_TONE', 'EVENT_UNIT_GROUP_ADD', 'EVENT_UNIT_GROUP_CHANGE_NAME', 'EVENT_UNIT_GROUP_REMOVE', 'EVENT_UNIT_LOGIN',
		'EVENT_UNIT_LOGOUT', 'EVENT_UNIT_PANIC', 'EVENT_UNIT_STATUS', 'EVENT_UNIT_UPDATE', 'GET_LOGS',
	]);

	const units = new Map(); // the newest location of each unit, until it is taken
	const posted = []; // events that the CAD posted, as JSON, until they are taken
	const onTheirWay = new Map(); // the numbers of the events of other types that SonoranCAD is handling, by type
	const run = `${Date.now()} ${Math.random()}`; // tells one start of this resource from the next
	let started = false;
	let kept = false;
	let misses = 0;

	function readJson(file) {
		try {
			return JSON.parse(LoadResourceFile(RESOURCE, file)) || {};
		} catch (error) {
			return {};
		}
	}

	// SonoranCAD compares the key of each event with its own.
	function apiKey() {
		const key = GetConvar('sonoran_apiKey', 'NONE');
		return key === 'NONE' || key === 'protection_initialized' ? readJson('configuration/config.json').apiKey || '' : key;
	}

	function handOver(event, value) {
		kept = false;
		emit(event, value);
		return kept;
	}

	/** False: the other end is missing, and this end keeps everything for it. */
	function handOverAll() {
		const batch = [...units];
		if (batch.length > 0) {
			if (!handOver('sonoran:cad:units', batch.map(([, unit]) => unit))) return false;
			for (const [id, unit] of batch) if (units.get(id) === unit) units.delete(id);
		}
		for (; posted.length > 0; posted.shift()) if (!handOver('sonoran:cad:posted', posted[0])) return false;
		return true;
	}

	on('sonoran:cad:kept', () => {
		kept = true;
	});

	// From the CAD to SonoranCAD. ---------------------------------------------------------------------------------

	/** The event with the key, if it has none, and with the number that identifies it when SonoranCAD is done with it. */
	function marked(json, number) {
		const keyed = json.includes('"key"') && 'key' in JSON.parse(json);
		const key = keyed ? '' : `"key":${JSON.stringify(apiKey())},`;
		return `{${key}"sonoran":${number},${json.slice(json.indexOf('{') + 1)}`;
	}

	on('sonoran:cad:events', events => {
		for (const [number, json] of events) {
			const type = String(JSON.parse(json).type).toUpperCase();
			if (!TYPES.has(type)) onTheirWay.set(type, [...onTheirWay.get(type) || [], number]);
			emit('SonoranCAD::pushevents:shim', marked(json, number));
		}
		emit('sonoran:cad:heard');
	});

	// SonoranCAD handles events in threads that start a tick later and end when it stops. What it has not done by then
	// is handed over again after its restart.
	function done(number) {
		emit('sonoran:cad:done', number);
	}

	// While no session is up, the CAD posts to SonoranCAD's HTTP handler. Those who listen to the sonoran resource must
	// get these events too.
	function fromHttp({ key, ...event }) {
		if (posted.length >= MOST_POSTED) {
			posted.shift();
			console.log('An event that the CAD posted is dropped for those who listen to the sonoran resource: it is not running.');
		}
		posted.push(JSON.stringify(event));
		handOverAll();
	}

	on('SonoranCAD::pushevents:OtherEvent', (type, data) => {
		if (TYPES.has(type)) return; // arrives whole, through the registration
		const numbers = onTheirWay.get(type) || [];
		if (numbers.length > 0) done(numbers.shift());
		else fromHttp({ type, data });
	});

	function announce() {
		emit('sonoran:cad:ready', run);
		handOverAll();
	}

	on('sonoran:cad:hello', () => {
		// Until the start is complete, SonoranCAD's handlers are missing.
		if (started) announce();
	});

	on('onResourceStart', resource => {
		if (resource !== RESOURCE) return;
		started = true;
		for (const type of TYPES) {
			emit('SonoranCAD::RegisterPushEvent', type, event => {
				if (event.sonoran === undefined) fromHttp(event);
				else done(event.sonoran);
			});
		}
		announce();
	});

	// From SonoranCAD to the CAD. ---------------------------------------------------------------------------------

	// SonoranCAD's sender calls this without protection and forgets what it passed: never throw, never lose anything.
	exports('sendUnitLocations', async updates => {
		let taken = false;
		for (const unit of Object.values(updates || {})) {
			if (!unit || typeof unit !== 'object' || typeof unit.location !== 'string' || unit.location === '') continue;
			const name = ['communityUserId', 'roblox', 'apiId', 'identId'].find(field => unit[field]);
			if (name === undefined) continue;
			units.set(`${name} ${unit[name]}`, unit);
			taken = true;
		}
		handOverAll();
		return taken;
	});

	setInterval(() => {
		if (handOverAll()) misses = 0;
		else if (++misses === PATIENCE) console.log('The sonoran resource is not running: no live map and no events from the CAD until it is. `ensure sonoran` starts it.');
	}, RETRY_MS);

	// Console messages. -------------------------------------------------------------------------------------------

	console.log('core/apiws.js is that of the sonoran resource: events and unit locations go through its session.');

	const slashes = path => String(path || '').replace(/\\/g, '/');
	const own = `/${RESOURCE}/core/apiws.js`;
	const { ignore } = readJson('configuration/updateIgnore.json');
	if (!Array.isArray(ignore) || !ignore.some(entry => entry && entry.path && own.includes(slashes(entry.path).replace(/^\/?/, '/')))) {
		console.log(`The next update of SonoranCAD would undo that: add { "path": "${own}", "reason": "sonoran" } to the list in configuration/updateIgnore.json.`);
	}
})();
