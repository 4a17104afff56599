// The conversation: what is said, answered and shown, and how the page stands by it.

import { Failure, get, isReached, stream } from "./api.js";
import { cardList } from "./cards.js";
import { pair } from "./drawing.js";
import { becomeNew, forgetConversation, keep, keepKey, memory } from "./memory.js";
import * as panel from "./panel.js";
import { readPhoto } from "./photo.js";
import { announce, button, byId, make, notice, picture } from "./view.js";

const PHOTO_PX = 768;
let answering = null; // aborts the answer that is being written
let photo = null; // data URL that goes with the next message
let latestList = []; // item ids, as "the second one" counts them
let offered = null; // settles when it is known which models can be asked

const page = {
  say: (text) => say(text),
  failed: (error) => failed(error),
  changed: () => refresh(),
  ready: () => ready(),
  isLatest: (itemId, place) => latestList[place] === itemId,
};

// ---- showing

function showTurn(turn) {
  const entry = make("li", { class: `turn ${turn.role}` });
  fillTurn(entry, turn, false);
  byId("turns").append(entry);
  byId("welcome").hidden = true;
  return entry;
}

function fillTurn(entry, turn, isWaiting) {
  if (turn.role === "user") {
    const words = turn.text ? make("p", {}, turn.text) : null;
    const shown = turn.photo ? make("img", { src: turn.photo, alt: "The photo you sent", class: "sent-photo" }) : null;
    entry.replaceChildren(make("span", { class: "unseen" }, "You said: "), ...[shown, words].filter(Boolean));
    return;
  }
  const parts = [make("span", { class: "unseen" }, "Answer: ")];
  if (turn.text) parts.push(make("p", { class: "said" }, turn.text));
  else if (isWaiting) parts.push(skeleton());
  if (turn.cards?.length) parts.push(cardList(turn.cards, isWaiting, page, turn.isList));
  if (turn.visual) {
    const shown = { title: turn.visual.title ?? "the item", image: `/v1/items/${encodeURIComponent(turn.visual.item_id)}/image` };
    parts.push(pair(shown, picture(turn.visual.url, `${turn.visual.generated ? "Generated" : "Edited"} picture of ${shown.title}`), turn.visual.mode, turn.visual.generated));
  }
  if (turn.ended) parts.push(make("p", { class: "ended" }, turn.ended));
  if (turn.isList) latestList = turn.cards.map((card) => card.item_id);
  entry.replaceChildren(...parts);
}

const skeleton = () => make("div", { class: "skeleton", "aria-hidden": "true" }, ...Array.from({ length: 4 }, () => make("div")));

function showChips(standing) {
  const presses = (standing?.chips ?? []).map((chip) =>
    make("li", {}, button(chip.say, () => say(chip.say), { class: "chip" })),
  );
  byId("chips").replaceChildren(...presses);
  byId("chips-region").hidden = !presses.length;
}

function showStarters(standing) {
  const presses = standing.starters.map((words) => make("li", {}, button(words, () => say(words), { class: "chip" })));
  byId("starters").replaceChildren(...presses);
}

// ---- asking

async function say(text) {
  const words = text.trim();
  if (answering || (!words && !photo)) return;
  const asked = { role: "user", text: words, photo };
  const answer = { role: "assistant", text: "", cards: [], visual: null };
  showTurn(asked);
  memory.turns.push({ role: "user", text: words });
  const content = photo ? [{ type: "text", text: words }, { type: "image_url", image_url: { url: photo } }] : words;
  setPhoto(null);
  const entry = showTurn(answer);
  fillTurn(entry, answer, true);
  showChips(null);
  setBusy(new AbortController());
  entry.previousElementSibling.scrollIntoView({ block: "start", behavior: calm() });
  announce("Looking…");
  try {
    await ready();
    const body = { model: memory.model, messages: [{ role: "user", content }], user: memory.person, session: memory.session };
    for await (const event of stream("/v1/chat/completions", body, answering.signal)) {
      if (!event.genrec) continue;
      take(answer, event.genrec);
      refillTurn(entry, answer, answer.cards.some((card) => !card.reason));
    }
    refillTurn(entry, answer, false);
    announce(heard(answer));
  } catch (error) {
    answer.ended = error.name === "AbortError" ? "Stopped." : error.message;
    fillTurn(entry, answer, false);
    if (error.name === "AbortError") announce("Stopped.");
    else failed(error, { label: "Say it again", act: () => say(words) });
  } finally {
    memory.turns.push(answer);
    keep();
    setBusy(null);
  }
  await refresh();
}

/** Show a turn anew as more of it is known; what was opened stays open, and what is drawn goes on. */
function refillTurn(entry, turn, isWaiting) {
  const open = [...entry.querySelectorAll("details")].flatMap((one, place) => (one.open ? [place] : []));
  const drawn = [...entry.querySelectorAll(".card.wide")].map((card) => [card.dataset.item, card.querySelector(".drawings")]);
  const focused = document.activeElement;
  fillTurn(entry, turn, isWaiting);
  open.forEach((place) => entry.querySelectorAll("details")[place]?.setAttribute("open", ""));
  for (const [item, drawings] of drawn) {
    const card = entry.querySelector(`.card[data-item="${CSS.escape(item)}"]`);
    card?.querySelector(".drawings").replaceWith(drawings);
    card?.classList.add("wide");
  }
  if (focused !== document.activeElement && entry.contains(focused)) focused.focus({ preventScroll: true });
}

function take(answer, told) {
  answer.text = told.text;
  answer.cards = told.cards;
  answer.isList = told.is_list;
  answer.visual = told.visual;
  for (const item of told.request.liked) memory.judged[item] = "like";
  for (const item of told.request.disliked) memory.judged[item] = "dislike";
}

