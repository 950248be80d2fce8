/** Entry point: server state, the open image, and actions with their keyboard shortcuts. */

import { drawing, reviewing, TOOLS } from "./actions.js";
import { Refused, ask, get, post } from "./api.js";
import { Clock } from "./clock.js";
import { Conflict } from "./conflict.js";
import { canvas, element, input } from "./dom.js";
import { Editor } from "./editor.js";
import { list, listen } from "./keys.js";
import { Labels } from "./labels.js";
import { Saver } from "./saver.js";
import { Sheet } from "./sheet.js";
import { Tools } from "./tools.js";
import { TrainingPanel, many, matchedIn } from "./training.js";
import { View } from "./view.js";

/**
 * @typedef {import("./api.js").Row} Row
 * @typedef {import("./api.js").State} State
 * @typedef {import("./keys.js").Action} Action
 * @typedef {import("./tools.js").Tool} Tool
 */

/** @type {State} */
let state;
/** @type {Map<string, Row>} */
const rows = new Map();
const seed = Number(localStorage.getItem("handful-seed") ?? Math.floor(Math.random() * 2 ** 31));
localStorage.setItem("handful-seed", String(seed));

const clock = new Clock();
const view = new View(element("stage"), canvas("picture"), canvas("mask"), canvas("marks"));
const saver = new Saver(rows, { status: say, stale: (key, now) => void stale(key, now), saved: renewed });
const editor = new Editor(view, saver, clock);
const tools = new Tools(editor, view, { changed: showHint, boxed: () => void boxed(), say: (text) => say(text, "busy") });
const conflict = new Conflict(editor, view);
const labels = new Labels(editor, rows, clock, { renewed, say, trying });
const training = new TrainingPanel({ ended: () => void trying(propagated), say });
const sheet = new Sheet(element("sheet"), element("sheet-note"), {
  rows: () => state.images.map((row) => rows.get(row.key) ?? row),
  round: () => state.round,
  matched: () => (state.work.matched ? matchedIn(state.work.matched) : ""),
  open: (key) => void open(key),
  renewed,
  say,
  seconds: () => clock.take(),
});

/** @type {import("./actions.js").Page} */
const page = {
  editor, labels, sheet, tools, training, view,
  say, trying, choose, assist, setSize, setOpacity, show, showHint, showKeys, next, step, skip,
};

/** @type {Record<string, string>} */
const SHORT = { G: "GrabCut", W: "Random walker", Q: "SAM", A: "Accept mask", D: "Delete prompts", Delete: "Clear mask" };
const HINTS = /** @type {Record<string, string>} */ ({
  polygon: "Click the corners. Enter, or a click on the first corner, closes the polygon; Backspace removes the last corner.",
  box: "Drag a box around the object.",
  marks: "Scribble on the object and, with Shift or after pressing X, on the background. Then press G for GrabCut or W for the random walker.",
  superpixels: "Click or drag over superpixels to add them; hold Shift to remove them.",
  fill: "Click inside an outline to fill it. With a tolerance above 0, connected pixels of similar color are filled.",
});

/** @param {string} text @param {string} kind */
function say(text, kind) {
  element("status").textContent = text;
  element("status").dataset.kind = kind;
}

/** Do something that may be refused, and say so. @param {() => Promise<unknown>} action */
async function trying(action) {
  try {
    await action();
  } catch (error) {
    say(error instanceof Refused ? error.message : "The server does not respond.", "bad");
  }
}

/** @param {Row} row */
function renewed(row) {
  rows.set(row.key, { ...rows.get(row.key), ...row });
  if (editor.image?.key === row.key) Object.assign(editor.image, row, { marks: editor.image.marks });
  showCounts();
  if (editor.image?.key === row.key) {
    labels.show();
    showHint();
  }
}

/** @param {string} key @param {Row} now */
async function stale(key, now) {
  say("Not saved: changed in another window", "bad");
  if (editor.image?.key !== key) {
    renewed(now);
    return;
  }
  await trying(() => conflict.resolve(now));
}

