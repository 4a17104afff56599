// What is known of the person and wished in this chat, to be seen and changed.

import { get, post, remove } from "./api.js";
import { mark } from "./cards.js";
import { memory } from "./memory.js";
import { announce, button, byId, make, picture } from "./view.js";

const path = (rest, query = {}) => `/v1/sessions/${memory.session}${rest}?${new URLSearchParams({ user: memory.person, ...query })}`;

/** Fetch where the conversation stands, and show it. */
export async function refresh(page) {
  const standing = await get(path(""));
  show(standing, page);
  return standing;
}

function show(standing, page) {
  const wishes = standing.wishes.map((wish) => make("li", {}, wishButton(wish.text, wish.attribute, page)));
  if (wishes.length) wishes.push(make("li", {}, button("Forget all", () => forget("*", "all wishes", page), { class: "plain" })));
  fill("wishes", wishes, "None yet. What you ask for stays until you take it back.");
  const told = [...standing.history].reverse();
  fill("history", told.map((item) => row(item, "Remove", () => leave(item, page))), "Nothing yet. Like a card, or add something below.");
  fill("refused", [...standing.refused].reverse().map((item) => row(item, "Allow", () => undo(item, page))), "Nothing.");
  byId("panel-toggle").textContent = standing.wishes.length ? `Your taste (${standing.wishes.length})` : "Your taste";
}

function fill(id, rows, empty) {
  byId(id).replaceChildren(...(rows.length ? rows : [make("li", { class: "empty" }, empty)]));
}

const wishButton = (text, attribute, page) =>
  button(`${text} ✕`, () => forget(attribute, text, page), { class: "chip", "aria-label": `${text}: forget` });

function row(item, label, act) {
  return make("li", {}, picture(item.image, ""), make("span", {}, item.title || item.id), button(label, act, { class: "plain", "aria-label": `${label}: ${item.title || item.id}` }));
}

const focusOn = (id) => byId(id).focus({ preventScroll: true });

async function attempt(page, act) {
  try {
    await act();
  } catch (error) {
    page.failed(error);
  }
}

const forget = (attribute, text, page) =>
  attempt(page, async () => {
    show(await remove(path("/wishes", { attribute })), page);
    announce(`Forgotten: ${text}`);
    focusOn("panel-title");
    page.changed();
  });

const tell = (item, kind) => post("/v1/feedback", { user: memory.person, item: item.id, kind });

const undo = (item, page) =>
  attempt(page, async () => {
    await tell(item, "undo");
    mark(item.id, undefined);
    announce(`Taken back: ${item.title}`);
    await refresh(page);
    focusOn("panel-title");
  });

/** Take something out of the history: what was said here is taken back, what the shop recorded is refused. */
const leave = (item, page) =>
  attempt(page, async () => {
    await tell(item, "undo");
    mark(item.id, undefined);
    const standing = await refresh(page);
    if (standing.history.some((other) => other.id === item.id)) {
      await tell(item, "dislike");
      mark(item.id, "dislike");
      await refresh(page);
    }
    announce(`Removed: ${item.title}`);
    focusOn("panel-title");
  });

const add = (item, page) =>
  attempt(page, async () => {
    await tell(item, "like");
    mark(item.id, "like");
    byId("found").replaceChildren();
    byId("find").value = "";
    focusOn("find");
    announce(`Added: ${item.title}`);
    await refresh(page);
  });

const find = (words, page) =>
  attempt(page, async () => {
    await page.ready();
    const found = await post("/v1/recommendations", { model: memory.model, query: words, k: 6 });
    const said = words.match(/[\p{L}\p{N}]+/gu) ?? [];
    const isUnknown = said.every((word) => found.unknown_words.includes(word));
    const rows = (isUnknown ? [] : found.recommendations).map((entry) => {
      const item = { id: entry.item_id, title: entry.title, image: entry.image };
      return row(item, "Add", () => add(item, page));
    });
    fill("found", rows, `Nothing here is about “${words}”.`);
    announce(`${rows.length} found`);
  });

/** Make the panel's own controls work. */
export function prepare(page) {
  const panel = byId("panel"), toggle = byId("panel-toggle");
  const open = (isOpen) => {
    panel.classList.toggle("open", isOpen);
    toggle.setAttribute("aria-expanded", String(isOpen));
    (isOpen ? byId("panel-title") : toggle).focus();
  };
  toggle.addEventListener("click", () => open(!panel.classList.contains("open")));
  byId("panel-close").addEventListener("click", () => open(false));
  panel.addEventListener("keydown", (event) => event.key === "Escape" && open(false));
  byId("add").addEventListener("submit", (event) => {
    event.preventDefault();
    const words = byId("find").value.trim();
    if (words) find(words, page);
  });
}
