// What the first page shows beyond the habits, once there is something to show: what a person should
// know about the safety of what is here, and the archived habits. Loaded then.

import { h } from "./dom.js";
import { momentText, t } from "./i18n.js";
import { accountsOf } from "./service.js";

const card = (test, title, text, ...more) => h("section", { class: "card plain", key: test, "data-test": test }, h("h2", {}, title), h("p", { class: "soft" }, text), ...more);
const wayTo = (name, label) => h("div", { class: "buttons" }, h("a", { class: "button first", href: `#/${name}`, "data-test": `to-${name}` }, label));

/** What has become of an account that is not here any more. */
export const erased = (app) => app.erased && h("p", { class: "notice", role: "status", key: "erased", "data-test": "erased" }, t("erased.text"));

/** An announced deletion, on every device, with the way back. */
export const deletion = (app) => {
  const { account } = app.view;
  const keepAccount = () => app.attempt(async () => (await accountsOf(app)).cancelDeletion());
  return h("section", { class: "card", key: "deletion", "data-test": "deletion", "data-at": account.deletionAt },
    h("h2", {}, t("deletion.title", { time: momentText(account.deletionAt) })), h("p", { class: "soft" }, t("deletion.text")),
    account.isSignedIn && h("div", { class: "buttons" }, h("button", { type: "button", class: "button first", "data-test": "keep-account", onclick: keepAccount }, t("deletion.keep"))));
};

/** With so few recovery codes the page offers new ones. */
const fewCodesMax = 1;
export const hasFewCodes = ({ account }) => Boolean(account?.isSignedIn) && account.codesLeft !== null && account.codesLeft <= fewCodesMax;

/** What a person should know about the safety of what is here. */
const advice = (app) => {
  const { view } = app;
  const cards = [];
  if (view.account?.deletionAt) cards.push(deletion(app));
  if (!app.isSecure) cards.push(card("insecure", t("insecure.title"), t("insecure.text")));
  if (app.unknown || view.others.some((other) => other.standing === "unknown")) {
    cards.push(card("unknown", t("unknown.title"), t("unknown.text"), wayTo("account", t("keep.button"))));
  } else if (view.hadAccount && !view.account) {
    cards.push(card("forgot", t("forgot.title"), t("forgot.text"), wayTo("account", t("forgot.button"))));
  } else if (view.account && view.session) {
    cards.push(card("bring", t("bring.title"), t("bring.text"), wayTo("migrate", t("bring.button"))));
  } else if (!view.account && app.isSecure && view.session?.entries > 0) {
    const counted = view.session.preview?.counted ?? 0;
    cards.push(card("keep", t("keep.title"), t("keep.text"), counted > 0 && h("p", { "data-test": "will-count" }, t("keep.counts", { count: counted })), wayTo("account", t("keep.button"))));
  }
  if (hasFewCodes(view)) cards.push(card("few-codes", t("fewCodes.title", { count: view.account.codesLeft }), t("fewCodes.text"), wayTo("codes", t("fewCodes.button"))));
  return cards;
};

const archived = ({ view }) => {
  const habits = view.habits.filter((habit) => habit.archived);
  return habits.length > 0 && h("details", { class: "card plain", key: "archived", "data-test": "archived" }, h("summary", {}, t("today.archived")),
    h("ul", { class: "rows" }, habits.map((habit) => h("li", { key: habit.id }, h("a", { href: `#/habit/${encodeURIComponent(habit.id)}` }, habit.name), h("span", { class: "soft" }, habit.streak.total)))));
};

/** Below the list of habits: it moves nothing. */
export const below = (app) => [...advice(app), archived(app)];
