// An item shown for this person: the real picture beside the drawing as it forms, what shaped it, and what may be changed.

import { get, stream } from "./api.js";
import { memory } from "./memory.js";
import { boxPicker, readPhoto } from "./photo.js";
import { announce, button, localPath, make, picture } from "./view.js";

const MOST_BLUR_PX = 18, LEAST_BLUR_PX = 3;
const MODES = {
  scene: { name: "In a place", ask: "Where to show it", such: "on a walnut desk, evening", caption: " place, the item as it is" },
  variation: { name: "Change it", ask: "How to change it", such: "in red, without stripes", caption: " variation, not for sale" },
  photo: { name: "In my photo", ask: "What the place is like", such: "a bright room", caption: " shadow and edges, in your photo" },
};
let offered = null; // settles when it is known how items can be shown here

function modes() {
  offered ??= get("/v1/images/modes").catch((error) => {
    offered = null; // whoever comes next tries again
    throw error;
  });
  return offered;
}

/** Open the panel of a card and draw, or go to it where it is open. page: what the page does when something fails. */
export function show(card, place, page) {
  const open = place.querySelector('[data-does="again"]');
  if (open) open.focus();
  else new Panel(card, place, page).open();
}

/** The real picture and a drawn one side by side, each labeled. mode: how the item is shown. */
export function pair(card, drawn, mode = "variation", isGenerated = true) {
  return make(
    "div",
    { class: "pair" },
    make("figure", {}, picture(card.image, `Catalog picture of ${card.title}`), make("figcaption", {}, "In the catalog")),
    make("figure", { class: "generated" }, drawn, caption(mode, isGenerated)),
  );
}

const caption = (mode, isGenerated) => make("figcaption", {}, make("strong", {}, isGenerated ? "Generated" : "Edited"), MODES[mode]?.caption ?? "");

class Panel {
  constructor(card, place, page) {
    Object.assign(this, { card, place, page, seed: 0, photo: null, picker: null, finished: null, stopping: null });
    this.id = `drawing-${Math.random().toString(36).slice(2)}`;
    this.bar = make("progress", { max: 1, value: 0, "aria-label": `Drawing ${card.title}` });
    this.told = make("span", {}, "");
    this.cancel = button("Cancel drawing", () => this.stopping?.abort(), { "data-does": "cancel" });
    this.progress = make("p", { class: "progress", hidden: true }, this.bar, this.told, this.cancel);
    this.frame = make("div", { class: "frame" });
    this.story = make("div", { class: "story" });
    this.again = button("Draw another", () => this.draw(this.seed + 1), { "data-does": "again" });
  }

  /** Show the real picture at once, and begin to draw. */
  async open() {
    this.frame.replaceChildren(make("div", { class: "waiting-picture", "aria-hidden": "true" }));
    this.shown = pair(this.card, this.frame, "scene");
    this.form = this.makeForm();
    this.place.replaceChildren(this.shown, this.progress, this.story, this.form);
    this.place.setAttribute("role", "region");
    this.place.setAttribute("aria-label", `${this.card.title}, shown for you`);
    this.place.hidden = false;
    this.place.closest(".card").classList.add("wide");
    this.offer();
    await this.draw(0);
  }

  close() {
    this.stopping?.abort();
    const card = this.place.closest(".card");
    this.place.replaceChildren();
    this.place.hidden = true;
    card.classList.remove("wide");
    card.querySelector('[data-does="show me"]').focus({ preventScroll: true });
  }

  // ---- what can be chosen

