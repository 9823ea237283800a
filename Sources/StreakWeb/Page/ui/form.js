// The parts of forms that ask the server for something.

import { h } from "./dom.js";
import { t } from "./i18n.js";
import { sentence } from "./sentences.js";

export const field = (name, label, props, hint) =>
  h("div", { class: "field" }, h("label", { for: name }, label), h("input", { id: name, name, required: true, ...props, "aria-describedby": hint ? `${name}-hint` : undefined }), hint && h("p", { class: "soft small", id: `${name}-hint` }, hint));

export const newPasswordField = (name = "fresh") =>
  field(name, t("account.newPassword"), { type: "password", autocomplete: "new-password", minlength: "8" }, t("account.passwordHint"));

export const recoveryCodeField = (name, props) =>
  field(name, t("account.recoveryCode"), { autocomplete: "off", autocapitalize: "characters", spellcheck: "false", ...props });

/** The proof of a person: the password or, by choice, a recovery code. `local` keeps the choice. */
export const proofField = (local, redraw, props) => [
  // Another element for each: a password must not stay in a field that shows it.
  h("div", { key: local.isCode ? "code" : "password" },
    local.isCode ? recoveryCodeField("proof", props) : field("proof", t("account.password"), { type: "password", autocomplete: "current-password", ...props })),
  h("button", { type: "button", class: "link", key: "switch", "data-test": "proof-switch", onclick: () => { local.isCode = !local.isCode; redraw(); } },
    t(local.isCode ? "proof.password" : "proof.code")),
];

export const proofOf = (local, { value }) => (local.isCode ? { recoveryCode: value.trim() } : { password: value });

/** Names what a sign-in's refusal is about: the server says the same of passwords and codes. */
export const refusal = (error, isCode) => {
  if (isCode && error.reason === "SIGN_IN_REFUSED") error.reason = "RECOVERY_REFUSED";
  return error;
};

/**
 * Runs a form's work, with its button off meanwhile, and shows its failure within the form. A page
 * with several forms names them.
 */
export const work = (app, body, name = "") => async (event) => {
  event.preventDefault();
  const form = event.target;
  const { local } = app;
  if (local.isWorking) return;
  Object.assign(local, { isWorking: true, failure: "", failed: name });
  app.draw();
  try {
    await body(form.elements);
  } catch (error) {
    Object.assign(local, { failure: sentence(error), reason: error.reason });
  }
  local.isWorking = false;
  app.view = await app.client.view();
  app.draw();
  if (local.failure) form.querySelector("[role=alert]")?.focus();
};

export const failureOf = (app, name = "") => app.local.failure && (app.local.failed ?? "") === name && h("p", { class: "notice wrong", role: "alert", tabindex: "-1", "data-test": "failure" }, app.local.failure);
