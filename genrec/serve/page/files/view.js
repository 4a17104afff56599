// Makes elements. Whatever people, catalog or model wrote becomes a text node or an attribute, never markup.

/** An element with properties and children; a child that is text stays text. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "onclick") element.addEventListener("click", value);
    else if (name === "class") element.className = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

export const byId = (id) => document.getElementById(id);

export const button = (label, onclick, properties = {}) => make("button", { type: "button", onclick, ...properties }, label);

/** Pictures of this server alone, by path and query: it may be reached under another name than it knows. */
export function localPath(url) {
  try {
    const { pathname, search } = new URL(url, location.href);
    return pathname + search;
  } catch {
    return "";
  }
}

/** The text as a link to a page elsewhere, which learns nothing of this one; as it is where the address is no web address. */
export function outward(text, address) {
  const isWeb = typeof address === "string" && /^https?:\/\//i.test(address) && URL.canParse(address);
  return isWeb ? make("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, text) : text;
}

export function picture(url, alt) {
  if (!url) return make("div", { class: "no-picture", "aria-hidden": "true" }, "no picture");
  const image = make("img", { src: localPath(url), alt, loading: "lazy", decoding: "async", width: 256, height: 256 });
  image.addEventListener("error", () => image.replaceWith(make("div", { class: "no-picture" }, "no picture")), { once: true });
  return image;
}

const plain = (number) => number.toLocaleString(undefined, { minimumFractionDigits: Number.isInteger(number) ? 0 : 2, maximumFractionDigits: 2 });

/** A price, or a range of them, with its currency as the reader's language writes it. */
export function price({ price: lowest, price_upper: upper, currency }) {
  const amounts = upper > lowest ? [lowest, upper] : [lowest];
  try {
    const money = new Intl.NumberFormat(undefined, { style: "currency", currency });
    return currency ? amounts.map((amount) => money.format(amount)).join(" – ") : amounts.map(plain).join(" – ");
  } catch {
    return `${amounts.map(plain).join(" – ")} ${currency ?? ""}`.trim(); // no currency is known, or none such
  }
}

let clearing;

/** Say something to who listens with a screen reader. */
export function announce(text) {
  clearTimeout(clearing);
  byId("status").textContent = text;
  clearing = setTimeout(() => (byId("status").textContent = ""), 8000);
}

/** One clear line above the conversation. repair: what a press does about it. */
export function notice(text, repair) {
  const place = byId("notice");
  place.replaceChildren();
  place.hidden = !text;
  if (!text) return;
  place.append(make("span", {}, text));
  if (repair) place.append(button(repair.label, repair.act));
  place.append(button("Dismiss", () => notice(""), { class: "plain" }));
}