async function reload() {
  state = await get("state");
  for (const row of state.images) {
    const known = rows.get(row.key);
    // what is open here keeps the versions that it was loaded with
    rows.set(row.key, known && editor.image?.key === row.key ? { ...row, versions: known.versions } : row);
  }
  labels.classes = state.classes;
  training.round = state.round;
  training.show(state.work, state.trainings);
  labels.show();
  showCounts();
  if (document.body.dataset.view === "sheet") sheet.show();
}

/** Show the masks that came, that of the image on the page too unless something is drawn on it. */
async function propagated() {
  await reload();
  const row = editor.image && rows.get(editor.image.key);
  if (!row?.proposal || document.body.dataset.view !== "draw") return;
  if (!editor.start && !saver.waiting && !tools.busy) await open(row.key);
}

let opened = { key: "", version: 0 }; // the image on the page, and the version of its mask when it came there

/** @param {string} key */
async function open(key) {
  show("draw");
  const before = rows.get(opened.key);
  const isDrawn = before?.mask && before.mask !== "propagated" && before.versions.mask !== opened.version;
  const row = rows.get(key);
  const isAwaited = training.matching && row && !row.mask && !row.proposal;
  if ((isDrawn || isAwaited) && key !== opened.key) void training.drawn(key).catch(() => {});
  await leave();
  tools.cancel();
  await trying(async () => {
    if (!(await editor.open(key))) return;
    const image = editor.image;
    if (!image) return;
    if (opened.key !== key) opened = { key, version: rows.get(key)?.versions.mask ?? 0 };
    const at = state.images.findIndex((row) => row.key === key);
    element("name").textContent = image.id;
    element("name").title = image.id;
    element("position").textContent = `${at + 1} of ${state.images.length}`;
    document.title = `${image.id} - annotate`;
    location.hash = key;
    const most = Math.max(40, Math.round(Math.max(image.width, image.height) / 4));
    input("size").max = String(most);
    setSize(Math.min(tools.size, most));
    labels.show();
    showHint();
    if (!saver.waiting) say(editor.start ? "Not saved yet" : "Saved", editor.start ? "busy" : "good");
    if (tools.tool === "superpixels") await superpixels();
  });
}

/** Note the seconds that were spent on an image without a change. */
async function leave() {
  const seconds = clock.take();
  if (editor.image && seconds > 0.2) await post(`images/${editor.image.key}/seconds`, { kind: "look", seconds }, true).catch(() => {});
}

async function next() {
  const query = new URLSearchParams({ goal: input("goal").value, order: input("order").value, seed: String(seed) });
  if (editor.image) query.set("after", editor.image.key);
  await trying(async () => {
    if (editor.image) await editor.settled(editor.image.key);
    const found = await get(`next?${query}`);
    if (!found.key) {
      say(input("goal").value === "mask" ? "Every image has a mask." : "Every image has a label.", "good");
      return;
    }
    await open(found.key);
    if (editor.image?.key !== found.key) {
      renewed(await post(`images/${found.key}/skip`, { skipped: true })); // it cannot be read: the others come first
      return;
    }
    const wanted = input("order").value;
    if (found.order !== wanted && !(wanted === "balanced" && found.order === "diverse")) say(found.order === "random" ? "Random until the image features are computed" : `Strategy used: ${found.order}`, "busy");
    void training.poll().catch(() => {});
  });
}

/** The image before or after in the list. @param {number} step */
async function step(step) {
  const at = state.images.findIndex((row) => row.key === editor.image?.key);
  const row = state.images[(at + step + state.images.length) % state.images.length];
  if (row) await open(row.key);
}

async function skip() {
  const image = editor.image;
  if (!image) return;
  await trying(async () => renewed(await post(`images/${image.key}/skip`, { skipped: !image.skipped, seconds: clock.take() })));
  if (editor.image?.skipped) await next();
}

