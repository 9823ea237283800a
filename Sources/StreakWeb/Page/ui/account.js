// Sign-up and sign-in; and for those who are signed in: devices, password, sign-out, deletion.

import { confirmed, openDialog } from "./dialog.js";
import { h } from "./dom.js";
import { failureOf, field, work } from "./form.js";
import { head } from "./frame.js";
import { dayText, momentText, t } from "./i18n.js";
import { sentence } from "./sentences.js";

/** What a sign-up does with the days of this device, told before. */
const preview = (app) => {
  const found = app.view.session?.preview;
  if (!found || found.counted + found.notCounted === 0) return null;
  return h("div", { class: "notice", key: "preview", "data-test": "preview" },
    h("p", { "data-test": "counts" }, t("account.comes", { count: found.counted })),
    found.notCounted > 0 && h("p", { "data-test": "counts-not" }, t("account.comesNot", { count: found.notCounted, first: dayText(found.first, { dateStyle: "medium" }) })));
};

const enter = (app, isNew) => {
  const { local } = app;
  const known = app.view.others.find((other) => other.standing !== "unknown")?.email ?? app.view.account?.email ?? "";
  const submit = work(app, async ({ email, password }) => {
    const accounts = await app.accounts();
    if (isNew) {
      await accounts.signUp(email.value.trim(), password.value);
      await app.syncNow();
      app.unknown = false;
      app.tell(t("account.welcome"));
      app.go("today");
      return;
    }
    await accounts.signIn(email.value.trim(), password.value);
    app.view = await app.client.view();
    app.go(app.view.session ? "migrate" : "today");
  });
  return [
    head(app, t(isNew ? "account.signUp" : "account.signIn")),
    isNew && preview(app),
    h("form", { key: isNew ? "sign-up" : "sign-in", class: "card", "data-test": isNew ? "sign-up" : "sign-in", onsubmit: submit },
      field("email", t("account.email"), { type: "email", autocomplete: "username", value: local.email ?? known, oninput: (event) => { local.email = event.target.value; } }),
      field("password", t("account.password"), { type: "password", autocomplete: isNew ? "new-password" : "current-password", minlength: isNew ? "8" : undefined }, isNew ? t("account.passwordHint") : undefined),
      failureOf(app),
      h("button", { class: "button first", disabled: Boolean(local.isWorking), "data-test": "enter" }, t(local.isWorking ? "working" : isNew ? "account.signUp" : "account.signIn"))),
    !isNew && h("a", { key: "forgot", href: "#/mail/forgot", "data-test": "forgot-password" }, t("mail.forgot.title")),
    h("button", { type: "button", class: "link", key: "switch", "data-test": "switch", onclick: () => { Object.assign(local, { isNew: !isNew, failure: "" }); app.draw(); } }, t(isNew ? "account.have" : "account.haveNone")),
  ];
};

const devices = (app) => {
  const { local } = app;
  if (!local.devices && !local.isAsking && !app.network.isFailed) {
    local.isAsking = true;
    app.accounts().then((accounts) => accounts.devices()).then((found) => { local.devices = found; app.draw(); }, () => {});
  }
  const revoke = (device) => app.attempt(async () => {
    await (await app.accounts()).revoke(device.deviceId);
    Object.assign(local, { devices: undefined, isAsking: false });
    app.draw();
  });
  return h("section", { class: "card", key: "devices", "data-test": "devices" }, h("h2", {}, t("account.devices")),
    h("ul", { class: "rows" }, (local.devices ?? []).map(({ device, signedInAt, signedIn, isThisDevice }) => {
      const name = device.name || t("account.device.unnamed");
      return h("li", { key: device.deviceId, "data-test": "device" },
        h("span", {}, name, " ", h("span", { class: "soft small" }, isThisDevice ? t("account.device.this") : signedIn ? t("account.device.since", { time: momentText(Date.parse(signedInAt ?? 0), { dateStyle: "medium" }) }) : t("account.device.out"))),
        signedIn && !isThisDevice && h("button", { type: "button", class: "button", "data-test": "revoke", onclick: () => revoke(device) }, t("account.device.revoke", { name })));
    })));
};

/** Asks for a mail that proves the address; the mail's digits, or its link, prove it. */
const address = (app) => {
  const { local } = app;
  if (local.isVerified === undefined && !app.network.isFailed) {
    local.isVerified = null;
    app.call("AccountService/GetAccount", {}).then(({ account }) => { local.isVerified = account?.emailVerified ?? false; app.draw(); }, () => {});
  }
  const ask = () => app.attempt(async () => {
    await app.call("AccountService/RequestVerification", {});
    app.mailToken = undefined;
    app.go("mail", "verify");
  });
  return local.isVerified === false && h("section", { class: "card plain", key: "address", "data-test": "address" }, h("h2", {}, t("mail.verify.title")),
    h("p", { class: "soft" }, t("mail.verify.why")),
    h("div", { class: "buttons" }, h("button", { type: "button", class: "button", "data-test": "request-verification", onclick: ask }, t("mail.verify.ask"))));
};

