// Tests the hub's page in Chromium, and takes its pictures: node page.mjs [--pictures FOLDER]
//
// SONORAN_HUB is the hub, SONORAN the program sonoran, SONORAN_DEMO the C example, CHROMIUM the browser.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { chromium } from 'playwright-core';

const PATIENCE = 60000;
const pictures = process.argv[2] === '--pictures' ? process.argv[3] : null;
const folder = mkdtempSync(join(tmpdir(), 'sonoran-page-'));
const children = [];
// nothing may hang: a run that takes longer than this has failed
setTimeout(() => { console.error('the tests of the page took too long'); leave(1); }, 5 * PATIENCE).unref();

function leave(code) {
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
  process.exit(code);
}

/** Starts a program and offers its lines, each once. */
function start(program, args, env = {}) {
  const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'inherit'] });
  children.push(child);
  const lines = [], waiting = [];
  createInterface({ input: child.stdout }).on('line', (line) => { lines.push(line); waiting.forEach((look) => look()); });
  child.next = (part) => new Promise((resolve, reject) => {
    const limit = setTimeout(() => reject(new Error(`${program} never printed ${part}: ${lines.join('\n')}`)), PATIENCE);
    const look = () => {
      const at = lines.findIndex((line) => line.includes(part));
      if (at < 0) return;
      clearTimeout(limit);
      waiting.splice(waiting.indexOf(look), 1);
      resolve(lines.splice(0, at + 1).pop());
    };
    waiting.push(look);
    look();
  });
  return child;
}

const hub = start(process.env.SONORAN_HUB, ['--json', '--stop-on-eof']);
const { http, url, page: address } = JSON.parse(await hub.next('"port"'));
const demo = start(process.env.SONORAN_DEMO, ['demo', '1', url], { SONORAN_API_KEY: 'demo-key' });
await demo.next('SESSION_READY');

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ['--no-sandbox'] });
const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, acceptDownloads: true });
context.setDefaultTimeout(PATIENCE);
const page = await context.newPage();
const foreign = [], problems = [];
page.on('request', (request) => { if (!/^(data:|blob:)/.test(request.url()) && !request.url().startsWith(http)) foreign.push(request.url()); });
page.on('pageerror', (error) => problems.push(error.message));
page.on('console', (message) => { if (message.type() === 'error') problems.push(message.text()); });

async function test(name, run) {
  await run();
  console.log(`ok  ${name}`);
}
const session = () => page.getByRole('row', { name: /server 1 demo/ });

