// Draws every <div data-plot> from the JSON beside it, in the theme's colours; draws again when the theme changes.
"use strict";
(() => {
  const themes = JSON.parse(document.getElementById("chart-templates").textContent);
  const config = { responsive: true, displaylogo: false, scrollZoom: false, doubleClick: "reset",
    modeBarButtonsToRemove: ["lasso2d", "select2d", "autoScale2d", "toggleSpikelines"],
    toImageButtonOptions: { format: "png", scale: 2 } };
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const theme = () => themes[document.documentElement.dataset.theme || (dark.matches ? "dark" : "light")];
  const coloured = (value, words) => {
    if (typeof value === "string") return Object.hasOwn(words, value) ? words[value] : value;
    if (Array.isArray(value)) return value.map((inner) => coloured(inner, words));
    if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, coloured(v, words)]));
    return value;
  };
  const draw = (place) => {
    const { template, words } = theme();
    const plot = coloured(JSON.parse(document.getElementById(place.dataset.plot).textContent), words);
    const narrow = place.clientWidth < 480;
    const layout = { height: Number(place.dataset.height) || 280, ...plot.layout, template };
    if (narrow) Object.assign(layout, { dragmode: false, margin: { l: 36, r: 8, t: 8, b: 40, ...(plot.layout || {}).margin } });
    Plotly.newPlot(place, plot.data, layout, { ...config, displayModeBar: narrow ? false : "hover" });
  };
  const drawAll = (root) => root.querySelectorAll("[data-plot]").forEach(draw);
  drawAll(document);
  dark.addEventListener("change", () => drawAll(document));
  document.addEventListener("htmx:afterSettle", (event) => drawAll(event.target));
})();
