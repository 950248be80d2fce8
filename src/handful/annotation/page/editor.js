/** The image on the page: its mask, what can be undone, its marks, and what is sent to be saved. */

import { ask, fresh, get, post } from "./api.js";
import { copy, difference, pack, place } from "./mask.js";

/**
 * @typedef {import("./mask.js").Rect} Rect
 * @typedef {import("./api.js").Mark} Mark
 * @typedef {import("./api.js").Detail} Detail
 * @typedef {{rect: Rect, before: Uint8Array<ArrayBuffer>, after: Uint8Array<ArrayBuffer>, source: string}} Step
 * @typedef {{done: Step[], undone: Step[]}} History
 */

const LARGE = 2_000_000; // pixels above which smaller copies are kept for zooming out

export class Editor {
  /** @param {import("./view.js").View} view @param {import("./saver.js").Saver} saver @param {import("./clock.js").Clock} clock */
  constructor(view, saver, clock) {
    this.view = view;
    this.saver = saver;
    this.clock = clock;
    /** @type {Detail | null} */
    this.image = null;
    this.mask = new Uint8Array(0);
    this.saved = new Uint8Array(0);
    /** @type {Map<string, History>} */
    this.histories = new Map();
    /** @type {Mark[]} */
    this.marks = [];
    /** @type {ImageData | null} */
    this.colors = null;
    this.opened = 0;
    /** @type {Uint8Array | null} a propagated mask that is shown as a start, and saved with the first change */
    this.start = null;
    /** @type {Promise<unknown>} */
    this.marking = Promise.resolve();
  }

  get history() {
    const key = this.image?.key ?? "";
    let history = this.histories.get(key);
    if (!history) this.histories.set(key, (history = { done: [], undone: [] }));
    return history;
  }

  get whole() {
    return { x: 0, y: 0, w: this.image?.width ?? 0, h: this.image?.height ?? 0 };
  }

  /** Load an image with its newest mask. @param {string} key @returns {Promise<boolean>} whether it is still the one wanted */
  async open(key) {
    const number = ++this.opened;
    await this.settled(key);
    const [image, bits, picture] = await Promise.all([
      /** @type {Promise<Detail>} */ (get(`images/${key}`)),
      ask(`images/${key}/mask`),
      ask(`images/${key}/picture`).then((answer) => answer.blob()),
    ]);
    const content = new Uint8Array(await bits.arrayBuffer());
    const bitmap = await createImageBitmap(picture, { colorSpaceConversion: "none" });
    const levels = [bitmap];
    while (levels[levels.length - 1].width * levels[levels.length - 1].height > LARGE) {
      const last = levels[levels.length - 1];
      levels.push(await createImageBitmap(last, { resizeWidth: last.width >> 1, resizeHeight: last.height >> 1, resizeQuality: "medium" }));
    }
    const start = image.proposal ? new Uint8Array(await (await ask(`images/${key}/proposal`)).arrayBuffer()) : null;
    if (number !== this.opened) return false;
    const version = Number(bits.headers.get("X-Version"));
    const known = this.saver.rows.get(key)?.versions.mask;
    if (known !== undefined && known !== version) this.histories.delete(key); // another page drew meanwhile
    image.versions.mask = version;
    this.saver.rows.set(key, image);
    this.image = image;
    this.mask = new Uint8Array(image.width * image.height);
    place(this.mask, image.width, this.whole, content);
    this.saved = this.mask.slice();
    this.start = start;
    this.restore();
    this.marks = image.marks;
    this.colors = null;
    this.view.show(levels, this.mask);
    return true;
  }

  /** Wait until nothing of an image is on its way. @param {string} key */
  async settled(key) {
    while (this.saver.queue.some((stroke) => stroke.key === key)) await new Promise((done) => setTimeout(done, 30));
  }

  /** What was there before the stroke that is begun. */
  restore() {
    this.mask.set(this.saved);
    if (this.start) place(this.mask, this.image?.width ?? 0, this.whole, this.start);
  }

