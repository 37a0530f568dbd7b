// Where a chart scrolls, the names at its left stay in sight.
const keepNames = (place) => {
  const from = place.getBoundingClientRect();
  const names = [...place.querySelectorAll("[aria-label^='Y-axis'] text")];
  const right = Math.max(...names.map((name) => name.getBoundingClientRect().right)) - from.left;
  if (!(right < 0.5 * place.clientWidth)) return;
  const drawing = place.querySelector("svg");
  const scale = drawing.getBoundingClientRect().width / drawing.viewBox.baseVal.width;
  const kept = document.createElement("div");
  kept.className = "names";
  kept.setAttribute("aria-hidden", "true");
  const ends = names.map((name) => name.getBoundingClientRect());
  const [top, bottom] = [Math.min(...ends.map((end) => end.top)), Math.max(...ends.map((end) => end.bottom))];
  const behind = document.createElement("i");
  behind.style.cssText = `top:${top - from.top - 2}px;width:${right + 4}px;height:${bottom - top + 4}px`;
  kept.append(behind);
  for (const name of names) {
    const lines = [...name.querySelectorAll("tspan")].map((line) => line.textContent);
    const { fill, fontSize, fontWeight } = getComputedStyle(name);
    const { top, height } = name.getBoundingClientRect();
    const copy = document.createElement("span");
    copy.textContent = lines.join("\n") || name.textContent;
    copy.style.cssText = `top:${top - from.top - 1}px;width:${right + 4}px;line-height:${(height + 2) / Math.max(lines.length, 1)}px`;
    Object.assign(copy.style, { color: fill, fontSize: `${parseFloat(fontSize) * scale}px`, fontWeight });
    kept.append(copy);
  }
  place.prepend(kept);
};
