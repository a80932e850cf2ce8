// Neuron view: a drawing of the network, and the maps of the layer that is pointed at or chosen.

const HOVER = 150; // milliseconds until a layer under the pointer is shown

const $ = (id) => document.getElementById(id);

// Returns the handlers of the worker's messages. `wish` sends a message to the worker.
export function neuronView(wish) {
  let drawn = ''; // the network in the drawing
  let pointed = null; // layer under the pointer
  let chosen = null; // layer that stays shown
  let shown = null; // layer that the worker sends
  let timer;

  const buttons = () => [...$('layers').querySelectorAll('button')];

  function show() {
    const layer = pointed ?? chosen;
    for (const button of buttons()) {
      button.ariaPressed = `${Number(button.value) === chosen}`;
      button.classList.toggle('shown', Number(button.value) === layer);
    }
    if (layer === shown) return;
    shown = layer;
    wish('watch', { layer });
    if (layer === null) close();
  }

  function close() {
    $('maps').replaceChildren();
    $('layer').hidden = true;
    $('layer-hint').hidden = false;
  }

  function point(layer) {
    clearTimeout(timer);
    pointed = layer;
    show();
  }

  function choose(layer) {
    chosen = layer;
    point(null);
  }

  function button(layer, neurons, hidden) {
    const made = document.createElement('button');
    Object.assign(made, { type: 'button', id: `layer-${layer + 1}`, value: layer, textContent: neurons });
    made.ariaLabel = `${neurons} neurons: layer ${layer + 1} of ${hidden}`;
    made.setAttribute('aria-controls', 'layer');
    made.onclick = () => choose(chosen === layer ? null : layer);
    made.onpointerenter = ({ pointerType }) => {
      clearTimeout(timer);
      if (pointerType !== 'touch') timer = setTimeout(point, HOVER, layer);
    };
    made.onpointerleave = () => clearTimeout(timer);
    return made;
  }

  function drawNetwork({ encoding, hidden, layers }) {
    const parts = ['row, column'];
    if (encoding) parts.push(encoding.join(', '));
    let next = 0;
    for (const [layer, neurons] of layers) {
      if (layer > next) parts.push('…');
      parts.push(button(layer, neurons, hidden));
      next = layer + 1;
    }
    if (!layers.length) parts.push('…');
    parts.push('red, green, blue');
    $('layers').replaceChildren(...parts.flatMap((part, place) => (place ? [arrow(), part] : [part])));
  }

  function arrow() {
    const made = document.createElement('span');
    Object.assign(made, { textContent: '→', ariaHidden: 'true' });
    return made;
  }

  $('neurons').onpointerleave = () => point(null);
  $('neurons').onkeydown = ({ key }) => {
    if (key === 'Escape') choose(null);
  };

  return {
    // A new run forgets the layer that it was asked for.
    started({ encoding, hidden, layers }) {
      const network = JSON.stringify([encoding, hidden, layers]);
      if (network !== drawn) {
        drawNetwork({ encoding, hidden, layers });
        drawn = network;
        pointed = null;
        if (!layers.some(([layer]) => layer === chosen)) chosen = null;
        close();
      }
      shown = null;
      show();
    },
    neurons({ layer, title, note, width, height, neurons, pixels, over }) {
      if (layer !== shown) return;
      const maps = neurons.map((neuron, place) => ({ ...neuron, place }));
      // The strongest come first. While they change, an order that stays is easier to watch.
      if (!over) maps.sort((a, b) => a.index - b.index);
      const list = $('maps');
      while (list.childElementCount > maps.length) list.lastChild.remove();
      while (list.childElementCount < maps.length) list.append(item());
      maps.forEach(({ index, low, high, plain, color, place }, at) => {
        const canvas = list.children[at].firstChild;
        const length = 4 * width * height;
        const map = new ImageData(new Uint8ClampedArray(pixels, place * length, length), width, height);
        if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
        canvas.getContext('2d').putImageData(map, 0, 0);
        canvas.ariaLabel = `Neuron ${index + 1}: ${Number(low.toPrecision(3))} to ${Number(high.toPrecision(3))}`;
        canvas.title = canvas.ariaLabel;
        canvas.style.borderBottomColor = color ? `rgb(${color})` : '';
        canvas.classList.toggle('colored', color !== null);
        canvas.classList.toggle('plain', plain);
      });
      const words = ['Black is the lowest output of a neuron, white its highest.'];
      if (over) words.push('The strongest come first.');
      if (neurons.some(({ color }) => color)) words.push('The bar is the color that a neuron adds where it is white.');
      $('layer-title').textContent = title;
      $('layer-note').textContent = note;
      $('layer-key').textContent = words.join(' ');
      $('layer').hidden = false;
      $('layer-hint').hidden = true;
    },
  };
}

// Returns an empty map.
function item() {
  const made = document.createElement('li');
  const canvas = document.createElement('canvas');
  canvas.setAttribute('role', 'img');
  made.append(canvas);
  return made;
}