  makeForm() {
    const radio = (mode) =>
      make("label", { hidden: mode === "variation" }, make("input", { type: "radio", name: `${this.id}-mode`, value: mode, checked: mode === "scene" }), MODES[mode].name);
    this.choices = make("fieldset", { class: "choices" }, make("legend", { class: "unseen" }, "How to show it"), ...Object.keys(MODES).map(radio));
    this.choices.addEventListener("change", () => this.chosen());
    this.words = make("input", { type: "text", id: `${this.id}-words`, maxlength: 400, autocomplete: "off" });
    this.ask = make("label", { for: this.words.id });
    this.strength = make("input", { type: "range", id: `${this.id}-strength`, min: 0, max: 1, step: 0.1 });
    this.strength.addEventListener("input", () => this.sayStrength());
    this.strength.addEventListener("change", () => this.draw(this.seed));
    const file = make("input", { type: "file", id: `${this.id}-photo`, class: "unseen", accept: "image/png,image/jpeg,image/webp,image/gif,image/bmp" });
    file.addEventListener("change", () => this.take(file.files[0]));
    this.photoPlace = make("div", { class: "photo-place", hidden: true }, file, make("label", { for: file.id, class: "pick" }, "Choose a photo"));
    this.dial = make(
      "div",
      { class: "dial" },
      make("label", { for: this.strength.id }, "Your taste"),
      make("span", { "aria-hidden": "true" }, "the item"),
      this.strength,
      make("span", { "aria-hidden": "true" }, "your taste"),
    );
    const form = make(
      "form",
      { class: "wanted", "aria-label": `How to show ${this.card.title}` },
      this.choices,
      this.photoPlace,
      make("div", { class: "line" }, this.ask, this.words, make("button", { type: "submit", class: "strong", "data-does": "draw" }, "Draw")),
      this.dial,
      make("p", { class: "progress" }, this.again, button("Close", () => this.close(), { class: "plain", "data-does": "close" })),
    );
    form.addEventListener("submit", (event) => (event.preventDefault(), this.draw(this.seed)));
    form.addEventListener("keydown", (event) => event.key === "Escape" && this.close());
    return form;
  }

  get mode() {
    return this.choices.querySelector("input:checked").value;
  }

  /** Show what is offered here: changes where the catalog's pictures are known well enough, the usual strength. */
  async offer() {
    this.chosen();
    try {
      const offer = await modes();
      this.choices.querySelector('[value="variation"]').parentElement.hidden = !offer.modes.includes("variation");
      this.strength.value = offer.strength;
      this.sayStrength();
    } catch (error) {
      this.page.failed(error);
    }
  }

  chosen() {
    const { ask, such } = MODES[this.mode];
    this.ask.textContent = ask;
    this.words.placeholder = such;
    this.photoPlace.hidden = this.mode !== "photo";
    this.dial.hidden = this.mode === "photo"; // what the place looks like is the photo's
  }

  sayStrength() {
    const share = Math.round(100 * this.strength.value);
    this.strength.setAttribute("aria-valuetext", share ? `${share} % of your taste` : "the item alone");
  }

  async take(file) {
    if (!file) return;
    try {
      this.photo = await readPhoto(file);
    } catch (error) {
      this.page.failed(error);
      return;
    }
    this.picker = boxPicker(this.photo, `Where ${this.card.title} stands in your photo`);
    this.photoPlace.querySelector(".box-picker")?.remove();
    this.photoPlace.append(this.picker.element);
    announce("Photo added. Drag a box over it, or move it by arrow keys, with Shift for its size.");
    this.picker.focus();
  }

  order(seed) {
    const words = this.words.value.trim();
    const order = { model: memory.model, item: this.card.item_id, user: memory.person, seed, response_format: "url", mode: this.mode };
    if (this.mode !== "photo") order.strength = Number(this.strength.value);
    if (this.mode === "variation") order.change = words;
    else order.prompt = words;
    if (this.mode === "photo") Object.assign(order, { photo: this.photo.url, box: this.picker.box() });
    return order;
  }

  // ---- drawing

  async draw(seed) {
    if (this.mode === "photo" && !this.photo) {
      announce("Choose a photo first.");
      this.photoPlace.querySelector("input").focus();
      return;
    }
    this.stopping?.abort();
    const stopping = (this.stopping = new AbortController());
    this.wait();
    try {
      await Promise.all([this.page.ready(), modes().catch(() => null)]);
      for await (const event of stream("/v1/images/generations", this.order(seed), stopping.signal)) {
        if (stopping.signal.aborted) return;
        if (event.type === "image_generation.partial_image") this.step(event);
        else if (event.type === "image_generation.completed") this.finish(event);
      }
      this.seed = seed;
    } catch (error) {
      if (this.stopping === stopping) this.stop(error);
    } finally {
      if (this.stopping === stopping) this.rest();
    }
  }

