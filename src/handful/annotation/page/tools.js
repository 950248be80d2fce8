/** What pointers do on the picture: mouse, pen and fingers. */

import { flood, line, polygon, union } from "./mask.js";

/**
 * @typedef {import("./mask.js").Rect} Rect
 * @typedef {[number, number]} Point
 * @typedef {"brush" | "eraser" | "polygon" | "fill" | "box" | "superpixels" | "marks"} Tool
 */

const CLOSE = 12; // screen pixels around a polygon's first point that close it

export class Tools {
  /**
   * @param {import("./editor.js").Editor} editor @param {import("./view.js").View} view
   * @param {{changed: () => void, boxed: () => void, say: (text: string) => void}} tell
   */
  constructor(editor, view, tell) {
    this.editor = editor;
    this.view = view;
    this.tell = tell;
    /** @type {Tool} */
    this.tool = "brush";
    this.size = 24; // diameter, in pixels of the image
    this.tolerance = 0;
    this.background = false; // whether marks are of the background
    /** @type {Point[]} */
    this.points = []; // of the polygon, box or scribble being drawn
    /** @type {Point | null} */
    this.hover = null;
    /** @type {{value: number, at: Point, dirty: Rect | null, id: number} | null} */
    this.drawing = null;
    /** @type {Map<number, {x: number, y: number}>} */
    this.fingers = new Map();
    this.panning = false;
    this.holding = false; // space is down
    this.penSeen = false;
    view.drawMarks = (context) => this.draw(context);
    this.listen(view.stage);
  }

