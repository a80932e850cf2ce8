// Opens the page in Chromium, uses all its controls, and writes saved files and screenshots to a folder:
//
//   node page.mjs FOLDER
//
// CHROMIUM names the browser. Times are printed but not checked. Every wait ends when its condition is
// true, or after three minutes.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { checkAccess } from './access.mjs';

const out = process.argv[2];
mkdirSync(out, { recursive: true });
const here = (path) => fileURLToPath(new URL(path, import.meta.url));

// The server from docs/web.md, on any free port.
const server = spawn('python3', ['-u', '-m', 'http.server', '0', '--bind', '127.0.0.1', '--directory', here('../page')], {
  stdio: ['ignore', 'pipe', 'ignore'],
});
process.on('exit', () => server.kill());
const [line] = await once(server.stdout, 'data');
const origin = `http://127.0.0.1:${/port (\d+)/.exec(line)[1]}`;

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: [
    ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
    ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
  ],
});
const page = await browser.newPage({ viewport: { width: 1180, height: 1000 }, colorScheme: 'light' });
page.setDefaultTimeout(180_000);

const complaints = [];
page.on('console', (message) => complaints.push(`${message.type()}: ${message.text()}`));
page.on('pageerror', (error) => complaints.push(`${error}`));
page.on('requestfailed', (request) => complaints.push(`failed: ${request.url()}`));
page.on('response', (response) => response.ok() || complaints.push(`${response.status()}: ${response.url()}`));
page.on('request', (request) => {
  const { protocol, origin: to } = new URL(request.url());
  if (to !== origin && protocol !== 'blob:') complaints.push(`request to another host: ${request.url()}`);
});

const value = (id) => page.locator(`#${id}`).evaluate((output) => output.value);
const number = async (id) => Number((await value(id)).replace(/,/g, '').replace('∞', 'Infinity'));
const text = (id) => page.locator(`#${id}`).textContent();
const until = (id, least) =>
  page.waitForFunction(([id, least]) => Number(document.getElementById(id).value) >= least, [id, least], { polling: 50 });
const status = (pattern) =>
  page.waitForFunction(([source]) => new RegExp(source).test(document.getElementById('status').textContent), [pattern.source]);

async function step(name, work) {
  const start = performance.now();
  await work();
  console.log(`ok  ${name} (${((performance.now() - start) / 1000).toFixed(1)} s)`);
}

async function saved(button, name) {
  const [download] = await Promise.all([page.waitForEvent('download'), page.click(button)]);
  assert.equal(download.suggestedFilename(), name);
  await download.saveAs(`${out}/${name}`);
}

async function screenshot(name) {
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  await page.screenshot({ path: `${out}/${name}.png`, fullPage: true });
}

// Drops a file onto the element, as if dragged from another program.
const drop = (selector, name, type, bytes) =>
  page.evaluate(
    ([selector, name, type, base64]) => {
      const data = new DataTransfer();
      data.items.add(new File([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], name, { type }));
      const zone = document.querySelector(selector);
      const fire = (kind) => zone.dispatchEvent(new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true }));
      fire('dragover');
      const hinted = getComputedStyle(document.querySelector('.hint')).display !== 'none';
      fire('drop');
      return hinted;
    },
    [selector, name, type, bytes.toString('base64')],
  );

// Waits until this many maps are shown.
const shownMaps = (count) =>
  page.waitForFunction((count) => !document.getElementById('layer').hidden && document.querySelectorAll('#maps canvas').length === count, count);
const firstMap = () => page.locator('#maps canvas').first().evaluate((canvas) => canvas.toDataURL());

