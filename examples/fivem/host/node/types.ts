// Compiled, never run: checks what the annotations promise to TypeScript authors.
declare const exports: CitizenExports;

async function used(): Promise<void> {
	const taken: boolean = exports.sonoran.sendUnitLocations([{ communityUserId: 'u', location: 'l', coordinates: { x: 1, y: 2 } }], 1);
	const { value } = await exports.sonoran.call('echo', [1]);
	const text: string = value;
	const call: number = exports.sonoran.invoke('echo', '[1]');
	Sonoran.on('EVENT_911', (event, server) => console.log(event.data.call.caller, server + call, taken, text));
	on('sonoran:events', events => events.forEach(([type, jsonText, server]) => console.log(type.length, jsonText.length, server + 1)));
	// @ts-expect-error a unit has a location
	exports.sonoran.sendUnitLocations([{ communityUserId: 'u' }]);
}

declare const console: { log(...values: unknown[]): void };
