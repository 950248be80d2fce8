const facts = JSON.parse(document.getElementById("facts").textContent);
const byId = (id) => document.getElementById(id);
const percent = (share) => share > 0.9995 && share < 1 ? "> 99.9%" : share > 0 && share < 0.0005 ? "< 0.1%" : (100 * share).toFixed(1) + "%";

// Decode an image as training does: upright, transparent pixels on white, no color profile applied.
async function decode(file) {
  const options = { imageOrientation: "from-image", colorSpaceConversion: "none", premultiplyAlpha: "none" };
  const bitmap = await createImageBitmap(file, options);
  if (bitmap.width * bitmap.height > facts.max_pixels) {
    throw new Error(`This image has ${bitmap.width} x ${bitmap.height} pixels, more than the limit of ${facts.max_pixels / 1e6} million.`);
  }
  const canvas = byId("image");
  canvas.width = bitmap.width;
  canvas.height = bitmap.height;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "white";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  canvas.className = Math.max(canvas.width, canvas.height) < 200 ? "small" : "";
  return context.getImageData(0, 0, canvas.width, canvas.height);
}

// The rectangle of the image that the model sees: [left, top, width, height] in image pixels.
function modelRectangle(width, height) {
  const [h, w] = facts.size;
  if (facts.resize === "squash") return [0, 0, width, height];
  const extreme = facts.resize === "pad" ? Math.min : Math.max;
  const scale = extreme(h / height, w / width);
  const before = (size, inner) => Math.floor((size - inner + 1) / 2);
  const [innerH, innerW] = [Math.max(1, Math.round(height * scale)), Math.max(1, Math.round(width * scale))];
  const [ratioH, ratioW] = [height / innerH, width / innerW];
  return [-before(w, innerW) * ratioW, -before(h, innerH) * ratioH, w * ratioW, h * ratioH];
}

// Draw the map of classes, and over it in magenta the unknown regions, with their names below.
function drawMap(map, unknown, picture) {
  const overlay = byId("map");
  byId("shade").hidden = !map;
  byId("legend").replaceChildren();
  overlay.width = picture.width;
  overlay.height = picture.height;
  if (!map) return;
  const [h, w] = facts.size;
  const small = new OffscreenCanvas(w, h);
  const context = small.getContext("2d");
  const colors = context.createImageData(w, h);
  const shades = [...facts.colors, [255, 0, 255]];
  const names = [...facts.classes, "unknown region"];
  const present = new Set();
  for (let i = 0; i < map.length; i++) {
    const number = unknown && unknown[i] ? shades.length : map[i];
    if (number === 0) continue;
    present.add(number);
    colors.data.set([...shades[number - 1], 255], 4 * i);
  }
  context.putImageData(colors, 0, 0);
  const target = overlay.getContext("2d");
  target.imageSmoothingEnabled = false;
  target.drawImage(small, ...modelRectangle(picture.width, picture.height));
  for (const number of [...present].sort((a, b) => a - b)) {
    const item = document.createElement("li");
    const spot = document.createElement("span");
    spot.style.background = `rgb(${shades[number - 1]})`;
    item.append(spot, names[number - 1]);
    byId("legend").append(item);
  }
  if (!present.size) byId("legend").textContent = "The map shows only background.";
}

// The conformal prediction set in words. Its coverage holds only for images like the training images.
function describeSet(members, rejected) {
  const coverage = percent(facts.coverage);
  if (facts.thresholds) return `Prediction set: ${members.join(", ") || "empty"}. Each class is in the set of ${coverage} of the images that show it.`;
  if (rejected) return `No prediction set: its coverage of ${coverage} holds only for images like the training images.`;
  if (!members.length) return `The prediction set is empty: no class is plausible at ${coverage} coverage.`;
  return `Prediction set: ${members.join(", ")}. Such sets contain the true class of ${coverage} of images.`;
}

// The answer of a model that names one class, and a sentence about it.
function describeBest(outputs, best) {
  byId("answer").textContent = outputs.rejected ? "I do not know" : facts.classes[best];
  byId("note").textContent = outputs.rejected
    ? `This image is too unlike the training images to name a class; the most probable one is ${facts.classes[best]}.`
    : `Probability ${percent(outputs.probabilities[best])}.`;
}

