/** Requests to the server, relative to the page's own secret address. */

/**
 * @typedef {{mask: number, label: number, marks: number}} Versions
 * @typedef {{key: string, id: string, split: string | null, label: string | null, given: boolean, cannot_tell: boolean,
 *   skipped: boolean, mask: string | null, proposal: boolean, certainty: number | null, versions: Versions,
 *   seconds: Record<string, number>}} Row
 * @typedef {{kind: "point" | "scribble" | "box", points: [number, number][], foreground: boolean, width: number}} Mark
 * @typedef {Row & {height: number, width: number, marks: Mark[]}} Detail
 * @typedef {{state: string, error: string, seconds: number, stage?: string, done?: number, of?: number}} Job
 * @typedef {{metric: string, mean: number, low: number | null, high: number | null, worst: number, draws: number,
 *   folds: number, images: number}} Score
 * @typedef {{recipe: string, masks: number, labels: number, accepted: number, round: number, score?: Score,
 *   why_no_score?: string}} Training
 * @typedef {{training: Job | null, features: Job | null, names: Job | null, matcher: Job | null, matching: boolean,
 *   matched: Matched | null, match_error: string}} Work
 * @typedef {{masks: number, proposals: number, seconds: number}} Matched
 * @typedef {{name: string, folder: string, classes: string[], images: Row[], trainings: Training[], recipe: string,
 *   draws: number, folds: number, round: number, work: Work, tools: Record<string, boolean>}} State
 */

/** What the server refused, in its words. */
export class Refused extends Error {
  /** @param {number} status @param {any} told */
  constructor(status, told) {
    super([told.where, told.what].filter(Boolean).join(": ") + (told.remedy ? ` Remedy: ${told.remedy}` : ""));
    this.status = status;
    this.told = told;
  }
}

/** @param {string} path @param {RequestInit} [options] @returns {Promise<Response>} */
export async function ask(path, options) {
  const answer = await fetch(`api/${path}`, options);
  if (answer.ok) return answer;
  let told = { what: `The server responded with status ${answer.status}.` };
  try {
    const said = await answer.json();
    if (typeof said.what === "string") told = said;
  } catch {
    // no JSON: the status says enough
  }
  throw new Refused(answer.status, told);
}

/** @param {string} path @returns {Promise<any>} */
export async function get(path) {
  return (await ask(path)).json();
}

/** @param {string} path @param {object} [body] @param {boolean} [leaving] @returns {Promise<any>} */
export async function post(path, body, leaving) {
  const options = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body ?? {}), keepalive: !!leaving };
  return (await ask(path, options)).json();
}

/** A name for a change that no other has. */
export function fresh() {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (b) => b.toString(16).padStart(2, "0")).join("");
}
