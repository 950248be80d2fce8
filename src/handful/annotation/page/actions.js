/** The actions of the two views, with their names and keyboard shortcuts. */

import { input } from "./dom.js";

/**
 * @typedef {import("./keys.js").Action} Action
 * @typedef {import("./tools.js").Tool} Tool
 * @typedef {import("./tools.js").Tools} Tools
 * @typedef {import("./editor.js").Editor} Editor
 * @typedef {import("./labels.js").Labels} Labels
 * @typedef {import("./sheet.js").Sheet} Sheet
 * @typedef {import("./training.js").TrainingPanel} TrainingPanel
 * @typedef {import("./view.js").View} View
 */

/**
 * What the actions act on, and what the page does itself.
 * @typedef {object} Page
 * @property {Editor} editor
 * @property {Labels} labels
 * @property {Sheet} sheet
 * @property {Tools} tools
 * @property {TrainingPanel} training
 * @property {View} view
 * @property {(text: string, kind: string) => void} say
 * @property {(action: () => Promise<unknown>) => Promise<void>} trying
 * @property {(tool: Tool) => void} choose
 * @property {(way: "grabcut" | "random-walker" | "sam") => Promise<void>} assist
 * @property {(size: number) => void} setSize
 * @property {(percent: number) => void} setOpacity
 * @property {(which: "draw" | "sheet") => void} show
 * @property {() => void} showHint
 * @property {() => void} showKeys
 * @property {() => Promise<void>} next
 * @property {(by: number) => Promise<void>} step
 * @property {() => Promise<void>} skip
 */

/** @type {[Tool, string, string][]} */
export const TOOLS = [
  ["brush", "Brush", "B"], ["eraser", "Eraser", "E"], ["polygon", "Polygon", "P"], ["fill", "Fill", "F"],
  ["box", "Box", "R"], ["superpixels", "Superpixels", "S"], ["marks", "Prompts", "M"],
];

/** While drawing. @param {Page} page @param {boolean} sam whether that model is there @returns {Action[]} */
export function drawing(page, sam) {
  const { editor, labels, say, tools, training, trying, view } = page;
  const group = { tools: "Tools", draw: "Drawing", see: "View", label: "Labels", go: "Navigation" };
  /** @type {Action[]} */
  const found = TOOLS.map(([tool, what, key]) => ({ keys: [key], what, group: group.tools, run: () => page.choose(tool) }));
  /** @param {string} where @param {string[]} keys @param {string} what @param {() => void} run */
  const add = (where, keys, what, run) => found.push({ keys, what, group: where, run });
  add(group.tools, ["X"], "Prompts: object or background", () => {
    tools.background = !tools.background;
    say(tools.background ? "Prompts now mark the background" : "Prompts now mark the object", "busy");
  });
  add(group.tools, ["G"], "GrabCut from the prompts", () => void page.assist("grabcut"));
  add(group.tools, ["W"], "Random walker from the scribbles", () => void page.assist("random-walker"));
  if (sam) add(group.tools, ["Q"], "SAM from the prompts", () => void page.assist("sam"));
  add(group.tools, ["A"], "Accept the propagated mask", () => void trying(() => editor.takeProposal()));
  add(group.tools, ["D"], "Delete the prompts", () => editor.setMarks([]));
  add(group.draw, ["Z", "Ctrl+Z"], "Undo", () => editor.undo() || say("Nothing to undo", "busy"));
  add(group.draw, ["Y", "Shift+Z", "Ctrl+Y", "Ctrl+Shift+Z"], "Redo", () => editor.redo() || say("Nothing to redo", "busy"));
  add(group.draw, ["["], "Smaller brush", () => page.setSize(Math.min(tools.size - 1, tools.size / 1.25)));
  add(group.draw, ["]"], "Larger brush", () => page.setSize(Math.max(tools.size + 1, tools.size * 1.25)));
  add(group.draw, ["Delete"], "Clear the mask", () => {
    editor.clear();
    page.showHint();
  });
  add(group.draw, ["Backspace"], "Remove the last polygon corner", () => {
    tools.points.pop();
    view.changed(null);
  });
  add(group.draw, ["Escape"], "Cancel", () => tools.cancel());
  add(group.see, ["+", "="], "Zoom in", () => view.zoom(1.3));
  add(group.see, ["-"], "Zoom out", () => view.zoom(1 / 1.3));
  add(group.see, ["0"], "Fit to window", () => view.fit());
  add(group.see, ["O"], "More opaque", () => page.setOpacity(100 * view.opacity + 10));
  add(group.see, ["Shift+O"], "Less opaque", () => page.setOpacity(100 * view.opacity - 10));
  add(group.see, ["C"], "Change the mask color", () => {
    view.color = (view.color + 1) % 4;
    view.repaint();
  });
  add(group.see, ["H"], "Hide or show the mask", () => {
    view.hidden = !view.hidden;
    view.repaint();
  });
  for (const [i, name] of labels.classes.slice(0, 9).entries()) add(group.label, [String(i + 1)], name, () => void labels.set(name));
  add(group.label, ["U"], "Cannot tell", () => void labels.set(null, true));
  add(group.label, ["L"], "Reset the label", () => void labels.set(null));
  add(group.label, ["N"], "New class", () => input("class-name").focus());
  add(group.go, ["Enter"], "Next image, or close the polygon", () => tools.finish() || void page.next());
  add(group.go, ["K"], "Skip", () => void page.skip());
  add(group.go, ["ArrowLeft"], "Previous image in the list", () => void page.step(-1));
  add(group.go, ["ArrowRight"], "Next image in the list", () => void page.step(1));
  add(group.go, ["V"], "Review", () => page.show("sheet"));
  add(group.go, ["T"], "Train", () => void training.start());
  add(group.go, ["?"], "Shortcuts", page.showKeys);
  return found;
}

/** While reviewing. @param {Page} page @returns {Action[]} */
export function reviewing(page) {
  const { sheet, training } = page;
  const group = "Review";
  return [
    { keys: ["A"], what: "Accept", group, run: () => sheet.judgeFocused("accept") },
    { keys: ["R"], what: "Reject", group, run: () => sheet.judgeFocused("reject") },
    { keys: ["ArrowLeft"], what: "Left", group, run: () => sheet.move(-1, 0) },
    { keys: ["ArrowRight"], what: "Right", group, run: () => sheet.move(1, 0) },
    { keys: ["ArrowUp"], what: "Up", group, run: () => sheet.move(0, -1) },
    { keys: ["ArrowDown"], what: "Down", group, run: () => sheet.move(0, 1) },
    { keys: ["V", "Escape"], what: "Back to drawing", group, run: () => page.show("draw") },
    { keys: ["T"], what: "Train", group, run: () => void training.start() },
    { keys: ["?"], what: "Shortcuts", group, run: page.showKeys },
  ];
}
