// The ways back into an account whose password is forgotten: a recovery code, another device that
// is signed in, or a mail.

import { h } from "./dom.js";
import { failureOf, field, newPasswordField, recoveryCodeField, refusal, work } from "./form.js";
import { head } from "./frame.js";
import { t } from "./i18n.js";
import { accountsOf } from "./service.js";

/** Milliseconds between two looks at a request. */
const lookMilliseconds = 2_000;

const emailField = (app) =>
  field("email", t("account.email"), { type: "email", autocomplete: "username", value: app.typedEmail, oninput: (event) => { app.typedEmail = event.target.value; } });

/** After a sign-in: the days of this device wait to be brought along, or all is here. */
const enter = async (app) => {
  app.view = await app.client.view();
  app.go(app.view.session ? "migrate" : "today");
};

const way = (name, title, text, label) =>
  h("section", { class: "card", key: name }, h("h2", {}, title), h("p", { class: "soft" }, text),
    h("div", { class: "buttons" }, h("a", { class: "button", href: name === "mail" ? "#/mail/forgot" : `#/forgot/${name}`, "data-test": `way-${name}` }, label)));

const ways = () => [
  way("code", t("forgot.code"), t("forgot.code.text"), t("forgot.code.button")),
  way("device", t("forgot.device"), t("forgot.device.text"), t("forgot.device.button")),
  way("mail", t("forgot.mail"), t("forgot.mail.text"), t("forgot.mail.button")),
];

const byCode = (app) => [
  h("p", { class: "soft", key: "text" }, t("forgot.code.form")),
  h("form", {
    class: "card", key: "form", "data-test": "recover",
    onsubmit: work(app, async ({ email, code, fresh }) => {
      const accounts = await accountsOf(app);
      const count = await accounts.recover(email.value.trim(), code.value.trim(), fresh.value).catch((error) => { throw refusal(error, true); });
      app.tell(t("forgot.code.done", { count }));
      await enter(app);
    }),
  },
    emailField(app), recoveryCodeField("code"), newPasswordField(), failureOf(app),
    h("button", { class: "button first", disabled: Boolean(app.local.isWorking), "data-test": "recover-submit" }, t(app.local.isWorking ? "working" : "account.signIn"))),
];

/** Looks at the request until it is decided, or the page is left. */
const follow = async (app, asked) => {
  const { local } = app;
  local.asked = asked;
  while (app.local === local && local.asked === asked) {
    await new Promise((resolve) => setTimeout(resolve, lookMilliseconds));
    if (app.local !== local) return;
    try {
      const state = await (await accountsOf(app)).checkApproval(asked);
      if (state === "pending") continue;
      local.asked = undefined;
      if (state === "signedIn") await enter(app);
      else local.failure = t("forgot.device.ended");
    } catch (error) {
      // Without a network the next look decides; a refusal is final.
      if (!error.isFinal) continue;
      local.asked = undefined;
      local.failure = t("forgot.device.ended");
    }
    app.draw();
  }
};

const byDevice = (app) => {
  const { asked } = app.local;
  if (asked) {
    return [
      h("section", { class: "card", key: "asked" },
        h("p", {}, t("forgot.device.wait")),
        h("p", { class: "digits", role: "img", "data-test": "approval-digits", "aria-label": [...asked.digits].join(" ") }, asked.digits),
        h("p", { class: "soft", role: "status" }, t("forgot.device.open"))),
    ];
  }
  return [
    h("p", { class: "soft", key: "text" }, t("forgot.device.form")),
    h("form", {
      class: "card", key: "form", "data-test": "ask",
      onsubmit: work(app, async ({ email }) => {
        const accounts = await accountsOf(app);
        follow(app, await accounts.requestApproval(email.value.trim()));
      }),
    },
      emailField(app), failureOf(app),
      h("button", { class: "button first", disabled: Boolean(app.local.isWorking), "data-test": "ask-submit" }, t(app.local.isWorking ? "working" : "forgot.device.ask"))),
  ];
};

export const page = (app) => {
  if (!app.isSecure) return [head(app, t("mail.forgot.title")), h("p", { class: "notice wrong" }, t("insecure.text"))];
  const kinds = {
    code: () => [head(app, t("forgot.code")), ...byCode(app)],
    device: () => [head(app, t("forgot.device")), ...byDevice(app)],
  };
  return (kinds[app.route.argument] ?? (() => [head(app, t("mail.forgot.title")), ...ways()]))();
};
