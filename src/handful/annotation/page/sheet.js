/** The contact sheet: pictures with their masks, to review what was propagated and to find images. */

import { fresh, post } from "./api.js";

/**
 * @typedef {import("./api.js").Row} Row
 * @typedef {"review" | "all" | "masks" | "none" | "unlabelled" | "skipped"} Filter
 */

const PAGE = 120;

/** @type {Record<Filter, (row: Row) => boolean>} */
const FILTERS = {
  review: (row) => row.proposal,
  all: () => true,
  masks: (row) => row.mask !== null,
  none: (row) => row.mask === null && !row.cannot_tell,
  unlabelled: (row) => row.label === null && !row.cannot_tell,
  skipped: (row) => row.skipped || row.cannot_tell,
};

export class Sheet {
  /**
   * @param {HTMLElement} place @param {HTMLElement} note
   * @param {{rows: () => Row[], round: () => number, matched: () => string, open: (key: string) => void, renewed: (row: Row) => void,
   *   say: (text: string, kind: string) => void, seconds: () => number}} with_
   */
  constructor(place, note, with_) {
    this.place = place;
    this.note = note;
    this.with = with_;
    /** @type {Filter} */
    this.filter = "review";
    this.most = PAGE;
  }

  /** @returns {Row[]} */
  listed() {
    const rows = this.with.rows().filter(FILTERS[this.filter]);
    if (this.filter === "review") rows.sort((a, b) => (a.certainty ?? 0) - (b.certainty ?? 0));
    return rows;
  }

  show() {
    const rows = this.listed();
    const tiles = rows.slice(0, this.most).map((row) => this.tile(row));
    this.place.replaceChildren(...tiles);
    if (rows.length > this.most) {
      const more = document.createElement("button");
      more.textContent = `Show ${Math.min(PAGE, rows.length - this.most)} more`;
      more.addEventListener("click", () => {
        this.most += PAGE;
        this.show();
      });
      this.place.append(more);
    }
    this.count(rows.length);
  }

  /** @param {number} n */
  count(n) {
    const review = this.filter === "review";
    const matched = this.with.matched();
    const none = review ? "No propagated masks to review. Draw one and go on to the next image: the others are matched to it. Train, and a model propagates masks." : "No images.";
    const some = review ? `${n} propagated ${n === 1 ? "mask" : "masks"} to review, least certain first.${matched && ` ${matched}.`}` : `${n} ${n === 1 ? "image" : "images"}.`;
    this.note.textContent = n ? some : none;
  }

  /** @param {Row} row */
  tile(row) {
    const tile = document.createElement("figure");
    tile.className = "tile";
    tile.dataset.key = row.key;
    const open = document.createElement("button");
    open.className = "open";
    const image = document.createElement("img");
    image.loading = "lazy";
    image.decoding = "async";
    const show = row.mask ? "mask" : row.proposal ? "proposal" : "none";
    image.src = `api/images/${row.key}/thumb?side=192&show=${show}&v=${row.versions.mask}-${this.with.round()}`;
    image.alt = `${row.id}${row.label ? `, ${row.label}` : ""}: open`;
    open.append(image);
    open.addEventListener("click", () => this.with.open(row.key));
    const caption = document.createElement("figcaption");
    const name = document.createElement("span");
    name.className = "name";
    name.textContent = row.id.split("/").slice(-1)[0];
    const facts = document.createElement("span");
    facts.className = "soft";
    facts.textContent = row.cannot_tell ? "cannot tell" : (row.label ?? "no label");
    caption.append(name, facts);
    if (row.proposal && row.certainty !== null) {
      const sure = document.createElement("span");
      sure.className = "soft";
      sure.textContent = `certainty ${row.certainty.toFixed(2)}`;
      caption.append(sure);
    }
    tile.append(open, caption);
    if (row.proposal) {
      const verdicts = document.createElement("div");
      verdicts.className = "verdicts";
      for (const verdict of /** @type {const} */ (["accept", "reject"])) {
        const button = document.createElement("button");
        button.textContent = verdict === "accept" ? "Accept" : "Reject";
        button.setAttribute("aria-label", `${button.textContent} the mask of ${row.id}`);
        button.addEventListener("click", () => void this.judge(row.key, verdict));
        verdicts.append(button);
      }
      tile.append(verdicts);
    }
    return tile;
  }

  /** @returns {HTMLElement | null} the tile that has the focus */
  focused() {
    const tile = document.activeElement?.closest(".tile");
    return tile instanceof HTMLElement && this.place.contains(tile) ? tile : null;
  }

  /** Move the focus among the tiles. @param {number} dx @param {number} dy */
  move(dx, dy) {
    const tiles = /** @type {HTMLElement[]} */ ([...this.place.querySelectorAll(".tile")]);
    if (!tiles.length) return;
    const now = this.focused();
    const columns = Math.max(1, tiles.filter((tile) => tile.offsetTop === tiles[0].offsetTop).length);
    const at = now ? tiles.indexOf(now) + dx + dy * columns : 0;
    this.focus(tiles[Math.min(Math.max(at, 0), tiles.length - 1)]);
  }

  /** @param {Element | null | undefined} tile */
  focus(tile) {
    const button = tile?.querySelector("button.open");
    if (button instanceof HTMLElement) button.focus();
  }

  /** Accept or reject the tile that has the focus, or the first. @param {"accept" | "reject"} verdict */
  judgeFocused(verdict) {
    const tile = this.focused() ?? this.place.querySelector(".tile");
    if (tile instanceof HTMLElement && tile.dataset.key) void this.judge(tile.dataset.key, verdict);
  }

  /** @param {string} key @param {"accept" | "reject"} verdict */
  async judge(key, verdict) {
    const row = this.with.rows().find((each) => each.key === key);
    if (!row?.proposal) return;
    const tile = this.place.querySelector(`[data-key="${key}"]`);
    const next = tile?.nextElementSibling ?? tile?.previousElementSibling;
    const focus = this.focused() === tile;
    row.proposal = false; // a second press is for the next one
    try {
      const body = { verdict, round: this.with.round(), base: row.versions.mask, key: fresh(), seconds: this.with.seconds() };
      this.with.renewed(await post(`images/${key}/review`, body));
      this.with.say(verdict === "accept" ? "Accepted" : "Rejected", "good");
    } catch (error) {
      row.proposal = true;
      this.with.say(String(error instanceof Error ? error.message : error), "bad");
      return;
    }
    if (this.filter === "review") {
      tile?.remove();
      this.count(this.listed().length);
    } else this.show();
    if (focus) this.focus(next);
  }
}