// The classes that an image shows, of a model that names several: those whose probability reaches their threshold.
function describePresent(outputs, order) {
  const names = order.filter((i) => outputs.present[i]).map((i) => facts.classes[i]);
  byId("answer").textContent = names.join(", ") || (facts.classes.length > 1 ? "None of the classes" : `Not ${facts.classes[0]}`);
  byId("note").textContent = "A class is named if its probability reaches the threshold marked on its bar.";
}

// Show a model's outputs: probabilities by class, and where it has them present or set (booleans), typicality, rejected, map, unknown.
function show(outputs, picture, name, seconds) {
  const order = outputs.probabilities.map((_, i) => i).sort((a, b) => outputs.probabilities[b] - outputs.probabilities[a]);
  if (outputs.present) describePresent(outputs, order); else describeBest(outputs, order[0]);
  const members = outputs.set ? order.filter((i) => outputs.set[i]).map((i) => facts.classes[i]) : null;
  byId("set").textContent = members ? describeSet(members, outputs.rejected) : "";
  byId("typical").textContent = outputs.typicality === undefined ? ""
    : `Typicality ${percent(outputs.typicality)}: the share of training images that are at least as unusual. Images below ${percent(facts.false_rejection)} are rejected.`;
  const shown = outputs.present ? order.filter((i, rank) => rank < 12 || outputs.present[i]) : order.slice(0, 12);
  byId("bars").replaceChildren(...shown.flatMap((i) => {
    const [label, bar, value] = ["span", "i", "span"].map((tag) => document.createElement(tag));
    label.textContent = facts.classes[i];
    const named = outputs.present ? outputs.present[i] : outputs.set && outputs.set[i] && !outputs.rejected;
    label.className = value.className = named ? "in" : "";
    bar.style.width = `${100 * outputs.probabilities[i]}%`;
    value.textContent = percent(outputs.probabilities[i]);
    return [label, facts.thresholds ? withThreshold(bar, facts.thresholds[i]) : bar, value];
  }));
  byId("size").textContent = `${name}, ${picture.width} x ${picture.height} pixels, ${seconds.toFixed(2)} s`;
  drawMap(outputs.map, outputs.unknown, picture);
  byId("result").hidden = false;
}

// A bar in a gauge with a line at a threshold.
function withThreshold(bar, threshold) {
  const [gauge, line] = ["span", "b"].map((tag) => document.createElement(tag));
  gauge.className = "gauge";
  gauge.title = `named from ${percent(threshold)} on`;
  line.style.left = `${100 * threshold}%`;
  gauge.append(bar, line);
  return gauge;
}

let running = false;
async function onImage(file) {
  if (!file || running) return;
  running = true;
  byId("answer").textContent = "Predicting…";
  byId("note").textContent = "";
  try {
    const picture = await decode(file);
    const start = performance.now();
    const outputs = await predict(picture, file);
    show(outputs, picture, file.name || "image", (performance.now() - start) / 1000);
  } catch (error) {
    byId("result").hidden = true;
    byId("answer").textContent = "This image cannot be read.";
    byId("note").textContent = error.name === "InvalidStateError" ? "The file is damaged, or this browser does not support its format." : error.message;
  } finally {
    running = false;
  }
}

byId("file").addEventListener("change", (event) => onImage(event.target.files[0]));
byId("tint").addEventListener("input", (event) => { byId("map").style.opacity = event.target.value / 100; });
byId("map").style.opacity = 0.45;
for (const kind of ["dragover", "dragleave", "drop"]) {
  addEventListener(kind, (event) => {
    event.preventDefault();
    byId("drop").classList.toggle("over", kind === "dragover");
    if (kind === "drop") onImage(event.dataTransfer.files[0]);
  });
}
addEventListener("paste", (event) => onImage([...event.clipboardData.files][0]));

function enable() {
  byId("file").disabled = false;
  byId("invite").textContent = "or drop one anywhere on this page";
}
