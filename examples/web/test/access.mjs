// Accessibility checks: names, contrast, and use by keyboard alone.

import assert from 'node:assert/strict';

export async function checkAccess(page, scheme) {
  const problems = await page.evaluate(async () => {
    await Promise.all(document.getAnimations().map((animation) => animation.finished)); // of colors
    const found = [];
    const name = (element) =>
      element.labels?.[0]?.textContent || element.ariaLabel || (element.matches('button, a, code') && element.textContent);
    for (const element of document.querySelectorAll('button, input, select, a, [tabindex]')) {
      if (!name(element)?.trim()) found.push(`no name: ${element.outerHTML}`);
    }
    for (const canvas of document.querySelectorAll('canvas')) {
      if (canvas.getAttribute('role') !== 'img' || !canvas.ariaLabel) found.push(`no words: ${canvas.outerHTML}`);
    }
    if (document.querySelectorAll('h1').length !== 1 || !document.documentElement.lang) found.push('no heading or language');

    // WCAG 2 requires a contrast of 4.5 for text.
    const pen = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
    const rgba = (color) => {
      pen.clearRect(0, 0, 1, 1);
      pen.fillStyle = color;
      pen.fillRect(0, 0, 1, 1);
      return [...pen.getImageData(0, 0, 1, 1).data];
    };
    const light = (color) => {
      const linear = (part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
      const [r, g, b] = color.slice(0, 3).map((part) => linear(part / 255));
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const ground = (element) => {
      for (let at = element; at; at = at.parentElement) {
        const color = rgba(getComputedStyle(at).backgroundColor);
        if (color[3] === 255) return color;
      }
      return [255, 255, 255, 255];
    };
    for (const element of document.querySelectorAll('body *')) {
      const says = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
      if (!says || !element.checkVisibility() || element.closest('option')) continue;
      const [a, b] = [light(rgba(getComputedStyle(element).color)), light(ground(element))];
      const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      if (contrast < 4.5) found.push(`contrast ${contrast.toFixed(2)}: ${element.outerHTML.slice(0, 80)}`);
    }
    return found;
  });
  assert.deepEqual(problems, [], scheme);

  // Tab reaches everything, and the focus is always visible.
  const seen = new Set();
  for (let i = 0; i < 30; i += 1) {
    await page.keyboard.press('Tab');
    const [id, ringed] = await page.evaluate(() => {
      const at = document.activeElement;
      const marked = at.name === 'preset' ? at.nextElementSibling : at.id === 'file' ? document.querySelector('[for=file]') : at;
      return [at.id || at.name || at.tagName, getComputedStyle(marked).outlineStyle !== 'none'];
    });
    if (id === 'BODY') continue; // round the end
    assert.ok(ringed, `focus shows on ${id}`);
    seen.add(id);
  }
  const all = ['pause', 'reset', 'preset', 'hidden', 'rate', 'epochs', 'side', 'file', 'logo', 'save-painting', 'save-model', 'command', 'layer-1', 'layer-2'];
  assert.deepEqual([...seen].sort(), all.sort(), scheme);
}