async function learnsTheLogo() {
  // The page keeps drawing while it trains. This measures the longest pause.
  await page.evaluate(() => {
    let last = performance.now();
    window.longest = 0;
    const frame = (now) => {
      window.longest = Math.max(window.longest, now - last);
      last = now;
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  });
  const start = performance.now();
  const reached = new Map();
  let shown;
  for (;;) {
    const [psnr, epoch, speed] = [await number('psnr'), await value('epoch'), await value('speed')];
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    for (const level of [20, 30, 40, 50]) if (psnr >= level && !reached.has(level)) reached.set(level, seconds);
    if (psnr > 0 && psnr !== shown) console.log(`    ${seconds} s  ${psnr.toFixed(2)} dB  epoch ${epoch}  ${speed} pixels/s`);
    shown = psnr;
    if ((await text('pause')) === 'Train on') break;
    await page.waitForTimeout(2000);
  }
  console.log(`    reached: ${[...reached].map(([level, seconds]) => `${level} dB after ${seconds} s`).join(', ')}`);
  console.log(`    longest time between two frames: ${(await page.evaluate(() => window.longest)).toFixed(0)} ms`);
  assert.ok((await number('psnr')) > 40, `the logo is learned: ${await value('psnr')} dB`);
  await status(/^Finished: [\d.]+ dB/);
}

await step('opens', async () => {
  await page.goto(origin);
  await until('epoch', 0.1);
  assert.match(await text('picture-name'), /the logo of feedforward, 100 × 100/);
});

await step('shows the neurons of a layer while it trains', async () => {
  assert.equal(await page.workers()[0].evaluate(() => watched), null, 'nothing is sent yet');
  await page.fill('#epochs', '100000'); // longer than this step
  await page.keyboard.press('Enter');
  assert.match(await text('layers'), /^row, column→grid, \d+→48→48→red, green, blue$/);
  await page.hover('#layer-1');
  await shownMaps(48);
  assert.match(await text('layer-title'), /^Layer 1 of 2: 48 neurons/);
  await page.mouse.move(5, 5);
  await page.locator('#layer').waitFor({ state: 'hidden' });
  assert.equal(await page.workers()[0].evaluate(() => watched), null, 'nothing is sent any more');
  await page.click('#layer-2');
  await page.mouse.move(5, 5);
  await shownMaps(48);
  assert.match(await text('layer-title'), /^Layer 2 of 2/);
  const before = await firstMap();
  await page.waitForFunction((before) => document.querySelector('#maps canvas').toDataURL() !== before, before);
  await page.fill('#epochs', '');
  await page.keyboard.press('Enter');
});

await step('learns the logo', learnsTheLogo);
await step('keeps the chosen layer, and shows its strongest neurons first', async () => {
  await shownMaps(48);
  assert.match(await text('layer-key'), /strongest come first.*bar is the color/);
  const worker = page.workers()[0];
  const first = await worker.evaluate(() => {
    call('neurons', 1);
    const answer = bytes().slice();
    const words = new DataView(answer.buffer).getUint32(0, true);
    const { width, height, neurons } = JSON.parse(new TextDecoder().decode(answer.subarray(4, 4 + words)));
    return { index: neurons[0].index, pixels: [...answer.subarray(4 + words, 4 + words + 4 * width * height)] };
  });
  const drawn = await page.evaluate(() => {
    const canvas = document.querySelector('#maps canvas');
    const { width, height } = canvas;
    return { name: canvas.ariaLabel, pixels: [...canvas.getContext('2d').getImageData(0, 0, width, height).data] };
  });
  assert.match(drawn.name, new RegExp(`^Neuron ${first.index + 1}: `));
  assert.deepEqual(drawn.pixels, first.pixels);
});
await step('looks', async () => {
  const overflow = () => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  for (const colorScheme of ['dark', 'light']) {
    await page.emulateMedia({ colorScheme });
    await checkAccess(page, colorScheme);
    await page.evaluate(() => document.activeElement.blur());
    await screenshot(colorScheme);
  }
  for (const width of [375, 320]) {
    await page.setViewportSize({ width, height: 800 });
    assert.equal(await overflow(), 0, `nothing is cut off at ${width} pixels`);
  }
  await page.setViewportSize({ width: 375, height: 800 });
  await screenshot('phone');
  await page.setViewportSize({ width: 1180, height: 1000 });
});

await step('shows neurons by keyboard alone', async () => {
  await page.focus('#layer-1');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => /^Layer 1/.test(document.getElementById('layer-title').textContent));
  assert.equal(await page.getAttribute('#layer-1', 'aria-pressed'), 'true');
  assert.equal(await page.getAttribute('#layer-2', 'aria-pressed'), 'false');
  await page.keyboard.press('Space');
  await page.locator('#layer').waitFor({ state: 'hidden' });
  await page.keyboard.press('Space');
  await shownMaps(48);
  await page.keyboard.press('Escape');
  await page.locator('#layer').waitFor({ state: 'hidden' });
  assert.equal(await page.workers()[0].evaluate(() => watched), null);
});

