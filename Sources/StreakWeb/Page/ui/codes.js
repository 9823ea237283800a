// Recovery codes: shown once, after a sign-up or when a person makes new ones. They are held in
// this tab's memory only, until the person has kept them.

import { h } from "./dom.js";
import { failureOf, proofField, proofOf, refusal, work } from "./form.js";
import { head } from "./frame.js";
import { t } from "./i18n.js";
import { accountsOf } from "./service.js";

const shown = (app) => {
  const copy = () => app.attempt(async () => {
    await navigator.clipboard.writeText(app.codes.join("\n"));
    app.tell(t("codes.copied"));
  });
  const done = () => {
    app.codes = undefined;
    app.go("today");
  };
  return [
    h("p", { key: "text" }, t("codes.text")),
    h("section", { class: "card", key: "codes" },
      h("p", { class: "small soft" }, t("codes.of", { email: app.view?.account?.email ?? "" })),
      h("ol", { class: "codes", "data-test": "recovery-codes" }, app.codes.map((code) => h("li", { key: code, "data-test": "recovery-code" }, code)))),
    h("p", { class: "notice", key: "once" }, t("codes.once")),
    h("div", { class: "buttons", key: "ways" },
      h("button", { type: "button", class: "button", "data-test": "codes-print", onclick: () => print() }, t("codes.print")),
      h("button", { type: "button", class: "button", "data-test": "codes-copy", onclick: copy }, t("codes.copy")),
      h("button", { type: "button", class: "button first", "data-test": "codes-done", onclick: done }, t("codes.done"))),
  ];
};

const make = (app) => {
  if (!app.view?.account?.isSignedIn) return [h("p", { class: "notice", key: "first" }, t("codes.signIn")), h("div", { class: "buttons", key: "ways" }, h("a", { class: "button first", href: "#/account" }, t("account.signIn")))];
  const { local } = app;
  return [
    h("p", { class: "soft", key: "text" }, t("codes.why")),
    h("form", {
      class: "card", key: "form", "data-test": "codes-form",
      onsubmit: work(app, async ({ proof }) => {
        const accounts = await accountsOf(app);
        app.codes = await accounts.createRecoveryCodes(proofOf(local, proof)).catch((error) => { throw refusal(error, local.isCode); });
      }),
    },
      proofField(local, () => app.draw()), failureOf(app),
      h("button", { class: "button first", disabled: Boolean(local.isWorking), "data-test": "codes-submit" }, t(local.isWorking ? "working" : "codes.make"))),
  ];
};

export const page = (app) => [head(app, t("codes.title")), ...(app.codes ? shown(app) : make(app))];
