// What mails lead to: a forgotten password, a proof of the address, an address that is taken back.
// A mail's link is this page's address with `#verify=TOKEN`, `#reset=TOKEN` or `#takeback=TOKEN`;
// what follows the "#" never reaches a server by itself, and goes from the address bar at once.

import { h } from "./dom.js";
import { failureOf, field, newPasswordField, work } from "./form.js";
import { head } from "./frame.js";
import { t } from "./i18n.js";
import { accountsOf, callOpen } from "./service.js";

const done = (app, text) => [
  h("p", { class: "notice", role: "status", key: "done", "data-test": "mail-done" }, text),
  h("div", { class: "buttons", key: "ways" }, h("a", { class: "button first", href: app.view?.account?.isSignedIn ? "#/" : "#/account" }, t(app.view?.account?.isSignedIn ? "nav.today" : "account.signIn"))),
];

/** A form with its button, and the result in its place. */
const form = (app, { text, fields, button, submit, result }) =>
  app.local.isDone
    ? done(app, result)
    : [
        h("p", { class: "soft", key: "text" }, text),
        h("form", { class: "card", key: "form", "data-test": "mail-form", onsubmit: work(app, async (elements) => {
          await submit(elements);
          app.local.isDone = true;
        }) },
          ...fields, failureOf(app),
          h("button", { class: "button first", disabled: Boolean(app.local.isWorking), "data-test": "mail-submit" }, t(app.local.isWorking ? "working" : button))),
      ];

const forgot = (app) =>
  form(app, {
    text: t("mail.forgot.text"), button: "mail.forgot.button", result: t("mail.forgot.done"),
    fields: [field("email", t("account.email"), { type: "email", autocomplete: "username", value: app.typedEmail })],
    submit: ({ email }) => callOpen(app, "AccountService/RequestPasswordReset", { email: email.value.trim() }),
  });

const reset = (app, method, text) =>
  form(app, {
    text, button: "save", result: t("mail.reset.done"), fields: [newPasswordField()],
    submit: ({ fresh }) => callOpen(app, method, { token: app.mailToken, newPassword: fresh.value }),
  });

const verify = (app) => {
  if (!app.view?.account?.isSignedIn) return [h("p", { class: "notice", key: "first" }, t("mail.verify.signIn")), h("div", { class: "buttons", key: "ways" }, h("a", { class: "button first", href: "#/account" }, t("account.signIn")))];
  // The link alone is enough; without one, the mail's digits are.
  return form(app, {
    text: app.newEmail ? t("mail.verify.new", { email: app.newEmail }) : t("mail.verify.text", { email: app.view.account.email }), button: "mail.verify.button", result: t("mail.verify.done"),
    fields: app.mailToken ? [] : [field("proof", t("mail.verify.code"), { inputmode: "numeric", autocomplete: "one-time-code" })],
    submit: async ({ proof }) => {
      await (await accountsOf(app)).verifyAddress(app.mailToken ?? proof.value.replace(/\D/g, ""));
      app.newEmail = undefined;
    },
  });
};

export const page = (app) => {
  const kinds = {
    forgot: () => [head(app, t("mail.forgot.title")), ...forgot(app)],
    reset: () => [head(app, t("account.newPassword")), ...reset(app, "AccountService/ResetPassword", t("mail.reset.text"))],
    takeback: () => [head(app, t("mail.takeback.title")), ...reset(app, "AccountService/TakeBackAddress", t("mail.takeback.text"))],
    verify: () => [head(app, t("mail.verify.title")), ...verify(app)],
  };
  return (kinds[app.route.argument] ?? kinds.forgot)();
};