async function boxed() {
  const does = input("box-does").value;
  const box = editor.marks.find((mark) => mark.kind === "box");
  if (does === "grabcut" || does === "sam") await assist(does);
  else if (does === "fill" && box && editor.image) {
    const [[x1, y1], [x2, y2]] = box.points;
    const { width, height } = editor.image;
    const left = Math.max(0, Math.round(Math.min(x1, x2))), right = Math.min(width, Math.round(Math.max(x1, x2)));
    const top = Math.max(0, Math.round(Math.min(y1, y2))), bottom = Math.min(height, Math.round(Math.max(y1, y2)));
    if (right <= left || bottom <= top) return;
    for (let row = top; row < bottom; row++) editor.mask.fill(1, row * width + left, row * width + right);
    const rect = { x: left, y: top, w: right - left, h: bottom - top };
    view.changed(rect);
    editor.commit(rect, "box");
  }
}

/** @param {"grabcut" | "random-walker" | "sam"} way */
async function assist(way) {
  say(`Running ${{ grabcut: "GrabCut", "random-walker": "random walker", sam: "SAM" }[way]}…`, "busy");
  await trying(async () => {
    await editor.assist(way);
    if (!saver.waiting) say("Saved", "good");
  });
}

async function superpixels() {
  say("Computing superpixels…", "busy");
  await trying(async () => {
    await editor.loadSuperpixels(Number(input("superpixel-count").value));
    say("Saved", "good");
  });
}

/** @param {Tool} tool */
function choose(tool) {
  if (tool === "superpixels" && !state.tools.superpixels) {
    say("Superpixels need scikit-image: pip install 'handful[annotate]'.", "bad");
    return;
  }
  tools.cancel();
  tools.tool = tool;
  for (const [name] of TOOLS) element(`tool-${name}`).setAttribute("aria-pressed", String(name === tool));
  if (tool !== "superpixels" && view.superpixels) {
    view.superpixels = null;
    view.repaint();
  } else if (tool === "superpixels" && !view.superpixels) void superpixels();
  showHint();
}

/** @param {number} size */
function setSize(size) {
  tools.size = Math.max(1, Math.min(Number(input("size").max), Math.round(size)));
  input("size").value = String(tools.size);
  element("size-value").textContent = String(tools.size);
  view.changed(null);
}

/** @param {number} percent */
function setOpacity(percent) {
  view.opacity = Math.max(0, Math.min(100, percent)) / 100;
  input("opacity").value = String(Math.round(100 * view.opacity));
  view.repaint();
}

/** @param {"draw" | "sheet"} which */
function show(which) {
  document.body.dataset.view = which;
  element("view-draw").setAttribute("aria-pressed", String(which === "draw"));
  element("view-sheet").setAttribute("aria-pressed", String(which === "sheet"));
  if (which === "sheet") {
    sheet.show();
    sheet.move(0, 0);
  } else element("stage").focus({ preventScroll: true });
}

function showCounts() {
  if (!state) return;
  const all = [...rows.values()];
  const masks = all.filter((row) => row.mask !== null).length;
  const labelled = all.filter((row) => row.label !== null).length;
  const seconds = all.reduce((sum, row) => sum + Object.values(row.seconds).reduce((a, b) => a + b, 0), 0);
  const minutes = seconds < 90 ? `${Math.round(seconds)} s` : `${(seconds / 60).toFixed(1)} min`;
  element("counts").textContent = `${many(masks, "mask")}, ${many(labelled, "label")}, ${many(all.length, "image")}; ${minutes} of annotation time.`;
}

function showHint() {
  const image = editor.image && rows.get(editor.image.key);
  const proposal = editor.start ? "Propagated mask, not saved yet: press A to accept it, draw to correct it, or press Del to discard it." : "";
  const test = image?.split === "test" || image?.split === "val" ? `This image is in the ${image.split} split: it is never used for training.` : "";
  const text = [test, proposal || HINTS[tools.tool]].filter(Boolean).join(" ");
  element("hint").textContent = text;
  element("hint").hidden = !text;
}

