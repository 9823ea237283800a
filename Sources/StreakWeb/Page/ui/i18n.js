// The page's texts. The English ones of the first page come with it; the others, and other
// languages, are loaded when they are needed. A text may name values in braces, and may be
// `{one, other}` for a count.

import { en } from "../i18n/en.js";

/** The languages that the page speaks, by their own names. */
export const languages = { en: "English", de: "Deutsch" };
const loaders = { de: () => import("../i18n/de.js").then((module) => module.de) };
const rightToLeft = new Set(["ar", "fa", "he", "ur"]);

let texts = en;
let language = "en";
let plural = new Intl.PluralRules("en");

/** The language of the browser, among those that the page speaks. */
export const preferred = (wanted = navigator.languages ?? []) =>
  wanted.map((tag) => tag.split("-")[0]).find((tag) => tag in languages) ?? "en";

/** Changes the language; English is used where a language cannot be loaded. */
export const speak = async (tag) => {
  let found = en;
  try {
    found = tag in loaders ? await loaders[tag]() : en;
  } catch {
    tag = "en";
  }
  texts = { ...en, ...found };
  language = tag;
  plural = new Intl.PluralRules(tag);
  document.documentElement.lang = tag;
  document.documentElement.dir = rightToLeft.has(tag) ? "rtl" : "ltr";
};

/** Loads the texts of the pages that are opened later. */
export const loadMore = async () => {
  if ("account.email" in texts) return;
  const { more } = await import("../i18n/en-more.js");
  texts = { ...more, ...texts };
};

export const spoken = () => language;

/** The text of a key, with its values put in. `count` chooses between forms. */
export const t = (key, values = {}) => {
  const found = texts[key] ?? key;
  const text = typeof found === "string" ? found : (found[plural.select(values.count ?? 0)] ?? found.other);
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? formatted(values[name]) : whole));
};

const formatted = (value) => (typeof value === "number" ? new Intl.NumberFormat(language).format(value) : value);

// Days are written in UTC: a day number is a date without a zone.
export const dayText = (day, style = { dateStyle: "full" }) =>
  new Intl.DateTimeFormat(language, { ...style, timeZone: "UTC" }).format(day * 86_400_000);

export const momentText = (milliseconds, style = { dateStyle: "medium", timeStyle: "short" }) =>
  new Intl.DateTimeFormat(language, style).format(milliseconds);

/** 0 or 7: the first day of the week is Sunday; 1: Monday; 6: Saturday. */
export const firstWeekday = () => {
  const locale = new Intl.Locale(navigator.language?.startsWith(language) ? navigator.language : language);
  return (locale.getWeekInfo?.() ?? locale.weekInfo)?.firstDay ?? 1;
};
