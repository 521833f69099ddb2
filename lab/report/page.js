"use strict";
const {columns, runs, panels, figures} = JSON.parse(document.getElementById("data").textContent);
const at = id => document.getElementById(id);
const state = {sort: 0, down: false, filter: "", show: "val_score", to: "best", seeds: false, smooth: 0};
const TIME = "time", FEW = 15; // points of a line that are marked
const touch = matchMedia("(pointer: coarse)").matches;

function readHash() { // #filter=finetune&sort=test&down=1&show=val_loss, so that a view can be linked to
  const asked = new URLSearchParams(location.hash.slice(1));
  state.filter = asked.get("filter") ?? state.filter;
  state.sort = Math.max(0, asked.has("sort") ? columns.findIndex(c => c.name === asked.get("sort")) : state.sort);
  state.down = asked.has("down") ? asked.get("down") === "1" : state.down;
  state.show = asked.get("show") === TIME || asked.get("show") in figures ? asked.get("show") : state.show;
  state.to = asked.get("to") === "base" ? "base" : state.to;
  state.seeds = asked.has("seeds") ? asked.get("seeds") === "1" : state.seeds;
}

// The table of all runs

function order(a, b) {
  const [x, y] = [a.cells[state.sort], b.cells[state.sort]];
  if (x === null || y === null) return (x === null) - (y === null); // what is not there comes last
  const sign = state.down ? -1 : 1;
  return sign * (typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y), "en", {numeric: true}));
}

function found() {
  const words = state.filter.toLowerCase().split(/\s+/).filter(Boolean);
  return new Set(runs.filter(r => words.every(w => r.text.includes(w))));
}

function heads() {
  const row = document.createElement("tr");
  columns.forEach((column, i) => {
    const th = document.createElement("th"), button = document.createElement("button");
    th.scope = "col";
    th.setAttribute("aria-sort", i === state.sort ? (state.down ? "descending" : "ascending") : "none");
    button.textContent = column.name + (i === state.sort ? (state.down ? " ▼" : " ▲") : "");
    button.onclick = () => {
      state.down = i === state.sort ? !state.down : column.places !== null;
      state.sort = i;
      table();
      document.querySelectorAll("#runs th button")[i].focus();
    };
    th.append(button); row.append(th);
  });
  document.querySelector("#runs thead").replaceChildren(row);
}

function line(run, i) {
  const row = document.createElement("tr");
  row.className = run.done ? "" : "bad";
  row.tabIndex = i ? -1 : 0; // one stop of the Tab key; the arrows go on from there
  run.cells.forEach((value, k) => {
    const cell = document.createElement("td"), places = columns[k].places;
    if (places !== null) cell.className = "number";
    cell.textContent = value === null ? "-" : places === null ? value : value.toLocaleString("en", {minimumFractionDigits: places, maximumFractionDigits: places});
    row.append(cell);
  });
  row.onclick = () => {
    document.querySelectorAll("#runs tr.shown").forEach(r => r.classList.remove("shown"));
    row.classList.add("shown"); at("record").hidden = false;
    at("record-name").textContent = run.record.name;
    at("record-text").textContent = JSON.stringify(run.record, null, 1);
  };
  row.onkeydown = e => {
    const to = {ArrowDown: row.nextElementSibling, ArrowUp: row.previousElementSibling}[e.key];
    if (e.key === "Enter") row.click();
    if (to) { e.preventDefault(); row.tabIndex = -1; to.tabIndex = 0; to.focus(); }
  };
  return row;
}

function table() {
  const some = found();
  heads();
  document.querySelector("#runs tbody").replaceChildren(...[...some].sort(order).map(line));
  at("count").textContent = some.size + " of " + runs.length + " runs";
}

// The curves of a panel

const escaped = text => text.replace(/&/g, "&amp;").replace(/</g, "&lt;"); // plotly reads some HTML
const shaded = (colour, alpha) => "rgba(" + [1, 3, 5].map(i => parseInt(colour.slice(i, i + 2), 16)).join() + "," + alpha + ")";
const mean = values => values.reduce((a, b) => a + b, 0) / values.length;
const deviation = values => values.length < 2 ? 0 : Math.sqrt(values.reduce((a, b) => a + (b - mean(values)) ** 2, 0) / (values.length - 1));
const axisOf = (panel, figure) => figures[figure].replace("{}", panel.score);

function smoothed(values) { // without the pull towards zero at the start
  let average = 0, n = 0;
  return values.map(v => {
    if (v === null) return null;
    average = state.smooth * average + (1 - state.smooth) * v; n += 1;
    return average / (1 - state.smooth ** n);
  });
}

function together(seeds) { // mean and deviation at the steps that all seeds have
  const by = seeds.map(s => new Map(s.x.map((x, i) => [x, s.y[i]]).filter(([, y]) => y !== null)));
  const x = [...by[0].keys()].filter(step => by.every(of => of.has(step)));
  const values = x.map(step => by.map(of => of.get(step)));
  return {x, y: values.map(mean), sd: values.map(deviation)};
}

