// Shown items: what they are, why, and what can be done with them.

import { post } from "./api.js";
import { show } from "./drawing.js";
import { keep, memory } from "./memory.js";
import { announce, button, localPath, make, outward, picture, price } from "./view.js";

const KINDS = { history: "your taste", attribute: "what it is", neighbor: "other people", region: "its picture", statement: "what you said" };
const PLACES = ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"];

/** The items of one answer, numbered where they are a list, as "the second one" counts them.
 *  isLatest: asked when a button is pressed; say, failed, changed: what the page does then. */
export function cardList(cards, isWaiting, page, isList) {
  return make("ul", { class: "cards" }, ...cards.map((card, place) => item(card, isList ? place : null, isWaiting, page)));
}

function item(card, place, isWaiting, page) {
  const number = place === null ? null : make("span", { class: "place" }, `${place + 1}. `);
  const shown = picture(card.image, "");
  const entry = make(
    "li",
    { class: card.available === false ? "card gone" : "card" },
    shown,
    views(card, shown),
    make("div", { class: "about" }, make("h3", {}, number, outward(card.title, card.link)), sale(card)),
    variants(card.variants ?? []),
    media(card),
    why(card, isWaiting),
    actions(card, place, page),
    make("div", { class: "drawings", hidden: true }),
  );
  entry.dataset.item = card.item_id;
  return entry;
}

/** Its price, and whether it can be had. */
function sale(card) {
  const ahead = { preorder: "Pre-order", backorder: "Back-order" }[card.availability];
  const told = card.available === false ? make("span", { class: "sold-out" }, "Sold out") : ahead ? make("span", { class: "kind" }, ahead) : null;
  if (card.price === null && !told) return null;
  return make("p", { class: "price" }, card.price === null ? null : make("span", {}, price(card)), told);
}

/** Its pictures to choose among, where it has several; shown: the element that shows the chosen one. */
function views(card, shown) {
  if (!(card.images?.length > 1) || shown.tagName !== "IMG") return null;
  const choices = card.images.map((address, place) => {
    const small = make("img", { src: localPath(address), alt: "", loading: "lazy", decoding: "async", width: 40, height: 40 });
    const choice = make("button", { type: "button", "aria-label": `Picture ${place + 1} of ${card.title}`, "aria-pressed": String(place === 0), onclick: () => choose(place) }, small);
    return choice;
  });
  const choose = (place) => {
    shown.src = localPath(card.images[place]);
    choices.forEach((choice, other) => choice.setAttribute("aria-pressed", String(other === place)));
  };
  return make("div", { class: "views", role: "group", "aria-label": `Pictures of ${card.title}` }, ...choices);
}

/** What there is to choose, a line for each of size, color and so on; what is sold out is struck through. */
function variants(all) {
  const lines = new Map();
  for (const variant of all) {
    const isSoldOut = ["out_of_stock", "discontinued"].includes(variant.availability);
    for (const [name, value] of Object.entries(variant.attributes)) {
      const values = lines.get(name) ?? lines.set(name, new Map()).get(name);
      values.set(value, (values.get(value) ?? true) && isSoldOut);
    }
  }
  if (!lines.size) return null;
  const value = ([text, isGone]) => make("li", {}, isGone ? make("s", {}, text) : text, isGone ? make("span", { class: "unseen" }, " (sold out)") : null);
  return make(
    "dl",
    { class: "variants" },
    ...[...lines].flatMap(([name, values]) => [make("dt", {}, name), make("dd", {}, make("ul", {}, ...[...values].map(value)))]),
  );
}

/** Links to its video and its sound. */
function media(card) {
  const link = (address, label) => {
    if (!address) return null;
    const isHere = new URL(address, location.href).pathname.startsWith("/v1/items/");
    return isHere ? make("a", { href: localPath(address), target: "_blank", rel: "noopener" }, label) : outward(label, address);
  };
  const links = [link(card.video, "Video"), link(card.audio, "Sound")].filter(Boolean);
  return links.length ? make("p", { class: "media" }, ...links) : null;
}

function why(card, isWaiting) {
  if (!card.reason) {
    if (!isWaiting) return null;
    const waiting = make("p", { class: "reason-waits", "aria-hidden": "true" });
    return waiting;
  }
  if (!card.evidence.length) return make("p", { class: "reason" }, card.reason);
  const evidence = card.evidence.map((entry) =>
    make("li", {}, make("span", { class: "kind" }, KINDS[entry.kind] ?? entry.kind), " ", entry.claim),
  );
  const whole = card.why && card.why !== card.reason ? [make("p", {}, card.why)] : [];
  const more = [...whole, make("ul", { class: "evidence" }, ...evidence)];
  return make("details", { class: "reason" }, make("summary", {}, card.reason), ...more);
}

function actions(card, place, page) {
  const of = (label) => ({ "aria-label": `${label}: ${card.title}`, "data-does": label.toLowerCase() });
  const named = () => (place !== null && page.isLatest(card.item_id, place) ? `the ${PLACES[place]} one` : `“${card.title}”`);
  return make(
    "div",
    { class: "actions", role: "group", "aria-label": `What to do with ${card.title}` },
    judging(card, "like", "Like", page),
    judging(card, "dislike", "Dislike", page),
    button("More like this", () => page.say(`More like ${named()}`), of("More like this")),
    button("Less like this", () => page.say(`I don't like ${named()}`), of("Less like this")),
    button("Show me", (event) => show(card, event.currentTarget.closest(".card").querySelector(".drawings"), page), { ...of("Show me"), class: "strong" }),
  );
}

function judging(card, kind, label, page) {
  const made = button(label, () => judge(card, kind, page), {
    class: `judge ${kind}`,
    "aria-label": `${label}: ${card.title}`,
    "aria-pressed": String(memory.judged[card.item_id] === kind),
    "data-does": kind,
  });
  return made;
}

/** Like or dislike at once; the same again takes it back. */
async function judge(card, kind, page) {
  const before = memory.judged[card.item_id];
  const isUndone = before === kind;
  mark(card.item_id, isUndone ? undefined : kind);
  try {
    await post("/v1/feedback", { user: memory.person, item: card.item_id, kind: isUndone ? "undo" : kind });
    announce(isUndone ? `Taken back: ${card.title}` : `${kind === "like" ? "Liked" : "Will not come back"}: ${card.title}`);
    page.changed();
  } catch (error) {
    mark(card.item_id, before);
    page.failed(error);
  }
}

/** Remember a judgement and show it on every card of the item. */
export function mark(itemId, kind) {
  if (kind) memory.judged[itemId] = kind;
  else delete memory.judged[itemId];
  keep();
  for (const entry of document.querySelectorAll(`.card[data-item="${CSS.escape(itemId)}"]`)) {
    for (const pressed of entry.querySelectorAll(".judge")) {
      pressed.setAttribute("aria-pressed", String(pressed.dataset.does === kind));
    }
  }
}
