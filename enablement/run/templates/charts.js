// Draws the charts of a report. On a narrow screen a plot gives way, its text hardly shrinks.
(() => {
  // px of a plot beside columns of numbers, and of one without; of a bar under its number, and of
  // a cell with one in it; between columns of numbers
  const ROOMY = { beside: 100, alone: 215, text: 49, cell: 60, gap: 12 };
  const TIGHT = { beside: 80, alone: 180, text: 26, cell: 60, gap: 9 };
  const SMALL = 11; // px of letters where it is tight
  const SHRUNK = 0.95; // as far as a whole chart may shrink
  const PAD = 8;

  const charts = [...document.querySelectorAll(".chart")];
  const pen = document.createElement("canvas").getContext("2d");

  const broken = (text, font, room) => {
    pen.font = font;
    const lines = [""];
    // A number stays with its sign.
    for (const word of text.replace(/ (?=[%kMB]\b|%)/g, "\u00a0").split(" ")) {
      const longer = lines.at(-1) ? `${lines.at(-1)} ${word}` : word;
      if (lines.at(-1) && pen.measureText(longer).width > room) lines.push(word);
      else lines[lines.length - 1] = longer;
    }
    return lines;
  };

  // First the words are broken anew, and what stands side by side is put one below the other.
  const reworded = (spec, room) => {
    const copy = structuredClone(spec);
    if (copy.hconcat) {
      copy.vconcat = copy.hconcat;
      delete copy.hconcat;
    }
    rewrap(copy.title, spec.config?.title ?? {}, room);
    copy.vconcat = copy.vconcat?.flatMap(stacked);
    for (const part of copy.vconcat ?? []) {
      if (part.name === "footer") refoot(copy, part, room);
      rewrap(part.title, spec.config?.title ?? {}, room);
      fewerAcross(part, room - namesRoom(part));
    }
    return copy;
  };

  // Parts in a row share the names at the left of the first.
  const stacked = (part) => {
    if (part.vconcat) return part.vconcat.flatMap(stacked);
    if (!part.hconcat) return [part];
    const named = layersOf(part.hconcat[0]).find((layer) => layer.encoding?.y?.axis)?.encoding.y;
    for (const other of part.hconcat.slice(1))
      for (const layer of layersOf(other))
        if (named && layer.encoding?.y?.axis === null) layer.encoding.y.axis = named.axis;
    return part.hconcat;
  };

  const layersOf = (part) => [part, ...(part.layer ?? []).flatMap(layersOf)];

  // px of the names at the left of panels, or of the numbers there
  const namesRoom = ({ spec }) =>
    spec ? Math.max(44, ...layersOf(spec).map((layer) => layer.encoding?.y?.axis?.minExtent ?? 0)) : 0;

  // Panels keep their size: fewer of them stand side by side.
  const fewerAcross = (part, room) => {
    if (part.facet?.column && !part.facet.row) {
      part.facet = part.facet.column;
      part.columns = part.facet.sort?.length ?? 99;
      part.spacing = { column: part.facet.spacing ?? 14, row: 10 };
    }
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
    part.width = ROOMY.beside;
  };

  const rewrap = (title, { font = "sans-serif" }, room) => {
    if (!title?.text) return;
    title.text = broken([].concat(title.text).join(" "), `600 14px ${font}`, room);
    title.subtitle = sentences([].concat(title.subtitle ?? [])).flatMap((line) =>
      broken(line, `12px ${font}`, room),
    );
  };

  // Lines of a subtitle stay apart where one ends with its sentence; else it goes on in the next.
  const sentences = (lines) =>
    lines.reduce((told, line) => {
      if (told.length && !/[.?!]$/.test(told.at(-1))) told.push(`${told.pop()} ${line}`);
      else told.push(line);
      return told;
    }, []);

  // Then each part gives way by as much as it is too wide; those of one width stay of one width.
  const narrowed = (spec, place, room, least = ROOMY) => {
    const copy = structuredClone(spec);
    const parts = (copy.vconcat ?? [copy])
      .map((part, n) => [part, place.querySelector(copy.vconcat ? `.concat_${n}_group` : ".root")])
      .filter(([part, drawn]) => drawn && part.name !== "footer")
      .map(([part, drawn]) => ({ part, drawn, from: part.width, over: drawn.getBBox().width + 2 * PAD - room }));
    undercut(copy, parts);
    for (const { part, drawn, from } of parts)
      slimmer(copy, part, drawn, Math.max(...parts.filter((one) => one.from === from).map((one) => one.over)), least);
    return copy;
  };

  // The definition line begins where the drawn names do, and neither left nor right of that.
  const undercut = (spec, parts) => {
    const deepest = Math.max(...parts.map(({ drawn }) => {
      const [, x] = /translate\(([-\d.]+)/.exec(drawn.firstElementChild?.getAttribute("transform")) ?? [0, 0];
      return Number(x) - drawn.getBBox().x;
    }));
    const at = spec.vconcat?.find((part) => part.name === "footer")?.encoding?.x;
    if (at && Number.isFinite(deepest)) at.value = -deepest;
  };

  // Numbers stand right of the plot, placed by value: they close up and move with its edge.
  const slimmer = (spec, part, drawn, by, room) => {
    const from = part.width;
    if (typeof from !== "number" || by <= 0) return;
    const layers = layersOf(part);
    const edges = [...new Set(layers.flatMap((layer) => placesOf(layer).map((at) => at.value)))]
      .filter((value) => value >= from)
      .sort((a, b) => a - b);
    const texts = [...drawn.querySelectorAll("text")].map((text) => [
      Number(/translate\(([-\d.]+)/.exec(text.getAttribute("transform"))?.[1]),
      text.getBBox().width,
    ]);
    const taken = edges.map((edge) =>
      Math.max(0, ...texts.filter(([x]) => Math.abs(x - edge) < 1).map(([, width]) => width)),
    );
    const apart = edges.map((edge, n) => edge - (edges[n - 1] ?? from));
    const closer = apart.map((now, n) => (taken[n] ? Math.min(now, taken[n] + room.gap) : now));
    const gained = apart.reduce((sum, now, n) => sum + now - closer[n], 0);
    const to = Math.min(from, Math.max(least(spec, layers, edges.length > 0, room), from - by + gained));
    const moved = new Map();
    closer.reduce((edge, now, n) => (moved.set(edges[n], edge + now), edge + now), to);
    for (const layer of layers) {
      for (const at of placesOf(layer)) at.value = moved.get(at.value) ?? at.value;
      if (layer.width === from) layer.width = to;
    }
  };

  const placesOf = (layer) =>
    ["x", "x2"].map((channel) => layer.encoding?.[channel]).filter((at) => typeof at?.value === "number");

  // A plot of bars or cells with a number each keeps the room of the numbers.
  const least = (spec, layers, beside, room) => {
    const across = acrossOf(layers);
    if (!across) return beside ? room.beside : room.alone;
    const cells = across.axis?.orient === "top";
    if (cells)
      for (const layer of layers)
        if (layer.encoding?.x?.axis) Object.assign(layer.encoding.x.axis, SLANTED);
    return Math.max(room.beside, namesOf(spec, layers, across).length * (cells ? room.cell : room.text));
  };

  const acrossOf = (layers) =>
    layers.map((layer) => layer.encoding?.x).find((x) => ["nominal", "ordinal"].includes(x?.type));

  const namesOf = (spec, layers, x) => {
    const name = [...layers, spec].find((layer) => layer.data?.name)?.data.name;
    const names = new Set((spec.datasets?.[name] ?? []).map((row) => row[x.field]));
    return Array.isArray(x.sort) ? x.sort.filter((one) => names.has(one)) : [...names];
  };

  const SLANTED = { labelAngle: -35, labelAlign: "left", labelBaseline: "bottom", labelLimit: 150 };

  // Then the letters are a little smaller, words at the end of a line take two lines, and of
  // many bars every second one has its number.
  const tightened = (spec) => {
    const copy = structuredClone(spec);
    const config = (copy.config ??= {});
    for (const [part, size] of [["text", "fontSize"], ["axis", "labelFontSize"]])
      config[part] = { ...config[part], [size]: SMALL };
    for (const part of copy.vconcat ?? [copy]) {
      const layers = layersOf(part);
      layers.filter(outside).forEach(inLines);
      for (const { encoding } of layers) delete encoding?.y?.axis?.minExtent;
      const x = acrossOf(layers);
      if (!x || x.axis?.orient === "top") continue;
      const kept = namesOf(copy, layers, x).filter((_, n, all) => (all.length - 1 - n) % 2 === 0);
      for (const layer of layers) {
        const at = layer.encoding?.x;
        if (at?.field === x.field) at.axis = { ...at.axis, values: kept };
        if (typeOf(layer.mark) === "text")
          (layer.transform ??= []).push({ filter: { field: x.field, oneOf: kept } });
      }
    }
    return copy;
  };

  // Words that stand right of their point, at the end of a line
  const outside = ({ mark }) => typeOf(mark) === "text" && mark.align === "left" && mark.dx > 8;
  const inLines = (layer) => {
    const said = layer.encoding?.text?.field;
    if (!said) return;
    (layer.transform ??= []).push({ calculate: `replace(datum['${said}'], ' ', '\\n')`, as: said });
    layer.mark.dy = 2 * (layer.mark.dy ?? 0);
  };
  const typeOf = (mark) => mark?.type ?? mark;

  // At last the columns of numbers stand below the plot, with the names once more.
  const parted = (spec) => {
    const copy = structuredClone(spec);
    copy.vconcat = copy.vconcat?.flatMap((part) => {
      if (!part.layer || typeof part.width !== "number") return [part];
      const beside = (layer) => layersOf(layer).some((one) => placesOf(one).some((at) => at.value > part.width));
      const [numbers, plot] = [part.layer.filter(beside), part.layer.filter((layer) => !beside(layer))];
      const y = layersOf(part).find((layer) => layer.encoding?.y?.axis)?.encoding.y;
      if (!numbers.length || !Array.isArray(y?.sort)) return [part];
      for (const layer of layersOf(part))
        if (layer.encoding?.y?.field) layer.encoding.y.scale = { ...layer.encoding.y.scale, domain: y.sort };
      const below = structuredClone({ ...part, layer: numbers, width: LAID });
      for (const layer of layersOf(below)) for (const at of placesOf(layer)) at.value -= part.width - LAID;
      delete below.title;
      copy.spacing = 12;
      return [{ ...part, layer: plot, width: ALONE }, below];
    });
    return copy;
  };
  const LAID = 1; // px of a plot that has numbers alone
  const ALONE = 440; // and of one without them, before it gives way

  const options = { mode: "vega-lite", renderer: "svg", actions: false, defaultStyle: false };
  const draw = async (figure) => {
    const place = figure.querySelector(".drawing");
    const room = place.clientWidth;
    let spec = JSON.parse(figure.querySelector("script").textContent);
    delete spec.usermeta;
    let result = await vegaEmbed(place, spec, options);
    const wide = () => SHRUNK * place.querySelector("svg").width.baseVal.value;
    const steps = [
      (now) => reworded(now, room - 2 * PAD),
      (now) => narrowed(now, place, room),
      tightened,
      (now) => narrowed(now, place, room, TIGHT),
      parted,
      (now) => narrowed(now, place, room, TIGHT),
      (now) => narrowed(now, place, room, TIGHT),
    ];
    for (const step of steps) {
      if (wide() <= room || room === 0) break;
      spec = step(spec);
      result.finalize();
      result = await vegaEmbed(place, spec, options);
    }
    // What still is wider keeps a size that can be read, and scrolls.
    if (wide() > room && room > 0) {
      place.querySelector("svg").style.minWidth = `${Math.round(wide())}px`;
      keepNames(place);
    }
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
