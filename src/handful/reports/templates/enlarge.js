// Enlarges the images of the strips; Escape closes, the arrow keys go to the next or previous image.
const dialog = document.querySelector("dialog");
const figures = [...document.querySelectorAll(".strip figure")];
let shown = 0;

function show(index) {
  shown = (index + figures.length) % figures.length;
  const small = figures[shown].querySelector("img");
  const large = dialog.querySelector("img");
  large.src = small.src;
  large.alt = small.alt;
  large.className = small.className;
  const name = figures[shown].closest(".strip").dataset.class;
  const answer = figures[shown].querySelector("figcaption").firstElementChild.textContent;
  const predicted = answer === "right" ? name : answer;
  dialog.querySelector("p").textContent = `${small.alt}. True class: ${name}; predicted: ${predicted}.`;
  if (!dialog.open) dialog.showModal();
}

figures.forEach((figure, i) => figure.querySelector("button").addEventListener("click", () => show(i)));
dialog.addEventListener("keydown", (event) => {
  if (event.key === "ArrowRight") show(shown + 1);
  if (event.key === "ArrowLeft") show(shown - 1);
});
dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
