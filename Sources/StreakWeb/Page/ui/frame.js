// The top of every page: the name, whether everything is saved, and the ways to the other pages.

import { h } from "./dom.js";
import { momentText, t } from "./i18n.js";

export const icon = (path, props) => h("svg", { viewBox: "0 0 24 24", "aria-hidden": "true", ...props }, ...[path].flat().map((d) => h("path", { d })));
export const icons = {
  check: "M5 12.5l4.5 4.5L19 7.5",
  messages: "M5 5h14v10h-8l-4 4v-4H5z",
  person: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.5 20c1-4 4-5.5 7.5-5.5s6.500 1.500 7.500 5.500",
  gear: "M4 7h10M18 7h2M4 17h2M10 17h10M16 5v4M8 15v4",
  back: "M14 6l-6 6 6 6",
  forward: "M10 6l6 6-6 6",
};

/** How safe what a person has entered is: a state, and its time. */
export const saved = (app) => {
  const { view, network } = app;
  if (app.storageError || app.isBroken) return { state: "broken" };
  if (!view?.account) return { state: "here", isStashed: view?.session?.isStashed };
  if (!view.account.isSignedIn) return { state: "signIn" };
  if (network.isFailed) return { state: "offline", since: network.since };
  return { state: view.account.waiting > 0 || !view.account.syncedAt ? "sending" : "everywhere" };
};

const sinceText = (since, now) => momentText(since, now - since < 72_000_000 ? { timeStyle: "short" } : { dateStyle: "medium", timeStyle: "short" });

export const frame = (app) => {
  const { state, since, isStashed } = saved(app);
  const count = (app.view?.account?.notices.length ?? 0) + (app.view?.account?.rejected.length ?? 0);
  const way = (name, label, path, extra) =>
    h("a", { class: "icon", href: `#/${name}`, "aria-label": label, title: label, "aria-current": app.route.name === name ? "page" : undefined, "data-test": `go-${name}` }, icon(path), extra);
  const explained = state === "here" && isStashed ? "stashed" : state;
  return [
    h("a", { class: "brand", href: "#/", "data-test": "brand", "aria-label": `${t("app")}: ${t("nav.today")}` },
      h("svg", { viewBox: "0 0 64 64", "aria-hidden": "true" },
        h("circle", { cx: "32", cy: "32", r: "32", fill: "#b3420b" }),
        h("path", { d: "M18 33.5l9.5 9.5L47 22.5", fill: "none", stroke: "#fff", "stroke-width": "7", "stroke-linecap": "round", "stroke-linejoin": "round" }))),
    h("a", { class: "status", href: state === "signIn" || state === "here" ? "#/account" : "#/settings", "data-test": "status", "data-state": state, title: state === "broken" ? undefined : t(`status.explain.${explained}`) },
      h("span", { role: "status" }, t(`status.${state}`, { time: since ? sinceText(since, app.clock.now()) : "" }))),
    h("nav", { "aria-label": t("nav.menu"), class: "ways" },
      way("notices", count > 0 ? `${t("nav.notices")}: ${t("notices.count", { count })}` : t("nav.notices"), icons.messages, count > 0 && h("span", { class: "badge", "aria-hidden": "true" }, count)),
      way("account", t("nav.account"), icons.person),
      way("settings", t("nav.settings"), icons.gear)),
  ];
};

/** The heading of a page, with the way back. */
export const head = (app, title, ...more) => {
  app.title = title;
  return h("div", { class: "head" },
    h("a", { class: "icon turns", href: "#/", "aria-label": t("nav.back"), "data-test": "back" }, icon(icons.back)),
    h("h1", { tabindex: "-1" }, title), ...more);
};
