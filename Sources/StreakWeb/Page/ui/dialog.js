// Dialogs: the browser's own element, which keeps the focus inside and gives it back at the end.

import { h, render } from "./dom.js";

/**
 * Opens a dialog. `draw(close, redraw)` describes its content. Resolves with what `close` was
 * given; undefined if the person left it.
 */
export const openDialog = (label, draw) =>
  new Promise((resolve) => {
    const dialog = document.createElement("dialog");
    dialog.setAttribute("aria-label", label);
    dialog.dataset.test = "dialog";
    let result;
    const close = (value) => {
      result = value;
      dialog.close();
    };
    const redraw = () => render(dialog, draw(close, redraw).flat().filter(Boolean));
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(result);
    });
    // A tap beside the dialog leaves it.
    dialog.addEventListener("click", (event) => event.target === dialog && close());
    document.body.append(dialog);
    redraw();
    dialog.showModal();
  });

/** Asks for a decision. Resolves with true if it was confirmed. */
export const confirmed = async ({ title, text, button, cancel, extra = () => [], isDanger = true }) =>
  (await openDialog(title, (close) => [
    h("h2", {}, title), h("p", { class: "soft" }, text), ...extra(),
    h("div", { class: "buttons" },
      h("button", { type: "button", class: "button", onclick: () => close() }, cancel),
      h("button", { type: "button", class: `button ${isDanger ? "danger" : "first"}`, "data-test": "confirm", onclick: () => close(true) }, button)),
  ])) === true;
