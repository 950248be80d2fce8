/**
 * Masks as bytes, 0 or 1, row after row. A rectangle is `{x, y, w, h}` in whole pixels.
 *
 * @typedef {{x: number, y: number, w: number, h: number}} Rect
 */

/** The smallest rectangle around two. @param {Rect | null} a @param {Rect | null} b @returns {Rect | null} */
export function union(a, b) {
  if (!a || !b) return a || b;
  const x = Math.min(a.x, b.x), y = Math.min(a.y, b.y);
  return { x, y, w: Math.max(a.x + a.w, b.x + b.w) - x, h: Math.max(a.y + a.h, b.y + b.h) - y };
}

/**
 * Set every pixel whose center is within `radius` of a line.
 *
 * @param {Uint8Array} mask @param {number} width @param {number} height
 * @param {[number, number]} from @param {[number, number]} to @param {number} radius @param {number} value
 * @returns {Rect | null} what may have changed
 */
export function line(mask, width, height, from, to, radius, value) {
  const [x0, y0] = from, [x1, y1] = to;
  const r = Math.max(radius, 0.5);
  const length = Math.hypot(x1 - x0, y1 - y0);
  const nx = length ? (-(y1 - y0) / length) * r : 0, ny = length ? ((x1 - x0) / length) * r : 0;
  const corners = [[x0 + nx, y0 + ny], [x1 + nx, y1 + ny], [x1 - nx, y1 - ny], [x0 - nx, y0 - ny]];
  const top = Math.max(0, Math.floor(Math.min(y0, y1) - r)), bottom = Math.min(height - 1, Math.ceil(Math.max(y0, y1) + r));
  let left = width, right = -1, first = -1, last = -1;
  for (let row = top; row <= bottom; row++) {
    const y = row + 0.5;
    let low = Infinity, high = -Infinity;
    for (const [cx, cy] of [from, to]) {
      const d = r * r - (y - cy) * (y - cy);
      if (d < 0) continue;
      const half = Math.sqrt(d);
      low = Math.min(low, cx - half);
      high = Math.max(high, cx + half);
    }
    if (length) {
      for (let i = 0; i < 4; i++) {
        const [ax, ay] = corners[i], [bx, by] = corners[(i + 1) % 4];
        if (ay === by || Math.min(ay, by) > y || Math.max(ay, by) < y) continue;
        const x = ax + ((y - ay) / (by - ay)) * (bx - ax);
        low = Math.min(low, x);
        high = Math.max(high, x);
      }
    }
    const start = Math.max(0, Math.ceil(low - 0.5)), end = Math.min(width - 1, Math.floor(high - 0.5));
    if (start > end) continue;
    mask.fill(value, row * width + start, row * width + end + 1);
    if (first < 0) first = row;
    last = row;
    left = Math.min(left, start);
    right = Math.max(right, end);
  }
  return first < 0 ? null : { x: left, y: first, w: right - left + 1, h: last - first + 1 };
}

/**
 * Set every pixel whose center is inside a polygon (even-odd rule).
 *
 * @param {Uint8Array} mask @param {number} width @param {number} height
 * @param {[number, number][]} points @param {number} value @returns {Rect | null}
 */
export function polygon(mask, width, height, points, value) {
  if (points.length < 3) return null;
  const ys = points.map((p) => p[1]);
  const top = Math.max(0, Math.floor(Math.min(...ys))), bottom = Math.min(height - 1, Math.ceil(Math.max(...ys)));
  /** @type {Rect | null} */
  let changed = null;
  for (let row = top; row <= bottom; row++) {
    const y = row + 0.5;
    /** @type {number[]} */
    const crossings = [];
    points.forEach(([ax, ay], i) => {
      const [bx, by] = points[(i + 1) % points.length];
      if (ay <= y !== by <= y) crossings.push(ax + ((y - ay) / (by - ay)) * (bx - ax));
    });
    crossings.sort((a, b) => a - b);
    for (let i = 0; i + 1 < crossings.length; i += 2) {
      const start = Math.max(0, Math.ceil(crossings[i] - 0.5)), end = Math.min(width - 1, Math.ceil(crossings[i + 1] - 0.5) - 1);
      if (start > end) continue;
      mask.fill(value, row * width + start, row * width + end + 1);
      changed = union(changed, { x: start, y: row, w: end - start + 1, h: 1 });
    }
  }
  return changed;
}

