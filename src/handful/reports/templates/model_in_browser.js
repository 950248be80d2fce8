const bytes = (id) => Uint8Array.from(atob(byId(id).textContent.trim()), (c) => c.charCodeAt(0));
const gunzip = (packed) => new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();

let session, ort;
async function start() {
  ort = await import(URL.createObjectURL(new Blob([bytes("runtime")], { type: "text/javascript" })));
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmBinary = await gunzip(bytes("wasm"));
  ort.env.logLevel = "error";
  session = await ort.InferenceSession.create(new Uint8Array(await gunzip(bytes("model"))), { executionProviders: ["wasm"] });
  for (const id of ["runtime", "wasm", "model"]) byId(id).remove();
  enable();
}

async function predict(picture) {
  const { data, width, height } = picture;
  const plane = width * height;
  const pixels = new Uint8Array(3 * plane);
  for (let i = 0; i < plane; i++) for (let c = 0; c < 3; c++) pixels[c * plane + i] = data[4 * i + c];
  const results = await session.run({ images: new ort.Tensor("uint8", pixels, [1, 3, height, width]) });
  const outputs = { probabilities: [...results.probabilities.data] };
  if (results.present) outputs.present = [...results.present.data].map(Boolean);
  if (results.sets) outputs.set = [...results.sets.data].map(Boolean);
  if (results.typicality) outputs.typicality = results.typicality.data[0];
  if (results.answers) outputs.rejected = Number(results.answers.data[0]) === facts.classes.length;
  if (results.unknown) outputs.unknown = results.unknown.data;
  if (results.maps) outputs.map = mostProbable(results.maps.data, facts.classes.length + 1);
  for (const tensor of Object.values(results)) tensor.dispose();
  return outputs;
}

function mostProbable(maps, layers) {
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
  byId("answer").textContent = "The model cannot run in this browser.";
  byId("note").textContent = `${error.message || error} A browser from 2023 or later is required.`;
  byId("invite").textContent = "";
});
