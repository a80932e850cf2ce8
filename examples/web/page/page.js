// View and controls of the page. The worker trains.

import { draw } from './curve.js';
import { neuronView } from './neurons.js';

const $ = (id) => document.getElementById(id);

// Presets of paint_logo: its flags, and their defaults.
const PRESETS = {
  grid: { flags: [], hidden: '48x2', rate: '0.01', epochs: '40' },
  fourier: { flags: ['--preset', 'fourier'], hidden: '100x9', rate: '0.02', epochs: '40' },
  sine: { flags: ['--style', 'sine'], hidden: '100x9', rate: '0.0003', epochs: '40' },
  tutorial: { flags: ['--preset', 'tutorial'], hidden: '100x10', rate: '0.001', epochs: '200' },
};
const FIELDS = { hidden: '--hidden', rate: '--learning-rate', epochs: '--epochs' };
const LARGEST = 1 << 26; // maximum bytes of a picture file

let picture; // { name, file, image: ImageData }
let run = 0; // messages of earlier runs are ignored
let points = [];
let parameters;
let training = true;
let over = false;
let failed = false;
let pointed = false; // the pointer is at a pixel of the painting
let passed = 0; // announced tens of decibels

const worker = new Worker('worker.js');
const wish = (name, more = {}, moved = []) => worker.postMessage({ wish: name, ...more }, moved);
const view = neuronView(wish);

// ---- settings

const preset = () => PRESETS[new FormData($('settings')).get('preset')];

function flags() {
  const given = Object.entries(FIELDS).filter(([id]) => $(id).value.trim());
  return [...preset().flags, ...given.flatMap(([id, flag]) => [`${flag}=${$(id).value.trim()}`])];
}

// Quotes a word for a shell.
const quoted = (word) => (/^[\w.,=-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

function describe() {
  for (const id of Object.keys(FIELDS)) $(id).placeholder = preset()[id];
  const words = flags().map(quoted);
  if (picture?.file) words.unshift('--image', quoted(picture.name));
  const more = words.length ? ` -- ${words.join(' ')}` : '';
  $('command').textContent = `cargo run --example paint_logo${more}`;
}

// ---- training

function begin() {
  describe();
  if (!picture) return;
  const { width, height, data } = picture.image;
  run += 1;
  points = [];
  passed = 0;
  over = false;
  failed = false;
  training = true;
  $('error').hidden = true;
  for (const id of ['psnr', 'loss', 'epoch', 'speed']) $(id).value = '–';
  const pixels = data.slice().buffer;
  wish('start', { run, flags: flags(), width, height, pixels, training }, [pixels]);
  say('Training');
  curves();
}

function toggle() {
  if (failed) return begin();
  if (over) {
    over = false;
    training = true;
    wish('restart');
    return say('Training again, from the current network');
  }
  training = !training;
  wish('train', { training });
  say(training ? 'Training' : `Paused${points.length ? ` at ${decibels()}` : ''}`);
}

const tenths = (psnr) => (Number.isFinite(psnr) ? psnr.toFixed(1) : '∞');
const decibels = () => `${tenths(points.at(-1).psnr)} dB`;

function say(text) {
  $('status').textContent = text;
  $('pause').textContent = failed ? 'Try again' : over ? 'Train on' : training ? 'Pause' : 'Continue';
}

function fail(text) {
  $('error').textContent = text;
  $('error').hidden = false;
}

const hears = {
  started(message) {
    parameters = message.parameters;
    $('network').textContent = `The network has ${parameters.toLocaleString('en')} weights and biases.`;
    for (const id of ['save-painting', 'save-model']) $(id).disabled = false;
    view.started(message);
  },
  neurons: view.neurons,
  progress({ psnr, loss, speed, seen, seconds, pixels, width, height, over: isOver }) {
    const epoch = seen / (width * height);
    points.push({ epoch, psnr, loss });
    const canvas = $('painting');
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    canvas.getContext('2d').putImageData(new ImageData(new Uint8ClampedArray(pixels), width, height), 0, 0);
    canvas.ariaLabel = `The network’s painting, at ${decibels()} after ${epoch.toFixed(1)} epochs`;
    if (!pointed) $('under').textContent = decibels();
    $('psnr').value = Number.isFinite(psnr) ? psnr.toFixed(2) : '∞';
    if (loss !== null) $('loss').value = loss.toExponential(2);
    $('epoch').value = epoch.toFixed(1);
    if (speed !== null) $('speed').value = Math.round(speed).toLocaleString('en');
    $('epoch').title = `${seconds.toFixed(1)} seconds of training`;
    over = isOver;
    curves();
    const tens = Math.floor(psnr / 10);
    if (over) {
      say(`Finished: ${decibels()} in ${seconds.toFixed(1)} seconds of training`);
    } else if (training && tens > passed && tens >= 2 && Number.isFinite(tens)) {
      say(`Training, past ${10 * tens} dB`);
    }
    passed = Math.max(passed, tens);
  },
  pixel({ row, column, painted, meant }) {
    const color = (parts) => `(${parts.map((part) => part.toFixed(2)).join(', ')})`;
    if (pointed) $('under').textContent = `${row}, ${column}: ${color(painted)} for ${color(meant)}`;
  },
  model({ file }) {
    save(new Blob([file], { type: 'application/octet-stream' }), 'painting.safetensors');
  },
  error({ text }) {
    failed = true;
    fail(text);
    say('Stopped');
  },
};
worker.onmessage = ({ data }) => (data.run ?? run) === run && hears[data.is](data);
worker.onerror = ({ message }) => hears.error({ text: message || 'worker.js: cannot be loaded' });

let drawing = false;
function curves() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    const of = (what) => points.map((point) => [point.epoch, point[what]]);
    draw($('psnr-curve'), of('psnr'), { color: '--psnr', least: [10, 40] });
    draw($('loss-curve'), of('loss'), { color: '--loss', least: [-3, -1], logarithmic: true });
    if (!points.length) return;
    const { epoch, loss } = points.at(-1);
    const when = `after ${epoch.toFixed(1)} epochs`;
    $('psnr-curve').ariaLabel = `PSNR over epochs: ${decibels()} ${when}`;
    if (loss !== null) $('loss-curve').ariaLabel = `Loss over epochs: ${loss.toExponential(1)} ${when}`;
  });
}

