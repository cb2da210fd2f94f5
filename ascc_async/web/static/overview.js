"use strict";
// The overview: what is new comes by one stream, the history once a minute while something is new.
const live = document.getElementById("live");
const connection = document.getElementById("connection");
let digest = live.dataset.digest, at = Number(live.dataset.at), span = "all", drawnAt = Date.now();

const WORDS = {
  live: "live",
  lost: "connection lost: trying again",
  ended: "serve has ended, or wants another token: open the address that it prints",
};

function show({ state, view }) {
  if (state) {
    connection.textContent = WORDS[state];
    connection.dataset.state = state;
  }
  // What the other pages were sent last may be older than this page.
  if (!view || view.digest === digest || view.at < at) return;
  ({ at, digest } = view);
  const fresh = new DOMParser().parseFromString(view.html, "text/html");
  for (const part of fresh.querySelectorAll("[data-live]")) {
    const shown = live.querySelector(`[data-live="${part.dataset.live}"]`);
    // Only what changed: selected text and the reading of a screen reader stay where they are.
    if (shown.innerHTML === part.innerHTML) continue;
    shown.replaceChildren(...part.childNodes);
    // A run began or ended: its last minute is drawn once the server has read it.
    if (part.dataset.live === "state") setTimeout(readHistory, 6_000);
  }
  if (Date.now() - drawnAt > 60_000) readHistory();
}

async function readHistory() {
  drawnAt = Date.now();
  const answer = await fetch(`/history.json?span=${span}`);
  if (answer.ok) drawHistory(await answer.json());
}

function drawHistory(figures) {
  for (const place of live.querySelectorAll("[data-history]")) {
    const figure = figures[place.dataset.history];
    place.hidden = !figure;
    if (figure) ascc.draw(place.querySelector(".chart"), figure);
  }
  document.getElementById("no-history").hidden = Object.keys(figures).length > 0;
}

for (const button of live.querySelectorAll("[data-span]"))
  button.addEventListener("click", () => {
    span = button.dataset.span;
    for (const each of live.querySelectorAll("[data-span]"))
      each.setAttribute("aria-pressed", String(each === button));
    readHistory();
  });

if (window.SharedWorker) {
  const { port } = new SharedWorker(live.dataset.worker);
  port.onmessage = (event) => show(event.data);
  addEventListener("pagehide", () => port.postMessage("bye"));
  // Back from the browser's memory of pages: what was missed comes with a new page.
  addEventListener("pageshow", (event) => event.persisted && location.reload());
} else {
  const source = new EventSource(`/events?have=${digest}`);
  source.onopen = () => show({ state: "live" });
  source.onerror = () => show({ state: source.readyState === EventSource.CLOSED ? "ended" : "lost" });
  source.onmessage = (event) => show({ view: JSON.parse(event.data) });
  source.addEventListener("end", () => {
    source.close();
    show({ state: "ended" });
  });
}
drawHistory(JSON.parse(document.getElementById("history").textContent));