function course(contestant, figure, end) { // what is drawn of a contestant: its seeds, their mean; null: not measured
  const curves = contestant.runs.map(i => runs[i].curve).filter(c => c[figure]);
  const curved = curves.filter(c => c.x.length);
  if (curved.length) {
    const seeds = curved.map(c => ({x: c.x, y: smoothed(c[figure])}));
    return {seeds, flat: false, ...together(seeds)};
  }
  const values = curves.map(c => c[figure][0]).filter(v => v !== null);
  if (!values.length) return null;
  const seeds = values.map(v => ({x: [0, end], y: [v, v]}));
  return {seeds, flat: true, ...together(seeds)};
}

function traces(contestant, group, of, crowded) {
  const {color, dash, symbol} = contestant, name = escaped(contestant.name), common = {type: "scatter", legendgroup: group, showlegend: false};
  const many = of.seeds.length, made = [];
  const each = {...common, mode: "lines", hoverinfo: "skip", line: {color: shaded(color, 0.7), dash, width: 0.8}};
  const apart = !of.x.length; // seeds that were measured at different steps have no mean
  if (many > 1 && !apart) {
    made.push({...common, x: [...of.x, ...of.x.toReversed()], mode: "lines", fill: "toself", hoverinfo: "skip", line: {width: 0},
      y: [...of.y.map((y, i) => y + of.sd[i]), ...of.y.map((y, i) => y - of.sd[i]).toReversed()], fillcolor: shaded(color, crowded ? 0.1 : 0.18)});
  }
  if (many > 1 && (state.seeds || apart)) {
    made.push({...each, x: of.seeds.flatMap(s => [...s.x, null]), y: of.seeds.flatMap(s => [...s.y, null])});
  }
  if (!apart) {
    const spread = many > 1 ? " ± %{customdata:.4f}, " + many + " seeds" : ", one seed";
    made.push({...common, x: of.x, y: of.y, customdata: of.sd, meta: name, mode: of.flat || of.x.length > FEW ? "lines" : "lines+markers",
      hovertemplate: "%{meta}<br>" + (of.flat ? "no steps" : "step %{x:,}") + ": %{y:.4f}" + spread + "<extra></extra>",
      line: {color, dash, width: of.flat ? 1.4 : 2}, marker: {size: 5, symbol}});
  }
  return made;
}

function ceiling(courses) { // of a loss: a few steps of a bad beginning would flatten all the rest
  const curved = courses.filter(c => !c.flat && c.y.length), all = curved.flatMap(c => c.y).sort((a, b) => a - b);
  if (!all.length) return null;
  const most = Math.max(all[Math.floor(0.9 * (all.length - 1))], ...curved.map(c => c.y.at(-1)));
  const highest = Math.max(...courses.flatMap(c => c.y.map((y, i) => y + c.sd[i])));
  return highest > 1.5 * most ? {low: Math.min(...courses.flatMap(c => c.y)), high: most} : null;
}

function overSteps(panel, visible) {
  const figure = state.show, ends = panel.contestants.flatMap(c => c.runs.map(i => runs[i].curve.x.at(-1) ?? 0));
  const end = Math.max(...ends) || 1;
  const courses = visible.map(i => course(panel.contestants[i], figure, end)), drawn = courses.filter(Boolean);
  const data = visible.flatMap((i, k) => courses[k] ? traces(panel.contestants[i], String(i), courses[k], visible.length > 6) : []);
  const cut = figure.endsWith("loss") ? ceiling(drawn) : null, room = cut ? 0.05 * (cut.high - cut.low) : 0;
  const missing = visible.filter((_, k) => !courses[k]).map(i => panel.contestants[i].name);
  const notes = [];
  if (cut) notes.push("Higher losses are cut off; a double click shows them.");
  if (missing.length) notes.push((missing.length === visible.length ? "Nobody" : "Not " + missing.join(", ")) + " was measured by this while training.");
  if (state.seeds && drawn.some(c => c.seeds.length > 1)) notes.push("Thin: single seeds.");
  return {data, notes, x: {title: {text: "training steps"}, range: [0, 1.02 * end], showticklabels: Math.max(...ends) > 0, tickformat: ","},
    y: {title: {text: axisOf(panel, figure)}, ...(cut ? {range: [cut.low - room, cut.high + room], autorange: false} : {autorange: true})}};
}

function overTime(panel, visible) {
  const data = visible.flatMap(i => {
    const {name, color, symbol, runs: mine} = panel.contestants[i], of = mine.map(k => runs[k]).filter(r => r.seconds > 0);
    if (!of.length) return [];
    const common = {type: "scatter", legendgroup: String(i), showlegend: false, mode: "markers"}, y = of.map(r => r.test);
    const mark = {...common, x: [mean(of.map(r => r.seconds))], y: [mean(y)], customdata: [deviation(y)], meta: escaped(name),
      error_y: {array: [deviation(y)], color, thickness: 1.5, width: 3, visible: y.length > 1}, marker: {size: 10, color, symbol},
      hovertemplate: "%{meta}<br>%{x:,.1f} s: %{y:.4f}" + (y.length > 1 ? " ± %{customdata:.4f}" : ", one seed") + "<extra></extra>"};
    return state.seeds ? [{...common, x: of.map(r => r.seconds), y, hoverinfo: "skip", opacity: 0.6, marker: {size: 4, color}}, mark] : [mark];
  });
  return {data, notes: ["Mean test score by mean training time, which a logarithmic axis shows. Stroke: ± 1 standard deviation over the seeds, which is no confidence interval; without a stroke: one seed."],
    x: {title: {text: "training, s"}, type: "log"}, y: {title: {text: "test " + panel.score}, autorange: true}};
}

