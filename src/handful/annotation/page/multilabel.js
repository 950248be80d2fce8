/** The page for several labels per image: one class is asked over many images, or all classes of one image. */

import { Refused, get, post } from "./api.js";
import { Clock } from "./clock.js";
import { element, input } from "./dom.js";
import { Entries } from "./entries.js";
import { Grid } from "./grid.js";
import { list, nameOf } from "./keys.js";
import { Large } from "./large.js";

/** @typedef {import("./keys.js").Action} Action */

const clock = new Clock();
const entries = new Entries({ seconds: () => clock.take(), changed, saved, failed });
const grid = new Grid(entries, { open: (key) => large.open(key, grid.keys) });
const large = new Large(entries);
let name = ""; // the class that is asked for
let timer = 0;

/** @param {string} text @param {string} kind */
function say(text, kind) {
  element("status").textContent = text;
  element("status").dataset.kind = kind;
}

function changed() {
  say("Saving…", "busy");
  showClasses();
  grid.refresh();
  large.refresh();
  element("undo").toggleAttribute("disabled", !entries.undoable.length);
}

function saved() {
  say("Saved", "good");
  clearTimeout(timer);
  timer = window.setTimeout(() => void suggest().catch(failed), 250);
}

/** @param {unknown} error */
function failed(error) {
  say(error instanceof Refused ? `Not saved. ${error.message}` : "Not saved: the server does not respond.", "bad");
  if (error instanceof Refused) void entries.load().then(() => (showClasses(), grid.refresh()));
}

/** Fetch suggestions; while image features are computed, again. */
async function suggest() {
  const answer = await get("suggestions");
  const before = Object.keys(entries.suggested).length;
  entries.suggested = answer.classes;
  const job = answer.features;
  const running = job?.state === "running";
  const bar = /** @type {HTMLProgressElement} */ (element("progress"));
  bar.hidden = !running || !job.of || job.done === job.of;
  if (!bar.hidden) {
    bar.max = job.of;
    bar.value = job.done ?? 0;
  }
  const n = Object.keys(answer.classes).length;
  const failedText = job?.state === "failed" ? job.error : "";
  const soon = "They start with 2 images that show a class and 2 that do not.";
  const some = `A model of your answers orders the images of ${n} of ${entries.classes.length} classes; it learns from each answer.`;
  const computing = running && job.of && job.done < job.of ? `Computing image features: ${job.done} of ${job.of}. ` : "";
  element("suggestions").textContent = failedText || computing + (n ? some : soon);
  if (before !== n && grid.untouched) grid.ask(name);
  else grid.refresh();
  if (running) {
    clearTimeout(timer);
    timer = window.setTimeout(() => void suggest().catch(failed), 1000);
  }
}

function showClasses() {
  const asked = entries.asked;
  let known = 0;
  const buttons = entries.classes.map((label, i) => {
    const present = asked.filter((row) => row.entries[label] === true).length;
    const absent = asked.filter((row) => row.entries[label] === false).length;
    known += present + absent;
    const button = document.createElement("button");
    button.setAttribute("aria-pressed", String(label === name));
    button.append(i < 9 ? part("kbd", "", String(i + 1)) : part("span", "none", ""), part("span", "name", label));
    const open = asked.length - present - absent;
    button.append(part("span", "left", open ? `${open} unknown` : "complete"));
    const bar = part("span", "bar", "");
    for (const [state, count] of /** @type {const} */ ([["present", present], ["absent", absent]])) {
      const piece = part("i", "", "");
      piece.dataset.state = state;
      piece.style.width = `${(100 * count) / Math.max(asked.length, 1)}%`;
      bar.append(piece);
    }
    button.append(bar, part("span", "counts", `${present} present, ${absent} absent`));
    button.addEventListener("click", () => choose(label));
    return button;
  });
  element("classes").replaceChildren(...buttons);
  const of = asked.length * entries.classes.length;
  element("position").textContent = of ? `${asked.length} images, ${known} of ${of} entries known` : `${asked.length} images`;
}

/** @param {string} label */
function choose(label) {
  name = label;
  showClasses();
  grid.ask(label);
}

/** Answer for the images that nobody clicked, and go on. @param {boolean} absent */
function go(absent) {
  if (!name) return;
  if (absent) entries.set(grid.open.map((key) => ({ key, name, present: false })));
  if (!grid.next(!absent)) {
    const after = entries.classes.find((label) => entries.asked.some((row) => row.entries[label] === undefined));
    if (absent && after && after !== name) choose(after);
  }
}

