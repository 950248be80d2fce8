/** Sends changes one after the other, in order, until each is confirmed; a lost connection is tried again. */

import { Refused, ask, fresh } from "./api.js";

/**
 * @typedef {import("./mask.js").Rect} Rect
 * @typedef {import("./api.js").Row} Row
 * @typedef {{key: string, rect: Rect, bits: Uint8Array<ArrayBuffer>, source: string, seconds: number, change: string}} Stroke
 */

export class Saver {
  /**
   * @param {Map<string, Row>} rows of all images; versions are read from there, and renewed
   * @param {{status: (text: string, kind: string) => void, stale: (key: string, now: Row) => void,
   *   saved: (row: Row) => void}} tell
   */
  constructor(rows, tell) {
    this.rows = rows;
    this.tell = tell;
    /** @type {Stroke[]} */
    this.queue = [];
    this.running = false;
    this.trouble = false;
  }

  get waiting() {
    return this.queue.length;
  }

  /** @param {string} key @param {Rect} rect @param {Uint8Array<ArrayBuffer>} bits @param {string} source @param {number} seconds */
  add(key, rect, bits, source, seconds) {
    this.queue.push({ key, rect, bits, source, seconds, change: fresh() });
    void this.run();
  }

  /** Forget what was not sent for an image. @param {string} key */
  drop(key) {
    this.queue = this.queue.filter((stroke) => stroke.key !== key);
  }

  async run() {
    if (this.running) return;
    this.running = true;
    this.tell.status("Saving…", "busy");
    let wait = 500;
    while (this.queue.length) {
      const stroke = this.queue[0];
      try {
        await this.send(stroke);
        this.trouble = false;
        wait = 500;
        if (this.queue[0] === stroke) this.queue.shift();
      } catch (error) {
        if (error instanceof Refused && error.status === 409) {
          this.drop(stroke.key);
          this.trouble = true; // what is said of it stays on the page
          this.tell.stale(stroke.key, error.told.now);
        } else if (error instanceof Refused && error.status < 500) {
          this.drop(stroke.key);
          this.trouble = true;
          this.tell.status(`Not saved. ${error.message}`, "bad");
        } else {
          this.trouble = true;
          const why = error instanceof Refused ? error.message : "The server does not respond.";
          this.tell.status(`Not saved yet, retrying. ${why}`, "bad");
          await new Promise((done) => setTimeout(done, wait));
          wait = Math.min(wait * 2, 10000);
        }
      }
    }
    this.running = false;
    if (!this.trouble) this.tell.status("Saved", "good");
  }

  /** @param {Stroke} stroke */
  async send(stroke) {
    const { x, y, w, h } = stroke.rect;
    const row = this.rows.get(stroke.key);
    const values = { x, y, w, h, base: row?.versions.mask ?? 0, change: stroke.change, source: stroke.source, seconds: stroke.seconds };
    const query = new URLSearchParams(Object.entries(values).map(([name, value]) => [name, String(value)]));
    const answer = await ask(`images/${stroke.key}/stroke?${query}`, {
      method: "POST",
      headers: { "Content-Type": "application/octet-stream" },
      body: stroke.bits,
    });
    this.tell.saved(await answer.json());
  }
}
