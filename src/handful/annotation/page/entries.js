/** What is known of each image and class: changes are shown at once, sent in order, and can be undone. */

import { get, post } from "./api.js";

/**
 * @typedef {"present" | "absent" | "unknown"} Entry
 * @typedef {{key: string, id: string, split: string | null, entries: Record<string, boolean>}} Row
 * @typedef {{key: string, name: string, present: boolean | null}} Change
 */

/** @type {Record<Entry, boolean | null>} */
const VALUES = { present: true, absent: false, unknown: null };
/** @type {Record<Entry, Entry>} */
const AFTER = { unknown: "present", present: "absent", absent: "unknown" };

export class Entries {
  /** @param {{seconds: () => number, changed: () => void, saved: () => void, failed: (error: unknown) => void}} page */
  constructor(page) {
    this.page = page;
    /** @type {Map<string, Row>} */
    this.rows = new Map();
    /** @type {string[]} */
    this.classes = [];
    /** @type {Record<string, Record<string, number>>} */
    this.suggested = {};
    /** @type {Change[][]} */
    this.undoable = [];
    this.waiting = 0;
    this.last = Promise.resolve();
  }

  /** Images that are asked for: those of a test or validation split are not. */
  get asked() {
    return [...this.rows.values()].filter((row) => row.split !== "test" && row.split !== "val");
  }

  /** @param {string} key @param {string} name @returns {Entry} */
  of(key, name) {
    const value = this.rows.get(key)?.entries[name];
    return value === undefined ? "unknown" : value ? "present" : "absent";
  }

  /** @param {string} key @param {string} name */
  cycle(key, name) {
    this.set([{ key, name, present: VALUES[AFTER[this.of(key, name)]] }]);
  }

  /** @param {Change[]} changes @param {boolean} [undo] */
  set(changes, undo = false) {
    const real = changes.filter((each) => VALUES[this.of(each.key, each.name)] !== each.present);
    if (!real.length) return;
    if (!undo) this.undoable.push(real.map((each) => ({ ...each, present: VALUES[this.of(each.key, each.name)] })));
    for (const each of real) this.#apply(each);
    const body = { changes: real, seconds: this.page.seconds() };
    this.waiting++;
    this.last = this.last.then(() => this.#send(body));
    this.page.changed();
  }

  /** Take the last change back. @returns {Change[] | undefined} what was changed */
  undo() {
    const changes = this.undoable.pop();
    if (changes) this.set(changes, true);
    return changes;
  }

  /** @param {Change} change */
  #apply(change) {
    const row = this.rows.get(change.key);
    if (!row) return;
    if (change.present === null) delete row.entries[change.name];
    else row.entries[change.name] = change.present;
  }

  /** @param {object} body */
  async #send(body) {
    try {
      await post("entries", body);
      this.waiting--;
      if (!this.waiting) this.page.saved();
    } catch (error) {
      this.waiting--;
      this.undoable = [];
      this.page.failed(error);
    }
  }

  /** What the server has: another window may have changed it. */
  async load() {
    await this.last;
    const state = await get("state");
    this.rows = new Map(state.images.map((/** @type {Row} */ row) => [row.key, row]));
    this.classes = state.classes;
    return state;
  }
}
