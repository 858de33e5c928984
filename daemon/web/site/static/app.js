// Keeps pages up to date, hands files in, links fields with their places and
// saves a clerk's clicks. Every page works without it.

const later = (wait, act) => {
  let timer = 0;
  return () => { if (!timer) timer = setTimeout(() => { timer = 0; act(); }, wait); };
};

// What is marked live is fetched anew when something happened. A part that
// somebody is in the middle of is left alone.
// What could not be brought up to date says so: an old figure must not pass for a new one.
const stale = document.getElementById("stale");
let fetching = false, fresh = new Date();
function tellAge(sentence) {
  if (!stale) return;
  stale.hidden = !sentence;
  const text = sentence ? sentence.replace("%s", fresh.toLocaleTimeString(document.documentElement.lang)) : "";
  if (stale.textContent !== text) stale.textContent = text;
}

async function refresh() {
  const live = document.querySelectorAll("[data-live]");
  if (!live.length || fetching || document.hidden) return;
  fetching = true;
  try {
    const answer = await fetch(location.href, { headers: { "X-Live": "1" } });
    if (!answer.ok) return tellAge(answer.status === 401 ? stale?.dataset.out : stale?.dataset.away);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    fresh = new Date();
    tellAge("");
    let changed = false;
    for (const old of live) {
      const now = page.getElementById(old.id);
      if (!now || now.innerHTML === old.innerHTML) continue;
      const at = old.contains(document.activeElement) ? document.activeElement : null;
      const link = at && at.getAttribute("href");
      old.replaceChildren(...now.childNodes);
      if (link) for (const a of old.querySelectorAll("a")) if (a.getAttribute("href") === link) { a.focus({ preventScroll: true }); break; }
      changed = true;
    }
    const spoken = document.getElementById("spoken");
    if (changed && spoken) spoken.textContent = spoken.dataset.text;
  } catch { // the daemon is away: the next event or the clock tries again
    tellAge(stale?.dataset.away);
  } finally { fetching = false; }
}
const soon = later(700, refresh);
const happened = new EventTarget();

// Only a page that is looked at listens: a browser opens six connections to one
// place, and six tabs that listened would leave none to load a seventh with.
let source = null;
function listen() {
  if (!window.EventSource || !document.querySelector("[data-live], #upload")) return;
  if (document.hidden) {
    source?.close();
    source = null;
  } else if (!source || source.readyState === EventSource.CLOSED) {
    source = new EventSource("/api/v1/events");
    const heard = () => { soon(); happened.dispatchEvent(new Event("change")); };
    for (const name of ["moved", "reset"]) source.addEventListener(name, heard);
    for (const name of ["open", "error"]) source.addEventListener(name, soon); // the daemon is back, or gone
  }
}
listen();
setInterval(() => { listen(); soon(); }, 15000); // where no events come through
document.addEventListener("visibilitychange", () => { listen(); soon(); });

// Fields and their places on the page light up together.
for (const one of document.querySelectorAll("[data-spot]")) {
  const both = () => document.querySelectorAll(`[data-spot="${CSS.escape(one.dataset.spot)}"]`);
  const light = (on) => () => both().forEach((e) => e.classList.toggle("lit", on));
  for (const name of ["mouseenter", "focusin"]) one.addEventListener(name, light(true));
  for (const name of ["mouseleave", "focusout"]) one.addEventListener(name, light(false));
  if (one.matches("rect")) one.addEventListener("click", () => {
    for (const e of both()) {
      const to = e.matches("rect") ? null : e.querySelector("input") || e;
      if (to) { to.focus(); to.scrollIntoView({ block: "nearest" }); }
    }
  });
}