  wait() {
    this.bar.removeAttribute("value"); // nobody knows yet how long others are drawn for
    this.told.textContent = "Waiting for its turn…";
    this.progress.hidden = false;
    this.place.setAttribute("aria-busy", "true");
    if (!this.place.contains(document.activeElement)) this.cancel.focus();
    announce(`Drawing ${this.card.title}. It can be canceled.`);
  }

  step({ step, total, b64_json: preview }) {
    this.bar.max = total;
    this.bar.value = step;
    this.told.textContent = `Step ${step} of ${total}`;
    if (!preview) return;
    let forming = this.frame.querySelector(".forming");
    if (!forming) {
      forming = make("img", { class: "forming", alt: `${this.card.title} as it is drawn`, width: 256, height: 256 });
      this.frame.replaceChildren(forming);
    }
    forming.src = `data:image/png;base64,${preview}`;
    forming.style.filter = `blur(${(MOST_BLUR_PX - ((MOST_BLUR_PX - LEAST_BLUR_PX) * step) / total).toFixed(1)}px)`;
  }

  finish(told) {
    this.finished = picture(told.url, `${told.generated ? "Generated" : "Edited"} picture of ${this.card.title}`);
    this.frame.replaceChildren(this.finished);
    this.shown.querySelector(".generated figcaption").replaceWith(caption(told.mode, told.generated));
    this.story.replaceChildren(...story(told));
    announce(`The drawing of ${this.card.title} is ready, beside its catalog picture. It is ${told.generated ? "generated" : "edited"}.${told.note ? ` ${told.note}.` : ""}`);
  }

  stop(error) {
    if (this.finished) this.frame.replaceChildren(this.finished);
    else this.close();
    if (error.name === "AbortError") announce("Drawing canceled.");
    else this.page.failed(error);
  }

  rest() {
    const hadFocus = this.progress.contains(document.activeElement) || document.activeElement === document.body;
    this.progress.hidden = true;
    this.place.removeAttribute("aria-busy");
    this.stopping = null;
    if (hadFocus && !this.place.hidden) this.again.focus({ preventScroll: true });
  }
}

/** What is told of a drawing: why it is not what was asked for, the taste in words and colors, the items behind it, files. */
function story(told) {
  const parts = [];
  if (told.note) parts.push(make("p", { class: "note" }, `${told.note[0].toUpperCase()}${told.note.slice(1)}.`));
  if (told.taste || told.colors.length) {
    const swatches = told.colors.filter((color) => /^#[0-9a-f]{6}$/i.test(color)).map(swatch);
    parts.push(make("p", { class: "taste" }, make("span", { class: "kind" }, "your taste"), ...swatches, make("span", {}, told.taste)));
  }
  if (told.shaped_by.length) {
    const items = told.shaped_by.map((item) => make("li", {}, picture(item.image, ""), make("span", {}, item.title)));
    const title = told.mode === "scene" ? "Why this place" : "Why so";
    parts.push(make("section", { class: "shaped", "aria-label": title }, make("h4", {}, `${title}: you like`), make("ul", {}, ...items)));
  }
  const path = localPath(told.url);
  const name = `${told.generated ? "generated" : "edited"}-${told.item_id.replace(/[^\w-]+/g, "_").slice(0, 60)}`;
  parts.push(
    make(
      "p",
      { class: "media" },
      make("a", { href: path, download: `${name}.png` }, "Download picture"),
      make("a", { href: `${path}/record`, download: `${name}.json` }, "Download its record"),
    ),
  );
  return parts;
}

function swatch(color) {
  const made = make("span", { class: "swatch", role: "img", "aria-label": `color ${color}`, title: color });
  made.style.backgroundColor = color;
  return made;
}
