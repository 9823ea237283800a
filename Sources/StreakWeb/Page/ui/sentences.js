// What went wrong, for a person: what happened, what is safe, what to do.

import { t } from "./i18n.js";

const has = (key) => t(key) !== key;

const whenText = (milliseconds) => {
  if (milliseconds === undefined || milliseconds > 7_200_000) return t("when.later");
  if (milliseconds < 120_000) return t("when.seconds", { count: Math.max(1, Math.round(milliseconds / 1000)) });
  return t("when.minutes", { count: Math.ceil(milliseconds / 60_000) });
};

export const sentence = (error) => {
  if (error.name === "StorageError") return t(error.kind === "quota" ? "error.quota" : "error.storage");
  if (error.name === "RuleError") return has(`error.${error.reason}`) ? t(`error.${error.reason}`) : t("error.unexpected", { message: error.reason });
  if (error.name === "CallError") {
    const values = {
      message: error.message, when: whenText(error.retryMilliseconds),
      fields: error.fields.map(({ field, description }) => `${field} ${description}`).join("; ") || error.message,
    };
    const key = error.kind === "refused" ? `error.${error.reason}` : `error.${error.kind}`;
    return has(key) ? t(key, values) : t("error.other", values);
  }
  return t("error.unexpected", { message: String(error.message ?? error) });
};
