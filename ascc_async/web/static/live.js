"use strict";
// One stream for all open pages: a browser opens six connections to a server and no more. Each page
// is sent what is new, and whether the stream stands.
const ports = new Set();
let source = null, state = "", newest = null;

const tell = (message) => ports.forEach((port) => port.postMessage(message));

function open() {
  source = new EventSource("/events");
  source.onopen = () => tell({ state: (state = "live") });
  source.onerror = () => {
    // Refused, and not only away: the browser does not try again. A page that is opened does.
    const refused = source.readyState === EventSource.CLOSED;
    if (refused) source = null;
    tell({ state: (state = refused ? "ended" : "lost") });
  };
  source.onmessage = (event) => tell({ view: (newest = JSON.parse(event.data)) });
  source.addEventListener("end", () => {
    source.close();
    source = null;
    tell({ state: (state = "ended") });
  });
}

function join(port) {
  ports.add(port);
  if (source === null) open();
  else port.postMessage({ state });
  if (newest !== null) port.postMessage({ view: newest });
  port.onmessage = () => {
    ports.delete(port);
    if (ports.size || source === null) return;
    source.close();
    source = newest = null;
  };
}

self.onconnect = (event) => join(event.ports[0]);
