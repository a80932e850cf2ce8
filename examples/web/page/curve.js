// Draws a curve over epochs.

const LEFT = 44;
const BOTTOM = 20;
const TOP = 8;
const RIGHT = 10;

// Draws points [x, y] in the page's colors. The vertical axis can be logarithmic.
export function draw(canvas, points, { color, logarithmic = false, least }) {
  const { clientWidth: width, clientHeight: height } = canvas;
  const density = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * density);
  canvas.height = Math.round(height * density);
  const pen = canvas.getContext('2d');
  pen.scale(density, density);
  const style = getComputedStyle(canvas);
  const [line, soft, ink] = ['--line', '--soft', color].map((name) => style.getPropertyValue(name));
  pen.font = `12px ${style.fontFamily}`;

  const scale = logarithmic ? Math.log10 : (y) => y;
  const seen = points.map(([x, y]) => [x, scale(y)]).filter(([, y]) => Number.isFinite(y));
  const values = seen.map(([, y]) => y);
  const [low, high] = range(values, logarithmic, least);
  const far = Math.max(1, ...seen.map(([x]) => x));
  const across = (x) => LEFT + (x / far) * (width - LEFT - RIGHT);
  const down = (y) => TOP + ((high - y) / (high - low)) * (height - TOP - BOTTOM);

  pen.lineWidth = 1;
  pen.textBaseline = 'middle';
  pen.textAlign = 'right';
  const step = logarithmic ? Math.ceil((high - low) / 5) : high - low > 60 ? 20 : 10;
  for (let y = low; y <= high; y += step) {
    pen.strokeStyle = line;
    pen.beginPath();
    pen.moveTo(LEFT, down(y));
    pen.lineTo(width - RIGHT, down(y));
    pen.stroke();
    pen.fillStyle = soft;
    pen.fillText(logarithmic ? `1e${y}` : `${y}`, LEFT - 6, down(y));
  }
  pen.textBaseline = 'bottom';
  const mark = pleasing(far / 5);
  for (let x = 0; x <= far; x += mark) {
    pen.textAlign = x === 0 ? 'left' : x + mark > far && far - x < mark / 4 ? 'right' : 'center';
    pen.fillText(`${Number(x.toPrecision(3))}`, across(x), height);
  }

  pen.strokeStyle = ink;
  pen.fillStyle = ink;
  pen.lineWidth = 2;
  pen.lineJoin = 'round';
  pen.beginPath();
  for (const [x, y] of seen) pen.lineTo(across(x), down(y));
  pen.stroke();
  if (seen.length) {
    const [x, y] = seen.at(-1);
    pen.beginPath();
    pen.arc(across(x), down(y), 3.5, 0, 7);
    pen.fill();
  }
}

// Returns a range of tens, or of powers of ten, around all values.
function range(values, logarithmic, least) {
  const unit = logarithmic ? 1 : 10;
  const low = Math.floor(Math.min(...values, least[0]) / unit) * unit;
  const high = Math.ceil(Math.max(...values, least[1]) / unit) * unit;
  return [low, high];
}

// Returns 1, 2 or 5 times a power of ten that is at least the step.
function pleasing(step) {
  const power = 10 ** Math.floor(Math.log10(step));
  return power * [1, 2, 5, 10].find((times) => times * power >= step);
}
