/** One image, large, with a chip for each class: present, absent or unknown. */

import { element } from "./dom.js";

/** @typedef {import("./entries.js").Entries} Entries */

const WORDS = { present: "\u2713 present", absent: "\u2715 absent", unknown: "? unknown" };

export class Large {
  /** @param {Entries} entries */
  constructor(entries) {
    this.entries = entries;
    this.key = "";
    /** @type {string[]} */
    this.keys = [];
    this.dialog = /** @type {HTMLDialogElement} */ (element("large"));
    element("large-close").addEventListener("click", () => this.dialog.close());
    element("large-rest").addEventListener("click", () => this.finish());
    element("large-before").addEventListener("click", () => this.step(-1));
    element("large-after").addEventListener("click", () => this.step(1));
  }

  get isOpen() {
    return this.dialog.open;
  }

  /** @param {string} key @param {string[]} keys images to go through */
  open(key, keys) {
    this.key = key;
    this.keys = keys;
    if (!this.isOpen) this.dialog.showModal();
    const image = /** @type {HTMLImageElement} */ (element("large-image"));
    image.src = `api/images/${key}/picture`;
    image.alt = this.entries.rows.get(key)?.id ?? "";
    this.refresh();
    this.#prefetch(keys[keys.indexOf(key) + 1]);
  }

  /** @param {string | undefined} key */
  #prefetch(key) {
    if (key) new Image().src = `api/images/${key}/picture`;
  }

  /** @param {number} by */
  step(by) {
    const to = this.keys[this.keys.indexOf(this.key) + by];
    if (to) this.open(to, this.keys);
    return !!to;
  }

  /** What is unknown of this image is absent; then the next one. */
  finish() {
    const open = this.entries.classes.filter((name) => this.entries.of(this.key, name) === "unknown");
    this.entries.set(open.map((name) => ({ key: this.key, name, present: false })));
    if (!this.step(1)) this.dialog.close();
  }

  /** @param {string} key of the keyboard @returns {boolean} whether it does something here */
  press(key) {
    const name = /^[1-9]$/.test(key) ? this.entries.classes[Number(key) - 1] : undefined;
    if (name) this.entries.cycle(this.key, name);
    else if (key === "ArrowLeft") this.step(-1);
    else if (key === "ArrowRight") this.step(1);
    else if (key === "Enter") this.finish();
    else return false;
    return true;
  }

  refresh() {
    const row = this.entries.rows.get(this.key);
    if (!this.isOpen || !row) return;
    element("large-name").textContent = row.id;
    element("large-position").textContent = `${this.keys.indexOf(this.key) + 1} of the ${this.keys.length} images on the page`;
    const focused = [...element("chips").children].findIndex((chip) => chip === document.activeElement);
    element("chips").replaceChildren(...this.entries.classes.map((name, i) => this.chip(name, i)));
    if (focused >= 0) /** @type {HTMLElement} */ (element("chips").children[focused])?.focus();
  }

  /** @param {string} name @param {number} i */
  chip(name, i) {
    const state = this.entries.of(this.key, name), rated = this.entries.suggested[name]?.[this.key];
    const chip = document.createElement("button");
    chip.className = "chip";
    chip.dataset.state = state;
    chip.setAttribute("aria-label", `${name}: ${state}`);
    const words = state === "unknown" && rated !== undefined ? `? ${Math.round(100 * rated)} %` : WORDS[state];
    for (const [tag, kind, text] of [["kbd", "", i < 9 ? String(i + 1) : ""], ["span", "name", name], ["span", "is", words]]) {
      const made = document.createElement(tag);
      if (kind) made.className = kind;
      made.textContent = text;
      if (text) chip.append(made);
      else chip.append(document.createElement("span"));
    }
    chip.addEventListener("click", () => this.entries.cycle(this.key, name));
    return chip;
  }
}
