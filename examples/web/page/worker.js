// Trains in slices, outside the page's thread. Between slices it handles messages of the page.

'use strict';

const SLICE = 30; // milliseconds
const SHARE = 0.2; // maximum share of time for displayed paintings
const MAPS = { pause: 500, share: 0.1 }; // minimum milliseconds between maps, and share of time

let wasm;
let painted = {}; // run and size
let training = false;
let over = true;
let pace = 0; // minimum milliseconds between paintings

let updates; // of the next slice
let seconds; // of training, without paintings
let recent; // sums since the last painting
let nextLook;
let watched = null; // hidden layer whose neurons are displayed
let nextMaps;

// Wakes the loop without the delay of a timer.
const turn = new MessageChannel();
let waiting = false;
turn.port1.onmessage = () => {
  waiting = false;
  attempt(step);
};
function goOn() {
  if (!waiting) turn.port2.postMessage(null);
  waiting = true;
}

const bytes = () => new Uint8Array(wasm.memory.buffer, wasm.address(), wasm.length());
const text = () => new TextDecoder().decode(bytes());
const numbers = () => JSON.parse(text());

function call(name, ...given) {
  let good;
  try {
    good = wasm[name](...given);
  } catch (trap) {
    // A panic leaves a message. Without one, memory ran out.
    throw new Error(text() || `the network ran out of memory (${trap.message})`);
  }
  if (!good) throw new Error(text());
}

function attempt(work) {
  try {
    work();
  } catch (error) {
    training = false;
    over = true;
    postMessage({ is: 'error', text: error.message, run: painted.run });
  }
}

function start({ run, flags, width, height, pixels }) {
  const words = new TextEncoder().encode(flags.join('\n'));
  const at = wasm.buffer(words.length + pixels.byteLength);
  const memory = new Uint8Array(wasm.memory.buffer);
  memory.set(words, at);
  memory.set(new Uint8Array(pixels), at + words.length);
  over = true;
  painted = { run, width, height };
  call('start', words.length, width, height);
  postMessage({ is: 'started', run, ...numbers() });
  updates = 1;
  seconds = 0;
  recent = { losses: 0, updates: 0, pixels: 0, seconds: 0 };
  nextLook = 0;
  watched = null;
  over = false;
}

function step() {
  if (!training || over) return;
  const before = performance.now();
  call('train', updates);
  const took = performance.now() - before;
  const slice = numbers();
  seconds += took / 1000;
  recent.losses += slice.losses;
  recent.updates += slice.updates;
  recent.seconds += took / 1000;
  updates = Math.max(1, Math.min(2 * updates, Math.round((updates * SLICE) / Math.max(took, 1))));
  over = slice.over;
  if (over || performance.now() >= nextLook) look(slice);
  if (!over) goOn();
}

function look(slice) {
  const before = performance.now();
  call('paint');
  const took = performance.now() - before;
  const answer = bytes().slice();
  const psnr = new DataView(answer.buffer).getFloat64(0, true);
  const pixels = answer.buffer.slice(8);
  const message = {
    is: 'progress',
    loss: recent.updates ? recent.losses / recent.updates : null,
    speed: recent.seconds ? (slice.pixels - recent.pixels) / recent.seconds : null,
    seen: slice.pixels,
    over,
    psnr,
    seconds,
    pixels,
    ...painted,
  };
  postMessage(message, [pixels]);
  recent = { losses: 0, updates: 0, pixels: slice.pixels, seconds: 0 };
  nextLook = performance.now() + Math.max(pace, took * (1 / SHARE - 1));
  if (watched !== null && (over || performance.now() >= nextMaps)) maps();
}

// Sends the maps of the watched layer's neurons.
function maps() {
  const before = performance.now();
  call('neurons', watched);
  const took = performance.now() - before;
  const answer = bytes().slice();
  const words = new DataView(answer.buffer).getUint32(0, true);
  const described = JSON.parse(new TextDecoder().decode(answer.subarray(4, 4 + words)));
  const pixels = answer.buffer.slice(4 + words);
  postMessage({ is: 'neurons', run: painted.run, layer: watched, over, pixels, ...described }, [pixels]);
  nextMaps = performance.now() + Math.max(pace, MAPS.pause, took * (1 / MAPS.share - 1));
}

// Returns a pixel, [painted, true], each red, green and blue from 0 to 1.
function pixel(row, column) {
  call('pixel', row, column);
  const all = [...new Float32Array(bytes().slice().buffer)];
  return [all.slice(0, 3), all.slice(3)];
}

const wishes = {
  start(wish) {
    training = false;
    start(wish);
    wishes.train(wish);
  },
  train(wish) {
    training = wish.training;
    if (training) goOn();
  },
  restart() {
    call('restart');
    over = false;
    wishes.train({ training: true });
  },
  pixel({ row, column }) {
    const [painted, meant] = pixel(row, column);
    postMessage({ is: 'pixel', row, column, painted, meant });
  },
  watch({ layer }) {
    watched = layer;
    if (layer !== null) maps();
  },
  model() {
    call('model');
    postMessage({ is: 'model', file: bytes().slice() });
  },
  pace(wish) {
    pace = wish.pace;
  },
};

async function load() {
  const answer = await fetch('paint_web.wasm');
  if (!answer.ok) throw new Error(`paint_web.wasm: ${answer.status}; was it built?`);
  const { instance } = await WebAssembly.instantiate(await answer.arrayBuffer());
  wasm = instance.exports;
}

const loaded = load();
onmessage = async ({ data }) => {
  try {
    await loaded;
  } catch (error) {
    postMessage({ is: 'error', text: error.message });
    return;
  }
  attempt(() => wishes[data.wish](data));
};
