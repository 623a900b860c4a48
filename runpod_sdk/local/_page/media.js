/**
 * Pictures, sounds and videos in the values of a job.
 *
 * They are fetched from the server of the page, with its key, and shown from memory. The server
 * says which types can be shown without running anything; all others can only be saved.
 */

import { find, h, save } from "./dom.js";

const SHOWN = 12; // files that are shown at first
const LARGEST = 32_000_000; // bytes that are shown without being asked for

export class Gallery {
  /**
   * @param files What the server says of them: pointer, type, size and kind.
   * @param load Gives the bytes of a file, as a blob.
   */
  constructor(files, load) {
    this.load = load;
    this.urls = [];
    this.more = h("button", { type: "button", class: "quiet", onclick: () => this.show(files.length) });
    this.items = h("div", { class: "files" });
    this.element = h("div", { class: "gallery" }, this.items, this.more);
    this.files = files;
    this.show(SHOWN);
  }

  show(most) {
    for (const file of this.files.slice(this.items.children.length, most)) this.items.append(this.item(file));
    const left = this.files.length - this.items.children.length;
    this.more.hidden = left === 0;
    this.more.textContent = `Show ${left} more`;
  }

  /** Let go of what is in memory. */
  close() {
    for (const url of this.urls) URL.revokeObjectURL(url);
  }

  item(file) {
    const name = nameOf(file);
    const shown = h("div", { class: "preview" });
    const figure = h("figure", { "data-kind": file.kind ?? "file" }, shown,
      h("figcaption", {},
        h("span", { class: "file-name", title: file.pointer || "the whole value" }, name),
        h("span", { class: "file-type" }, `${file.type}, ${sizeText(file.size)}`),
        h("button", { type: "button", class: "quiet", "aria-label": `Save ${name}`,
          onclick: (event) => this.save(file, event.currentTarget) }, "Save")));
    if (file.kind === null) shown.remove();
    else if (file.size > LARGEST) {
      shown.append(h("button", { type: "button", onclick: () => this.preview(file, shown) }, `Show ${sizeText(file.size)}`));
    } else this.preview(file, shown);
    return figure;
  }

  async preview(file, shown) {
    try {
      const blob = await this.load(file);
      const url = URL.createObjectURL(new Blob([blob], { type: file.type }));
      this.urls.push(url);
      shown.replaceChildren(this.player(file, url));
    } catch (error) {
      shown.replaceChildren(h("p", { class: "problem" }, error.message));
    }
  }

  player(file, src) {
    const name = nameOf(file);
    if (file.kind === "audio") return h("audio", { controls: true, src, "aria-label": name });
    if (file.kind === "video") return h("video", { controls: true, src, "aria-label": name, preload: "metadata" });
    const broken = () => picture.replaceWith(h("p", { class: "problem" }, "This picture can't be shown."));
    const picture = h("button", { type: "button", class: "picture", "aria-label": `Enlarge ${name}`, onclick: () => enlarge(file, src) },
      h("img", { src, alt: name, onerror: broken }));
    return picture;
  }

  async save(file, button) {
    try {
      const blob = await this.load(file);
      save(new Blob([blob], { type: "application/octet-stream" }), nameOf(file));
    } catch (error) {
      button.textContent = error.message;
    }
  }
}

function enlarge(file, src) {
  find("viewer-picture").replaceChildren(h("img", { src, alt: nameOf(file) }));
  find("viewer-name").textContent = `${nameOf(file)} (${file.type}, ${sizeText(file.size)})`;
  find("viewer").showModal();
}

/** A name for a file, of its place in the value and its type. */
function nameOf({ pointer, type }) {
  const path = pointer.split("/").slice(1).map((step) => step.replaceAll("~1", "_").replaceAll("~0", "~")).join(".");
  const ending = { "image/jpeg": "jpg", "audio/mpeg": "mp3", "audio/x-wav": "wav", "text/plain": "txt" }[type]
    ?? type.split("/")[1].replace(/^x-|\+.*$/g, "");
  return `${path || "file"}.${ending}`;
}

export function sizeText(size) {
  if (size < 1_000) return `${size} B`;
  return size < 1_000_000 ? `${(size / 1_000).toFixed(1)} kB` : `${(size / 1_000_000).toFixed(1)} MB`;
}