try {
  await test('a session is shown while it lasts', async () => {
    await page.goto(address);
    await session().waitFor();
  });

  await test('an edited event arrives in the C example', async () => {
    await page.getByRole('button', { name: '911', exact: true }).click();
    const payload = page.getByLabel('Payload');
    await payload.fill((await payload.inputValue()).replace('John Doe', 'Jane from the page'));
    await page.getByRole('button', { name: 'Send' }).click();
    assert.match(await demo.next('EVENT_911'), /Jane from the page/);
    await page.getByText('sent: websocket').waitFor();
    await page.getByLabel('Last events sent').getByText('Jane from the page').waitFor();
  });

  await test('what is no JSON is told', async () => {
    await page.getByLabel('Payload').fill('{');
    await page.getByRole('button', { name: 'Send' }).click();
    await page.getByRole('alert').filter({ hasText: 'no JSON' }).waitFor();
    problems.length = 0; // the browser logs the refusal
  });

  await test('the keyboard alone sends an event', async () => {
    await page.getByRole('button', { name: 'TONE', exact: true }).focus();
    await page.keyboard.press('Enter');
    await page.keyboard.press('Control+Enter');
    await demo.next('EVENT_TONE');
  });

  await test('a kicked session comes back', async () => {
    await page.getByRole('button', { name: 'Kick server 1' }).click();
    await demo.next('SESSION_LOST');
    await demo.next('SESSION_READY');
    await session().waitFor();
  });

  await test('a restarted hub gets its session back', async () => {
    await page.getByRole('button', { name: 'Restart', exact: true }).click();
    await demo.next('SESSION_LOST');
    await demo.next('SESSION_READY');
  });

  await test('credentials are refused and accepted again', async () => {
    const refuse = page.getByRole('button', { name: 'Refuse credentials' });
    await refuse.click();
    await page.locator('[data-toggle=reject][aria-pressed=true]').waitFor();
    await refuse.click();
    await page.locator('[data-toggle=reject][aria-pressed=false]').waitFor();
  });

  await test('a stream runs at a rate and stops', async () => {
    await page.getByLabel('events a second').fill('20');
    await page.getByRole('button', { name: 'Start', exact: true }).click();
    await page.getByText('20 a second').waitFor();
    for (let count = 0; count < 3; count++) await demo.next('EVENT_');
    await page.getByRole('button', { name: 'Stop', exact: true }).click();
    await page.getByText('off', { exact: true }).waitFor();
  });

  await test('what was pushed is saved, played, and saved again byte for byte', async () => {
    const save = async () => {
      const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Save as a recording' }).click()]);
      return readFileSync(await download.path(), 'utf8');
    };
    const events = (recording) => recording.trim().split('\n').map((line) => line.slice(line.indexOf('"event":')));
    const first = await save();
    await page.getByRole('button', { name: 'Clear' }).click();
    await page.locator('#log .push').first().waitFor({ state: 'detached' });
    writeFileSync(join(folder, 'night.jsonl'), first);
    await page.getByLabel('Speed: a factor, or max').fill('max');
    await page.getByLabel('Play a recording').first().setInputFiles(join(folder, 'night.jsonl'));
    await page.getByText(/played: \d+ to a session, 0 elsewhere/).first().waitFor();
    const second = await save();
    assert.ok(events(first).length > 3);
    assert.deepEqual(events(second), events(first));
  });

  await test('units are on the map with their age', async () => {
    const unit = (id, x, y) => ({ communityUserId: id, location: `${id} Street`, coordinates: { x, y, z: 30 } });
    const units = [unit('steam:1', -120, 300), unit('steam:2', 420, -180), unit('steam:3', 800, 240)];
    await sendUnits(units);
    await page.getByRole('row', { name: /steam:2 Street/ }).waitFor();
    assert.equal(await page.locator('#map circle').count(), 3);
    assert.match(await page.locator('#map').getAttribute('aria-label'), /steam:3 at steam:3 Street/);
  });

  await test('everything that can be used has a name', async () => {
    const nameless = await page.locator('button, input, select, textarea, a, [role=img], [tabindex]').evaluateAll((elements) => elements
      .filter((element) => !(element.getAttribute('aria-label') || element.labels?.[0]?.textContent.trim() || element.textContent.trim()))
      .map((element) => element.outerHTML));
    assert.deepEqual(nameless, []);
  });

  await test('text can be read in the light and in the dark, in a wide window and in a narrow one', async () => {
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme });
      for (const width of [1280, 360]) {
        await page.setViewportSize({ width, height: 900 });
        const wider = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        assert.ok(wider <= 0, `${colorScheme}, ${width}: the page is ${wider} px wider than its window`);
        const poor = await page.evaluate(contrast);
        assert.deepEqual(poor, [], colorScheme);
      }
    }
  });

  if (pictures) await takePictures();
  assert.deepEqual(foreign, [], 'the page asked other hosts');
  assert.deepEqual(problems, [], 'the page has errors');
  await browser.close();
  leave(0);
} catch (error) {
  console.error(error);
  console.error(await page.locator('#log').innerText().catch(() => ''));
  leave(1);
}

