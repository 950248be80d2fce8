/** Seconds of work: the page is seen, and was used in the last few seconds. */

const IDLE = 8000; // milliseconds after which looking becomes having coffee
const TICK = 250;

export class Clock {
  constructor() {
    this.spent = 0;
    this.last = performance.now();
    this.used = -Infinity;
    for (const kind of ["pointermove", "pointerdown", "keydown", "wheel"]) {
      addEventListener(kind, () => (this.used = performance.now()), { passive: true, capture: true });
    }
    setInterval(() => this.tick(), TICK);
  }

  tick() {
    const now = performance.now();
    const passed = Math.min(now - this.last, 4 * TICK);
    this.last = now;
    if (document.visibilityState === "visible" && now - this.used < IDLE) this.spent += passed;
  }

  /** The seconds since the last call. */
  take() {
    this.tick();
    const seconds = this.spent / 1000;
    this.spent = 0;
    return Math.round(seconds * 1000) / 1000;
  }
}
