// Photos that a person gives: read and made small in the browser, with a box on them that says where something stands.

import { Failure } from "./api.js";
import { announce, make } from "./view.js";

const MOST_PX = 1024, LEAST_SHARE = 0.05, STEP = 0.02;

/** A file as a JPEG data URL with its width and height. Throws Failure for what is no picture. */
export async function readPhoto(file, mostPx = MOST_PX) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    throw new Failure("That file cannot be read as a picture; PNG, JPEG, WebP, GIF and BMP can.", { status: 400 });
  }
  const scale = Math.min(1, mostPx / Math.max(bitmap.width, bitmap.height));
  const size = { width: Math.max(1, Math.round(bitmap.width * scale)), height: Math.max(1, Math.round(bitmap.height * scale)) };
  const canvas = make("canvas", size);
  canvas.getContext("2d").drawImage(bitmap, 0, 0, size.width, size.height);
  return { url: canvas.toDataURL("image/jpeg", 0.92), ...size };
}

const within = (number, least, most) => Math.min(Math.max(number, least), most);

/** A photo with a box to drag, or to move by arrow keys, with Shift for its size. box(): in the photo's pixels. */
export function boxPicker(photo, label) {
  let [left, top, wide, high] = [0.3, 0.4, 0.4, 0.5]; // shares of the photo
  const box = make("div", { class: "box", role: "group", tabindex: 0, "aria-label": label });
  const element = make("div", { class: "box-picker" }, make("img", { src: photo.url, alt: "Your photo", draggable: "false" }), box);
  element.append(make("p", { class: "words" }, "Drag a box to where it shall stand; arrow keys move it, with Shift they size it."));
  const frame = element.firstElementChild;

  const place = (x, y, width, height) => {
    [wide, high] = [within(width, LEAST_SHARE, 1), within(height, LEAST_SHARE, 1)];
    [left, top] = [within(x, 0, 1 - wide), within(y, 0, 1 - high)];
    const shares = { left, top, width: wide, height: high };
    const shown = { left: frame.offsetWidth, top: frame.offsetHeight, width: frame.offsetWidth, height: frame.offsetHeight };
    for (const [name, share] of Object.entries(shares)) box.style[name] = `${share * shown[name]}px`;
  };

  const at = (event) => {
    const { x, y, width, height } = frame.getBoundingClientRect();
    return [within((event.clientX - x) / width, 0, 1), within((event.clientY - y) / height, 0, 1)];
  };

  element.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || !(event.target === box || event.target === frame)) return;
    event.preventDefault();
    element.setPointerCapture(event.pointerId);
    const [x0, y0] = at(event);
    const grip = event.target === box ? [x0 - left, y0 - top] : null;
    const move = (moved) => {
      const [x, y] = at(moved);
      if (grip) place(x - grip[0], y - grip[1], wide, high);
      else place(Math.min(x, x0), Math.min(y, y0), Math.abs(x - x0), Math.abs(y - y0));
    };
    element.addEventListener("pointermove", move);
    element.addEventListener("pointerup", () => element.removeEventListener("pointermove", move), { once: true });
    element.addEventListener("pointercancel", () => element.removeEventListener("pointermove", move), { once: true });
  });

  box.addEventListener("keydown", (event) => {
    const [across, down] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key] ?? [0, 0];
    if (!across && !down) return;
    event.preventDefault();
    if (event.shiftKey) place(left, top, wide + across * STEP, high + down * STEP);
    else place(left + across * STEP, top + down * STEP, wide, high);
    announce(`Box at ${Math.round(100 * left)} % from the left, ${Math.round(100 * top)} % from the top, ${Math.round(100 * wide)} by ${Math.round(100 * high)} %`);
  });

  new ResizeObserver(() => place(left, top, wide, high)).observe(frame);
  const pixels = (share, all) => Math.floor(share * all);
  return {
    element,
    focus: () => box.focus({ preventScroll: true }),
    box: () => {
      const [x, y] = [pixels(left, photo.width), pixels(top, photo.height)];
      return [x, y, Math.max(4, Math.min(pixels(wide, photo.width), photo.width - x)), Math.max(4, Math.min(pixels(high, photo.height), photo.height - y))];
    },
  };
}
