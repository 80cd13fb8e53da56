// The JavaScript side of the stand-in for FXServer: runs the scripts of any number of resources, each in a context
// with the globals that FXServer gives a server script. It talks to the host over stdin and stdout; see
// ../server/ChildRuntime.cs. Between two ticks Node's event loop stands still, as in FXServer.
'use strict';

const fs = require('fs');
const vm = require('vm');
const { Decoder, Encoder, ExtData, ExtensionCodec } = require('@msgpack/msgpack');

const FUNCTION = 10, LOCAL_FUNCTION = 11;
const runtimes = new Map();
let current = null; // the running runtime

// frames ---------------------------------------------------------------------------------------------------------

const encoder = new Encoder({ forceIntegerToFloat: false, ignoreUndefined: true });
const frameDecoder = new Decoder();

function readFully(length) {
	const buffer = Buffer.alloc(length);
	for (let have = 0; have < length;) {
		let count = 0;
		try {
			count = fs.readSync(0, buffer, have, length - have);
		} catch (error) {
			if (error.code === 'EAGAIN') continue;
			throw error;
		}
		if (count === 0) process.exit(0);
		have += count;
	}
	return buffer;
}

function send(...message) {
	const body = encoder.encode(message);
	const frame = Buffer.alloc(4 + body.length);
	frame.writeUInt32BE(body.length);
	frame.set(body, 4);
	for (let sent = 0; sent < frame.length;) sent += fs.writeSync(1, frame, sent);
}

const receive = () => frameDecoder.decode(readFully(readFully(4).readUInt32BE()));

function native(runtime, name, ...args) {
	const before = current;
	send('native', runtime.instance, name, ...args);
	for (;;) {
		const message = receive();
		if (message[0] === 'answer') {
			current = before;
			return message[1];
		}
		send('answer', handle(message));
	}
}

// a runtime ------------------------------------------------------------------------------------------------------

class Runtime {
	constructor(instance, resource) {
		Object.assign(this, { instance, resource, functions: new Map(), next: 0, handlers: new Map(), timers: new Set() });
		this.collected = new FinalizationRegistry(reference => runtimes.has(instance) && native(this, 'DeleteFunctionReference', reference));
		const codec = new ExtensionCodec();
		codec.register({ type: FUNCTION, encode: value => typeof value === 'function' ? Buffer.from(this.refer(value)) : null, decode: data => this.remote(Buffer.from(data).toString()) });
		codec.register({ type: LOCAL_FUNCTION, encode: () => null, decode: data => this.remote(Buffer.from(data).toString()) });
		// FXServer's JavaScript turns vectors into bytes of an unknown type
		for (const type of [20, 21, 22, 23]) codec.register({ type, encode: () => null, decode: data => new ExtData(type, data) });
		this.encoder = new Encoder({ extensionCodec: codec });
		this.decoder = new Decoder({ extensionCodec: codec });
		this.context = vm.createContext(this.globals());
	}

	pack(value) {
		const before = current;
		current = this;
		const bytes = Buffer.from(this.encoder.encode(value));
		current = before;
		return bytes;
	}

	unpack(bytes) {
		return this.decoder.decode(bytes);
	}

	refer(callback) {
		this.functions.set(this.next, { callback, holders: 0 });
		return `${this.resource}:${this.instance}:${this.next++}`;
	}

	remote(reference) {
		native(this, 'DuplicateFunctionReference', reference);
		const call = (...args) => {
			const answer = native(this, 'InvokeFunctionReference', reference, this.pack(args));
			const results = answer && answer.length > 0 ? this.unpack(answer) : null;
			if (results === null) throw new Error(`Error in nested ref call for ${this.resource}: the reference ${reference} wasn't valid`);
			const first = results[0];
			if (!first || !first.__cfx_async_retval) return first;
			return new Promise((resolve, reject) => first.__cfx_async_retval((values, error) => error != null ? reject(error) : resolve(values[0])));
		};
		this.collected.register(call, reference);
		return call;
	}

	trace(text) {
		native(this, 'Trace', String(text));
	}

	report(where, error) {
		this.trace(`^1SCRIPT ERROR in ${where}: ${error && error.stack || error}^7`);
	}

	on(name, handler) {
		if (!this.handlers.has(name)) this.handlers.set(name, []);
		this.handlers.get(name).push(handler);
		native(this, 'RegisterResourceAsEventHandler', name);
	}

	emit(name, ...args) {
		native(this, 'TriggerEvent', name, this.pack(args));
	}

