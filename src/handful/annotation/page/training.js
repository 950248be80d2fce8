/** The training panel: progress, stop, and the score of each training so far. */

import { get, post } from "./api.js";
import { element } from "./dom.js";

/**
 * @typedef {import("./api.js").Training} Training
 * @typedef {import("./api.js").Work} Work
 * @typedef {import("./api.js").Job} Job
 * @typedef {import("./api.js").Matched} Matched
 */

/** @type {Record<string, string>} */
const STAGES = { training: "Training", matching: "Matching, image", salient: "Salient objects, image", propagating: "Propagating masks", scoring: "Cross-validation, run" };
/** @type {Record<string, string>} */
const METRICS = { accuracy: "accuracy", balanced_accuracy: "balanced accuracy", macro_f1: "macro F1" };

export class TrainingPanel {
  /** @param {{ended: (round: number) => void, say: (text: string, kind: string) => void}} tell */
  constructor(tell) {
    this.tell = tell;
    this.round = 0;
    this.running = false;
    this.matching = false;
    this.salient = false;
    this.timer = 0;
    element("train").addEventListener("click", () => void this.start());
    element("match").addEventListener("click", () => void this.start("match"));
    element("salient").addEventListener("click", () => void this.start("salient"));
    element("stop").addEventListener("click", () => void this.stop());
  }

  /** @param {"train" | "match" | "salient"} work */
  async start(work = "train") {
    if (this.running) return;
    try {
      await post(work);
      this.running = true;
      this.matching = work === "match";
      this.salient = work === "salient";
      this.tell.say({ train: "Training…", match: "Matching…", salient: "Looking for salient objects…" }[work], "busy");
      await this.poll();
    } catch (error) {
      this.tell.say(String(error instanceof Error ? error.message : error), "bad");
    }
  }

  /** Compute what matching compares while somebody draws. */
  async prepare() {
    await post("match/prepare");
    await this.poll();
  }

  /** Match the other images, as a mask was drawn. @param {string} key of the image to match first */
  async drawn(key) {
    if (this.running) return;
    /** @type {Work} */
    const work = await post(`match/drawn?image=${key}`);
    if (work.matching) {
      this.matching = true;
      this.tell.say("Matching…", "busy");
      await this.poll();
    }
  }

  async stop() {
    await post("stop");
    this.tell.say("Stopped", "good");
    await this.poll();
  }

  /** Look how the work stands, and again while it is under way. */
  async poll() {
    clearTimeout(this.timer);
    /** @type {Work & {round: number, trainings: Training[]}} */
    const work = await get("work");
    this.show(work, work.trainings);
    if (work.round !== this.round) {
      this.round = work.round;
      this.tell.ended(work.round);
    }
    const features = work.features?.state === "running";
    const matcher = work.matcher;
    const prepared = matcher?.stage === "matching" || (matcher?.stage === "vectors" && matcher.done === matcher.of);
    const preparing = matcher?.state === "running" && !prepared;
    const scoring = work.names?.state === "running";
    const wait = this.matching ? 200 : 1000;
    if (this.running || this.matching || features || scoring || preparing) this.timer = window.setTimeout(() => void this.poll().catch(() => {}), wait);
  }

  /** @param {Work} work @param {Training[]} trainings */
  show(work, trainings) {
    const job = work.training;
    const before = this.running;
    this.running = job?.state === "running";
    for (const name of ["train", "match", "salient"]) element(name).toggleAttribute("disabled", this.running);
    element("stop").hidden = !this.running;
    const bar = /** @type {HTMLProgressElement} */ (element("progress"));
    bar.hidden = !this.running;
    const note = element("work");
    note.className = job?.state === "failed" ? "bad" : "soft";
    note.textContent = (job && describe(job)) || describeMatching(work);
    if (this.running && job?.of) {
      bar.max = job.of;
      bar.value = job.stage === "training" ? 0 : (job.done ?? 0);
      if (job.stage === "training") bar.removeAttribute("value");
    }
    const matched = job?.stage === "matching";
    const what = matched ? "Matching" : this.salient ? "Looking for salient objects" : "Training";
    if (before && !this.running && job?.state === "failed") this.tell.say(`${what} failed`, "bad");
    if (before && !this.running && job?.state === "done") {
      if (this.salient) /** @type {HTMLSelectElement} */ (element("order")).value = "uncertain"; // doubtful masks first
      this.tell.say(this.salient ? "Salient objects proposed, least certain first" : `${what} finished${matched ? "" : newestScore(trainings)}`, "good");
    }
    if (this.matching && !work.matching && !this.running) {
      this.matching = false;
      const done = work.matched ? `${many(work.matched.proposals, "image")} matched in ${work.matched.seconds} s` : "Matching finished";
      this.tell.say(work.match_error ? `Matching failed: ${work.match_error}` : done, work.match_error ? "bad" : "good");
    }
    const features = work.features, so = features?.of ? `: ${features.done ?? 0} of ${features.of}` : "";
    const matcher = work.matcher;
    const parts = [
      features?.state === "running" ? `Computing image features${so}.` : "",
      work.names?.state === "running" ? "Comparing images with the class names." : "",
      work.names?.state === "failed" ? `The class names are not used: ${work.names.error}` : "",
      matcher?.state === "running" ? describePreparation(matcher) : "",
    ];
    element("features").textContent = parts.filter(Boolean).join(" ");
    this.scores(trainings);
  }

