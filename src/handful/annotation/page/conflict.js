/** Two pages drew on one image: both masks are shown, and one is chosen, or both together. */

import { ask } from "./api.js";
import { element } from "./dom.js";
import { place } from "./mask.js";

export class Conflict {
  /** @param {import("./editor.js").Editor} editor @param {import("./view.js").View} view */
  constructor(editor, view) {
    this.editor = editor;
    this.view = view;
    element("conflict").addEventListener("cancel", (event) => event.preventDefault()); // it must be answered
  }

  /** @param {import("./api.js").Row} now what is saved */
  async resolve(now) {
    const { editor } = this, image = editor.image;
    if (!image) return;
    const answer = await ask(`images/${image.key}/mask`);
    const theirs = new Uint8Array(image.width * image.height);
    place(theirs, image.width, editor.whole, new Uint8Array(await answer.arrayBuffer()));
    const versions = { ...now.versions, mask: Number(answer.headers.get("X-Version")) };
    const mine = editor.mask.slice();
    element("conflict-name").textContent = image.id;
    this.paint("mine", mine);
    this.paint("theirs", theirs);
    const dialog = /** @type {HTMLDialogElement} */ (element("conflict"));
    dialog.showModal();
    const chosen = await new Promise((done) => {
      for (const choice of ["mine", "theirs", "both"]) element(`keep-${choice}`).onclick = () => done(choice);
    });
    dialog.close();
    editor.saver.rows.set(image.key, { ...now, versions });
    editor.histories.delete(image.key);
    editor.saved = theirs;
    editor.start = null;
    const result = chosen === "mine" ? mine : chosen === "theirs" ? theirs : mine.map((value, i) => value | theirs[i]);
    editor.mask.set(result);
    this.view.changed(editor.whole);
    editor.commit(editor.whole, chosen === "both" ? "merged" : "brush");
    if (!editor.saver.waiting) editor.saver.tell.status("Saved", "good"); // what was chosen is what is there
  }

  /** @param {string} id @param {Uint8Array} mask */
  paint(id, mask) {
    const canvas = /** @type {HTMLCanvasElement} */ (element(id));
    const { width, height } = /** @type {import("./api.js").Detail} */ (this.editor.image);
    const scale = Math.min(1, 360 / Math.max(width, height));
    canvas.width = Math.max(1, Math.round(width * scale));
    canvas.height = Math.max(1, Math.round(height * scale));
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    context.drawImage(this.view.levels[this.view.levels.length - 1], 0, 0, canvas.width, canvas.height);
    const data = context.getImageData(0, 0, canvas.width, canvas.height);
    for (let y = 0; y < canvas.height; y++) {
      for (let x = 0; x < canvas.width; x++) {
        if (!mask[Math.floor(y / scale) * width + Math.floor(x / scale)]) continue;
        const at = 4 * (y * canvas.width + x);
        [255, 140, 0].forEach((value, c) => (data.data[at + c] = (data.data[at + c] + value) / 2));
      }
    }
    context.putImageData(data, 0, 0);
  }
}
