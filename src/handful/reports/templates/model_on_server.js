async function predict(picture, file) {
  const body = new FormData();
  body.append("image", file, file.name || "image");
  const response = await fetch("predict?map=true", { method: "POST", body, headers: authorization() });
  const result = await response.json().catch(() => ({}));
  if (response.status === 401) { askToken(true); throw new Error("The server rejected the token. Drop the image again to enter another one."); }
  if (!response.ok) throw new Error(typeof result.detail === "string" ? result.detail : `The server responded with status ${response.status}.`);
  const outputs = { probabilities: facts.classes.map((name) => result.probabilities[name]) };
  if (result.labels) outputs.present = facts.classes.map((name) => result.labels.includes(name));
  if (result.set) outputs.set = facts.classes.map((name) => result.set.includes(name));
  if (result.typicality !== undefined) [outputs.typicality, outputs.rejected] = [result.typicality, result.rejected];
  if (result.map) outputs.map = await grayLevels(result.map);
  if (result.unknown) outputs.unknown = await grayLevels(result.unknown);
  return outputs;
}

function authorization() {
  const token = facts.guarded ? askToken(false) : "";
  return token ? { Authorization: `Bearer ${token}` } : {};
}

function askToken(reset) {
  if (reset) sessionStorage.removeItem("token");
  let token = sessionStorage.getItem("token");
  if (!token && !reset) {
    token = prompt("This server requires a token:") || "";
    sessionStorage.setItem("token", token);
  }
  return token;
}

// The gray levels of a PNG in a data URL, which are class indices.
async function grayLevels(address) {
  const packed = Uint8Array.from(atob(address.split(",")[1]), (c) => c.charCodeAt(0));
  const bitmap = await createImageBitmap(new Blob([packed], { type: "image/png" }), { colorSpaceConversion: "none" });
  const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
  context.drawImage(bitmap, 0, 0);
  return context.getImageData(0, 0, bitmap.width, bitmap.height).data.filter((_, i) => i % 4 === 0);
}

enable();
