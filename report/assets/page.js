"use strict";
// Values under the pointer. Without this script the charts are complete pictures.
for (const figure of document.querySelectorAll("figure")) {
  const source = figure.querySelector('script[type="application/json"]');
  if (!source) continue;
  const data = JSON.parse(source.textContent);
  const svg = figure.querySelector("svg");
  const cursor = document.createElementNS("http://www.w3.org/2000/svg", "line");
  cursor.setAttribute("class", "cursor");
  cursor.setAttribute("y1", data.top);
  cursor.setAttribute("y2", data.bottom);
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.setAttribute("role", "status");
  let at = null;

  const hide = () => { tip.remove(); cursor.remove(); at = null; };
  const format = v => {
    if (v === null) return "–";
    const size = Math.abs(v);
    return v.toLocaleString("en", { maximumFractionDigits: size >= 100 ? 0 : size >= 1 ? 2 : 4 });
  };
  // The last index whose x is not above the value; -1 if all are.
  const before = (xs, value) => {
    let low = 0, high = xs.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (xs[middle] <= value) low = middle + 1; else high = middle;
    }
    return low - 1;
  };
  const nearest = (line, value) => {
    const i = before(line.x, value);
    if (line.step || i + 1 >= line.x.length) return i;
    return i < 0 || line.x[i + 1] - value < value - line.x[i] ? i + 1 : i;
  };
  const element = (name, text, parent) => {
    const e = document.createElement(name);
    e.textContent = text;
    parent.append(e);
    return e;
  };
  const show = value => {
    at = Math.min(Math.max(value, data.from), data.to);
    const place = data.left + (at - data.from) / (data.to - data.from) * (data.right - data.left);
    cursor.setAttribute("x1", place);
    cursor.setAttribute("x2", place);
    svg.append(cursor);
    tip.replaceChildren();
    const heading = data.time
      ? new Date(at * 1000).toISOString().slice(0, 19).replace("T", " ") + " UTC"
      : (data.label ? data.label + " " : "") + format(at);
    element("b", heading, tip);
    const table = element("table", "", tip);
    for (const line of data.lines) {
      const i = nearest(line, at);
      if (i < 0) continue;
      const row = element("tr", "", table);
      const name = element("td", "", row);
      const swatch = element("i", "", name);
      swatch.style.background = getComputedStyle(svg).getPropertyValue("--c" + line.color);
      name.append(line.name || "value");
      element("td", line.high ? format(line.y[i]) + " to " + format(line.high[i]) : format(line.y[i]), row);
    }
    const note = (data.notes || []).findLast(n => n.x <= at);
    if (note) element("p", note.text, tip);
    figure.append(tip);
    const box = svg.getBoundingClientRect(), view = svg.viewBox.baseVal, own = figure.getBoundingClientRect();
    const x = box.left - own.left + place / view.width * box.width;
    tip.style.left = Math.max(0, x + tip.offsetWidth + 16 > own.width ? x - tip.offsetWidth - 12 : x + 12) + "px";
    tip.style.top = data.top / view.height * box.height + "px";
  };
  const toValue = event => {
    const box = svg.getBoundingClientRect();
    const x = (event.clientX - box.left) / box.width * svg.viewBox.baseVal.width;
    return data.from + (x - data.left) / (data.right - data.left) * (data.to - data.from);
  };
  svg.addEventListener("pointermove", e => show(toValue(e)));
  svg.addEventListener("pointerdown", e => show(toValue(e)));
  svg.addEventListener("pointerleave", hide);
  figure.addEventListener("blur", hide);
  figure.addEventListener("keydown", e => {
    const step = (data.to - data.from) / (e.shiftKey ? 20 : 200);
    if (e.key === "ArrowRight") show(at === null ? data.from : at + step);
    else if (e.key === "ArrowLeft") show(at === null ? data.to : at - step);
    else if (e.key === "Escape") hide();
    else return;
    e.preventDefault();
  });
}

// Tables of more than two rows are sorted by a click on a heading; a second one turns the order.
for (const table of document.querySelectorAll("section table, details table")) {
  const body = table.tBodies[0];
  if (!body || body.rows.length < 3) continue;
  const value = (row, i) => {
    const text = row.cells[i].textContent.trim();
    const n = parseFloat(text.replace(/[^0-9.eE+-]/g, ""));
    return row.cells[i].classList.contains("n") && !Number.isNaN(n) ? n : text;
  };
  [...table.tHead.rows[0].cells].forEach((heading, i) => {
    heading.classList.add("sortable");
    heading.tabIndex = 0;
    const sort = () => {
      const down = heading.getAttribute("aria-sort") === "ascending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", down ? "descending" : "ascending");
      const rows = [...body.rows].sort((a, b) => {
        const x = value(a, i), y = value(b, i);
        return typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y));
      });
      if (down) rows.reverse();
      body.append(...rows);
    };
    heading.addEventListener("click", sort);
    heading.addEventListener("keydown", e => { if (e.key === "Enter" || e.key === " ") { e.preventDefault(); sort(); } });
  });
}

for (const code of document.querySelectorAll("pre")) {
  const button = document.createElement("button");
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(code.querySelector("code").textContent);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(code.querySelector("code"));
      button.textContent = "Selected";
    }
  });
  code.append(button);
}

// A printed page shows what is folded.
addEventListener("beforeprint", () => { for (const d of document.querySelectorAll("details:not([open])")) { d.open = true; d.dataset.printed = ""; } });
addEventListener("afterprint", () => { for (const d of document.querySelectorAll("details[data-printed]")) { d.open = false; delete d.dataset.printed; } });
