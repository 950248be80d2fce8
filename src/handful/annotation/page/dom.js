/** Short ways to the elements of the page. */

/** @template {HTMLElement} [T=HTMLElement] @param {string} id */
export const element = (id) => /** @type {T} */ (document.getElementById(id));
/** @param {string} id */
export const input = (id) => /** @type {HTMLInputElement} */ (document.getElementById(id));
/** @param {string} id */
export const canvas = (id) => /** @type {HTMLCanvasElement} */ (document.getElementById(id));
