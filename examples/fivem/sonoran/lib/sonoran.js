// For your own resource: `server_script '@sonoran/lib/sonoran.js'` in its manifest, above your scripts. Then
//
//     Sonoran.on('EVENT_911', (event, server) => console.log(event.data.call.caller));
//
// A tick's events come together in lists, which this file splits. That costs the server a fraction of what
// on('sonoran:EVENT_911', ...) does. Server scripts have it, client scripts do not.
(() => {
	'use strict';
	if (!IsDuplicityVersion()) return;

	const handlers = new Map();

	function tell(list, ...args) {
		for (const handler of list || []) {
			const failed = error => console.log(`A handler of Sonoran.on failed: ${error && error.stack || error}`);
			try {
				Promise.resolve(handler(...args)).catch(failed);
			} catch (error) {
				failed(error);
			}
		}
	}

	on('sonoran:events', events => {
		for (const [kind, text, server] of events) {
			if (!handlers.has(kind) && !handlers.has('*')) continue;
			const event = JSON.parse(text);
			tell(handlers.get(kind), event, server, text);
			tell(handlers.get('*'), event, server, text);
		}
	});

	globalThis.Sonoran = {
		on(kind, handler) {
			kind = kind.toUpperCase();
			if (!handlers.has(kind)) handlers.set(kind, []);
			handlers.get(kind).push(handler);
		},
		async call(method, args = [], server) {
			return JSON.parse((await globalThis.exports.sonoran.call(method, args, server)).value);
		},
	};

	// Works whichever of the two resources starts first.
	on('sonoran:hello', () => emit('sonoran:listen'));
	emit('sonoran:listen');
})();
