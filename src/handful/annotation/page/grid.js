/** One class asked over many images: click those that show it. */

import { element, input } from "./dom.js";

/**
 * @typedef {import("./entries.js").Entries} Entries
 * @typedef {import("./entries.js").Row} Row
 */

export const BADGES = { present: "\u2713 present", absent: "\u2715 absent", unknown: "" };

export class Grid {
  /** @param {Entries} entries @param {{open: (key: string) => void}} page */
  constructor(entries, page) {
    this.entries = entries;
    this.page = page;
    this.name = "";
    /** The images on the page, which stay while one answers. @type {string[]} */
    this.keys = [];
    /** Images that were left unknown, which come last. @type {Set<string>} */
    this.left = new Set();
    this.untouched = true;
  }

  /** Those of the page that are still unknown. */
  get open() {
    return this.keys.filter((key) => this.entries.of(key, this.name) === "unknown");
  }

  /** @param {string} name */
  ask(name) {
    if (name !== this.name) this.left.clear();
    this.name = name;
    this.present(this.ordered().slice(0, Number(input("count").value)));
    this.untouched = true;
  }

  /** The next images; false: none is left. @param {boolean} leave the unknown ones come last */
  next(leave) {
    if (leave) this.open.forEach((key) => this.left.add(key));
    const shown = new Set(input("show").value === "open" ? [] : this.keys);
    const after = this.ordered().filter((key) => !shown.has(key));
    const keys = after.slice(0, Number(input("count").value));
    this.present(keys);
    return keys.length > 0;
  }

  /** The images to show, in the chosen order. */
  ordered() {
    if (!this.name) return this.entries.asked.map((row) => row.key);
    const show = input("show").value, rated = this.entries.suggested[this.name] ?? {};
    const wanted = show === "open" ? "unknown" : show;
    const rows = this.entries.asked.filter((row) => wanted === "all" || this.entries.of(row.key, this.name) === wanted);
    const order = input("order").value;
    if (order === "listed") return this.#leftLast(rows.map((row) => row.key));
    /** @type {Record<string, (p: number) => number>} */
    const by = { likely: (p) => -p, unlikely: (p) => p, unsure: (p) => Math.abs(p - 0.5), random: () => 0 };
    const value = (/** @type {Row} */ row) => (row.key in rated ? by[order](rated[row.key]) : 2);
    // keys are hashes of the names: in their order, images come at random
    const keys = rows.sort((a, b) => value(a) - value(b) || (a.key < b.key ? -1 : 1)).map((row) => row.key);
    return this.#leftLast(keys);
  }

