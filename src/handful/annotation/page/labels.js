/** The label of the open image: a button and a key for each class, and what it means to press one. */

import { Refused, fresh, post } from "./api.js";
import { element, input } from "./dom.js";

/**
 * @typedef {import("./api.js").Row} Row
 * @typedef {import("./clock.js").Clock} Clock
 * @typedef {import("./editor.js").Editor} Editor
 */

export class Labels {
  /**
   * @param {Editor} editor @param {Map<string, Row>} rows by key @param {Clock} clock
   * @param {{renewed: (row: Row) => void, say: (text: string, kind: string) => void,
   *   trying: (action: () => Promise<unknown>) => Promise<void>}} page
   */
  constructor(editor, rows, clock, page) {
    this.editor = editor;
    this.rows = rows;
    this.clock = clock;
    this.page = page;
    /** @type {string[]} */
    this.classes = [];
    /** What was asked for last; the next waits for it, as its answer brings the version to base on. */
    this.last = Promise.resolve();
  }

  /** Label the open image. @param {string | null} label @param {boolean} [cannotTell] */
  set(label, cannotTell = false) {
    const key = this.editor.image?.key;
    if (!key) return this.last;
    const told = { label, cannot_tell: cannotTell, key: fresh(), seconds: this.clock.take() };
    this.last = this.last.then(() => this.page.trying(() => this.#send(key, told)));
    return this.last;
  }

  /** @param {string} key @param {object} told what to say of it */
  async #send(key, told) {
    const base = this.rows.get(key)?.versions.label ?? 0;
    try {
      this.page.renewed(await post(`images/${key}/label`, { ...told, base }));
      this.page.say("Saved", "good");
    } catch (error) {
      if (!(error instanceof Refused) || error.status !== 409) throw error;
      this.#overtaken(key, /** @type {Row} */ (error.told.now));
    }
  }

  /** Another page was faster: show what it said; the same key then changes it. @param {string} key @param {Row} now */
  #overtaken(key, now) {
    const versions = { ...(this.rows.get(key)?.versions ?? now.versions), label: now.versions.label };
    this.page.renewed({ ...now, versions });
    const said = now.cannot_tell ? "cannot tell" : (now.label ?? "no label");
    this.page.say(`Changed to "${said}" in another window. Press again to replace it.`, "bad");
  }

  /** A class that was not there, as the open image's label. @param {string} name */
  async add(name) {
    await this.page.trying(async () => {
      this.classes = (await post("classes", { name })).classes;
      input("class-name").value = "";
      element("stage").focus();
      await this.set(name);
      this.show();
    });
  }

  show() {
    const image = this.editor.image && this.rows.get(this.editor.image.key);
    const counts = new Map();
    for (const { label } of this.rows.values()) if (label !== null) counts.set(label, (counts.get(label) ?? 0) + 1);
    const buttons = this.classes.map((name, i) => this.#button(name, i, counts.get(name) ?? 0, image?.label === name));
    element("labels").replaceChildren(...buttons);
    const given = image && image.label !== null && image.given;
    const none = image?.label === null && !image.cannot_tell;
    element("given").textContent = given ? "From the data set; press a number key to change it." : none ? "No label yet." : "";
    element("cannot-tell").setAttribute("aria-pressed", String(!!image?.cannot_tell));
    element("skip").setAttribute("aria-pressed", String(!!image?.skipped));
  }

  /** @param {string} name @param {number} i @param {number} count @param {boolean} pressed */
  #button(name, i, count, pressed) {
    const button = document.createElement("button");
    if (i < 9) button.append(part("kbd", "", String(i + 1)));
    button.append(part("span", "name", name), part("span", "count", String(count)));
    button.setAttribute("aria-pressed", String(pressed));
    button.addEventListener("click", () => void this.set(name));
    return button;
  }
}

/** @param {string} tag @param {string} kind @param {string} text */
function part(tag, kind, text) {
  const made = document.createElement(tag);
  if (kind) made.className = kind;
  made.textContent = text;
  return made;
}
