// Show each snapshot, and send orders. All that comes is text: nothing is ever read as HTML.
"use strict";

const by = (id) => document.getElementById(id);
// How each state looks: its lamp and its sign, so that colour is never alone.
const LOOKS = {
  RUNNING: ["good", "▶"], HOLD: ["held", "❚❚"], WARMING: ["wait", "◔"], CONNECTING: ["wait", "◌"],
  STALE: ["stale", "▲"], FAULT: ["fault", "✖"], STOPPED: ["off", "■"], "NO DECODER": ["off", "■"],
  "NO ANSWER": ["fault", "✖"], "NO CONNECTION": ["fault", "✖"], "NOTHING RUNS": ["off", "■"],
};
const STATUS = { running: ["good", "●"], waiting: ["wait", "◌"], pausing: ["stale", "▲"],
                 failed: ["fault", "✖"], done: ["off", "■"], ended: ["fault", "✖"] };
const QUIET_MS = 1500, LAG_MS = 2000, ARMED_MS = 4000;
let stream = null, heardAt = 0, offset = Infinity, number = 0, token = "", shownSteps = "", shownLogs = "";

function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function fill(element, rows, make) {
  const key = JSON.stringify(rows);
  if (element.dataset.key === key) return;
  element.dataset.key = key;
  element.replaceChildren(...rows.map(make));
}

function line(text, tag = "li") {
  const made = document.createElement(tag);
  made.textContent = text;
  return made;
}

function showState(state) {
  const [lamp, sign] = LOOKS[state] || ["wait", "◔"];
  by("band").dataset.lamp = lamp;
  by("band").classList.toggle("long", state.length > 8);
  put(by("sign"), sign);
  put(by("state"), state);
  document.title = `${sign} ${state} – rt-ner rig`;
}

function figure(id, value, isBad = false) {
  put(by(id), value);
  by(id).classList.toggle("bad", isBad);
}

function inMs(value) {
  if (value === null || value === undefined) return "–";
  return value >= 10000 ? `${(value / 1000).toFixed(0)} s` : `${value.toFixed(value < 10 ? 1 : 0)} ms`;
}

function percent(block) {
  return block.success_rate === undefined ? "–" : `${Math.round(100 * block.success_rate)} %`;
}

function showNumbers(seen) {
  figure("age", inMs(seen.age_ms), seen.age_ms > 200);
  figure("latency", inMs(seen.latency_ms && seen.latency_ms[1]));
  for (const name of ["late", "lost"]) {
    const n = seen.losses[name];
    figure(name, n === undefined ? "–" : String(n), n > 0);
  }
  const last = seen.blocks.at(-1);
  figure("success", last ? percent(last) : "–");
  const { all, silent, hot } = seen.electrodes;
  figure("electrodes", all ? `${all - silent.n - hot.n} of ${all}` : "–", silent.n + hot.n > 0);
  for (const [id, group] of [["silent", silent], ["hot", hot]]) {
    const more = group.n > group.names.length ? " …" : "";
    put(by(id), `${id}: ${group.n}${group.n ? ` (${group.names.join(", ")}${more})` : ""}`);
  }
}

function partLine(part) {
  const made = document.createElement("li"), [lamp, sign] = STATUS[part.status] || ["off", "■"];
  const lampSpan = line(sign, "span");
  lampSpan.className = "lamp";
  lampSpan.dataset.lamp = lamp;
  const missing = part.missing.length ? ` for ${part.missing.join(", ")}` : "";
  const restarts = part.restarts ? ` (started again ${part.restarts} ×)` : "";
  made.append(lampSpan, line(part.name, "b"), line(part.status + missing + restarts, "span"));
  return made;
}

function blockLine(block) {
  const made = document.createElement("tr");
  const bits = block.bitrate_bps ?? block.throughput_bps;
  const cells = [block.step, block.moved_by, String(block.trials ?? "–"), percent(block),
                 bits === undefined ? "–" : bits.toFixed(2)];
  made.append(...cells.map((text) => line(text, "td")));
  return made;
}

function showSteps(steps) {
  if (shownSteps === steps.join()) return;
  shownSteps = steps.join();
  by("steps").replaceChildren(...steps.map((name) => {
    const button = line(name === "loop" ? "Closed loop" : name[0].toUpperCase() + name.slice(1), "button");
    button.dataset.order = name;
    button.dataset.twice = "Press again: ends what runs";
    return button;
  }));
}

