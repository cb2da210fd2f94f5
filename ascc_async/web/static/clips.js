"use strict";
// The list of clips and the page of one: each has one player, and space plays. In the list j and k
// choose the row that it plays.
const player = document.querySelector("audio, video");
const rows = [...document.querySelectorAll("tr[data-page]")];
const selected = () => rows.find((row) => row.getAttribute("aria-selected") === "true");

function mark(row) {
  for (const each of rows) {
    each.setAttribute("aria-selected", each === row);
    each.tabIndex = each === row ? 0 : -1;
  }
}

function select(row) {
  mark(row);
  row.focus({ preventScroll: true });
  row.scrollIntoView({ block: "nearest" });
}

function move(step) {
  const next = rows[rows.indexOf(selected()) + step];
  const page = document.querySelector(step > 0 ? "a[rel=next]" : "a[rel=prev]");
  if (next) select(next);
  else if (page) location.href = page.href + (step > 0 ? "" : "#last");
}

function play(row) {
  if (row && player.dataset.sound !== row.dataset.sound) {
    if (!row.dataset.sound) return;
    player.src = player.dataset.sound = row.dataset.sound;
    const section = player.closest("section");
    section.hidden = false;
    section.querySelector("bdi").textContent = row.querySelector(".name").textContent;
  }
  // What cannot be played is said by the player's own error.
  if (player.paused) player.play().catch(() => {});
  else player.pause();
}

for (const row of rows) {
  row.addEventListener("focusin", () => mark(row));
  row.addEventListener("click", (event) => {
    mark(row);
    if (event.target.closest(".play")) play(row);
  });
  row.addEventListener("dblclick", () => { location.href = row.dataset.page; });
}
if (location.hash === "#last" && rows.length) select(rows.at(-1));

if (player) {
  for (const name of ["play", "pause", "ended"])
    player.addEventListener(name, () => {
      for (const row of rows) {
        const playing = !player.paused && row.dataset.sound === player.dataset.sound;
        row.classList.toggle("playing", playing);
        row.querySelector(".play")?.setAttribute("aria-label", playing ? "Pause" : "Play");
      }
    });
  player.addEventListener("error", () => {
    const place = document.querySelector(".playing");
    place.textContent = "This clip cannot be played: its file is missing or damaged, or this browser does not know its format.";
    place.closest("section").hidden = false;
  });
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || !player) return;
  const at = event.target;
  // There keys have a meaning of their own.
  if (at.closest("input, select, textarea, audio, video, summary")) return;
  const row = selected();
  const inRow = at.closest("tr[data-page]");
  if (rows.length && (event.key === "j" || inRow && event.key === "ArrowDown")) move(1);
  else if (rows.length && (event.key === "k" || inRow && event.key === "ArrowUp")) move(-1);
  else if (event.key === " " && !at.closest("button")) play(row);
  else if (event.key === "Enter" && row && (at === row || at === document.body)) location.href = row.dataset.page;
  else return;
  event.preventDefault();
});

// The picture of a clip: a line goes along with the sound, and a click goes to that time.
const picture = document.querySelector(".picture");
if (picture && player) {
  const line = picture.querySelector(".now");
  const show = () => {
    line.style.opacity = 1;
    line.style.left = `${(100 * player.currentTime) / (player.duration || 1)}%`;
    if (!player.paused) requestAnimationFrame(show);
  };
  for (const name of ["play", "seeked", "pause", "timeupdate"]) player.addEventListener(name, show);
  picture.addEventListener("click", (event) => {
    const box = picture.getBoundingClientRect();
    if (player.duration) player.currentTime = ((event.clientX - box.left) / box.width) * player.duration;
  });
}
