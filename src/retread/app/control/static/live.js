// Keeps the page current: fetches it again and replaces what changed, without a reload.
"use strict";

const INTERVAL_MS = 5000;
const parser = new DOMParser();

function replaceChanged(selector, fresh) {
  const before = document.querySelector(selector);
  const after = fresh.querySelector(selector);
  if (before && after && before.innerHTML !== after.innerHTML) {
    before.replaceWith(document.importNode(after, true));
  }
}

async function refresh() {
  try {
    const response = await fetch("/", { cache: "no-store" });
    if (!response.ok) {
      throw new Error(`HTTP ${response.status}`);
    }
    const fresh = parser.parseFromString(await response.text(), "text/html");
    replaceChanged("main", fresh);
    replaceChanged("footer", fresh);
  } catch {
    document.getElementById("connection").textContent =
      "· The control service does not respond; this page is not current.";
  }
}

setInterval(() => {
  if (!document.hidden) {
    refresh();
  }
}, INTERVAL_MS);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) {
    refresh();
  }
});
