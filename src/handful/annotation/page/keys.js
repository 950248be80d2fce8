/** Every action with its key; the list of keys is made from the same table. */

/** @typedef {{keys: string[], what: string, group: string, run: () => void}} Action */

/** What a key event is called here: "Shift+Z", "?", "Enter". @param {KeyboardEvent} event */
export function nameOf(event) {
  const key = event.key.length === 1 ? event.key.toUpperCase() : event.key;
  const shift = event.shiftKey && /^([A-Z]|[A-Z][a-z]+)$/.test(key) ? "Shift+" : "";
  return (event.ctrlKey || event.metaKey ? "Ctrl+" : "") + shift + key;
}

/** Whether the event is for a field and not for the page. @param {KeyboardEvent} event */
function typing(event) {
  const target = /** @type {HTMLElement} */ (event.target);
  if (target.closest("dialog[open]")) return true;
  if (target instanceof HTMLInputElement) return target.type === "text" || (target.type === "range" && event.key.startsWith("Arrow"));
  if (target instanceof HTMLSelectElement) return event.key !== "Escape";
  return (target instanceof HTMLButtonElement || target.tagName === "SUMMARY") && (event.key === "Enter" || event.key === " ");
}

/** @param {() => Action[]} actions those that are possible now */
export function listen(actions) {
  addEventListener("keydown", (event) => {
    if (typing(event) || event.altKey) return;
    const name = nameOf(event);
    const found = actions().find((action) => action.keys.includes(name));
    if (!found) return;
    event.preventDefault();
    found.run();
  });
}

/** Fill a place with the list. @param {HTMLElement} place @param {Action[]} actions */
export function list(place, actions) {
  place.replaceChildren();
  for (const group of [...new Set(actions.map((action) => action.group))]) {
    const part = document.createElement("section");
    const title = document.createElement("h3");
    title.textContent = group;
    const rows = document.createElement("dl");
    for (const action of actions.filter((each) => each.group === group)) {
      const names = document.createElement("dt");
      action.keys.slice(0, 2).forEach((key, i) => {
        if (i) names.append(" ");
        const cap = document.createElement("kbd");
        cap.textContent = shown(key);
        names.append(cap);
      });
      const what = document.createElement("dd");
      what.textContent = action.what;
      rows.append(names, what);
    }
    part.append(title, rows);
    place.append(part);
  }
}

/** @param {string} key */
function shown(key) {
  const words = { ArrowLeft: "\u2190", ArrowRight: "\u2192", ArrowUp: "\u2191", ArrowDown: "\u2193", " ": "Space", Escape: "Esc", Delete: "Del" };
  const [last] = key.split("+").slice(-1);
  return key.replace(last, /** @type {Record<string, string>} */ (words)[last] ?? last);
}
