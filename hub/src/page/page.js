// The local hub's page. It does everything through /control, as a test would.

import { drawMap } from './map.js';

const $ = (id) => document.getElementById(id);
const MAX_LINES = 500;
const server = () => encodeURIComponent($('server').value || '1');
let state = null, stateAt = 0, next = 0, log = [];

/** Posts to the remote control. `problem`, that section's alert, shows an error. */
async function post(what, body, problem) {
  try {
    const response = await fetch(`control/${what}`, { method: 'POST', body });
    const text = await response.text();
    if (!response.ok) throw new Error(text || `HTTP ${response.status}`);
    if (problem) problem.textContent = '';
    return text && text.startsWith('{') ? JSON.parse(text) : {};
  } catch (error) {
    if (problem) problem.textContent = error.message;
    return null;
  }
}

function element(name, text, attributes = {}) {
  const made = document.createElement(name);
  made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function row(...cells) {
  const made = document.createElement('tr');
  made.append(...cells.map((cell) => {
    const td = document.createElement('td');
    td.append(cell);
    return td;
  }));
  return made;
}

const age = (ms) => (ms < 1000 ? 'now' : ms < 120000 ? `${Math.floor(ms / 1000)} s` : `${Math.floor(ms / 60000)} min`);
const clock = (at) => new Date(at).toLocaleTimeString();

/** Replaces children only when they differ: focus stays, and a screen reader announces only changes. */
function show(parent, key, make) {
  if (parent.dataset.key === key) return;
  parent.dataset.key = key;
  parent.replaceChildren(...make());
}

function drawSessions() {
  const { sessions } = state;
  show($('sessions'), JSON.stringify(sessions), () => sessions.map((session) => {
    const kick = element('button', 'Kick', { 'aria-label': `Kick server ${session.serverId}` });
    kick.onclick = () => post(`abort?serverId=${session.serverId}`, '', $('fault-problem'));
    const last = element('span', '', { 'data-last': session.serverId });
    return row(`server ${session.serverId}`, session.community, clock(session.since), last, session.serverId === 'null' ? '' : kick);
  }));
  for (const cell of document.querySelectorAll('[data-last]')) {
    const push = log.find((entry) => entry.kind === 'push' && String(entry.serverId) === cell.dataset.last);
    cell.textContent = push ? clock(push.at) : '';
  }
  $('no-session').hidden = sessions.length > 0;
}

function drawUnits() {
  const late = performance.now() - stateAt;
  const units = state.units.map((unit) => ({ ...unit, ageMs: unit.ageMs + late }));
  show($('units'), JSON.stringify(units.map((unit) => [unit.unit, unit.update, age(unit.ageMs)])), () =>
    units.map((unit) => row(unit.unit, String(unit.update.location), age(unit.ageMs))));
  drawMap($('map'), units);
  $('no-unit').hidden = units.length > 0;
}

function drawFaults() {
  const { faults, auth } = state;
  const on = { reject: auth.reject !== null, slow: faults.slowSeconds > 0, frozen: faults.frozen, rival: faults.rivals.includes(Number($('server').value)) };
  for (const button of document.querySelectorAll('[data-toggle]')) button.setAttribute('aria-pressed', on[button.dataset.toggle]);
  $('stream-now').textContent = state.streamRate > 0 ? `${Math.round(state.streamRate * 100) / 100} a second` : 'off';
}

function line(entry) {
  const place = entry.serverId === null ? '' : ` server ${entry.serverId}`;
  const to = entry.to === null || entry.to === 'websocket' ? '' : ` (${entry.to})`;
  return element('li', `${clock(entry.at)} ${entry.kind}${place}${to}  ${entry.text}`, { class: entry.kind });
}

function drawLog() {
  const newest = log.length ? log[0].number : -1;
  show($('log'), `${newest}`, () => log.map(line));
  const pushes = log.filter((entry) => entry.kind === 'push').slice(0, 20);
  show($('last'), `${pushes.length ? pushes[0].number : -1}`, () => pushes.map(line));
}

function take(data) {
  state = data;
  stateAt = performance.now();
  const fresh = data.log.entries.filter((entry) => entry.number >= next);
  // the hub was restarted
  if (data.log.next < next) log = [];
  next = data.log.next;
  log = [...fresh.reverse(), ...log].slice(0, MAX_LINES);
  drawSessions();
  drawUnits();
  drawFaults();
  drawLog();
}

function listen() {
  const live = new EventSource('control/live');
  live.onopen = () => {
    // each new connection gets the whole log
    [next, log] = [0, []];
    $('link').textContent = 'live';
    $('link').className = '';
  };
  live.onmessage = (message) => take(JSON.parse(message.data));
  live.onerror = () => {
    $('link').textContent = 'the hub is gone: waiting for it';
    $('link').className = 'lost';
  };
}

async function offerEvents() {
  // pretty-printed, because a person edits it; numbers such as 1.0 become 1
  const events = await (await fetch('control/events')).json();
  $('events').replaceChildren(...events.map((event) => {
    const button = element('button', event.type.replace(/^EVENT_/, ''), { type: 'button', title: event.type });
    button.onclick = () => {
      $('payload').value = JSON.stringify(event, null, 1);
      $('sent').textContent = '';
      $('payload').focus();
    };
    return button;
  }));
  const first = events.find((event) => event.type === 'EVENT_911') ?? events[0];
  $('payload').value = JSON.stringify(first, null, 1);
}

$('send').onsubmit = async (event) => {
  event.preventDefault();
  const answer = await post(`push?serverId=${server()}&shape=${$('shape').value}`, $('payload').value, $('payload-problem'));
  $('sent').textContent = answer ? `sent: ${answer.delivered}` : '';
};
$('payload').onkeydown = (event) => {
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) $('send').requestSubmit();
};
$('stream').onsubmit = (event) => {
  event.preventDefault();
  post(`stream?rate=${$('rate').value}`, '', $('payload-problem'));
};
$('stream-stop').onclick = () => post('stream?rate=0', '', $('payload-problem'));
for (const button of document.querySelectorAll('[data-post]')) {
  const query = () => ('withServer' in button.dataset ? `?serverId=${server()}` : '');
  button.onclick = () => post(button.dataset.post + query(), '', $('fault-problem'));
}
for (const button of document.querySelectorAll('[data-toggle]')) {
  button.onclick = () => {
    const on = button.getAttribute('aria-pressed') !== 'true';
    const what = { reject: `auth?reject=${on}`, slow: `slow?seconds=${on ? 5 : 0}`, frozen: `freeze?on=${on}`, rival: `rival?serverId=${server()}&on=${on}` };
    post(what[button.dataset.toggle], '', $('fault-problem'));
  };
}
$('fallback').onsubmit = (event) => {
  event.preventDefault();
  const url = $('fallback-url').value;
  post(`fallback?url=${encodeURIComponent(url)}&force=${$('fallback-force').checked}`, '', $('fault-problem'));
};
$('play-file').onchange = async () => {
  const [file] = $('play-file').files;
  if (!file) return;
  const played = await post(`replay?serverId=${server()}&speed=${encodeURIComponent($('speed').value)}`, await file.text(), $('played'));
  if (played) $('played').textContent = `playing ${played.events} events`;
  // allows the same file to be chosen again
  $('play-file').value = '';
};
$('replay-stop').onclick = () => post('replay/stop', '', $('played'));
$('clear').onclick = async () => {
  if (await post('clear', '', $('played'))) {
    log = [];
    if (state) drawLog();
  }
};
$('server').oninput = () => state && drawFaults();
$('url').textContent = new URL('apiWsHub', location.href).href.split('?')[0].replace(/^http/, 'ws');
setInterval(() => state && drawUnits(), 1000);
offerEvents();
listen();
