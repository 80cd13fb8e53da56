// Microsoft's JavaScript client, measured as host.c: node client.cjs MODULES MODE URL EVENTS
"use strict";
const { createRequire } = require("node:module");
const { resolve } = require("node:path");

const [modules, mode, url, count] = process.argv.slice(2);
const { HttpTransportType, HubConnectionBuilder, LogLevel } = createRequire(`${resolve(modules)}/`)("@microsoft/signalr");
const events = Number(count);
const times = new BigInt64Array(mode === "wait" ? events : 0);
let [taken, start, computed] = [0, 0n, undefined];

function done() {
  if (mode === "wait") {
    console.log(Array.from(times, (time) => `at ${time}`).join("\n"));
  } else {
    const { user, system } = process.cpuUsage(computed);
    console.log(`ns ${process.hrtime.bigint() - start} ${(user + system) * 1000}`);
  }
  process.exit();
}

const connection = new HubConnectionBuilder()
  .withUrl(url.replace(/^ws/, "http"), { skipNegotiation: true, transport: HttpTransportType.WebSockets })
  .configureLogging(LogLevel.None)
  .build();
connection.on("pushEvent", () => {
  if (mode === "wait") times[taken] = process.hrtime.bigint();
  taken += 1;
  if (taken === 1) [start, computed] = [process.hrtime.bigint(), process.cpuUsage()];
  if (taken === events) done();
});
// the generator gives up first
connection.onclose(() => process.exit(1));
connection
  .start()
  .then(() => connection.invoke("authenticatev2", "demo", "demo-key", 1))
  .catch((error) => {
    console.error(String(error));
    process.exit(1);
  });