/**
 * Set the pixels that hang together with one, by their sides, and are like it.
 *
 * @param {Uint8Array} mask @param {number} width @param {number} height @param {number} x @param {number} y
 * @param {(index: number) => boolean} like whether a pixel belongs @param {number} value @returns {Rect | null}
 */
export function flood(mask, width, height, x, y, like, value) {
  if (x < 0 || y < 0 || x >= width || y >= height || !like(y * width + x)) return null;
  const seen = new Uint8Array(width * height);
  const stack = [y * width + x];
  let left = x, right = x, top = y, bottom = y;
  while (stack.length) {
    const at = /** @type {number} */ (stack.pop());
    if (seen[at]) continue;
    const row = Math.floor(at / width), begin = row * width;
    let start = at, end = at;
    while (start > begin && !seen[start - 1] && like(start - 1)) start--;
    while (end < begin + width - 1 && !seen[end + 1] && like(end + 1)) end++;
    seen.fill(1, start, end + 1);
    left = Math.min(left, start - begin);
    right = Math.max(right, end - begin);
    top = Math.min(top, row);
    bottom = Math.max(bottom, row);
    for (const next of [row - 1, row + 1]) {
      if (next < 0 || next >= height) continue;
      let inside = false;
      for (let i = next * width + start - begin; i <= next * width + end - begin; i++) {
        const open = !seen[i] && like(i);
        if (open && !inside) stack.push(i);
        inside = open;
      }
    }
  }
  for (let i = top * width; i < (bottom + 1) * width; i++) if (seen[i]) mask[i] = value;
  return { x: left, y: top, w: right - left + 1, h: bottom - top + 1 };
}

/**
 * The bits of a rectangle, the first pixel in the highest bit of the first byte.
 *
 * @param {Uint8Array} mask @param {number} width @param {Rect} rect @returns {Uint8Array<ArrayBuffer>}
 */
export function pack(mask, width, rect) {
  const bits = new Uint8Array((rect.w * rect.h + 7) >> 3);
  let n = 0;
  for (let row = 0; row < rect.h; row++) {
    const begin = (rect.y + row) * width + rect.x;
    for (let i = begin; i < begin + rect.w; i++, n++) if (mask[i]) bits[n >> 3] |= 128 >> (n & 7);
  }
  return bits;
}

/** Write bits into a rectangle. @param {Uint8Array} mask @param {number} width @param {Rect} rect @param {Uint8Array} bits */
export function place(mask, width, rect, bits) {
  let n = 0;
  for (let row = 0; row < rect.h; row++) {
    const begin = (rect.y + row) * width + rect.x;
    for (let i = begin; i < begin + rect.w; i++, n++) mask[i] = (bits[n >> 3] >> (7 - (n & 7))) & 1;
  }
}

/** Copy a rectangle from one mask to another. @param {Uint8Array} from @param {Uint8Array} to @param {number} width @param {Rect} rect */
export function copy(from, to, width, rect) {
  for (let row = rect.y; row < rect.y + rect.h; row++) {
    const begin = row * width + rect.x;
    to.set(from.subarray(begin, begin + rect.w), begin);
  }
}

/**
 * The smallest rectangle that holds all differences, looked for in `within`; null: there are none.
 *
 * @param {Uint8Array} a @param {Uint8Array} b @param {number} width @param {Rect} within @returns {Rect | null}
 */
export function difference(a, b, width, within) {
  let left = Infinity, right = -1, top = -1, bottom = -1;
  for (let row = within.y; row < within.y + within.h; row++) {
    const begin = row * width;
    for (let x = within.x; x < within.x + within.w; x++) {
      if (a[begin + x] === b[begin + x]) continue;
      if (x < left) left = x;
      if (x > right) right = x;
      if (top < 0) top = row;
      bottom = row;
    }
  }
  return top < 0 ? null : { x: left, y: top, w: right - left + 1, h: bottom - top + 1 };
}
