/** The picture with its mask on screen: zoom, pan, and repainting only what changed. */

/**
 * @typedef {import("./mask.js").Rect} Rect
 * @typedef {{labels: Uint16Array, w: number, h: number}} Superpixels
 */

import { union } from "./mask.js";

const COLORS = [[255, 140, 0], [0, 200, 255], [255, 64, 190], [150, 255, 40]];
const MOST_ZOOM = 40;

export class View {
  /** @param {HTMLElement} stage @param {HTMLCanvasElement} picture @param {HTMLCanvasElement} mask @param {HTMLCanvasElement} marks */
  constructor(stage, picture, mask, marks) {
    this.stage = stage;
    this.canvases = [picture, mask, marks];
    this.picture = /** @type {CanvasRenderingContext2D} */ (picture.getContext("2d", { alpha: false }));
    this.layer = /** @type {CanvasRenderingContext2D} */ (mask.getContext("2d"));
    this.marks = /** @type {CanvasRenderingContext2D} */ (marks.getContext("2d"));
    /** @type {ImageBitmap[]} */
    this.levels = [];
    this.width = this.height = 0;
    /** @type {Uint8Array} */
    this.mask = new Uint8Array(0);
    this.scale = 1;
    this.left = this.top = 0;
    this.opacity = 0.45;
    this.color = 0;
    this.hidden = false;
    /** @type {Superpixels | null} */
    this.superpixels = null;
    /** @type {Rect | null} */
    this.dirty = null;
    this.all = false;
    this.framed = false;
    this.fitted = true;
    /** @type {(context: CanvasRenderingContext2D) => void} */
    this.drawMarks = () => {};
    /** @type {number[]} */
    this.latencies = [];
    this.pending = 0;
    new ResizeObserver(() => this.resize()).observe(stage);
  }

  get ratio() {
    return window.devicePixelRatio || 1;
  }

  /** @param {ImageBitmap[]} levels whole, half, quarter @param {Uint8Array} mask */
  show(levels, mask) {
    for (const old of this.levels) if (!levels.includes(old)) old.close();
    this.levels = levels;
    this.width = levels[0].width;
    this.height = levels[0].height;
    this.mask = mask;
    this.superpixels = null;
    this.resize(true);
  }

  resize(fit = false) {
    const w = Math.max(1, Math.round(this.stage.clientWidth * this.ratio)), h = Math.max(1, Math.round(this.stage.clientHeight * this.ratio));
    if (this.canvases[0].width !== w || this.canvases[0].height !== h) {
      for (const canvas of this.canvases) [canvas.width, canvas.height] = [w, h];
      fit = fit || this.fitted;
    }
    if (fit) this.fit();
    this.repaint();
  }

  fit() {
    if (!this.width) return;
    const { width, height } = this.canvases[0];
    this.scale = Math.min(width / this.width, height / this.height) * 0.98;
    this.left = (width - this.width * this.scale) / 2;
    this.top = (height - this.height * this.scale) / 2;
    this.fitted = true;
    this.repaint();
  }

  /** Zoom about a point of the screen; without one, about the middle. @param {number} factor @param {[number, number]} [at] */
  zoom(factor, at) {
    const box = this.stage.getBoundingClientRect();
    const [x, y] = at ? [(at[0] - box.left) * this.ratio, (at[1] - box.top) * this.ratio] : [this.canvases[0].width / 2, this.canvases[0].height / 2];
    const smallest = 0.5 * Math.min(this.canvases[0].width / this.width, this.canvases[0].height / this.height);
    const scale = Math.min(Math.max(this.scale * factor, Math.min(smallest, 1)), MOST_ZOOM * this.ratio);
    this.left = x - (x - this.left) * (scale / this.scale);
    this.top = y - (y - this.top) * (scale / this.scale);
    this.scale = scale;
    this.fitted = false;
    this.repaint();
  }

  /** Move by pixels of the screen. @param {number} dx @param {number} dy */
  pan(dx, dy) {
    this.left += dx * this.ratio;
    this.top += dy * this.ratio;
    this.fitted = false;
    this.repaint();
  }

  /** A point of the screen in the image's pixels. @param {{clientX: number, clientY: number}} event @returns {[number, number]} */
  at(event) {
    const box = this.stage.getBoundingClientRect();
    return [((event.clientX - box.left) * this.ratio - this.left) / this.scale, ((event.clientY - box.top) * this.ratio - this.top) / this.scale];
  }

  /** Repaint everything at the next frame. */
  repaint() {
    this.all = true;
    this.frame();
  }

  /** Repaint the mask in a rectangle of the image. @param {Rect | null} rect @param {number} [since] time of the event that changed it */
  changed(rect, since) {
    this.dirty = union(this.dirty, rect);
    if (since && !this.pending) this.pending = since;
    this.frame();
  }

  frame() {
    if (this.framed) return;
    this.framed = true;
    requestAnimationFrame(() => this.paint());
  }