	globals() {
		const kept = {};
		const eventOf = (resource, name) => `__cfx_export_${resource}_${name}`;
		this.on('onServerResourceStop', resource => kept[resource] = {});
		const exports = new Proxy(() => { }, {
			get: (_, resource) => new Proxy({}, {
				get: (_, name) => {
					kept[resource] = kept[resource] || {};
					if (!kept[resource][name]) this.emit(eventOf(resource, name), exported => kept[resource][name] = exported);
					if (!kept[resource][name]) throw new Error(`No such export ${name} in resource ${resource}`);
					return (...args) => kept[resource][name](...args);
				},
			}),
			apply: (_, self, [name, exported]) => this.on(eventOf(this.resource, name), take => take(exported)),
		});
		const timed = (set, clear) => (callback, ...rest) => {
			const timer = set((...args) => this.run('timer', () => callback(...args)), ...rest);
			this.timers.add(() => clear(timer));
			return timer;
		};
		const globals = {
			exports, Buffer, URL,
			console: Object.fromEntries(['log', 'warn', 'error', 'info'].map(name => [name, (...words) => this.trace(words.join(' '))])),
			setTimeout: timed(setTimeout, clearTimeout), setInterval: timed(setInterval, clearInterval), setImmediate: timed(setImmediate, clearImmediate),
			clearTimeout, clearInterval, clearImmediate, require,
			on: this.on.bind(this), AddEventHandler: this.on.bind(this), emit: this.emit.bind(this), TriggerEvent: this.emit.bind(this),
			GetCurrentResourceName: () => this.resource,
			IsDuplicityVersion: () => true,
		};
		for (const name of ['GetConvar', 'GetResourceState', 'LoadResourceFile']) globals[name] = (...args) => native(this, name, ...args);
		globals.global = globals.globalThis = globals;
		return globals;
	}

	run(where, body) {
		const before = current;
		current = this;
		try {
			const result = body();
			if (result instanceof Promise) result.catch(error => runtimes.has(this.instance) && this.report(where, error));
			return result;
		} catch (error) {
			this.report(where, error);
		} finally {
			current = before;
		}
	}
}

// what the host asks for -----------------------------------------------------------------------------------------

const asked = {
	create(instance, resource) {
		const runtime = new Runtime(instance, resource);
		runtimes.set(instance, runtime);
	},
	load(instance, code, shown) {
		const runtime = runtimes.get(instance);
		runtime.run(shown, () => new vm.Script(code, { filename: shown }).runInContext(runtime.context));
	},
	event(instance, name, payload, source) {
		const runtime = runtimes.get(instance);
		const handlers = runtime.handlers.get(name);
		if (!handlers) return;
		if (source.startsWith('net')) return runtime.trace(`Event ${name} was not safe for net`);
		const values = runtime.unpack(payload) || [];
		for (const handler of [...handlers]) runtime.run(`event ${name}`, () => handler(...values));
	},
	call(instance, number, payload) {
		const runtime = runtimes.get(instance);
		const entry = runtime.functions.get(number);
		if (!entry) {
			runtime.trace(`Invalid ref call attempt: ${number}`);
			return runtime.pack([]);
		}
		const failed = {};
		const result = (() => {
			try {
				return entry.callback(...runtime.unpack(payload));
			} catch (error) {
				runtime.report('call ref', error);
				return failed;
			}
		})();
		if (result === failed) return runtime.pack(null);
		// a promise of another context, which instanceof does not recognize
		if (!result || typeof result.then !== 'function') return runtime.pack([result === undefined ? null : result]);
		return runtime.pack([{ __cfx_async_retval: callback => void result
			.then(value => callback([value === undefined ? null : value], null), error => callback(null, String(error && error.message || error)))
			.catch(error => runtimes.has(instance) && runtime.report('promise', error)) }]);
	},
	duplicate(instance, number) {
		const entry = runtimes.get(instance).functions.get(number);
		if (entry) entry.holders++;
		return !!entry;
	},
	remove(instance, number) {
		const { functions } = runtimes.get(instance);
		const entry = functions.get(number);
		if (entry && --entry.holders <= 0) functions.delete(number);
	},
	destroy(instance) {
		for (const clear of runtimes.get(instance).timers) clear();
		runtimes.delete(instance);
	},
	tick() { },
};

function handle(message) {
	const before = current;
	current = runtimes.get(message[1]) || null;
	try {
		return asked[message[0]](...message.slice(1));
	} finally {
		current = before;
	}
}

(async () => {
	for (;;) {
		const message = receive();
		const answer = handle(message);
		// promises settle and timers fire while the server ticks
		if (message[0] === 'tick') await new Promise(setImmediate);
		send('answer', answer);
	}
})();