/** Sends unit locations from the page, as a plain SignalR client does. */
async function sendUnits(units) {
  await page.evaluate(async ([url, units, patience]) => {
    const socket = new WebSocket(url);
    const until = (part) => new Promise((resolve, reject) => {
      setTimeout(() => reject(new Error(`no ${part}`)), patience);
      socket.onclose = () => reject(new Error('closed'));
      socket.onmessage = ({ data }) => data.includes(part) && resolve();
    });
    await new Promise((resolve, reject) => { [socket.onopen, socket.onerror] = [resolve, reject]; });
    const send = (record) => socket.send(`${JSON.stringify(record)}\x1e`);
    send({ protocol: 'json', version: 1 });
    send({ type: 1, invocationId: '1', target: 'authenticate', arguments: ['demo', 'demo-key', 2] });
    await until('"invocationId":"1"');
    send({ type: 1, invocationId: '2', target: 'unitLocation', arguments: [units] });
    await until('"count":3');
    socket.close();
  }, [url, units, PATIENCE]);
}

/** Runs in the page: texts whose contrast is below 4.5 to 1. */
function contrast() {
  const light = (color) => {
    const [r, g, b] = color.match(/[\d.]+/g).slice(0, 3).map((part) => part / 255).map((part) => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = getComputedStyle(at).backgroundColor;
      if (!/rgba\(.*, 0\)/.test(color)) return color;
    }
    return 'rgb(255, 255, 255)';
  };
  return [...document.querySelectorAll('h1, h1 span, h2, h3, p, th, td, li, label, button, a.button, output, code')]
    .filter((element) => element.offsetParent && element.textContent.trim())
    .map((element) => {
      const [a, b] = [light(getComputedStyle(element).color), light(behind(element))].sort((x, y) => y - x);
      return { what: element.textContent.trim().slice(0, 30), ratio: (a + 0.05) / (b + 0.05) };
    })
    .filter(({ ratio }) => ratio < 4.5);
}

/** Takes the README's pictures: the page, and a terminal with what `sonoran check` and `tail` print. */
async function takePictures() {
  await page.emulateMedia({ colorScheme: 'light' });
  await page.setViewportSize({ width: 1280, height: 900 });
  await page.getByRole('button', { name: '911', exact: true }).click();
  await page.evaluate(() => document.activeElement.blur());
  await page.mouse.move(0, 0);
  await page.locator('#payload').evaluate((payload) => { payload.scrollTop = 0; });
  await page.screenshot({ path: join(pictures, 'workbench.png') });

  demo.kill('SIGINT');
  await demo.next('SESSION_CLOSED');
  const env = { ...process.env, SONORAN_API_KEY: 'demo-key' };
  const run = (...words) => spawnSync(process.env.SONORAN, [...words, '--color', 'always', '--community', 'demo', '--server', '7', '--url', url], { env, timeout: PATIENCE, encoding: 'utf8' }).stdout;
  await fetch(`${http}/control/stream?rate=4`, { method: 'POST' });
  const good = run('check');
  const tail = run('tail', '--count', '5');
  await fetch(`${http}/control/auth?reject=true`, { method: 'POST' });
  const bad = run('check');
  const text = `$ sonoran check\n${good}\n$ sonoran check\n${bad}\n$ sonoran tail\n${tail}`;
  const classes = { 32: 'good', '1;31': 'bad', 33: 'note', 2: 'quiet' };
  const html = text.replace(/&/g, '&amp;').replace(/</g, '&lt;')
    .replace(/\x1b\[0m/g, '</span>').replace(/\x1b\[([\d;]+)m/g, (_, code) => `<span class="${classes[code]}">`);
  // a separate page, because the hub's policy forbids inline styles
  const terminal = await context.newPage();
  await terminal.setContent(`<style>body{margin:0;background:#10151b}pre{color:#e4eaf1;font:14px/1.4 "DejaVu Sans Mono",monospace;padding:16px;margin:0;
    white-space:pre-wrap;width:1180px}.good{color:#79d79b}.bad{color:#ff9d94;font-weight:700}.note{color:#f0c674}.quiet{color:#a0acba}</style><pre>${html}</pre>`);
  await terminal.locator('pre').screenshot({ path: join(pictures, 'check.png') });
  problems.length = 0;
}