/** What a key does in the view that is shown. */
function actions() {
  return document.body.dataset.view === "sheet" ? reviewing(page) : drawing(page, state.tools.sam);
}

function showKeys() {
  list(element("key-list"), actions());
  /** @type {HTMLDialogElement} */ (element("keys")).showModal();
}

function wire() {
  for (const [tool, what, key] of TOOLS) {
    const button = document.createElement("button");
    button.id = `tool-${tool}`;
    button.setAttribute("aria-pressed", String(tool === tools.tool));
    button.innerHTML = `<svg aria-hidden="true"><use href="#i-${tool}"/></svg><span>${what}</span><kbd>${key}</kbd>`;
    button.title = what;
    button.addEventListener("click", () => choose(tool));
    element("tools").append(button);
  }
  const asks = /** @type {HTMLOptionElement} */ (document.querySelector('#box-does option[value="sam"]'));
  asks.hidden = asks.disabled = !state.tools.sam;
  for (const key of ["Z", "Y", "G", "W", ...(state.tools.sam ? ["Q"] : []), "A", "D", "Delete"]) {
    const action = /** @type {Action} */ (drawing(page, state.tools.sam).find((each) => each.keys.includes(key)));
    const button = document.createElement("button");
    const cap = document.createElement("kbd");
    cap.textContent = key === "Delete" ? "Del" : key;
    const name = document.createElement("span");
    name.textContent = SHORT[key] ?? action.what;
    button.title = action.what;
    button.append(name, cap);
    button.addEventListener("click", action.run);
    element("actions").append(button);
  }
  element("before").addEventListener("click", () => void step(-1));
  element("after").addEventListener("click", () => void step(1));
  element("view-draw").addEventListener("click", () => show("draw"));
  element("view-sheet").addEventListener("click", () => show("sheet"));
  element("show-keys").addEventListener("click", showKeys);
  element("next").addEventListener("click", () => void next());
  element("skip").addEventListener("click", () => void skip());
  element("cannot-tell").addEventListener("click", () => void labels.set(null, true));
  element("unlabel").addEventListener("click", () => void labels.set(null));
  element("new-class").addEventListener("submit", (event) => {
    event.preventDefault();
    const name = input("class-name").value.trim();
    if (name) void labels.add(name);
  });
  input("class-name").addEventListener("keydown", (event) => event.key === "Escape" && element("stage").focus());
  input("size").addEventListener("input", () => setSize(Number(input("size").value)));
  input("opacity").addEventListener("input", () => setOpacity(Number(input("opacity").value)));
  input("tolerance").addEventListener("input", () => {
    tools.tolerance = Number(input("tolerance").value);
    element("tolerance-value").textContent = String(tools.tolerance);
  });
  input("superpixel-count").addEventListener("change", () => tools.tool === "superpixels" && void superpixels());
  input("filter").addEventListener("change", () => {
    sheet.filter = /** @type {import("./sheet.js").Filter} */ (input("filter").value);
    sheet.show();
  });
  addEventListener("keydown", (event) => {
    if (event.key === " " && event.target === view.stage) {
      event.preventDefault();
      tools.holding = true;
    }
  });
  addEventListener("keyup", (event) => event.key === " " && (tools.holding = false));
  addEventListener("beforeunload", (event) => saver.waiting && event.preventDefault());
  addEventListener("pagehide", () => void leave());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => view.repaint());
  listen(actions);
}

async function start() {
  await reload();
  wire();
  setSize(tools.size);
  setOpacity(45);
  input("tolerance").value = "0";
  element("tolerance-value").textContent = "0";
  const wanted = location.hash.slice(1);
  if (rows.has(wanted)) await open(wanted);
  else await next();
  if (!editor.image && state.images.length) await open(state.images[0].key);
  await training.prepare();
}

start().catch((error) => say(error instanceof Error ? error.message : String(error), "bad"));
Object.assign(window, { handful: { editor, labels, view, tools, saver, ask } }); // for the tests
