// What this browser remembers: who speaks, the conversation as it was shown, the theme. The key stays in its tab.

const NAME = "genrec", KEY = "genrec-key", MAX_TURNS = 60;

export const newId = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

function read() {
  try {
    const kept = JSON.parse(localStorage.getItem(NAME));
    return kept !== null && typeof kept === "object" && Array.isArray(kept.turns) ? kept : {};
  } catch {
    return {}; // storage may be closed or hold something else; a new conversation begins
  }
}

export const memory = { person: `web-${newId()}`, session: newId(), model: "", theme: "auto", turns: [], judged: {}, ...read() };

export function keep() {
  memory.turns = memory.turns.slice(-MAX_TURNS);
  try {
    localStorage.setItem(NAME, JSON.stringify(memory));
  } catch {
    // full or closed: the page works without
  }
}

export function forgetConversation() {
  memory.session = newId();
  memory.turns = [];
  keep();
}

export function becomeNew() {
  memory.person = `web-${newId()}`;
  memory.judged = {};
  forgetConversation();
}

let keyWithoutStorage = "";

export function key() {
  try {
    return sessionStorage.getItem(KEY) ?? keyWithoutStorage;
  } catch {
    return keyWithoutStorage;
  }
}

export function keepKey(secret) {
  keyWithoutStorage = secret;
  try {
    sessionStorage.setItem(KEY, secret);
  } catch {
    // kept in this page alone
  }
}