const heard = (answer) => [answer.text, ...(answer.isList ? answer.cards.map((card, place) => `${place + 1}: ${card.title}.`) : [])].join(" ");

async function refresh() {
  try {
    const standing = await panel.refresh(page);
    showChips(standing);
    showStarters(standing);
    return true;
  } catch (error) {
    failed(error);
    return false;
  }
}

function setBusy(controller) {
  const hadFocus = document.activeElement === byId("stop");
  answering = controller;
  byId("send").hidden = Boolean(controller);
  byId("stop").hidden = !controller;
  byId("turns").setAttribute("aria-busy", String(Boolean(controller)));
  if (!controller && (hadFocus || document.activeElement === document.body)) byId("words").focus({ preventScroll: true });
}

const calm = () => (matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth");

// ---- what goes wrong

function failed(error, repair) {
  if (error.name === "AbortError") return;
  if (!(error instanceof Failure)) console.error(error); // a fault of the page itself
  if (error.status === 401) {
    notice(error.message, { label: "Enter a key", act: askForKey });
    askForKey();
  } else if (error.status === 0 && error instanceof Failure) {
    notice(`${error.message} Trying again…`);
    reconnect(repair);
  } else {
    notice(error.message, repair);
  }
}

let isReconnecting = false;

async function reconnect(repair) {
  if (isReconnecting) return;
  isReconnecting = true;
  for (let waitS = 1; !(await isReached()); waitS = Math.min(2 * waitS, 15)) {
    await new Promise((resolve) => setTimeout(resolve, 1000 * waitS));
  }
  isReconnecting = false;
  notice("Connected again.", repair);
  announce("Connected again.");
  await begin();
}

function askForKey() {
  if (!byId("key-dialog").open) byId("key-dialog").showModal();
}

// ---- photos

async function takePhoto(file) {
  if (!file) return;
  try {
    setPhoto((await readPhoto(file, PHOTO_PX)).url);
    announce("Photo added.");
    byId("words").focus();
  } catch (error) {
    failed(error);
  }
}

function setPhoto(url) {
  photo = url;
  byId("photo").value = "";
  byId("photo-shown").hidden = !url;
  byId("photo-shown").replaceChildren(
    ...(url ? [make("img", { src: url, alt: "The photo to send" }), button("Remove photo", () => setPhoto(null), { class: "plain" })] : []),
  );
}

// ---- the page

function setTheme(theme) {
  memory.theme = theme;
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  byId("theme").replaceChildren(make("span", { class: "theme-word" }, "Theme: "), theme);
  byId("theme").setAttribute("aria-label", `Theme: ${theme}`);
  keep();
}

function startAnew(isSomeoneElse) {
  answering?.abort();
  if (isSomeoneElse) becomeNew();
  else forgetConversation();
  latestList = [];
  byId("turns").replaceChildren();
  byId("welcome").hidden = false;
  notice("");
  showChips(null);
  announce(isSomeoneElse ? "You are someone new here." : "A new chat has begun.");
  byId("words").focus();
  refresh();
}

function listen() {
  const words = byId("words");
  const send = () => {
    if (answering) return;
    const text = words.value;
    words.value = "";
    grow();
    say(text);
  };
  const grow = () => {
    words.rows = Math.min(6, words.value.split("\n").length + Math.floor(words.value.length / 70));
  };
  byId("composer").addEventListener("submit", (event) => (event.preventDefault(), send()));
  words.addEventListener("input", grow);
  words.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      send();
    }
  });
  words.addEventListener("paste", (event) => event.clipboardData.files.length && takePhoto(event.clipboardData.files[0]));
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => (event.preventDefault(), takePhoto(event.dataTransfer.files[0])));
  byId("photo").addEventListener("change", (event) => takePhoto(event.target.files[0]));
  byId("stop").addEventListener("click", () => answering?.abort());
  byId("theme").addEventListener("click", () => setTheme({ auto: "light", light: "dark", dark: "auto" }[memory.theme] ?? "auto"));
  byId("fresh").addEventListener("click", () => startAnew(false));
  byId("person-new").addEventListener("click", () => startAnew(true));
  byId("model").addEventListener("change", (event) => {
    memory.model = event.target.value;
    keep();
    announce(`Model ${memory.model}`);
  });
  byId("key-change").addEventListener("click", askForKey);
  byId("key-cancel").addEventListener("click", () => byId("key-dialog").close());
  byId("key-form").addEventListener("submit", () => {
    keepKey(byId("key").value.trim());
    byId("key").value = "";
    notice("");
    begin();
  });
  panel.prepare(page);
}

/** Wait until a model is chosen that the server offers; whoever is quicker than its list must not ask for none. */
function ready() {
  offered ??= get("/v1/models").then(
    (answer) => showModels(answer.data),
    (error) => {
      offered = null; // whoever comes next tries again
      throw error;
    },
  );
  return offered;
}

function showModels(models) {
  if (!models.some((model) => model.id === memory.model)) memory.model = models[0].id;
  byId("model").replaceChildren(
    ...models.map((model) => make("option", { value: model.id, title: model.description, selected: model.id === memory.model }, model.id)),
  );
  byId("model-label").hidden = models.length < 2;
}

async function begin() {
  offered = null;
  try {
    await ready();
  } catch (error) {
    failed(error);
    return;
  }
  await refresh();
}

setTheme(memory.theme);
listen();
memory.turns.forEach(showTurn);
if (memory.turns.length) byId("turns").lastElementChild.scrollIntoView({ block: "end" });
begin();
