// Conflicts, with a choice; healed streaks; and operations that the server did not accept.

import { stated } from "../modules/queue.js";
import { fieldName } from "../modules/shown.js";
import { h } from "./dom.js";
import { head } from "./frame.js";
import { dayText, momentText, t } from "./i18n.js";
import { utf8Length } from "../modules/bytes.js";
import { noteBytesMax } from "../modules/rules.js";
import { call } from "./service.js";

const kindOf = (notice) => notice.kind.replace("NOTICE_KIND_", "").replace("_CONFLICT", "").toLowerCase();

/** A value of a conflict, in words. */
const valueText = (notice, value) => {
  const kind = kindOf(notice);
  if (kind === "done") return t(value ? "calendar.done" : "calendar.notDone");
  if (kind === "deletion") return t("notices.restored");
  if (kind === "field" && fieldName(notice.field) === "color") return `#${value.toString(16).padStart(6, "0")}`;
  if (value === true || value === false) return t(value ? "state.ARCHIVED" : "notices.notArchived");
  return value === "" ? t("notices.empty") : String(value);
};

const title = (notice, name) => {
  const kind = kindOf(notice);
  if (kind === "streak_healed") return t("notices.healed", { name, count: notice.winningValue });
  return t(`notices.conflict.${kind}`, { name, day: notice.day ? dayText(notice.day, { dateStyle: "medium" }) : "", field: notice.field ? t(`field.${fieldName(notice.field)}`) : "" });
};

/** Both notes of a day, one after the other. */
const together = (notice) => [notice.winningValue, notice.losingValue].filter(Boolean).join("\n");

const one = (app, notice) => {
  const name = app.view.habits.find((habit) => habit.id === notice.habitId)?.name ?? t("nav.today");
  const kind = kindOf(notice);
  const seen = () => app.attempt(() => app.client.acknowledge(notice.noticeId));
  const resolve = (takesLosing) => app.attempt(() => app.client.resolve(notice.noticeId, takesLosing));
  const both = () => app.attempt(async () => {
    await app.client.setNote(notice.habitId, notice.day, together(notice));
    await app.client.acknowledge(notice.noticeId);
  });
  const button = (label, test, onclick) => h("button", { type: "button", class: "button", "data-test": test, onclick }, label);
  const isOpen = kind !== "streak_healed" && !notice.resolved;
  return h("section", { class: "card", key: notice.noticeId, "data-test": "notice", "data-kind": kind },
    h("h2", {}, title(notice, name)),
    notice.madeAt && h("p", { class: "soft small" }, momentText(Date.parse(notice.madeAt))),
    kind === "streak_healed" && h("p", {}, t("notices.healedText", { count: notice.losingValue })),
    kind !== "streak_healed" && h("div", { class: "values" },
      h("div", { class: "value" }, h("p", { class: "soft small" }, t("notices.kept")), h("p", { "data-test": "kept-value" }, valueText(notice, notice.winningValue)), isOpen && button(t("notices.keep"), "keep-value", () => resolve(false))),
      h("div", { class: "value" }, h("p", { class: "soft small" }, t("notices.other")), h("p", { "data-test": "other-value" }, kind === "deletion" ? t("notices.deleted") : valueText(notice, notice.losingValue)), isOpen && button(t("notices.take"), "take-other", () => resolve(true)))),
    h("div", { class: "buttons" },
      isOpen && kind === "note" && notice.winningValue && notice.losingValue && utf8Length(together(notice)) <= noteBytesMax && button(t("notices.takeBoth"), "take-both", both),
      button(t("notices.seen"), "seen", seen)));
};

const whyText = (reason) => {
  const key = `error.${reason}`;
  return t(key) === key ? reason : t(key);
};

const aboutText = (app, op, reason) => {
  const { setCompletion, setNote } = op ? stated(op) : {};
  const about = setCompletion ?? setNote;
  const why = whyText(reason);
  if (!about) return t("notices.rejected.other", { why });
  const name = app.view.habits.find((habit) => habit.id === about.habitId)?.name ?? "";
  return t("notices.rejected.day", { name, day: dayText(about.day ?? 0, { dateStyle: "medium" }), why });
};

const rejected = (app) => {
  const { account } = app.view;
  const list = account?.rejected ?? [];
  return list.length > 0 && h("section", { class: "card", key: "rejected", "data-test": "rejected" }, h("h2", {}, t("notices.rejected")),
    h("ul", { class: "rows" }, list.map(({ op, reason }) =>
      h("li", { key: op.hybridTime, "data-test": "rejected-operation", "data-reason": reason }, h("span", {}, aboutText(app, op, reason)),
        h("button", { type: "button", class: "button", onclick: () => app.attempt(() => app.client.acknowledgeRejected(op.hybridTime)) }, t("notices.seen"))))));
};

/** The inbox of all devices, from the server. */
const inbox = (app) => {
  const { local } = app;
  const ask = (event) => {
    if (!event.target.open || local.inbox) return;
    app.attempt(async () => {
      local.inbox = [];
      let pageToken = "";
      do {
        const found = await call(app, "SyncService/ListRejectedOperations", { pageSize: 200, pageToken });
        local.inbox.push(...(found.operations ?? []));
        pageToken = found.nextPageToken ?? "";
      } while (pageToken && local.inbox.length < 2000);
      app.draw();
    });
  };
  return app.view.account?.isSignedIn && h("details", { class: "card plain", key: "inbox", "data-test": "inbox", ontoggle: ask }, h("summary", {}, t("notices.rejected.inbox")),
    local.inbox?.length === 0 && h("p", { class: "soft" }, t("notices.none")),
    h("ul", { class: "rows small" }, (local.inbox ?? []).map((entry) =>
      h("li", { key: `${entry.deviceId} ${entry.seq}` }, h("span", {}, aboutText(app, entry.operation, entry.reason)), h("span", { class: "soft" }, momentText(Date.parse(entry.rejectedAt)))))));
};

export const page = (app) => {
  const notices = app.view?.account?.notices ?? [];
  const latest = [...notices].sort((left, right) => Number(right.version ?? 0) - Number(left.version ?? 0));
  return [
    head(app, t("nav.notices")),
    notices.length === 0 && !app.view?.account?.rejected.length && h("p", { class: "soft", key: "none", "data-test": "no-notices" }, t("notices.none")),
    ...latest.map((notice) => one(app, notice)),
    rejected(app),
    app.view && inbox(app),
  ];
};