  /** @param {HTMLElement} stage */
  listen(stage) {
    stage.addEventListener("pointerdown", (event) => this.down(event));
    stage.addEventListener("pointermove", (event) => this.move(event));
    stage.addEventListener("pointerup", (event) => this.up(event));
    stage.addEventListener("pointercancel", (event) => this.up(event, true));
    stage.addEventListener("pointerleave", () => {
      this.hover = null;
      this.view.changed(null);
    });
    stage.addEventListener("dblclick", () => this.finish());
    stage.addEventListener("contextmenu", (event) => event.preventDefault());
    stage.addEventListener(
      "wheel",
      (event) => {
        event.preventDefault();
        if (event.shiftKey) this.view.pan(-event.deltaY - event.deltaX, 0);
        else this.view.zoom(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0018)), [event.clientX, event.clientY]);
      },
      { passive: false },
    );
  }

  /** @param {PointerEvent} event */
  down(event) {
    if (!this.editor.image) return;
    this.view.stage.setPointerCapture(event.pointerId);
    if (event.pointerType === "pen") this.penSeen = true;
    if (event.pointerType === "touch") {
      this.fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
      if (this.fingers.size === 2) this.cancel(); // the first finger began to draw
      if (this.fingers.size > 1 || this.penSeen) return;
    }
    if (event.button === 1 || this.holding) {
      this.panning = true;
      return;
    }
    const other = event.button === 2 || event.button === 5 || event.shiftKey || event.altKey;
    this.begin(this.view.at(event), other, event);
  }

  /** @param {Point} at @param {boolean} other @param {PointerEvent} event */
  begin(at, other, event) {
    const editor = this.editor, image = editor.image;
    if (!image) return;
    const value = (this.tool === "eraser") !== other ? 0 : 1;
    if (this.tool === "brush" || this.tool === "eraser" || this.tool === "superpixels") {
      this.drawing = { value, at, dirty: null, id: event.pointerId };
      this.stroke(at, event.timeStamp);
    } else if (this.tool === "fill") {
      const x = Math.floor(at[0]), y = Math.floor(at[1]);
      const rect = flood(editor.mask, image.width, image.height, x, y, this.like(x, y), value);
      this.view.changed(rect, event.timeStamp);
      editor.commit(rect, "fill");
    } else if (this.tool === "polygon") {
      const [first] = this.points;
      const near = first && Math.hypot(at[0] - first[0], at[1] - first[1]) * this.view.scale < CLOSE * this.view.ratio;
      if (near && this.points.length > 2) this.finish(other);
      else this.points.push(at);
      this.view.changed(null);
    } else {
      this.points = [at];
      this.drawing = { value: this.background !== other ? 0 : 1, at, dirty: null, id: event.pointerId };
    }
  }

  /** Which pixels filling takes: like in the mask, or of a similar color. @param {number} x @param {number} y */
  like(x, y) {
    const { editor } = this;
    const width = editor.image?.width ?? 0, seed = y * width + x;
    const colors = this.tolerance > 0 ? editor.pixels()?.data : undefined;
    if (!colors) {
      const mask = editor.mask, value = mask[seed];
      return (/** @type {number} */ i) => mask[i] === value;
    }
    const [r, g, b] = colors.slice(4 * seed, 4 * seed + 3), most = this.tolerance;
    return (/** @type {number} */ i) =>
      Math.abs(colors[4 * i] - r) <= most && Math.abs(colors[4 * i + 1] - g) <= most && Math.abs(colors[4 * i + 2] - b) <= most;
  }

  /** @param {PointerEvent} event */
  move(event) {
    this.hover = this.view.at(event);
    if (event.pointerType === "touch" && (this.fingers.size > 1 || (this.penSeen && this.fingers.size))) {
      this.pinch(event);
      return;
    }
    if (this.panning) {
      this.view.pan(event.movementX, event.movementY);
      return;
    }
    const drawing = this.drawing;
    if (drawing && drawing.id === event.pointerId) {
      const events = event.getCoalescedEvents?.() ?? [];
      for (const each of events.length ? events : [event]) {
        const at = this.view.at(each);
        if (this.tool === "box") this.points = [this.points[0], at];
        else if (this.tool === "marks") this.points.push(at);
        else this.stroke(at, event.timeStamp);
      }
    }
    this.view.changed(null);
  }

  /** @param {Point} at @param {number} since */
  stroke(at, since) {
    const { editor, drawing } = this, image = editor.image;
    if (!drawing || !image) return;
    const rect =
      this.tool === "superpixels"
        ? this.paintSuperpixel(at, drawing.value)
        : line(editor.mask, image.width, image.height, drawing.at, at, this.size / 2, drawing.value);
    drawing.at = at;
    drawing.dirty = union(drawing.dirty, rect);
    this.view.changed(rect, since);
  }

  /** @param {Point} at @param {number} value @returns {Rect | null} */
  paintSuperpixel(at, value) {
    const image = this.editor.image, held = this.view.superpixels;
    if (!image || !held || at[0] < 0 || at[1] < 0 || at[0] >= image.width || at[1] >= image.height) return null;
    const { labels, w, h } = held, { width, height } = image, mask = this.editor.mask;
    const own = labels[Math.floor((Math.floor(at[1]) * h) / height) * w + Math.floor((Math.floor(at[0]) * w) / width)];
    // superpixels hang together: flood over the small map finds one without a look at the rest
    const found = new Uint8Array(w * h);
    const x = Math.floor((Math.floor(at[0]) * w) / width), y = Math.floor((Math.floor(at[1]) * h) / height);
    const box = flood(found, w, h, x, y, (i) => labels[i] === own, 1);
    if (!box) return null;
    const left = Math.floor((box.x * width) / w), top = Math.floor((box.y * height) / h);
    const right = Math.min(width, Math.ceil(((box.x + box.w) * width) / w) + 1), bottom = Math.min(height, Math.ceil(((box.y + box.h) * height) / h) + 1);
    for (let row = top; row < bottom; row++) {
      const small = Math.floor((row * h) / height) * w;
      for (let column = left; column < right; column++) {
        if (found[small + Math.floor((column * w) / width)]) mask[row * width + column] = value;
      }
    }
    return { x: left, y: top, w: right - left, h: bottom - top };
  }

  /** @param {PointerEvent} event @param {boolean} [cancelled] */
  up(event, cancelled = false) {
    this.fingers.delete(event.pointerId);
    this.panning = false;
    const drawing = this.drawing;
    if (!drawing || drawing.id !== event.pointerId) return;
    if (cancelled) {
      this.cancel();
      return;
    }
    this.drawing = null;
    if (this.tool === "box" || this.tool === "marks") this.mark(drawing.value === 1);
    else this.editor.commit(drawing.dirty, this.tool);
    this.tell.changed();
  }

  /** Turn what was dragged into a mark. @param {boolean} foreground */
  mark(foreground) {
    const points = this.points;
    this.points = [];
    const clean = points.map((p) => /** @type {Point} */ ([Math.round(p[0] * 10) / 10, Math.round(p[1] * 10) / 10]));
    if (this.tool === "box") {
      if (clean.length < 2 || Math.abs(clean[1][0] - clean[0][0]) < 2 || Math.abs(clean[1][1] - clean[0][1]) < 2) {
        this.tell.say("Drag from one corner of the box to the other.");
        this.view.changed(null);
        return;
      }
      const others = this.editor.marks.filter((mark) => mark.kind !== "box");
      this.editor.setMarks([...others, { kind: "box", points: clean, foreground: true, width: 1 }]);
      this.tell.boxed();
      return;
    }
    const kind = clean.length > 1 ? "scribble" : "point";
    const width = Math.max(1, Math.round(this.size / 4));
    this.editor.setMarks([...this.editor.marks, { kind, points: thinned(clean), foreground, width }]);
  }

  /** Close the polygon. @param {boolean} [erase] @returns {boolean} whether there was one */
  finish(erase = false) {
    const { editor } = this, image = editor.image;
    if (this.tool !== "polygon" || !image || !this.points.length) return false;
    const rect = polygon(editor.mask, image.width, image.height, this.points, erase ? 0 : 1);
    this.points = [];
    this.view.changed(rect);
    editor.commit(rect, "polygon");
    this.tell.changed();
    return true;
  }

  /** Whether something is being drawn. */
  get busy() {
    return !!this.drawing || this.points.length > 0;
  }

  /** Give up what is being drawn. @returns {boolean} whether there was anything */
  cancel() {
    const { editor, drawing } = this;
    const some = this.busy;
    this.drawing = null;
    this.points = [];
    if (drawing?.dirty && editor.image) {
      editor.restore();
      this.view.changed(drawing.dirty);
    }
    this.view.changed(null);
    return some;
  }

  /** Two fingers: move and zoom. @param {PointerEvent} event */
  pinch(event) {
    const before = [...this.fingers.values()].map((p) => ({ ...p }));
    if (!this.fingers.has(event.pointerId)) return;
    this.fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    const after = [...this.fingers.values()];
    const middle = (/** @type {{x: number, y: number}[]} */ ps) => ({ x: ps.reduce((s, p) => s + p.x, 0) / ps.length, y: ps.reduce((s, p) => s + p.y, 0) / ps.length });
    const a = middle(before), b = middle(after);
    this.view.pan(b.x - a.x, b.y - a.y);
    if (before.length > 1) {
      const gap = (/** @type {{x: number, y: number}[]} */ ps) => Math.hypot(ps[0].x - ps[1].x, ps[0].y - ps[1].y);
      if (gap(before) > 4) this.view.zoom(gap(after) / gap(before), [b.x, b.y]);
    }
  }

  /** Marks, the polygon, and the brush's circle. @param {CanvasRenderingContext2D} context */
  draw(context) {
    const pixel = this.view.ratio / this.view.scale;
    context.lineJoin = context.lineCap = "round";
    for (const mark of this.editor.marks) this.drawMark(context, mark, pixel);
    if (this.tool === "marks" && this.points.length && this.drawing) {
      const width = Math.max(1, Math.round(this.size / 4));
      this.drawMark(context, { kind: "scribble", points: this.points, foreground: this.drawing.value === 1, width }, pixel);
    } else if (this.tool === "box" && this.points.length > 1) {
      this.drawMark(context, { kind: "box", points: this.points, foreground: true, width: 1 }, pixel);
    } else if (this.tool === "polygon" && this.points.length) {
      const path = new Path2D();
      this.points.forEach(([x, y], i) => (i ? path.lineTo(x, y) : path.moveTo(x, y)));
      if (this.hover) path.lineTo(...this.hover);
      outline(context, path, pixel, "#fff");
      for (const [x, y] of this.points) dot(context, x, y, 3.5 * pixel, "#fff", pixel);
    }
    if (this.hover && (this.tool === "brush" || this.tool === "eraser" || this.tool === "marks")) {
      const size = this.tool === "marks" ? Math.max(1, Math.round(this.size / 4)) : this.size;
      const path = new Path2D();
      path.arc(this.hover[0], this.hover[1], Math.max(size / 2, 1.5 * pixel), 0, 2 * Math.PI);
      outline(context, path, pixel, "#fff");
    }
  }

  /** @param {CanvasRenderingContext2D} context @param {import("./api.js").Mark} mark @param {number} pixel */
  drawMark(context, mark, pixel) {
    const color = mark.foreground ? "#3fdc97" : "#ff6b5e";
    const path = new Path2D();
    if (mark.kind === "box") {
      const [[x1, y1], [x2, y2]] = mark.points;
      path.rect(x1, y1, x2 - x1, y2 - y1);
      outline(context, path, pixel, "#fff", [6 * pixel, 4 * pixel]);
    } else if (mark.points.length === 1) {
      dot(context, mark.points[0][0], mark.points[0][1], Math.max(mark.width / 2, 4 * pixel), color, pixel);
    } else {
      mark.points.forEach(([x, y], i) => (i ? path.lineTo(x, y) : path.moveTo(x, y)));
      context.strokeStyle = "#000";
      context.lineWidth = Math.max(mark.width, 2 * pixel) + 2 * pixel;
      context.stroke(path);
      context.strokeStyle = color;
      context.lineWidth = Math.max(mark.width, 2 * pixel);
      context.stroke(path);
    }
  }
}

/** @param {CanvasRenderingContext2D} context @param {Path2D} path @param {number} pixel @param {string} color @param {number[]} [dash] */
function outline(context, path, pixel, color, dash = []) {
  context.setLineDash([]);
  context.strokeStyle = "#000";
  context.lineWidth = 3 * pixel;
  context.stroke(path);
  context.setLineDash(dash);
  context.strokeStyle = color;
  context.lineWidth = 1.4 * pixel;
  context.stroke(path);
  context.setLineDash([]);
}

/** @param {CanvasRenderingContext2D} context @param {number} x @param {number} y @param {number} r @param {string} color @param {number} pixel */
function dot(context, x, y, r, color, pixel) {
  context.beginPath();
  context.arc(x, y, r, 0, 2 * Math.PI);
  context.fillStyle = color;
  context.fill();
  context.strokeStyle = "#000";
  context.lineWidth = pixel;
  context.stroke();
}

/** At most so many points of a line. @param {Point[]} points @returns {Point[]} */
function thinned(points) {
  const most = 400;
  if (points.length <= most) return points;
  const step = (points.length - 1) / (most - 1);
  return Array.from({ length: most }, (_, i) => points[Math.round(i * step)]);
}