// What would change nothing can't be pressed.
function showGainAndSwap({ gain, idle }) {
  for (const order of ["slower", "faster", "swap", "undo"])
    document.querySelector(`[data-order=${order}]`).disabled = idle.includes(order);
  put(by("gain"), gain === null ? "–" : gain.toFixed(2));
  put(by("swap"), idle.includes("swap") ? "Swap" : "Swap to the new bundle");
}

function showLogs(logs) {
  if (shownLogs === logs.join()) return;
  shownLogs = logs.join();
  const chosen = by("log").value;
  by("log").replaceChildren(...logs.map((name) => line(name, "option")));
  if (logs.includes(chosen)) by("log").value = chosen;
}

function show(seen) {
  number = seen.number;
  showState(seen.state);
  put(by("driver"), `Cursor: ${seen.driver}`);
  showNumbers(seen);
  fill(by("parts"), seen.parts, partLine);
  fill(by("blocks"), seen.blocks, blockLine);
  fill(by("notices"), [...seen.notices].reverse(), (text) => line(text));
  fill(by("told"), [...seen.told].reverse(), (text) => line(text));
  showSteps(seen.steps);
  showGainAndSwap(seen);
  showLogs(seen.logs);
  const alarm = seen.is_watched ? "" : "Nobody watches over this rig: rt-ner rig up has ended. Start it again.";
  by("alarm").hidden = !alarm;
  put(by("alarm"), alarm);
  put(by("footer"), `Seen at ${new Date(seen.at_ms).toLocaleTimeString()}; refused requests: ${seen.n_refused}.`);
}

function take(event) {
  const seen = JSON.parse(event.data), now = Date.now();
  heardAt = performance.now();
  // What waited on its way is old: it must not look new. The fastest way so far is the measure.
  offset = Math.min(offset, now - seen.at_ms);
  if (now - seen.at_ms - offset > LAG_MS) return connect();
  document.body.classList.remove("blind");
  show(seen);
}

function connect() {
  if (stream) stream.close();
  offset = Infinity;
  stream = new EventSource("/state");
  stream.onmessage = take;
}

// A page that hears nothing must not go on to say RUNNING, whoever sets the computer's clock.
setInterval(() => {
  if (performance.now() - heardAt < QUIET_MS) return;
  document.body.classList.add("blind");
  showState("NO CONNECTION");
  put(by("driver"), "This page hears nothing from the rig: look at the rig itself");
  if (stream.readyState === EventSource.CLOSED) connect();
}, 500);

function ask() {
  const dialog = by("ask");
  by("token").value = "";
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((done) => dialog.addEventListener(
    "close", () => done(dialog.returnValue === "ok" ? by("token").value.trim() : ""), { once: true }));
}

async function send(order, mayRepeat) {
  const answer = await fetch("/order", {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Rig-Token": token },
    body: JSON.stringify({ order, number }),
  });
  const said = await answer.json();
  if (said.number) number = said.number;
  // Another browser was quicker: the order is sent once more, with the new number.
  if (answer.status === 409 && mayRepeat) return send(order, false);
  if (answer.status === 401) token = "";
  return answer.ok ? `${order}: passed on` : `${order}: ${said.problem}`;
}

async function command(order) {
  token = token || await ask();
  if (!token) return;
  put(by("answer"), `${order} …`);
  try {
    put(by("answer"), await send(order, true));
  } catch {
    put(by("answer"), `${order}: not sent, the rig does not answer`);
  }
}

function press(event) {
  const button = event.target.closest("button[data-order]");
  if (!button) return;
  if (button.dataset.twice && !button.classList.contains("armed")) {
    const name = button.textContent;
    button.classList.add("armed");
    button.textContent = button.dataset.twice;
    setTimeout(() => { button.classList.remove("armed"); button.textContent = name; }, ARMED_MS);
    return;
  }
  command(button.dataset.order);
}

async function readLog() {
  const name = by("log").value;
  if (!name || document.hidden) return;
  try {
    const answer = await fetch(`/log/${encodeURIComponent(name)}`);
    const text = by("text"), isAtEnd = text.scrollTop + text.clientHeight >= text.scrollHeight - 4;
    put(text, await answer.text());
    if (isAtEnd) text.scrollTop = text.scrollHeight;
  } catch { /* The band says that there is no connection. */ }
}

document.querySelector("nav").addEventListener("click", press);
by("log").addEventListener("change", readLog);
setInterval(readLog, 2000);
connect();
