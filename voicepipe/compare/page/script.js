"use strict";
// Without this script the page can be read; with it one can listen, reckon and choose the theme.
const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const one = (selector, within = document) => within.querySelector(selector);

// ── theme, and everything open at once ──
const theme = one("#theme");
const dark = () => {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
};
const showTheme = () => theme.setAttribute("aria-pressed", String(dark()));
theme.hidden = false;
theme.addEventListener("click", () => {
  document.documentElement.dataset.theme = dark() ? "light" : "dark";
  showTheme();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", showTheme);
showTheme();

const folds = all("details");
const openAll = one("#open-all");
openAll.hidden = folds.length === 0;
openAll.addEventListener("click", () => {
  const open = folds.some((fold) => !fold.open);
  folds.forEach((fold) => { fold.open = open; });
  openAll.setAttribute("aria-pressed", String(open));
  openAll.textContent = open ? "Close all" : "Open all";
});
let closed = [];
addEventListener("beforeprint", () => {
  closed = folds.filter((fold) => !fold.open);
  closed.forEach((fold) => { fold.open = true; });
});
addEventListener("afterprint", () => closed.forEach((fold) => { fold.open = false; }));

// A link to something inside a fold opens it.
const reveal = () => {
  const target = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
  for (let at = target; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
  if (target) target.scrollIntoView();
};
addEventListener("hashchange", reveal);
reveal();

// ── what a month would cost ──
const month = one("#what-if");
if (month) {
  const [calls, minutes] = [one("#calls-per-day"), one("#minutes-per-call")];
  const money = (usd) => usd >= 100
    ? usd.toLocaleString("en-US", { maximumFractionDigits: 0 })
    : usd.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
  const reckon = () => {
    const [perDay, long] = [calls, minutes].map((field) => Number(field.value));
    const fine = calls.validity.valid && minutes.validity.valid && perDay > 0 && long > 0;
    const total = perDay * long * Number(month.dataset.days);
    all("[data-usd-minute]", month).forEach((cell) => {
      const rate = cell.dataset.usdMinute;
      cell.textContent = fine ? money(total * Number(rate)) : "–";
    });
  };
  [calls, minutes].forEach((field) => field.addEventListener("input", reckon));
  one("fieldset", month).disabled = false;
}

// ── listening ──
let latest = null; // the A/B that the key x is for
const seek = (audio, seconds) => {
  all("audio").forEach((other) => other !== audio && other.pause());
  audio.currentTime = Math.max(0, seconds);
  return audio.play().catch(() => {}); // a player that is moved on before it began says so
};
all("[data-player]").forEach((held) => {
  const audio = one("audio", held);
  const lines = all("[data-at]", held);
  if (!audio) return;
  lines.forEach((line) => {
    line.disabled = false;
    line.addEventListener("click", () => {
      latest = null;
      seek(audio, Number(line.dataset.at));
    });
  });
  const mark = () => {
    const now = audio.currentTime + 0.05;
    const at = lines.findLast((line) => Number(line.dataset.at) <= now);
    lines.forEach((line) => {
      if (line === at) line.setAttribute("aria-current", "true");
      else line.removeAttribute("aria-current");
    });
  };
  audio.addEventListener("timeupdate", mark);
  audio.addEventListener("seeking", mark);
});

// ── A/B: two recordings around the same moment; x changes from one to the other ──
all("[data-ab]").forEach((box) => {
  const sides = all("button[data-recording]", box).map((button) => ({
    button,
    audio: document.getElementById(button.dataset.recording),
    start: Number(button.dataset.from),
    length: Number(button.dataset.length),
  }));
  let [current, running] = [0, false];
  const show = () => sides.forEach(({ button, audio }, index) =>
    button.setAttribute("aria-pressed", String(index === current && !audio.paused)));
  const play = (index, offset) => {
    latest = box;
    [current, running] = [index, true];
    seek(sides[index].audio, sides[index].start + offset).then(show);
  };
  const offset = () => {
    const { audio, start, length } = sides[current];
    const passed = audio.currentTime - start;
    return audio.paused || passed < 0 || passed >= length ? 0 : passed;
  };
  sides.forEach(({ button, audio }, index) => {
    button.disabled = false;
    button.addEventListener("click", () => play(index, index === current ? 0 : offset()));
    audio.addEventListener("pause", show);
    audio.addEventListener("timeupdate", () => {
      const over = audio.currentTime >= sides[index].start + sides[index].length;
      if (!running || latest !== box || index !== current || !over) return;
      running = false;
      audio.pause();
    });
  });
  box.change = () => play(1 - current, offset());
  box.addEventListener("focusin", () => { latest = box; });
});
addEventListener("keydown", (event) => {
  const typing = event.target instanceof HTMLInputElement;
  if (event.key !== "x" || typing || event.ctrlKey || event.metaKey || event.altKey || !latest) return;
  latest.change();
});