// ---- pictures

async function learn(file) {
  try {
    if (file.size > LARGEST) throw new Error('too large');
    const decoded = await createImageBitmap(file, { imageOrientation: 'from-image' });
    use({ name: file.name || 'pasted.png', file, image: within(decoded, Number($('side').value)) });
  } catch {
    fail(`${file.name || 'the pasted file'}: no picture that this browser can read`);
  }
}

async function learnLogo() {
  const answer = await fetch('logo.png');
  if (!answer.ok) return fail(`logo.png: ${answer.status}; was the page built?`);
  const decoded = await createImageBitmap(await answer.blob());
  use({ name: 'the logo of feedforward', image: within(decoded, Infinity) });
}

// Returns the picture on white, with its longer side at most this long.
function within(decoded, side) {
  const shrink = Math.min(1, side / Math.max(decoded.width, decoded.height));
  const [width, height] = [decoded.width, decoded.height].map((n) => Math.max(1, Math.round(n * shrink)));
  const canvas = Object.assign(document.createElement('canvas'), { width, height });
  const pen = canvas.getContext('2d', { willReadFrequently: true });
  pen.fillStyle = '#fff';
  pen.fillRect(0, 0, width, height);
  pen.imageSmoothingQuality = 'high';
  pen.drawImage(decoded, 0, 0, width, height);
  decoded.close();
  return pen.getImageData(0, 0, width, height);
}

function use(chosen) {
  picture = chosen;
  const { name, image } = chosen;
  const { width, height } = image;
  Object.assign($('target'), { width, height, ariaLabel: `The picture to learn: ${name}` });
  $('target').getContext('2d').putImageData(image, 0, 0);
  Object.assign($('painting'), { width, height });
  $('picture-name').textContent = `${name}, ${width} × ${height}`;
  begin();
}

function save(blob, name) {
  const link = Object.assign(document.createElement('a'), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

// ---- events

$('settings').onsubmit = (event) => event.preventDefault();
$('settings').onchange = ({ target }) => {
  if (target.name === 'preset') for (const id of Object.keys(FIELDS)) $(id).value = '';
  if (target.id === 'side') return picture?.file && learn(picture.file);
  begin();
};
$('pause').onclick = toggle;
$('reset').onclick = begin;
$('logo').onclick = learnLogo;
$('file').onchange = ({ target }) => {
  if (target.files[0]) learn(target.files[0]);
  target.value = '';
};
$('save-model').onclick = () => wish('model');
$('save-painting').onclick = () => $('painting').toBlob((blob) => save(blob, 'painting.png'));

$('painting').onpointermove = ({ target, offsetX, offsetY }) => {
  // The picture is centered in a square.
  const { width, height, clientWidth, clientHeight } = target;
  const zoom = Math.min(clientWidth / width, clientHeight / height);
  const column = Math.floor((offsetX - (clientWidth - width * zoom) / 2) / zoom);
  const row = Math.floor((offsetY - (clientHeight - height * zoom) / 2) / zoom);
  if (parameters && !failed && row >= 0 && column >= 0 && row < height && column < width) {
    pointed = true;
    wish('pixel', { row, column });
  }
};
$('painting').onpointerleave = () => {
  pointed = false;
  $('under').textContent = points.length ? decibels() : 'by the network';
};

addEventListener('keydown', (event) => {
  const busy = event.target.closest('input, select, button, code, a');
  if (busy || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === ' ') toggle();
  else if (event.key === 'r') begin();
  else return;
  event.preventDefault();
});

addEventListener('paste', ({ clipboardData }) => clipboardData.files[0] && learn(clipboardData.files[0]));
addEventListener('dragover', (event) => {
  event.preventDefault();
  $('drop').classList.add('dropping');
});
addEventListener('dragleave', ({ relatedTarget }) => relatedTarget || $('drop').classList.remove('dropping'));
addEventListener('drop', (event) => {
  event.preventDefault();
  $('drop').classList.remove('dropping');
  if (event.dataTransfer.files[0]) learn(event.dataTransfer.files[0]);
});

addEventListener('resize', curves);
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', curves);

// With reduced motion, paintings appear less often.
const still = matchMedia('(prefers-reduced-motion: reduce)');
const pace = () => wish('pace', { pace: still.matches ? 2000 : 0 });
still.addEventListener('change', pace);
pace();
for (const id of ['save-painting', 'save-model']) $(id).disabled = true;
describe();
curves();
learnLogo();
