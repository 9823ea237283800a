// The parts of forms that ask the server for something.

import { h } from "./dom.js";
import { sentence } from "./sentences.js";

export const field = (name, label, props, hint) =>
  h("div", { class: "field" }, h("label", { for: name }, label), h("input", { id: name, name, required: true, ...props, "aria-describedby": hint ? `${name}-hint` : undefined }), hint && h("p", { class: "soft small", id: `${name}-hint` }, hint));

/** Runs a form's work, with its button off meanwhile, and shows its failure within the form. */
export const work = (app, body) => async (event) => {
  event.preventDefault();
  const form = event.target;
  const { local } = app;
  if (local.isWorking) return;
  Object.assign(local, { isWorking: true, failure: "" });
  app.draw();
  try {
    await body(form.elements);
  } catch (error) {
    local.failure = sentence(error);
  }
  local.isWorking = false;
  app.view = await app.client.view();
  app.draw();
  if (local.failure) form.querySelector("[role=alert]")?.focus();
};

export const failureOf = (app) => app.local.failure && h("p", { class: "notice wrong", role: "alert", tabindex: "-1", "data-test": "failure" }, app.local.failure);
