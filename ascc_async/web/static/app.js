"use strict";
// What pages share. Figures come as JSON in <script type="application/json">, which is data and
// runs nothing; colours come from the style sheet, so that one picture serves light and dark.
const ascc = {
  colour: (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim(),

  // Draws into `element` the figure {data, layout}, now and whenever light turns to dark. Colours
  // may be names of the style sheet: "--accent".
  draw(element, figure) {
    const { data, layout: given = {} } = JSON.parse(JSON.stringify(figure), (key, value) =>
      typeof value === "string" && value.startsWith("--") ? ascc.colour(value.slice(2)) : value);
    const dim = ascc.colour("dim"), line = ascc.colour("line");
    const axis = { gridcolor: line, linecolor: line, zerolinecolor: line, automargin: true };
    const layout = {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: getComputedStyle(document.body).fontFamily, size: 13, color: dim },
      margin: { l: 8, r: 8, t: 8, b: 8 }, hovermode: "closest", ...given,
    };
    const axes = data.some((trace) => trace.x || trace.y) ? ["xaxis", "yaxis", "yaxis2", "yaxis3"] : [];
    for (const name of axes)
      if (given[name] || !name.endsWith("2") && !name.endsWith("3")) layout[name] = { ...axis, ...given[name] };
    element.figure = figure;
    return Plotly.react(element, data, layout, { displayModeBar: false, responsive: true });
  },
};

for (const source of document.querySelectorAll("script[type='application/json'][data-chart]"))
  ascc.draw(document.getElementById(source.dataset.chart), JSON.parse(source.textContent));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  for (const element of document.querySelectorAll(".chart"))
    if (element.figure) ascc.draw(element, element.figure);
});
