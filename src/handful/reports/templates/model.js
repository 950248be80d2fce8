const facts = JSON.parse(document.getElementById("facts").textContent);
const at = (id) => document.getElementById(id);
const percent = (share) => share > 0.9995 && share < 1 ? "> 99.9 %" : share > 0 && share < 0.0005 ? "< 0.1 %" : (100 * share).toFixed(1) + " %";

// The picture as Pillow gives it to training: upright, white behind what is transparent, no colour profile applied.
async function read(file) {
  const options = { imageOrientation: "from-image", colorSpaceConversion: "none", premultiplyAlpha: "none" };
  const bitmap = await createImageBitmap(file, options);
  if (bitmap.width * bitmap.height > facts.most_pixels) {
    throw new Error(`This image has ${bitmap.width} x ${bitmap.height} pixels, more than ${facts.most_pixels / 1e6} million.`);
  }
  const canvas = at("image");
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

// Where the working size lies on the image: [left, top, width, height] in image pixels.
function place(width, height) {
  const [h, w] = facts.size;
  if (facts.resize === "squash") return [0, 0, width, height];
  const pick = facts.resize === "pad" ? Math.min : Math.max;
  const scale = pick(h / height, w / width);
  const before = (size, inner) => Math.floor((size - inner + 1) / 2);
  const [innerH, innerW] = [Math.max(1, Math.round(height * scale)), Math.max(1, Math.round(width * scale))];
  const [ratioH, ratioW] = [height / innerH, width / innerW];
  return [-before(w, innerW) * ratioW, -before(h, innerH) * ratioH, w * ratioW, h * ratioH];
}

function paint(map, picture) {
  const overlay = at("map");
  at("shade").hidden = !map;
  at("legend").replaceChildren();
  overlay.width = picture.width;
  overlay.height = picture.height;
  if (!map) return;
  const [h, w] = facts.size;
  const small = new OffscreenCanvas(w, h);
  const context = small.getContext("2d");
  const colours = context.createImageData(w, h);
  const seen = new Set();
  for (let i = 0; i < map.length; i++) {
    if (map[i] === 0) continue;
    seen.add(map[i]);
    colours.data.set([...facts.colours[map[i] - 1], 255], 4 * i);
  }
  context.putImageData(colours, 0, 0);
  const target = overlay.getContext("2d");
  target.imageSmoothingEnabled = false;
  target.drawImage(small, ...place(picture.width, picture.height));
  for (const number of [...seen].sort((a, b) => a - b)) {
    const item = document.createElement("li");
    const spot = document.createElement("span");
    spot.style.background = `rgb(${facts.colours[number - 1]})`;
    item.append(spot, facts.classes[number - 1]);
    at("legend").append(item);
  }
  if (!seen.size) at("legend").textContent = "The map is all background.";
}

// What the set of classes that cannot be ruled out means. It promises nothing for images of another kind.
function promise(members, rejected) {
  const share = percent(facts.coverage);
  if (rejected) return `No set of classes: the promise of ${share} is for images like those of training.`;
  if (!members.length) return `No class can be named at ${share} coverage: the set is empty.`;
  const which = members.length === 1 ? members[0] : `one of ${members.join(", ")}`;
  return `Its class is ${which}; sets made so hold the class of ${share} of images.`;
}

// What the model said: probabilities by class, and where it has them set (booleans), typicality, rejected, map.
function show(said, picture, name, seconds) {
  const order = said.probabilities.map((_, i) => i).sort((a, b) => said.probabilities[b] - said.probabilities[a]);
  const best = order[0];
  at("answer").textContent = said.rejected ? "I do not know" : facts.classes[best];
  at("note").textContent = said.rejected
    ? `This image is too unlike the training images to name a class; the nearest is ${facts.classes[best]}.`
    : `${percent(said.probabilities[best])} sure.`;
  const members = said.set ? order.filter((i) => said.set[i]).map((i) => facts.classes[i]) : null;
  at("set").textContent = members ? promise(members, said.rejected) : "";
  at("typical").textContent = said.typicality === undefined ? ""
    : `${percent(said.typicality)} of training images were as unlike the others, or more; below ${percent(facts.false_rejection)} no class is named.`;
  at("bars").replaceChildren(...order.slice(0, 12).flatMap((i) => {
    const [label, bar, value] = ["span", "i", "span"].map((tag) => document.createElement(tag));
    label.textContent = facts.classes[i];
    label.className = value.className = said.set && said.set[i] && !said.rejected ? "in" : "";
    bar.style.width = `${100 * said.probabilities[i]}%`;
    value.textContent = percent(said.probabilities[i]);
    return [label, bar, value];
  }));
  at("size").textContent = `${name}, ${picture.width} x ${picture.height} pixels, ${seconds.toFixed(2)} s`;
  paint(said.map, picture);
  at("result").hidden = false;
}

let running = false;
async function take(file) {
  if (!file || running) return;
  running = true;
  at("answer").textContent = "Looking";
  at("note").textContent = "";
  try {
    const picture = await read(file);
    const start = performance.now();
    const said = await ask(picture, file);
    show(said, picture, file.name || "image", (performance.now() - start) / 1000);
  } catch (error) {
    at("result").hidden = true;
    at("answer").textContent = "This image cannot be read.";
    at("note").textContent = error.name === "InvalidStateError" ? "It is damaged, or of a kind that this browser does not show." : error.message;
  } finally {
    running = false;
  }
}

at("file").addEventListener("change", (event) => take(event.target.files[0]));
at("tint").addEventListener("input", (event) => { at("map").style.opacity = event.target.value / 100; });
at("map").style.opacity = 0.45;
for (const kind of ["dragover", "dragleave", "drop"]) {
  addEventListener(kind, (event) => {
    event.preventDefault();
    at("drop").classList.toggle("over", kind === "dragover");
    if (kind === "drop") take(event.dataTransfer.files[0]);
  });
}
addEventListener("paste", (event) => take([...event.clipboardData.files][0]));

function open() {
  at("file").disabled = false;
  at("invite").textContent = "or drop one anywhere on this page";
}
