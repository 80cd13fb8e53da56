// A small map of the units. Old locations are faint.

const SVG = 'http://www.w3.org/2000/svg';
const WIDTH = 300, HEIGHT = 200, EDGE = 24;
/** A location older than this is drawn faint: the client repeats an unchanged one every 10 s. */
const OLD_MS = 30000;

function draw(name, attributes, text) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

/** Draws units that have coordinates; the map grows to hold them all. */
export function drawMap(svg, units) {
  const placed = units.filter(({ update }) => Number.isFinite(update.coordinates?.x) && Number.isFinite(update.coordinates?.y));
  const xs = placed.map(({ update }) => update.coordinates.x), ys = placed.map(({ update }) => update.coordinates.y);
  const span = Math.max(200, Math.max(...xs) - Math.min(...xs), 1.5 * (Math.max(...ys) - Math.min(...ys)));
  const scale = (WIDTH - 2 * EDGE) / span;
  const middleX = (Math.max(...xs) + Math.min(...xs)) / 2, middleY = (Math.max(...ys) + Math.min(...ys)) / 2;
  const lines = [];
  for (let x = 50; x < WIDTH; x += 50) lines.push(draw('line', { x1: x, x2: x, y1: 0, y2: HEIGHT }));
  for (let y = 50; y < HEIGHT; y += 50) lines.push(draw('line', { x1: 0, x2: WIDTH, y1: y, y2: y }));
  const dots = placed.flatMap(({ unit, update, ageMs }) => {
    // the game's y axis points north
    const x = WIDTH / 2 + (update.coordinates.x - middleX) * scale, y = HEIGHT / 2 - (update.coordinates.y - middleY) * scale;
    const look = ageMs > OLD_MS ? 'old' : 'new';
    return [draw('circle', { cx: x, cy: y, r: 4, class: look }), draw('text', { x: x + 6, y: y + 3, class: look }, unit.split(' ').pop())];
  });
  svg.replaceChildren(...lines, ...dots);
  const names = units.map(({ unit, update }) => `${unit} at ${update.location}`);
  svg.setAttribute('aria-label', names.length ? `Map of the units: ${names.join('; ')}` : 'Map of the units: empty');
}
