// Sign-up and sign-in; and for those who are signed in: devices, password, sign-out, deletion.

import { deletion, erased, hasFewCodes } from "./advice.js";
import { confirmed, openDialog } from "./dialog.js";
import { h } from "./dom.js";
import { failureOf, field, newPasswordField, proofField, proofOf, refusal, work } from "./form.js";
import { head } from "./frame.js";
import { dayText, momentText, t } from "./i18n.js";
import { sentence } from "./sentences.js";
import { accountsOf, call, syncNow } from "./service.js";

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
  const submit = work(app, async ({ email, password, addressCode }) => {
    const accounts = await accountsOf(app);
    if (isNew) {
      const { recoveryCodes } = await accounts.signUp(email.value.trim(), password.value, { addressCode: addressCode?.value.replace(/\D/g, "") });
      await syncNow(app);
      app.unknown = false;
      app.tell(t("account.welcome"));
      // Shown now or never: the server keeps only their hashes.
      if (recoveryCodes.length > 0) app.codes = recoveryCodes;
      app.go(app.codes ? "codes" : "today");
      return;
    }
    await accounts.signIn(email.value.trim(), password.value);
    app.view = await app.client.view();
    app.go(app.view.session ? "migrate" : "today");
  });
  // Another account may have the address without having proved it: its digits prove it here.
  const askForCode = () => app.attempt(async () => {
    await (await accountsOf(app)).requestSignUpCode(local.email.trim());
    Object.assign(local, { hasCode: true, failure: "" });
    app.draw();
  });
  return [
    head(app, t(isNew ? "account.signUp" : "account.signIn")),
    isNew && preview(app),
    h("form", { key: isNew ? "sign-up" : "sign-in", class: "card", "data-test": isNew ? "sign-up" : "sign-in", onsubmit: submit },
      field("email", t("account.email"), { type: "email", autocomplete: "username", value: local.email ?? known, oninput: (event) => { local.email = app.typedEmail = event.target.value; } }),
      field("password", t("account.password"), { type: "password", autocomplete: isNew ? "new-password" : "current-password", minlength: isNew ? "8" : undefined }, isNew ? t("account.passwordHint") : undefined),
      isNew && local.hasCode && field("addressCode", t("mail.verify.code"), { inputmode: "numeric", autocomplete: "one-time-code" }, t("mail.verify.new", { email: local.email ?? "" })),
      failureOf(app),
      isNew && local.failure && local.reason === "SIGN_UP_REFUSED" && h("button", { type: "button", class: "button", key: "code", "data-test": "sign-up-code", onclick: askForCode }, t("account.signUp.code")),
      h("button", { class: "button first", disabled: Boolean(local.isWorking), "data-test": "enter" }, t(local.isWorking ? "working" : isNew ? "account.signUp" : "account.signIn"))),
    !isNew && h("a", { key: "forgot", href: "#/forgot", "data-test": "forgot-password" }, t("mail.forgot.title")),
    h("button", { type: "button", class: "link", key: "switch", "data-test": "switch", onclick: () => { Object.assign(local, { isNew: !isNew, failure: "" }); app.draw(); } }, t(isNew ? "account.have" : "account.haveNone")),
  ];
};

