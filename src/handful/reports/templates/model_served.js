async function ask(picture, file) {
  const body = new FormData();
  body.append("image", file, file.name || "image");
  const reply = await fetch("predict?map=true", { method: "POST", body, headers: authorised() });
  const found = await reply.json().catch(() => ({}));
  if (reply.status === 401) { key(true); throw new Error("The server wants another token. Drop the image again to name it."); }
  if (!reply.ok) throw new Error(typeof found.detail === "string" ? found.detail : `The server answered ${reply.status}.`);
  const said = { probabilities: facts.classes.map((name) => found.probabilities[name]) };
  if (found.set) said.set = facts.classes.map((name) => found.set.includes(name));
  if (found.typicality !== undefined) [said.typicality, said.rejected] = [found.typicality, found.rejected];
  if (found.map) said.map = await levels(found.map);
  return said;
}

function authorised() {
  const token = facts.guarded ? key(false) : "";
  return token ? { Authorization: `Bearer ${token}` } : {};
}

function key(anew) {
  if (anew) sessionStorage.removeItem("token");
  let token = sessionStorage.getItem("token");
  if (!token && !anew) {
    token = prompt("This server asks for a token.") || "";
    sessionStorage.setItem("token", token);
  }
  return token;
}

// A grey picture whose levels are class numbers, as a data address.
async function levels(address) {
  const packed = Uint8Array.from(atob(address.split(",")[1]), (c) => c.charCodeAt(0));
  const bitmap = await createImageBitmap(new Blob([packed], { type: "image/png" }), { colorSpaceConversion: "none" });
  const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
  context.drawImage(bitmap, 0, 0);
  return context.getImageData(0, 0, bitmap.width, bitmap.height).data.filter((_, i) => i % 4 === 0);
}

open();