  /** @param {string[]} keys */
  #leftLast(keys) {
    return [...keys.filter((key) => !this.left.has(key)), ...keys.filter((key) => this.left.has(key))];
  }

  /** @param {string[]} keys */
  present(keys) {
    this.keys = keys;
    element("grid").replaceChildren(...keys.map((key) => this.card(key)));
    element("grid").scrollTop = 0;
    this.refresh();
  }

  /** @param {string} key */
  card(key) {
    const row = /** @type {Row} */ (this.entries.rows.get(key));
    const card = document.createElement("figure");
    card.className = "card";
    card.dataset.key = key;
    const pick = document.createElement("button");
    pick.className = "pick";
    const image = document.createElement("img");
    image.loading = "lazy";
    image.decoding = "async";
    image.src = `api/images/${key}/thumb?side=320`;
    image.alt = "";
    pick.append(image);
    pick.addEventListener("click", () => (this.name ? this.cycle(key) : this.page.open(key)));
    const badge = document.createElement("span");
    badge.className = "badge";
    const look = document.createElement("button");
    look.className = "look";
    look.textContent = "\u2922";
    look.title = "Look closer (L)";
    look.setAttribute("aria-label", `Look closer at ${row.id}`);
    look.addEventListener("click", () => this.page.open(key));
    const caption = document.createElement("figcaption");
    card.append(pick, badge, look, caption);
    return card;
  }

  /** @param {string} key */
  cycle(key) {
    this.untouched = false;
    this.entries.cycle(key, this.name);
  }

  /** Show what is known now; the images stay where they are. */
  refresh() {
    for (const card of element("grid").querySelectorAll(".card")) this.#update(/** @type {HTMLElement} */ (card));
    const n = this.open.length, left = this.entries.asked.filter((row) => this.entries.of(row.key, this.name) === "unknown").length;
    const rest = element("rest-absent");
    rest.replaceChildren(n ? this.#restText(n) : "Next images", kbd("Enter"));
    rest.toggleAttribute("disabled", !this.name || (!n && !left));
    element("leave-open").hidden = !n;
    const ask = element("ask");
    ask.replaceChildren();
    if (!this.name) ask.textContent = "Add a class: something that an image may show";
    else {
      const strong = document.createElement("strong");
      strong.textContent = this.name;
      ask.append("Which of these show ", strong, "?");
    }
    element("note").textContent = this.#note(left);
  }

  /** What the button says of the images that nobody clicked. @param {number} n */
  #restText(n) {
    if (!this.keys.some((key) => this.entries.of(key, this.name) === "present")) return n === 1 ? "This one does not show it" : `None of these ${n} shows it`;
    return n === 1 ? "The other one does not show it" : `The other ${n} do not show it`;
  }

  /** @param {number} left */
  #note(left) {
    if (!this.name) return "An image may show several classes, or none. Add one on the left, then click the images that show it.";
    const show = input("show").value;
    if (!this.keys.length) return show === "open" ? `${this.name} is known of every image. Choose another class, or look through the present ones under "Show".` : "No images.";
    if (show !== "open") return "A click changes what is known.";
    const order = input("order").value, guessed = ["likely", "unsure", "unlikely"].includes(order);
    const random = guessed && !this.entries.suggested[this.name] ? " In random order until there are suggestions." : "";
    return `Click the images that show it; a second click says absent. ${left} of ${this.entries.asked.length} images are unknown.${random}`;
  }

  /** @param {HTMLElement} card */
  #update(card) {
    const key = card.dataset.key ?? "", row = this.entries.rows.get(key);
    if (!row) return;
    const state = this.name ? this.entries.of(key, this.name) : "unknown";
    card.dataset.state = state;
    const rated = this.entries.suggested[this.name]?.[key];
    const badge = /** @type {HTMLElement} */ (card.querySelector(".badge"));
    badge.textContent = BADGES[state] || (rated === undefined ? "" : `${Math.round(100 * rated)} %`);
    badge.title = state === "unknown" ? "Suggested: how likely it shows the class" : "";
    const pick = /** @type {HTMLElement} */ (card.querySelector(".pick"));
    pick.setAttribute("aria-label", this.name ? `${row.id}: ${this.name} ${state}` : row.id);
    const caption = /** @type {HTMLElement} */ (card.querySelector("figcaption"));
    const file = document.createElement("span");
    file.className = "soft";
    file.textContent = row.id.split("/").slice(-1)[0];
    caption.replaceChildren(file);
    const others = this.entries.classes.filter((each) => each !== this.name && row.entries[each]);
    if (others.length) {
      const also = document.createElement("b");
      also.textContent = others.join(", ");
      caption.append(document.createElement("br"), also);
    }
  }

  /** @returns {HTMLElement[]} */
  get picks() {
    return [...element("grid").querySelectorAll(".pick")].map((each) => /** @type {HTMLElement} */ (each));
  }

  /** The key of the focused image, or of the first. */
  get focused() {
    const card = document.activeElement?.closest(".card");
    return card instanceof HTMLElement && card.dataset.key ? card.dataset.key : this.keys[0];
  }

  cycleFocused() {
    if (this.focused && this.name) this.cycle(this.focused);
  }

  openFocused() {
    if (this.focused) this.page.open(this.focused);
  }

  /** @param {number} dx @param {number} dy */
  move(dx, dy) {
    const picks = this.picks;
    if (!picks.length) return;
    const at = picks.findIndex((pick) => pick === document.activeElement);
    const top = (/** @type {HTMLElement} */ pick) => pick.closest(".card")?.getBoundingClientRect().top;
    const columns = Math.max(1, picks.filter((pick) => top(pick) === top(picks[0])).length);
    const to = at < 0 ? 0 : Math.min(Math.max(at + dx + dy * columns, 0), picks.length - 1);
    picks[to].focus();
  }
}

/** @param {string} text */
function kbd(text) {
  const made = document.createElement("kbd");
  made.textContent = text;
  return made;
}
