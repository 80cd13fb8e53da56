// For TypeScript and editors that know it: `/// <reference path="../sonoran/types/sonoran.d.ts" />`. Nothing loads it
// on the server. With @citizenfx/server beside it, `exports.sonoran` and `on` have these types too.

/** One of communityUserId, roblox, apiId and identId identifies the unit. */
interface SonoranUnitLocation {
	location: string;
	communityUserId?: string;
	roblox?: number;
	apiId?: string | number;
	identId?: string | number;
	coordinates?: { x: number; y: number; z?: number; w?: number } | number[];
	peerId?: string;
	vehicle?: Record<string, unknown>;
}

interface SonoranExports {
	/** True: the valid updates were taken. Call it as often as you like; each unit's newest location is sent. */
	sendUnitLocations(units: SonoranUnitLocation[] | Record<string, SonoranUnitLocation> | string, server?: number): boolean;
	/** Calls a method of the hub; `value` is its result as JSON text. Rejects with the hub's or the library's message. */
	call(method: string, args?: unknown[] | string, server?: number): Promise<{ state: 3; value: string }>;
	/** The number of the SESSION_CALL_RESULT event that follows; 0 when the console says why there is none. */
	invoke(method: string, args?: unknown[] | string, server?: number): number;
	/** Hands over an event that reached you by HTTP. */
	ingest(body: string | Record<string, unknown>, server?: number): boolean;
	isReady(server?: number): boolean;
	/** JSON text: each server's state and figures. */
	status(): string;
}

/** An event from the CAD, or, if its type starts with SESSION_, from the connection. */
interface SonoranEvent {
	type: string;
	data?: any;
	[member: string]: any;
}

type SonoranEventHandler = (event: SonoranEvent, server: number, jsonText: string) => void | Promise<void>;

/** From `server_script '@sonoran/lib/sonoran.js'`. */
declare const Sonoran: {
	/** `type`: EVENT_911 and so on, or '*' for all. */
	on(type: string, handler: SonoranEventHandler): void;
	/** The hub's result. */
	call(method: string, args?: unknown[], server?: number): Promise<unknown>;
};

interface CitizenExports {
	sonoran: SonoranExports;
}

declare function on(event: 'sonoran:event', handler: (type: string, jsonText: string, server: number) => void): void;
declare function on(event: 'sonoran:events', handler: (events: [type: string, jsonText: string, server: number][]) => void): void;