// Handing files in.
const form = document.getElementById("upload");
if (form) {
  const list = document.getElementById("uploads");
  const input = form.querySelector("input[type=file]");
  const send = (files) => { for (const file of files) handIn(file); };
  form.addEventListener("submit", (e) => { e.preventDefault(); send(input.files); input.value = ""; });
  for (const name of ["dragenter", "dragover"]) document.addEventListener(name, (e) => {
    if (e.dataTransfer && [...e.dataTransfer.types].includes("Files")) { e.preventDefault(); form.classList.add("over"); }
  });
  document.addEventListener("dragleave", (e) => { if (!e.relatedTarget) form.classList.remove("over"); });
  document.addEventListener("drop", (e) => { e.preventDefault(); form.classList.remove("over"); if (e.dataTransfer) send(e.dataTransfer.files); });

  function handIn(file) {
    const item = document.createElement("li"), name = document.createElement("bdi"), bar = document.createElement("progress"), state = document.createElement("span");
    name.textContent = file.name;
    bar.max = 1; bar.value = 0;
    bar.setAttribute("aria-label", `${form.dataset.progress} ${file.name}`);
    state.className = "state work"; state.textContent = form.dataset.sending;
    item.append(name, bar, state);
    list.prepend(item);
    const body = new FormData(), folder = form.querySelector("[name=folder]");
    if (folder) body.append("folder", folder.value);
    body.append("file", file);
    const request = new XMLHttpRequest();
    request.open("POST", form.action);
    request.setRequestHeader("Accept", "application/json");
    request.upload.addEventListener("progress", (e) => { if (e.lengthComputable) bar.value = 0.6 * e.loaded / e.total; });
    const failed = (why) => {
      bar.remove();
      state.className = "state bad"; state.textContent = form.dataset.failed;
      if (!why) return;
      const sentence = document.createElement("span");
      sentence.className = "why"; sentence.lang = "en"; sentence.textContent = why;
      item.append(sentence);
    };
    request.addEventListener("error", () => failed(""));
    request.addEventListener("load", () => {
      let said = {};
      try { said = JSON.parse(request.responseText); } catch { /* no answer of Intray's */ }
      const id = said.id;
      if (request.status >= 300 || !id) return failed(said.error);
      const link = document.createElement("a");
      link.href = `/documents/${encodeURIComponent(id)}`;
      link.append(name.cloneNode(true));
      name.replaceWith(link);
      follow(id, bar, state);
    });
    request.send(body);
  }

  // A document is followed to where nothing leaves by itself.
  function follow(id, bar, state) {
    let over = false, asking = false;
    const look = async () => {
      if (over || asking) return;
      asking = true;
      try {
        const now = await (await fetch(`/documents/${encodeURIComponent(id)}/state`)).json();
        state.className = `state ${now.color}`; state.textContent = now.label;
        bar.value = now.ended ? 1 : 0.8;
        if (now.ended) { over = true; clearInterval(clock); happened.removeEventListener("change", soonLook); soon(); }
      } catch { /* the next event tries again */ } finally { asking = false; }
    };
    const soonLook = later(200, look), clock = setInterval(look, 4000);
    happened.addEventListener("change", soonLook);
    look();
  }
}

// Reviewing by keyboard.
const review = document.getElementById("review");
if (review) {
  const inputs = [...review.querySelectorAll(".ask-field input")];
  const fieldOf = (input) => input.closest(".ask-field");
  const approve = document.getElementById("approve");
  const open = (input) => input && fieldOf(input).matches(".doubt:not(.accepted)");
  const go = (input) => { input.focus(); input.select(); fieldOf(input).scrollIntoView({ block: "center" }); };
  let pressed = null; // where the last key went down
  review.addEventListener("keydown", (e) => {
    pressed = e.target;
    if (e.isComposing) return;
    if (e.key === "Enter" && e.repeat) { // a key that is held down accepts one value, not all
      e.preventDefault();
    } else if (e.key === "Enter" && (e.ctrlKey || e.metaKey) && approve) {
      e.preventDefault();
      review.requestSubmit(approve);
    } else if (e.key === "Enter" && inputs.includes(e.target)) {
      e.preventDefault();
      fieldOf(e.target).classList.add("accepted");
      const at = inputs.indexOf(e.target), next = [...inputs.slice(at + 1), ...inputs.slice(0, at)].find(open);
      if (next) go(next); else approve?.focus();
    } else if (e.key === "Enter" && e.target.id === "reason") {
      e.preventDefault();
      document.getElementById("reject")?.focus();
    } else if (e.key === "Escape" && inputs.includes(e.target)) {
      e.target.value = e.target.dataset.was;
      e.target.select();
    }
  });
  document.addEventListener("keydown", (e) => {
    if (e.altKey && e.key.toLowerCase() === "r") { e.preventDefault(); document.getElementById("reason")?.focus(); }
  });
  // Enter in a field neither sends the form nor presses what the focus went to.
  review.addEventListener("keypress", (e) => { if (e.key === "Enter" && (e.target !== pressed || e.target.matches("input"))) e.preventDefault(); });
  // What was typed is not left behind by a slip, and a decision is sent once.
  let sent = false;
  review.addEventListener("submit", (e) => {
    if (sent) return e.preventDefault();
    sent = true;
    setTimeout(() => { sent = false; }, 10000); // no answer came
  });
  addEventListener("pageshow", () => { sent = false; }); // by the browser's way back, too
  addEventListener("beforeunload", (e) => { if (!sent && inputs.some((i) => i.value !== i.defaultValue)) e.preventDefault(); });
  const lost = document.getElementById("lost");
  const first = inputs.find((i) => fieldOf(i).matches(".objected")) || inputs.find(open);
  if (lost) { lost.tabIndex = -1; lost.focus(); } else if (first) go(first); else approve?.focus();
}