await step('shows neurons by touch', async () => {
  const context = await browser.newContext({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
  const phone = await context.newPage();
  phone.setDefaultTimeout(180_000);
  await phone.goto(origin);
  await phone.locator('#layer-2').tap();
  await phone.waitForFunction(() => document.querySelectorAll('#maps canvas').length === 48);
  assert.equal(await phone.evaluate(() => document.documentElement.scrollWidth), 390);
  await phone.screenshot({ path: `${out}/touch.png`, fullPage: true });
  await phone.locator('#layer-2').tap();
  await phone.locator('#layer').waitFor({ state: 'hidden' });
  await context.close();
});

await step('saves painting and model', async () => {
  await saved('#save-painting', 'painting.png');
  await saved('#save-model', 'painting.safetensors');
  // Exact outputs of the network in the page.
  const pixels = await page.workers()[0].evaluate(() => {
    const lines = [];
    for (let row = 0; row < 100; row += 7) {
      for (let column = 0; column < 100; column += 7) lines.push([row, column, ...pixel(row, column)[0]].join(' '));
    }
    return lines;
  });
  assert.equal(pixels.length, 225);
  writeFileSync(`${out}/pixels.txt`, pixels.join('\n'));
});

await step('shows the color under the pointer', async () => {
  await page.hover('#painting', { position: { x: 5, y: 5 } });
  await page.waitForFunction(() => /^\d+, \d+: \(.*\) for \(0.97, 0.95, 0.90\)$/.test(document.getElementById('under').textContent));
});

await step('trains again', async () => {
  const before = await number('epoch');
  await page.click('#pause');
  await until('epoch', before + 0.5);
});

await step('pauses and continues by the space bar', async () => {
  await page.evaluate(() => document.activeElement.blur());
  await page.keyboard.press('Space');
  await status(/^Paused at/);
  await page.waitForTimeout(1000); // the slice under way ends
  const stood = await value('epoch');
  await page.waitForTimeout(1000);
  assert.equal(await value('epoch'), stood);
  await page.keyboard.press('Space');
  await until('epoch', Number(stood) + 0.1);
});

await step('resets by a key', async () => {
  const before = await number('epoch');
  await page.keyboard.press('r');
  await page.waitForFunction((before) => Number(document.getElementById('epoch').value) < before, before);
  await until('epoch', 0.1);
});

await step('learns a dropped picture', async () => {
  await page.selectOption('#side', '64');
  await page.fill('#hidden', '64x4');
  await page.keyboard.press('Enter');
  assert.ok(await drop('#drop', 'bird.png', 'image/png', readFileSync(here('../../assets/bird.png'))));
  await page.waitForFunction(() => document.getElementById('picture-name').textContent === 'bird.png, 64 × 64');
  assert.match(await text('command'), /paint_logo -- --image bird.png --hidden=64x4$/);
  await status(/^Finished/);
  console.log(`    ${await value('psnr')} dB`);
  assert.ok((await number('psnr')) > 30);
  await page.click('#layer-4');
  await shownMaps(64);
  assert.match(await text('layer-title'), /^Layer 4 of 4: 64 neurons/);
});

await step('learns a chosen picture, wide and transparent', async () => {
  const wide = await page.evaluate(() => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 300, height: 60 });
    const pen = canvas.getContext('2d');
    pen.fillStyle = '#c02040';
    pen.fillRect(0, 0, 150, 60);
    return canvas.toDataURL('image/png').split(',')[1];
  });
  await page.fill('#epochs', '300');
  await page.setInputFiles('#file', { name: "a wide one's.png", mimeType: 'image/png', buffer: Buffer.from(wide, 'base64') });
  await page.waitForFunction(() => document.getElementById('picture-name').textContent === "a wide one's.png, 64 × 13");
  assert.match(await text('command'), /--image 'a wide one'\\''s.png' --hidden=64x4 --epochs=300$/);
  await status(/^Finished/);
  assert.ok((await number('psnr')) > 30);
  const { width, height } = await page.locator('#maps canvas').first().evaluate(({ width, height }) => ({ width, height }));
  assert.deepEqual([width, height], [64, 13]);
  await screenshot('wide');
});

await step('has paint_logo’s other presets', async () => {
  await page.click('#logo');
  for (const id of ['hidden', 'epochs']) await page.fill(`#${id}`, '');
  for (const [preset, flags, least] of [['fourier', '--preset fourier', 15], ['tutorial', '--preset tutorial', 12], ['sine', '--style sine', 15]]) {
    await page.check(`[value=${preset}]`, { force: true });
    assert.equal(await text('command'), `cargo run --example paint_logo -- ${flags}`);
    await page.waitForFunction(() => document.getElementById('epoch').value === '–');
    await until('epoch', 2);
    console.log(`    ${preset}: ${await value('psnr')} dB after ${await value('epoch')} epochs`);
    assert.ok((await number('psnr')) > least);
  }
  await page.focus('[value=sine]');
  for (let steps = 0; steps < 2; steps += 1) await page.keyboard.press('ArrowLeft');
  assert.equal(await text('command'), 'cargo run --example paint_logo');
});

await step('shows errors', async () => {
  const complains = async (pattern) => {
    await page.waitForFunction(([source]) => {
      const error = document.getElementById('error');
      return !error.hidden && new RegExp(source).test(error.textContent);
    }, [pattern.source]);
    console.log(`    ${await text('error')}`);
  };
  await page.fill('#hidden', 'many');
  await page.keyboard.press('Enter');
  await complains(/--hidden.*100x10/);
  await page.fill('#hidden', '8');
  await page.keyboard.press('Enter');
  await page.locator('#error').waitFor({ state: 'hidden' });
  await page.waitForFunction(() => document.querySelectorAll('#layers button').length === 1);
  assert.ok(await page.locator('#layer').isHidden(), 'the network has no such layer any more');
  await page.fill('#rate', '-1');
  await page.keyboard.press('Enter');
  await complains(/learning rate/);
  await page.check('[value=tutorial]', { force: true });
  await page.fill('#rate', '1e30');
  await page.keyboard.press('Enter');
  await complains(/diverged/);
  await page.fill('#rate', '');
  await page.keyboard.press('Enter');
  await page.locator('#error').waitFor({ state: 'hidden' });
  await drop('body', 'notes.txt', 'text/plain', Buffer.from('no picture'));
  await complains(/^notes.txt: no picture/);
});

assert.deepEqual(complaints, [], 'the console is silent, and there are no requests to other hosts');
console.log('ok  silent console, no requests to other hosts');
await browser.close();
server.kill();
