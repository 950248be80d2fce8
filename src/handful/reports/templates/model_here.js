const bytes = (id) => Uint8Array.from(atob(at(id).textContent.trim()), (c) => c.charCodeAt(0));
const unpacked = (packed) => new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();

let session, ort;
async function start() {
  ort = await import(URL.createObjectURL(new Blob([bytes("runtime")], { type: "text/javascript" })));
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmBinary = await unpacked(bytes("wasm"));
  ort.env.logLevel = "error";
  session = await ort.InferenceSession.create(new Uint8Array(await unpacked(bytes("model"))), { executionProviders: ["wasm"] });
  for (const id of ["runtime", "wasm", "model"]) at(id).remove();
  open();
}

async function ask(picture) {
  const { data, width, height } = picture;
  const plane = width * height;
  const pixels = new Uint8Array(3 * plane);
  for (let i = 0; i < plane; i++) for (let c = 0; c < 3; c++) pixels[c * plane + i] = data[4 * i + c];
  const found = await session.run({ images: new ort.Tensor("uint8", pixels, [1, 3, height, width]) });
  const said = { probabilities: [...found.probabilities.data] };
  if (found.sets) said.set = [...found.sets.data].map(Boolean);
  if (found.typicality) said.typicality = found.typicality.data[0];
  if (found.answers) said.rejected = Number(found.answers.data[0]) === facts.classes.length;
  if (found.maps) said.map = likeliest(found.maps.data, facts.classes.length + 1);
  for (const tensor of Object.values(found)) tensor.dispose();
  return said;
}

function likeliest(maps, layers) {
  const plane = maps.length / layers;
  const map = new Uint16Array(plane);
  for (let i = 0; i < plane; i++) {
    for (let k = 1, most = maps[i]; k < layers; k++) {
      if (maps[k * plane + i] > most) [most, map[i]] = [maps[k * plane + i], k];
    }
  }
  return map;
}

start().catch((error) => {
  at("answer").textContent = "The model does not start in this browser.";
  at("note").textContent = `${error.message || error} It takes a browser of 2023 or newer.`;
  at("invite").textContent = "";
});