const password = (app) =>
  h("details", { class: "card", key: "password", "data-test": "password" }, h("summary", {}, t("account.changePassword")),
    h("form", {
      onsubmit: work(app, async ({ old, fresh }) => {
        await (await app.accounts()).changePassword(old.value, fresh.value);
        app.tell(t("account.passwordChanged"));
      }),
    },
      // For password managers: whose password it is.
      h("input", { type: "email", autocomplete: "username", value: app.view.account.email, class: "unseen", tabindex: "-1", "aria-label": t("account.email"), readonly: true }),
      field("old", t("account.password"), { type: "password", autocomplete: "current-password" }),
      field("fresh", t("account.newPassword"), { type: "password", autocomplete: "new-password", minlength: "8" }, t("account.passwordHint")),
      failureOf(app),
      h("div", { class: "buttons" }, h("button", { class: "button first" }, t("save")))));

const signOut = async (app) => {
  // What can be sent, is sent first.
  if (app.view.account.isSignedIn && app.view.account.waiting > 0) await app.syncNow();
  app.view = await app.client.view();
  const count = app.view.account?.waiting ?? 0;
  if (count > 0) {
    const isSure = await confirmed({ title: t("account.signOut.title"), text: t("account.signOut.unsent", { count }), button: t("account.signOut.anyway"), cancel: t("cancel") });
    if (!isSure) return;
  }
  await app.attempt(async () => (await app.accounts()).signOut());
  app.go("today");
};

const remove = (app) => {
  const local = { failure: "" };
  return openDialog(t("account.delete.title"), (close, redraw) => [h("form", {
    onsubmit: async (event) => {
      event.preventDefault();
      try {
        await (await app.accounts()).deleteAccount(event.target.elements.confirm.value.trim());
        app.erased = true;
        close(true);
        app.go("today");
      } catch (error) {
        local.failure = sentence(error);
        redraw();
      }
    },
  },
    h("h2", {}, t("account.delete.title")), h("p", { class: "soft" }, t("account.delete.text")),
    field("confirm", t("account.delete.email"), { type: "email", autocomplete: "off", "data-test": "delete-email" }),
    local.failure && h("p", { class: "notice wrong", role: "alert" }, local.failure),
    h("div", { class: "buttons" },
      h("button", { type: "button", class: "button", onclick: () => close() }, t("cancel")),
      h("button", { class: "button danger", "data-test": "delete-confirm" }, t("account.delete.button"))))]);
};

const kept = (app) => {
  const others = app.view.others.filter((other) => other.standing !== "unknown");
  return others.length > 0 && h("section", { class: "card plain", key: "kept", "data-test": "kept" }, h("h2", {}, t("account.kept")),
    h("ul", { class: "rows" }, others.map((other) =>
      h("li", { key: other.userId },
        h("span", {}, other.waiting > 0 ? t("account.kept.waiting", { count: other.waiting, email: other.email }) : other.email),
        other.waiting === 0 && h("button", { type: "button", class: "button", onclick: () => app.attempt(async () => (await app.accounts()).forget(other.userId)) }, t("account.kept.forget", { email: other.email }))))));
};

export const page = (app) => {
  const { view } = app;
  if (!app.isSecure) return [head(app, t("nav.account")), h("p", { class: "notice wrong", "data-test": "insecure" }, t("insecure.text"))];
  if (!view) return [head(app, t("nav.account"))];
  const { account } = view;
  if (!account?.isSignedIn) {
    const isNew = app.local.isNew ?? (!account && !view.hadAccount && !view.others.some((other) => other.standing !== "unknown"));
    // Without credentials the account is still the one in use: it can be left, too.
    const leave = account && h("button", { type: "button", class: "link", key: "leave", "data-test": "sign-out", onclick: () => signOut(app) }, t("account.leave", { email: account.email }));
    return [...enter(app, isNew), leave, kept(app)];
  }
  return [
    head(app, t("nav.account")),
    h("section", { class: "card", key: "account" },
      h("p", { "data-test": "signed-in" }, t("account.signedIn", { email: account.email })),
      account.waiting > 0 && h("p", { class: "soft" }, t("account.waiting", { count: account.waiting })),
      account.syncedAt > 0 && h("p", { class: "soft small" }, t("account.syncedAt", { time: momentText(account.syncedAt) })),
      h("div", { class: "buttons" },
        h("button", { type: "button", class: "button", "data-test": "sync", onclick: () => app.syncNow() }, t("account.syncNow")),
        h("a", { class: "button", href: "#/data", "data-test": "to-data" }, t("nav.data")),
        h("button", { type: "button", class: "button", "data-test": "sign-out", onclick: () => signOut(app) }, t("account.signOut")))),
    devices(app),
    address(app),
    password(app),
    kept(app),
    h("div", { class: "buttons", key: "delete" }, h("button", { type: "button", class: "button danger", "data-test": "delete-account", onclick: () => remove(app) }, t("account.delete"))),
  ];
};
