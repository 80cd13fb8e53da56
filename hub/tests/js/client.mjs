// Microsoft's JavaScript client against a hub: node client.mjs http://127.0.0.1:PORT
//
// Prints a line for each step that worked. After the line "restart" it expects the hub to restart on the same port;
// one push then ends the test.
import assert from "node:assert/strict";
import { HttpTransportType, HubConnectionBuilder, LogLevel } from "@microsoft/signalr";

const base = process.argv[2];
const webSocketsOnly = { transport: HttpTransportType.WebSockets };

/** A promise, and the function that fulfils it. */
function expected() {
  let arrive;
  const arrival = new Promise((resolve) => (arrive = resolve));
  return { arrive, arrival };
}

/** A queue of what arrives. */
class Inbox {
  #items = [];
  #taker;

  put = (item) => {
    this.#items.push(item);
    this.#taker?.();
  };

  async take() {
    while (this.#items.length === 0) {
      await new Promise((resolve) => (this.#taker = resolve));
    }
    return this.#items.shift();
  }
}

async function control(path, body) {
  const response = await fetch(`${base}/control/${path}`, { method: "POST", body });
  assert.equal(response.status, 200, path);
  const text = await response.text();
  return text === "" ? undefined : JSON.parse(text);
}

function build(path, options) {
  const connection = new HubConnectionBuilder()
    .withUrl(base + path, options)
    .withAutomaticReconnect({ nextRetryDelayInMilliseconds: () => 100 })
    .configureLogging(LogLevel.None)
    .build();
  const events = new Inbox();
  connection.on("pushEvent", events.put);
  return { connection, events };
}

async function authenticate(connection, server) {
  const reply = await connection.invoke("authenticatev2", "demo", "demo-key", server);
  assert.deepEqual(reply, { success: true, error: null, count: 1 });
}

async function session(name, server, path, options) {
  const { connection, events } = build(path, options);
  connection.on("question", (number) => `answer ${number}`);
  await connection.start();
  await authenticate(connection, server);

  const event = { key: "demo-key", type: "EVENT_DISPATCH_NOTE", data: { text: 'Fußgänger "🚓"\n' } };
  const text = JSON.stringify(event, null, 1);
  for (const [shape, argument] of [["object", event], ["verbatim", event], ["string", text]]) {
    assert.deepEqual(await control(`push?serverId=${server}&shape=${shape}`, text), { delivered: "websocket" });
    assert.deepEqual(await events.take(), argument, shape);
  }
  assert.deepEqual(await control("push?serverId=4000", text), { delivered: "nowhere" });
  const burst = control(`burst?serverId=${server}&count=1000&size=100`);
  for (let seq = 0; seq < 1000; seq++) {
    assert.equal((await events.take()).data.seq, seq);
  }
  assert.equal((await burst).websocket, 1000);

  const unit = { identId: 1, location: "here", coordinates: { x: 1.5, y: 2, z: 3, w: 4 } };
  const located = await connection.invoke("unitLocation", [unit, unit]);
  assert.deepEqual(located, { success: true, error: null, count: 2 });
  const refused = await connection.invoke("unitLocation", []);
  assert.equal(refused.error, "Missing unit location updates.");
  assert.deepEqual(await connection.invoke("echo", event), event);
  await assert.rejects(connection.invoke("nope"), /HubException: Method does not exist\./);
  await assert.rejects(connection.invoke("echo"), /Failed to invoke 'echo' due to an error on the server\.$/);
  await assert.rejects(connection.invoke("fail", "because"), /HubException: because$/);

  const asked = await control(`ask?serverId=${server}&target=question`, "[5]");
  assert.deepEqual(asked, { result: "answer 5", error: null });
  const unanswered = await control(`ask?serverId=${server}&target=nobody`, "[]");
  assert.deepEqual(unanswered, { result: null, error: "Client didn't provide a result." });

  // This client does not reconnect by itself after a hub's abort.
  const closed = expected();
  connection.onclose(closed.arrive);
  assert.deepEqual(await control(`abort?serverId=${server}`), { aborted: 1 });
  assert.equal(await closed.arrival, undefined);
  // It reports the close before its cleanup ends, which would discard a new transport.
  await new Promise(setImmediate);
  await connection.start();
  await authenticate(connection, server);
  assert.deepEqual(await control(`push?serverId=${server}`, text), { delivered: "websocket" });
  assert.deepEqual(await events.take(), event);
  await connection.stop();
  console.log(name);
}

async function redirected() {
  await session("redirected", 3, "/redirect", webSocketsOnly);
  const requests = await (await fetch(`${base}/control/requests`)).json();
  const shown = requests.filter((request) => request.target.includes("via=redirect"));
  assert.ok(shown.length >= 4);
  assert.ok(shown.every((request) => request.authorization === "Bearer redirect-token"));
}

async function restarted() {
  const { connection, events } = build("/apiWsHub", webSocketsOnly);
  await connection.start();
  await authenticate(connection, 4);
  const back = expected();
  connection.onreconnected(back.arrive);
  console.log("restart");
  await back.arrival;
  await authenticate(connection, 4);
  assert.deepEqual(await events.take(), { n: 1 });
  await connection.stop();
  console.log("restarted");
}

await session("negotiated", 1, "/apiWsHub", webSocketsOnly);
await session("direct", 2, "/apiWsHub", { skipNegotiation: true, ...webSocketsOnly });
await redirected();
await restarted();