  /** @param {Training[]} trainings */
  scores(trainings) {
    const last = trainings[trainings.length - 1];
    const place = element("scores");
    place.replaceChildren();
    if (!last) return;
    const line = document.createElement("p");
    if (last.score) {
      const s = last.score;
      const span = s.low === null || s.high === null ? "" : ` (${percent(s.low)} to ${percent(s.high)})`;
      const strong = document.createElement("strong");
      strong.textContent = `${percent(s.mean)}%`;
      line.append(strong, `${span} ${METRICS[s.metric] ?? s.metric}, worst of ${s.draws} draws ${percent(s.worst)}. `);
      line.append(`${s.folds}-fold cross-validation of ${s.images} labeled images, ${last.masks} masks.`);
    } else line.textContent = last.why_no_score ?? "";
    place.append(line);
    const scored = trainings.filter((each) => each.score);
    if (scored.length > 1) place.append(chart(scored));
  }
}

/** The newest score, for the line that is always in sight. @param {Training[]} trainings */
function newestScore(trainings) {
  const score = trainings[trainings.length - 1]?.score;
  return score ? `: ${percent(score.mean)}% ${METRICS[score.metric] ?? score.metric}` : "";
}

/** @param {Job} job */
function describe(job) {
  if (job.state === "failed") return job.error;
  if (job.state === "stopped") return "Stopped.";
  if (job.state === "done") return "";
  const stage = STAGES[job.stage ?? ""] ?? "Starting";
  const at = job.stage === "training" || !job.stage ? "" : ` ${Math.min((job.done ?? 0) + 1, job.of ?? 1)} of ${job.of ?? "?"}`;
  return `${stage}${at}, ${job.seconds} s so far.`;
}

/** How far the images are prepared to be matched; nothing once they were. @param {Job} matcher */
function describePreparation({ stage, done = 0, of = 0 }) {
  if (!stage) return "Preparing to match.";
  if (stage !== "vectors") return "";
  return done < of ? `Preparing to match: ${done} of ${of} images.` : `${many(of, "image")} prepared to match.`;
}

/** What the matcher does, or what it did and in which time. @param {Work} work */
function describeMatching({ matcher, matching, matched }) {
  if (matching) return matcher?.stage === "vectors" ? `Matching the image on the page, then all: ${matcher.done} of ${matcher.of} prepared.` : "Matching…";
  return matched ? `${matchedIn(matched)}. Press V to review.` : "";
}

/** @param {Matched} matched */
export function matchedIn({ masks, proposals, seconds }) {
  return `${many(proposals, "image")} matched to ${masks} drawn ${masks === 1 ? "mask" : "masks"} in ${seconds} s`;
}

/** @param {number} n @param {string} what */
export function many(n, what) {
  return `${n} ${what}${n === 1 ? "" : "s"}`;
}

/** @param {number} share */
function percent(share) {
  return (100 * share).toFixed(1);
}

/** Scores with their intervals against the masks drawn. @param {Training[]} trainings */
function chart(trainings) {
  const W = 260, H = 110, left = 30, bottom = 20, top = 8, right = 8;
  const make = (/** @type {string} */ name, /** @type {Record<string, string | number>} */ values, text = "") => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(values)) made.setAttribute(key, String(value));
    made.textContent = text;
    return made;
  };
  const svg = make("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": "Score with confidence interval after each training, by number of masks" });
  const most = Math.max(...trainings.map((t) => t.masks), 1), least = Math.min(...trainings.map((t) => t.masks));
  const x = (/** @type {number} */ masks) => left + ((masks - least) / Math.max(most - least, 1)) * (W - left - right - 10) + 5;
  const y = (/** @type {number} */ share) => top + (1 - share) * (H - top - bottom);
  for (const share of [0, 0.5, 1]) {
    svg.append(make("line", { x1: left, x2: W - right, y1: y(share), y2: y(share), class: "rule" }));
    svg.append(make("text", { x: left - 5, y: y(share) + 4, "text-anchor": "end" }, `${100 * share}`));
  }
  const points = trainings.map((t) => [x(t.masks), y(t.score?.mean ?? 0)]);
  svg.append(make("polyline", { points: points.map((p) => p.join(",")).join(" "), class: "curve" }));
  trainings.forEach((t, i) => {
    const s = t.score;
    if (s && s.low !== null && s.high !== null) svg.append(make("line", { x1: points[i][0], x2: points[i][0], y1: y(s.low), y2: y(s.high), class: "span" }));
    svg.append(make("circle", { cx: points[i][0], cy: points[i][1], r: 3.5 }));
  });
  svg.append(make("text", { x: x(least), y: H - 5, "text-anchor": "middle" }, `${least}`));
  if (most > least) svg.append(make("text", { x: x(most), y: H - 5, "text-anchor": "middle" }, `${most}`));
  svg.append(make("text", { x: W / 2, y: H - 5, "text-anchor": "middle" }, "masks"));
  return svg;
}