const sections = [...document.querySelectorAll(".panel")].sort((a, b) => a.dataset.panel - b.dataset.panel);
const near = new Set(), stale = new Set(sections);

function draw(section) {
  stale.delete(section);
  const panel = panels[section.dataset.panel], boxes = [...section.querySelectorAll("[data-contestant]")];
  const visible = boxes.filter(b => b.checked && !b.closest("tr").hidden).map(b => Number(b.dataset.contestant));
  const {data, x, y, notes} = (state.show === TIME ? overTime : overSteps)(panel, visible);
  const axis = {gridcolor: "#e8e8e8", zeroline: false, automargin: true, linecolor: "#999", showline: true};
  Plotly.react(section.querySelector(".plot"), data, {
    margin: {l: 55, r: 12, t: touch ? 8 : 26, b: 50}, xaxis: {...axis, ...x}, yaxis: {...axis, ...y}, hovermode: "closest", dragmode: touch ? false : "zoom",
    font: {family: "system-ui, sans-serif", size: 12, color: "#1b1b1b"}, hoverlabel: {align: "left", namelength: -1},
  }, {responsive: true, displaylogo: false, displayModeBar: touch ? false : "hover", modeBarButtonsToRemove: ["select2d", "lasso2d"]});
  section.querySelector("[data-lines]").hidden = state.show === TIME;
  section.querySelector("[data-note]").textContent = notes.join(" ");
}

function stress(section, row) { // the contestant of a row, the others paler; of none, all alike
  const plot = section.querySelector(".plot"), group = row?.querySelector("[data-contestant]").dataset.contestant;
  if (!plot.data?.length) return;
  Plotly.restyle(plot, {opacity: plot.data.map(t => row && t.legendgroup !== group ? 0.12 : 1)});
}

function redraw() {
  const some = found();
  for (const section of sections) {
    const rows = [...section.querySelectorAll("[data-contestant]")].map(box => [box.closest("tr"), panels[section.dataset.panel].contestants[box.dataset.contestant]]);
    rows.forEach(([row, contestant]) => { row.hidden = !contestant.runs.some(i => some.has(runs[i])); });
    section.hidden = rows.every(([row]) => row.hidden);
    stale.add(section);
  }
  near.forEach(section => section.hidden || draw(section));
}

const watcher = new IntersectionObserver(entries => entries.forEach(({target, isIntersecting}) => { // what is far away is drawn when it comes near
  if (!isIntersecting) near.delete(target);
  else if (near.add(target) && stale.has(target) && !target.hidden) draw(target);
}), {rootMargin: "500px 0px"});

function listen(section) {
  section.querySelectorAll("[data-contestant]").forEach(box => { box.onchange = () => draw(section); });
  const body = section.querySelector(".standings tbody");
  for (const event of ["mouseover", "focusin"]) body.addEventListener(event, e => stress(section, e.target.closest("tr")));
  for (const event of ["mouseleave", "focusout"]) body.addEventListener(event, () => stress(section, null));
}

// What is shown

function controls() {
  at("filter").value = state.filter; at("show").value = state.show; at("to").value = state.to;
  at("seeds").checked = state.seeds; at("smooth").value = state.smooth;
}

function show() {
  at("smooth-value").textContent = state.smooth ? state.smooth.toFixed(2) : "none";
  document.body.dataset.to = state.to;
  table();
  redraw();
}

let waiting;
const later = () => { clearTimeout(waiting); waiting = setTimeout(show, 120); };
at("controls").onsubmit = e => e.preventDefault();
at("filter").oninput = e => { state.filter = e.target.value; later(); };
at("smooth").oninput = e => { state.smooth = Number(e.target.value); later(); };
at("show").onchange = e => { state.show = e.target.value; redraw(); };
at("to").onchange = e => { state.to = document.body.dataset.to = e.target.value; };
at("seeds").onchange = e => { state.seeds = e.target.checked; redraw(); };
for (const [key, text] of [...Object.entries(figures), [TIME, "test {} by training time"]]) at("show").append(new Option(text.replace("{}", "score"), key));
at("to-label").hidden = !document.querySelector('th[data-to="base"]');
if (!(state.show in figures)) state.show = Object.keys(figures)[0] ?? TIME;
window.onhashchange = () => { if (location.hash.includes("=")) { readHash(); controls(); show(); } };
window.onbeforeprint = () => sections.forEach(section => stale.has(section) && !section.hidden && draw(section));
readHash(); controls(); show();
sections.forEach(section => { listen(section); watcher.observe(section); });
