// The fields of a habit, and the rules for its name.

import { byId, utf8Length } from "./bytes.js";

export const habitsMax = 1000;
export const positionMax = 1_000_000;
export const nameBytesMax = 256;
export const descriptionBytesMax = 2048;

/** The fields that a conflict can be about, by their names in the schema. */
export const habitFields = ["name", "description", "color", "position", "archived"];

/** The fields of a habit as the server writes it: defaults are left out in JSON. */
export const fieldsOf = (habit) => ({
  name: habit.name ?? "",
  description: habit.description ?? "",
  color: habit.color ?? 0,
  position: habit.position ?? 0,
  archived: habit.archived ?? false,
});

export const sameFields = (left, right) => habitFields.every((field) => left?.[field] === right?.[field]);

/** Whether a name can be stored: some visible text of one line. */
export const isNameValid = (name) =>
  utf8Length(name) <= nameBytesMax && /[^\s\p{Cf}]/u.test(name) && !/[\p{Cc}\p{Zl}\p{Zp}]/u.test(name);

export const areFieldsValid = (fields) =>
  isNameValid(fields.name) && utf8Length(fields.description) <= descriptionBytesMax && !fields.description.includes("\0") &&
  fields.color >= 0 && fields.color <= 0xffffff && fields.position >= 0 && fields.position <= positionMax;

/**
 * The form for comparisons, as the service has it. Upper case first: it expands letters without a
 * single lower case form, such as ß.
 */
export const normalisedName = (name) =>
  name.toUpperCase().toLowerCase().split(/\s+/u).filter(Boolean).join(" ").normalize("NFC");

/** Orders `[id, fields]` in the person's own order. */
export const inOrder = ([leftId, left], [rightId, right]) => left.position - right.position || byId(leftId, rightId);
