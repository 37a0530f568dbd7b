// What Voila leaves to a page: tables one can read, sliders with names, and a server that is gone.
(() => {
  const figure =
    /^([<>]\s*)?[-+−]?\s*([A-Z]{3}\s|[€$£¥])?\s*[-+−]?\d[\d,. ]*(%|k|M|B)?(\s?[a-z][A-Za-z0-9,.%€$£¥ ]{0,15})?(\s*\(.*\))?$/;
  const missing = new Set(["", "-", "–", "—", "NaN", "nan", "NaT", "<NA>", "None"]);
  const text = (cell) => cell?.textContent.trim() ?? "";

  // The same rules as enablement.run.report uses, so that a table looks alike in both.
  const tidy = (table) => {
    table.dataset.tidy = "done";
    const rows = [...table.rows].map((row) => [...row.cells]);
    const body = rows.filter((row) => row.some((cell) => cell.tagName === "TD"));
    const heads = rows.filter((row) => !body.includes(row));
    const counted = body.every((row, i) => row[0].tagName === "TH" && text(row[0]) === String(i));
    if (body.length && counted && heads.every((row) => text(row[0]) === ""))
      for (const row of [...heads, ...body]) row.shift().remove();
    const width = Math.max(0, ...rows.map((row) => row.length));
    for (let i = 0; i < width; i++) {
      const cells = rows.filter((row) => row.length === width).map((row) => row[i]);
      const values = cells.filter((cell) => cell.tagName === "TD").map(text);
      const known = values.filter((value) => !missing.has(value));
      if (known.length && known.every((value) => figure.test(value)))
        for (const cell of cells) cell.classList.add("number");
    }
  };
  // A number keeps its unit, as it does in a report.
  const together = (told) => {
    const texts = document.createTreeWalker(told, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      const { data } = texts.currentNode;
      const whole = data.replace(/(?<=\d) (?=%|[kMB]\b)/g, "\u00a0");
      if (whole !== data) texts.currentNode.data = whole;
    }
  };
  // A slider's handle is what keys move, and has no name of its own.
  const name = (handle) => {
    const label = handle.closest(".widget-hslider")?.querySelector(".widget-label");
    if (label) handle.setAttribute("aria-label", text(label));
  };
  const tidyAll = () => {
    document.querySelectorAll("table:not([data-tidy])").forEach(tidy);
    document.querySelectorAll("p.said").forEach(together);
    fitAll();
    document.querySelectorAll("[role=slider]:not([aria-label])").forEach(name);
  };
  new MutationObserver(tidyAll).observe(document.body, { childList: true, subtree: true });

  // On a telephone a chart scrolls: its title stands above it whole, the names at its left stay.
  const NARROW = matchMedia("(max-width: 600px)");
  const words = (texts) =>
    [...texts].flatMap((text) => {
      const lines = [...text.querySelectorAll("tspan")].map((line) => line.textContent);
      return lines.length ? lines : [text.textContent];
    }).join(" ");
  const fit = (drawing) => {
    const place = drawing.closest(".jp-RenderedVegaCommon5");
    const heading = drawing.querySelector(".role-title");
    if (!place?.clientWidth || !heading || (drawing.dataset.fits ?? "false") === String(NARROW.matches)) return;
    drawing.dataset.fits = String(NARROW.matches);
    place.querySelectorAll(".told, .names").forEach((one) => one.remove());
    const [, , wide, high] = (drawing.dataset.box ??= drawing.getAttribute("viewBox")).split(" ").map(Number);
    heading.style.display = "";
    drawing.setAttribute("viewBox", drawing.dataset.box);
    if (!NARROW.matches) return;
    const scale = drawing.getBoundingClientRect().width / wide;
    const top = (heading.getBoundingClientRect().bottom - drawing.getBoundingClientRect().top) / scale;
    heading.style.display = "none";
    drawing.setAttribute("viewBox", `0 ${top} ${wide} ${high - top}`);
    const told = document.createElement("div");
    told.className = "told";
    for (const part of ["text", "subtitle"]) {
      const line = told.appendChild(document.createElement("p"));
      line.className = part;
      line.textContent = words(heading.querySelectorAll(`.role-title-${part} text`));
    }
    place.prepend(told);
    keepNames(place);
  };
  const fitAll = () => document.querySelectorAll(".jp-RenderedVegaCommon5 svg.marks").forEach(fit);
  NARROW.addEventListener("change", fitAll);
  new ResizeObserver(fitAll).observe(document.body);

  const asked = JSON.parse(document.getElementById("jupyter-config-data").textContent);
  const watch = async () => {
    const kernel = `${asked.baseUrl}api/kernels/${asked.kernelId}`;
    const there = await fetch(kernel, { cache: "no-store" }).then((r) => r.ok, () => false);
    document.getElementById("lost").classList.toggle("shown", !there);
  };
  setInterval(watch, 20000);
})();