function undo() {
  const changes = entries.undo();
  if (!changes) return say("Nothing to undo", "busy");
  if (!large.isOpen && changes.length && !grid.keys.includes(changes[0].key)) {
    if (changes[0].name !== name) choose(changes[0].name);
    grid.present(changes.map((each) => each.key));
  }
}

/** @param {string} tag @param {string} kind @param {string} text */
function part(tag, kind, text) {
  const made = document.createElement(tag);
  if (kind) made.className = kind;
  made.textContent = text;
  return made;
}

/** @param {string} label */
async function add(label) {
  try {
    entries.classes = (await post("classes", { name: label })).classes;
    input("class-name").value = "";
    input("class-name").blur();
    choose(label);
    say("Saved", "good");
  } catch (error) {
    failed(error);
  }
}

/** @returns {Action[]} */
function actions() {
  const group = "Images of a class", all = "Classes";
  /** @type {Action[]} */
  const found = entries.classes.slice(0, 9).map((label, i) => ({ keys: [String(i + 1)], what: `Ask for ${label}`, group: all, run: () => choose(label) }));
  /** @param {string} where @param {string[]} keys @param {string} what @param {() => void} run */
  const make = (where, keys, what, run) => found.push({ keys, what, group: where, run });
  make(all, ["N"], "New class", () => input("class-name").focus());
  make(group, ["Enter"], "The rest does not show it; next images", () => go(true));
  make(group, ["K"], "Leave the rest unknown; next images", () => go(false));
  make(group, [" "], "Change the focused image: present, absent, unknown", () => grid.cycleFocused());
  make(group, ["L"], "Look at the focused image, with all its classes", () => grid.openFocused());
  for (const [key, dx, dy] of /** @type {[string, number, number][]} */ ([["ArrowLeft", -1, 0], ["ArrowRight", 1, 0], ["ArrowUp", 0, -1], ["ArrowDown", 0, 1]])) {
    make(group, [key], "Move the focus", () => grid.move(dx, dy));
  }
  make("Everywhere", ["Z", "Ctrl+Z"], "Undo", undo);
  make("Everywhere", ["?"], "Shortcuts", showKeys);
  return found;
}

function showKeys() {
  const single = "One image";
  const inLarge = [
    { keys: ["1", "9"], what: "Change a class: present, absent, unknown", group: single, run: () => {} },
    { keys: ["Enter"], what: "The other classes are absent; next image", group: single, run: () => {} },
    { keys: ["ArrowLeft", "ArrowRight"], what: "Previous and next image", group: single, run: () => {} },
  ];
  const once = new Map(actions().map((action) => [action.what, action]));
  list(element("key-list"), [...once.values(), ...inLarge]);
  /** @type {HTMLDialogElement} */ (element("keys")).showModal();
}

/** @param {KeyboardEvent} event */
function pressed(event) {
  const target = /** @type {HTMLElement} */ (event.target);
  if (event.altKey || target.closest("#keys")) return;
  if (target instanceof HTMLInputElement || target instanceof HTMLSelectElement) {
    if (event.key === "Escape") target.blur();
    return;
  }
  const key = nameOf(event);
  if (large.isOpen) {
    if (key === "Z" || key === "Ctrl+Z") undo();
    else if (!large.press(key)) return;
    event.preventDefault();
    return;
  }
  const inGrid = target.closest("#grid") !== null;
  if (target instanceof HTMLButtonElement && !inGrid && (key === "Enter" || key === " ")) return;
  const action = actions().find((each) => each.keys.includes(key));
  if (!action) return;
  event.preventDefault();
  action.run();
}

function wire() {
  element("rest-absent").addEventListener("click", () => go(true));
  element("leave-open").addEventListener("click", () => go(false));
  element("undo").addEventListener("click", undo);
  element("show-keys").addEventListener("click", showKeys);
  element("new-class").addEventListener("submit", (event) => {
    event.preventDefault();
    const label = input("class-name").value.trim();
    if (label) void add(label);
  });
  for (const id of ["show", "order", "count"]) element(id).addEventListener("change", () => (element(id).blur(), grid.ask(name)));
  addEventListener("keydown", pressed);
  addEventListener("beforeunload", (event) => entries.waiting && event.preventDefault());
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") void entries.load().then(() => (showClasses(), grid.refresh())).catch(failed);
  });
}

async function start() {
  const state = await entries.load();
  element("name").textContent = state.name;
  wire();
  if (entries.classes.length) choose(entries.classes[0]);
  else {
    showClasses();
    grid.ask("");
    input("class-name").focus();
  }
  say("Ready", "good");
  await suggest();
}

start().catch((error) => say(error instanceof Error ? error.message : String(error), "bad"));
Object.assign(window, { handful: { entries, grid, large, choose } }); // for the tests
