"use strict";
// What pages share. Figures come as JSON in <script type="application/json">, which is data and
// runs nothing; colours come from the style sheet, so that one picture serves light and dark.
const ascc = {
  colour: (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim(),

  // Draws into `element` the figure {data, layout}, now and whenever light turns to dark. Colours
  // may be names of the style sheet: "--accent". `times` are the x of what has none of its own.
  draw(element, figure) {
    const given = JSON.parse(JSON.stringify(figure), (key, value) =>
      typeof value === "string" && value.startsWith("--") ? ascc.colour(value.slice(2)) : value);
    if (given.times) for (const trace of given.data) trace.x ??= given.times;
    const line = ascc.colour("line");
    const axis = { gridcolor: line, linecolor: line, zerolinecolor: line, automargin: true };
    const layout = {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: getComputedStyle(document.body).fontFamily, size: 13, color: ascc.colour("dim") },
      hoverlabel: { bgcolor: ascc.colour("card"), bordercolor: line, font: { color: ascc.colour("text") } },
      margin: { l: 8, r: 8, t: 8, b: 8 }, hovermode: "closest",
      dragmode: matchMedia("(pointer: coarse)").matches ? false : "zoom", // a finger scrolls
      ...given.layout,
    };
    // A sunburst or a flow has no axes.
    const axes = given.data.some((trace) => trace.x || trace.y) ? ["xaxis", "yaxis"] : [];
    for (const name of [...axes, ...Object.keys(layout)])
      if (/^[xy]axis\d*$/.test(name)) layout[name] = { ...axis, ...layout[name] };
    if (layout.xaxis?.type === "date") // few enough to stand upright
      layout.xaxis = { nticks: Math.max(3, Math.floor(element.clientWidth / 120)), tickangle: 0, ...layout.xaxis };
    if (layout.height) element.style.height = `${layout.height}px`;
    element.figure = figure;
    return Plotly.react(element, given.data, layout, { displayModeBar: false, responsive: true });
  },
};

for (const source of document.querySelectorAll("script[type='application/json'][data-chart]"))
  ascc.draw(document.getElementById(source.dataset.chart), JSON.parse(source.textContent));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  for (const element of document.querySelectorAll(".chart"))
    if (element.figure) ascc.draw(element, element.figure);
});