const devices = (app) => {
  const { local } = app;
  if (!local.devices && !local.isAsking && !app.network.isFailed) {
    local.isAsking = true;
    accountsOf(app).then((accounts) => accounts.devices()).then((found) => { local.devices = found; app.draw(); }, () => {});
  }
  const revoke = (device) => app.attempt(async () => {
    await (await accountsOf(app)).revoke(device.deviceId);
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

/** Milliseconds between two looks for devices that ask to sign in, while the page is open. */
const approvalsMilliseconds = 4_000;

const watchApprovals = async (app) => {
  const { local } = app;
  while (app.local === local && app.view.account?.isSignedIn) {
    if (document.visibilityState === "visible" && !app.network.isFailed) {
      // A failed look is made again.
      const found = await accountsOf(app).then((accounts) => accounts.approvals()).catch(() => local.approvals);
      if (JSON.stringify(found) !== JSON.stringify(local.approvals)) {
        local.approvals = found;
        if (app.local === local) app.draw();
      }
    }
    await new Promise((resolve) => setTimeout(resolve, approvalsMilliseconds));
  }
};

/** Devices that ask to be signed in. Both show the same digits: the person compares them. */
const approvals = (app) => {
  const { local } = app;
  if (!local.isWatching) {
    local.isWatching = true;
    watchApprovals(app);
  }
  const decide = (action, request) => app.attempt(async () => {
    await (await accountsOf(app))[action](request);
    local.approvals = local.approvals.filter((each) => each !== request);
    if (action === "approve") app.tell(t("approval.done"));
    Object.assign(local, { devices: undefined, isAsking: false });
    app.draw();
  });
  return (local.approvals ?? []).map((request) => {
    const name = request.device?.name || t("account.device.unnamed");
    return h("section", { class: "card", key: request.requestId, role: "alert", "data-test": "approval", "data-digits": request.digits },
      h("h2", {}, t("approval.title", { name })), h("p", { class: "soft" }, t("approval.text", { address: request.address ?? "" })),
      h("p", { class: "digits", role: "img", "aria-label": [...request.digits].join(" ") }, request.digits),
      h("div", { class: "buttons" },
        h("button", { type: "button", class: "button first", "data-test": "approve", onclick: () => decide("approve", request) }, t("approval.approve")),
        h("button", { type: "button", class: "button danger", "data-test": "deny", onclick: () => decide("deny", request) }, t("approval.deny"))));
  });
};

const status = (app) => {
  const { local } = app;
  if (local.status || local.isStatusAsked || app.network.isFailed) return;
  local.isStatusAsked = true;
  accountsOf(app).then((accounts) => accounts.status()).then((found) => { local.status = found; app.draw(); }, () => {});
};

const codes = (app) =>
  h("section", { class: "card", key: "codes", "data-test": "codes" }, h("h2", {}, t("codes.title")),
    h("p", { class: "soft", "data-test": "codes-left" }, app.local.status ? t("codes.left", { count: app.local.status.codesLeft }) : t("codes.why")),
    h("div", { class: "buttons" }, h("a", { class: `button${hasFewCodes(app.view) ? " first" : ""}`, href: "#/codes", "data-test": "to-codes" }, t("codes.make"))));

/** Another address: a mail to it proves it, and the former one is told. */
const newAddress = (app) =>
  h("details", { class: "card", key: "new-address", "data-test": "new-address" }, h("summary", {}, t("account.changeEmail")),
    h("p", { class: "soft" }, t("account.changeEmail.text")),
    h("form", {
      onsubmit: work(app, async ({ newEmail, newEmailPassword }) => {
        const email = newEmail.value.trim();
        await (await accountsOf(app)).requestAddressChange(email, newEmailPassword.value);
        Object.assign(app, { mailToken: undefined, newEmail: email });
        app.go("mail", "verify");
      }, "address"),
    },
      field("newEmail", t("account.newEmail"), { type: "email", autocomplete: "off" }),
      field("newEmailPassword", t("account.password"), { type: "password", autocomplete: "current-password" }),
      failureOf(app, "address"),
      h("div", { class: "buttons" }, h("button", { class: "button first", "data-test": "change-email" }, t("mail.verify.ask")))));

/** Asks for a mail that proves the address; the mail's digits, or its link, prove it. */
const address = (app) => {
  const { local } = app;
  const ask = () => app.attempt(async () => {
    await call(app, "AccountService/RequestVerification", {});
    Object.assign(app, { mailToken: undefined, newEmail: undefined });
    app.go("mail", "verify");
  });
  return local.status?.isVerified === false && h("section", { class: "card plain", key: "address", "data-test": "address" }, h("h2", {}, t("mail.verify.title")),
    h("p", { class: "soft" }, t("mail.verify.why")),
    h("div", { class: "buttons" }, h("button", { type: "button", class: "button", "data-test": "request-verification", onclick: ask }, t("mail.verify.ask"))));
};

const password = (app) =>
  h("details", { class: "card", key: "password", "data-test": "password" }, h("summary", {}, t("account.changePassword")),
    h("form", {
      onsubmit: work(app, async ({ old, fresh }) => {
        await (await accountsOf(app)).changePassword(old.value, fresh.value);
        app.tell(t("account.passwordChanged"));
      }),
    },
      // For password managers: whose password it is.
      h("input", { type: "email", autocomplete: "username", value: app.view.account.email, class: "unseen", tabindex: "-1", "aria-label": t("account.email"), readonly: true }),
      field("old", t("account.password"), { type: "password", autocomplete: "current-password" }),
      newPasswordField(),
      failureOf(app),
      h("div", { class: "buttons" }, h("button", { class: "button first" }, t("save")))));

const signOut = async (app) => {
  // What can be sent, is sent first.
  if (app.view.account.isSignedIn && app.view.account.waiting > 0) await syncNow(app);
  app.view = await app.client.view();
  const count = app.view.account?.waiting ?? 0;
  if (count > 0) {
    const isSure = await confirmed({ title: t("account.signOut.title"), text: t("account.signOut.unsent", { count }), button: t("account.signOut.anyway"), cancel: t("cancel") });
    if (!isSure) return;
  }
  app.codes = undefined;
  await app.attempt(async () => (await accountsOf(app)).signOut());
  app.go("today");
};

/** A deletion is announced, and can be taken back until its day; or it is made at once. */
const remove = (app) => {
  const local = { failure: "", isAtOnce: false };
  return openDialog(t("account.delete.title"), (close, redraw) => [h("form", {
    onsubmit: async (event) => {
      event.preventDefault();
      const { confirm, proof } = event.target.elements;
      const [email, given] = [confirm.value.trim(), proofOf(local, proof)];
      try {
        const accounts = await accountsOf(app);
        if (local.isAtOnce) {
          await accounts.deleteAccount(email, given);
          app.erased = true;
          app.go("today");
        } else {
          await accounts.announceDeletion(email, given);
        }
        close(true);
      } catch (error) {
        local.failure = sentence(refusal(error, local.isCode));
        redraw();
      }
    },
  },
    h("h2", {}, t("account.delete.title")), h("p", { class: "soft" }, t(local.isAtOnce ? "account.delete.text" : "account.delete.later")),
    field("confirm", t("account.delete.email"), { type: "email", autocomplete: "off", "data-test": "delete-email" }),
    proofField(local, redraw, { "data-test": "delete-password" }),
    h("label", { class: "check" },
      h("input", { type: "checkbox", checked: local.isAtOnce, "data-test": "delete-at-once", onchange: (event) => { local.isAtOnce = event.target.checked; redraw(); } }),
      t("account.delete.atOnce")),
    local.failure && h("p", { class: "notice wrong", role: "alert" }, local.failure),
    h("div", { class: "buttons" },
      h("button", { type: "button", class: "button", onclick: () => close() }, t("cancel")),
      h("button", { class: "button danger", "data-test": "delete-confirm" }, t(local.isAtOnce ? "account.delete.button" : "account.delete.announce"))))]);
};

const kept = (app) => {
  const others = app.view.others.filter((other) => other.standing !== "unknown");
  return others.length > 0 && h("section", { class: "card plain", key: "kept", "data-test": "kept" }, h("h2", {}, t("account.kept")),
    h("ul", { class: "rows" }, others.map((other) =>
      h("li", { key: other.userId },
        h("span", {}, other.waiting > 0 ? t("account.kept.waiting", { count: other.waiting, email: other.email }) : other.email),
        other.waiting === 0 && h("button", { type: "button", class: "button", onclick: () => app.attempt(async () => (await accountsOf(app)).forget(other.userId)) }, t("account.kept.forget", { email: other.email }))))));
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
    return [erased(app), ...enter(app, isNew), leave, kept(app)];
  }
  status(app);
  return [
    head(app, t("nav.account")),
    ...approvals(app),
    account.deletionAt > 0 && deletion(app),
    h("section", { class: "card", key: "account" },
      h("p", { "data-test": "signed-in" }, t("account.signedIn", { email: account.email })),
      account.waiting > 0 && h("p", { class: "soft" }, t("account.waiting", { count: account.waiting })),
      account.syncedAt > 0 && h("p", { class: "soft small" }, t("account.syncedAt", { time: momentText(account.syncedAt) })),
      h("div", { class: "buttons" },
        h("button", { type: "button", class: "button", "data-test": "sync", onclick: () => syncNow(app) }, t("account.syncNow")),
        h("a", { class: "button", href: "#/data", "data-test": "to-data" }, t("nav.data")),
        h("button", { type: "button", class: "button", "data-test": "sign-out", onclick: () => signOut(app) }, t("account.signOut")))),
    devices(app),
    codes(app),
    address(app),
    newAddress(app),
    password(app),
    kept(app),
    h("div", { class: "buttons", key: "delete" }, h("button", { type: "button", class: "button danger", "data-test": "delete-account", onclick: () => remove(app) }, t("account.delete"))),
  ];
};