  /** Make what was drawn in a rectangle one step, and save it. @param {Rect | null} within @param {string} source */
  commit(within, source) {
    if (!this.image || !within) return;
    const width = this.image.width;
    const rect = difference(this.mask, this.saved, width, this.start ? this.whole : within);
    this.start = null;
    if (!rect) return;
    const before = pack(this.saved, width, rect), after = pack(this.mask, width, rect);
    copy(this.mask, this.saved, width, rect);
    this.history.done.push({ rect, before, after, source });
    this.history.undone = [];
    this.saver.add(this.image.key, rect, after, source, this.clock.take());
  }

  undo() {
    const step = this.history.done.pop();
    if (!step) return false;
    this.history.undone.push(step);
    const under = this.history.done[this.history.done.length - 1];
    this.put(step.rect, step.before, under ? under.source : "undo");
    return true;
  }

  redo() {
    const step = this.history.undone.pop();
    if (!step) return false;
    this.history.done.push(step);
    this.put(step.rect, step.after, step.source);
    return true;
  }

  /** @param {Rect} rect @param {Uint8Array<ArrayBuffer>} bits @param {string} source */
  put(rect, bits, source) {
    if (!this.image) return;
    place(this.mask, this.image.width, rect, bits);
    copy(this.mask, this.saved, this.image.width, rect);
    this.view.changed(rect);
    this.saver.add(this.image.key, rect, bits, source, this.clock.take());
  }

  /** Put a whole mask in the place of the one there, as one step. @param {Uint8Array} bits @param {string} source */
  replace(bits, source) {
    if (!this.image) return;
    place(this.mask, this.image.width, this.whole, bits);
    this.view.changed(this.whole);
    this.commit(this.whole, source);
  }

  clear() {
    this.mask.fill(0);
    this.view.changed(this.whole);
    this.commit(this.whole, "clear");
  }

  /** Ask the server for a mask from the marks. @param {"grabcut" | "random-walker" | "sam"} way */
  async assist(way) {
    const image = this.image;
    if (!image) return;
    await this.settled(image.key);
    const keep = this.saved.includes(1);
    const answer = await ask(`images/${image.key}/${way}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ marks: this.marks, keep }),
    });
    const bits = new Uint8Array(await answer.arrayBuffer());
    if (this.image === image) this.replace(bits, way);
  }

  async takeProposal() {
    const image = this.image;
    if (!image) return;
    const answer = await ask(`images/${image.key}/proposal`);
    const bits = new Uint8Array(await answer.arrayBuffer());
    if (this.image === image) this.replace(bits, "propagated");
  }

  /** @param {number} count */
  async loadSuperpixels(count) {
    const image = this.image;
    if (!image) return;
    const answer = await ask(`images/${image.key}/superpixels?count=${count}`);
    const labels = new Uint16Array(await answer.arrayBuffer());
    if (this.image !== image) return;
    this.view.superpixels = { labels, w: Number(answer.headers.get("X-Width")), h: Number(answer.headers.get("X-Height")) };
    this.view.repaint();
  }

  /** Keep the marks on the server too. @param {Mark[]} marks */
  setMarks(marks) {
    this.marks = marks;
    this.view.changed(null);
    const image = this.image;
    if (!image) return;
    const change = fresh();
    this.marking = this.marking.then(async () => {
      const base = this.saver.rows.get(image.key)?.versions.marks ?? 0;
      this.saver.tell.saved(await post(`images/${image.key}/marks`, { marks, base, key: change }));
    });
    this.marking.catch(() => {
      this.marking = Promise.resolve();
      this.saver.tell.status("The prompts were not saved: reload the page.", "bad");
    });
  }

  /** The image's colors, for filling by color. */
  pixels() {
    if (!this.colors && this.image) {
      const canvas = new OffscreenCanvas(this.image.width, this.image.height);
      const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: true }));
      context.drawImage(this.view.levels[0], 0, 0);
      this.colors = context.getImageData(0, 0, this.image.width, this.image.height);
    }
    return this.colors;
  }
}
