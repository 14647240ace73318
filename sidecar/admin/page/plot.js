"use strict";
// Small plots of what has been polled: one or two lines, each value as text above them.

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 300;
const HEIGHT = 64;

class Plot {
  // series: [{name, unit}], at most two. points: how many are kept.
  constructor(figure, title, series, points) {
    this.series = series;
    this.points = points;
    this.values = series.map(() => []);
    const caption = document.createElement("figcaption");
    caption.textContent = title;
    const now = document.createElement("p");
    now.className = "now";
    this.texts = series.map(({ name }, index) => {
      const item = document.createElement("span");
      const key = document.createElement("i");
      key.className = index ? "key second" : "key";
      const value = document.createElement("b");
      item.append(key, name ? `${name} ` : "", value);
      now.append(item);
      return value;
    });
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
    svg.setAttribute("preserveAspectRatio", "none");
    svg.setAttribute("aria-hidden", "true"); // the values above say the same
    this.paths = series.map((_, index) => {
      const path = document.createElementNS(SVG, "path");
      if (index) path.setAttribute("class", "second");
      svg.append(path);
      return path;
    });
    this.scale = document.createElement("small");
    figure.append(caption, now, svg, this.scale);
  }

  // values: a number or null (nothing was measured) for each of the series.
  add(values) {
    values.forEach((value, index) => {
      this.values[index].push(value);
      this.values[index].splice(0, this.values[index].length - this.points);
      this.texts[index].textContent = value === null ? "–" : this.series[index].shown(value);
    });
    const top = Math.max(...this.values.flat().filter((value) => value !== null), 0) || 1;
    this.paths.forEach((path, index) => path.setAttribute("d", this.line(this.values[index], top)));
    this.scale.textContent = `top ${this.series[0].shown(top)}`;
  }

  // A gap where nothing was measured; a lone value is a short dash.
  line(values, top) {
    const step = WIDTH / (Math.max(values.length, this.points / 4) - 1); // wide enough from the start
    const start = WIDTH - (values.length - 1) * step;
    let drawn = "";
    values.forEach((value, index) => {
      if (value === null) return;
      const x = start + index * step;
      const y = HEIGHT - 2 - (value / top) * (HEIGHT - 6);
      const isFirst = index === 0 || values[index - 1] === null;
      drawn += isFirst ? `M${(x - 1).toFixed(1)} ${y.toFixed(1)}L` : "L";
      drawn += `${x.toFixed(1)} ${y.toFixed(1)}`;
    });
    return drawn;
  }
}

// The value below which that share of what was counted lies; counts are of each bucket alone.
function quantile(share, bounds, counts) {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (!total) return null;
  let below = 0;
  for (let index = 0; index < bounds.length; index++) {
    if (below + counts[index] >= share * total) {
      const low = index ? bounds[index - 1] : 0;
      return low + (bounds[index] - low) * ((share * total - below) / counts[index]);
    }
    below += counts[index];
  }
  return bounds[bounds.length - 1];
}
