// Draws the charts of a report. On a narrow screen a plot gives way, its text does not shrink.
(() => {
  const charts = [...document.querySelectorAll(".chart")];
  const pen = document.createElement("canvas").getContext("2d");

  const broken = (text, font, room) => {
    pen.font = font;
    const lines = [""];
    for (const word of text.split(" ")) {
      const longer = lines.at(-1) ? `${lines.at(-1)} ${word}` : word;
      if (lines.at(-1) && pen.measureText(longer).width > room) lines.push(word);
      else lines[lines.length - 1] = longer;
    }
    return lines;
  };

  // Side by side becomes one below the other; each part then gives way by itself.
  const narrowed = (spec, wanted, room) => {
    const { hconcat, ...rest } = structuredClone(spec);
    const copy = hconcat ? { ...rest, vconcat: hconcat } : rest;
    rewrap(copy.title, spec.config?.title ?? {}, room - 16);
    const widths = (copy.vconcat ?? []).map((part) => part.width ?? 0);
    const over = hconcat ? Math.max(...widths) + 150 - room : wanted - room;
    for (const part of copy.vconcat ?? []) {
      if (part.name === "footer") refoot(copy, part, room - 16);
      rewrap(part.title, spec.config?.title ?? {}, room - 16);
      fewerAcross(part, room - 60);
      slimmer(part, over);
    }
    return slimmer(copy, wanted - room);
  };

  // Panels in rows keep their size: fewer of them stand side by side.
  const fewerAcross = (part, room) => {
    if (!part.facet || !part.columns) return;
    const gap = part.spacing?.column ?? 20;
    part.columns = Math.max(1, Math.min(part.columns, Math.floor((room + gap) / (part.spec.width + gap))));
  };

  // The definition line is text in rows, placed from the left edge: it is broken anew.
  const refoot = (spec, part, room) => {
    const rows = part.data?.values ?? spec.datasets?.[part.data?.name] ?? [];
    const font = spec.config?.font ?? "sans-serif";
    const lines = broken(rows.map((row) => row.line).join(" "), `11px ${font}`, room);
    part.data = { values: lines.map((line, n) => ({ line, n })) };
    part.height = lines.length * 15;
  };

  const rewrap = (title, { font = "sans-serif" }, room) => {
    if (!title?.text) return;
    title.text = broken([].concat(title.text).join(" "), `600 14px ${font}`, room);
    // Lines of a subtitle stay apart: the definition is not part of the sentence before it.
    const below = [].concat(title.subtitle ?? []);
    title.subtitle = below.flatMap((line) => broken(line, `12px ${font}`, room));
  };

  // Some marks are placed at the plot's right edge by value: they move with it.
  const slimmer = (spec, by) => {
    const from = spec.width;
    if (typeof from !== "number" || by <= 0) return spec;
    const to = Math.max(110, from - by);
    const walk = (part) => {
      if (!part || typeof part !== "object") return;
      for (const channel of ["x", "x2"]) {
        const place = part.encoding?.[channel];
        if (typeof place?.value === "number" && place.value >= from) place.value -= from - to;
      }
      if (part.width === from) part.width = to;
      (part.layer ?? []).forEach(walk);
    };
    walk(spec);
    return spec;
  };

  const options = { mode: "vega-lite", renderer: "svg", actions: false, defaultStyle: false };
  const draw = async (figure) => {
    const place = figure.querySelector(".drawing");
    const spec = JSON.parse(figure.querySelector("script").textContent);
    delete spec.usermeta;
    let result = await vegaEmbed(place, spec, options);
    const wanted = place.querySelector("svg").width.baseVal.value;
    const room = place.clientWidth;
    if (wanted > room && room > 0) {
      result.finalize();
      result = await vegaEmbed(place, narrowed(spec, wanted, room), options);
    }
    // What still is wider keeps a size that can be read, and scrolls.
    const drawn = place.querySelector("svg");
    const wide = drawn.width.baseVal.value;
    if (wide > room && room > 0) drawn.style.minWidth = `${Math.round(wide * 0.9)}px`;
    figure.classList.add("drawn");
  };

  // One after the other, so that the first chart is there at once.
  const all = async () => {
    for (const figure of charts) {
      try { await draw(figure); } catch { figure.classList.add("failed"); }
    }
    document.documentElement.dataset.charts = "done";
  };
  all();
})();