  paint() {
    this.framed = false;
    if (!this.width) return;
    const { width, height } = this.canvases[0];
    if (this.all) {
      this.paintPicture();
      this.paintMask({ x: 0, y: 0, w: width, h: height });
    } else if (this.dirty) {
      const { x, y, w, h } = this.dirty;
      const left = Math.max(0, Math.floor(x * this.scale + this.left) - 2), top = Math.max(0, Math.floor(y * this.scale + this.top) - 2);
      const right = Math.min(width, Math.ceil((x + w) * this.scale + this.left) + 2), bottom = Math.min(height, Math.ceil((y + h) * this.scale + this.top) + 2);
      if (right > left && bottom > top) this.paintMask({ x: left, y: top, w: right - left, h: bottom - top });
    }
    this.all = false;
    this.dirty = null;
    this.marks.setTransform(1, 0, 0, 1, 0, 0);
    this.marks.clearRect(0, 0, width, height);
    this.marks.setTransform(this.scale, 0, 0, this.scale, this.left, this.top);
    this.drawMarks(this.marks);
    if (this.pending) {
      this.latencies.push(performance.now() - this.pending);
      if (this.latencies.length > 1000) this.latencies.shift();
      this.pending = 0;
    }
  }

  paintPicture() {
    const context = this.picture;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = getComputedStyle(this.stage).backgroundColor;
    context.fillRect(0, 0, context.canvas.width, context.canvas.height);
    let level = 0;
    while (level + 1 < this.levels.length && this.scale * 2 ** (level + 1) <= 1) level++;
    context.imageSmoothingEnabled = this.scale < 3;
    context.drawImage(this.levels[level], this.left, this.top, this.width * this.scale, this.height * this.scale);
  }

  /** Every pixel of a rectangle of the screen, from the mask: a tint inside, a line at the edge. @param {Rect} rect */
  paintMask(rect) {
    const { x, y, w, h } = rect;
    const data = this.layer.createImageData(w, h);
    const out = new Uint32Array(data.data.buffer);
    const [r, g, b] = COLORS[this.color];
    const base = (b << 16) | (g << 8) | r;
    const tints = [0, 1, 2, 3, 4].map((n) => (base | (Math.round((255 * this.opacity * n) / 4) << 24)) >>> 0);
    const edge = (base | (255 << 24)) >>> 0;
    const { width, height, mask } = this;
    const step = 1 / this.scale, fine = step > 1.4 ? step / 2 : 0;
    const columns = new Int32Array(w + 1), beside = new Int32Array(w + 1);
    for (let i = 0; i <= w; i++) {
      const at = (x + i - 1 + 0.5 - this.left) * step;
      columns[i] = at >= 0 && at < width ? Math.floor(at) : -1;
      beside[i] = columns[i] < 0 ? -1 : Math.min(width - 1, Math.floor(at + fine));
    }
    let above = new Uint8Array(w + 1), row = new Uint8Array(w + 1);
    for (let j = -1; j < h; j++) {
      const at = (y + j + 0.5 - this.top) * step;
      const begin = at >= 0 && at < height ? Math.floor(at) * width : -1;
      const below = begin < 0 ? -1 : Math.min(height - 1, Math.floor(at + fine)) * width;
      for (let i = 0; i <= w; i++) {
        const column = columns[i];
        if (begin < 0 || column < 0 || this.hidden) row[i] = 0;
        else if (!fine) row[i] = mask[begin + column] << 2;
        else row[i] = mask[begin + column] + mask[begin + beside[i]] + mask[below + column] + mask[below + beside[i]];
      }
      if (j >= 0) {
        for (let i = 1; i <= w; i++) {
          const now = row[i] > 1, here = j * w + i - 1;
          out[here] = now !== row[i - 1] > 1 || now !== above[i] > 1 ? edge : tints[row[i]];
        }
      }
      [above, row] = [row, above];
    }
    if (this.superpixels) this.paintBorders(out, rect, columns);
    this.layer.putImageData(data, x, y);
  }

  /** @param {Uint32Array} out @param {Rect} rect @param {Int32Array} columns */
  paintBorders(out, rect, columns) {
    const { labels, w, h } = /** @type {Superpixels} */ (this.superpixels);
    const small = Int32Array.from(columns, (c) => (c < 0 ? -1 : Math.floor((c * w) / this.width)));
    let before = -1;
    for (let j = 0; j < rect.h; j++) {
      const at = (rect.y + j + 0.5 - this.top) / this.scale;
      if (at < 0 || at >= this.height) continue;
      const row = Math.floor((Math.floor(at) * h) / this.height) * w;
      for (let i = 1; i <= rect.w; i++) {
        if (small[i] < 0 || small[i - 1] < 0) continue;
        const label = labels[row + small[i]];
        if (label !== labels[row + small[i - 1]] || (before >= 0 && label !== labels[before + small[i]])) {
          const here = j * rect.w + i - 1;
          if (out[here] >>> 24 < 200) out[here] = 0xb0ffffff;
        }
      }
      before = row;
    }
  }
}
