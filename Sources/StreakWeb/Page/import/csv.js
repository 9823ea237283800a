// Tables of text: RFC 4180, and what programs make of it.

const delimiters = [",", ";", "\t"];

/** The delimiter that most of the first rows have the same number of, outside of quotes. */
const delimiterOf = (text) => {
  const lines = text.split(/\r?\n/, 20).filter(Boolean);
  const score = (delimiter) => {
    const counts = lines.map((line) => line.replace(/"[^"]*"/g, "").split(delimiter).length - 1);
    return counts[0] > 0 ? counts.filter((count) => count === counts[0]).length * 100 + Math.min(counts[0], 99) : 0;
  };
  return [...delimiters].sort((left, right) => score(right) - score(left))[0];
};

/**
 * The rows as `{line, fields}`; empty rows are left out. `header` is the first line's fields with
 * their spaces.
 */
export const readTable = (text) => {
  const source = text.startsWith("\ufeff") ? text.slice(1) : text;
  const delimiter = delimiterOf(source);
  const rows = [];
  let [fields, field, line, begun, isQuoted, wasQuoted] = [[], "", 1, 1, false, false];
  const endField = () => {
    fields.push(wasQuoted ? field : field.trim());
    [field, wasQuoted] = ["", false];
  };
  const endRow = () => {
    endField();
    if (fields.some((each) => each !== "")) rows.push({ line: begun, fields });
    fields = [];
  };
  for (let place = 0; place < source.length; place += 1) {
    const character = source[place];
    if (character === "\n") line += 1;
    if (isQuoted) {
      if (character !== '"') field += character;
      else if (source[place + 1] === '"') {
        field += '"';
        place += 1;
      } else isQuoted = false;
    } else if (character === '"' && field.trim() === "") {
      [field, isQuoted, wasQuoted] = ["", true, true];
    } else if (character === delimiter) {
      endField();
    } else if (character === "\n") {
      endRow();
      begun = line;
    } else if (character !== "\r") {
      field += character;
    }
  }
  if (field !== "" || fields.length > 0) endRow();
  return { delimiter, rows, header: source.split(/\r?\n/, 1)[0].split(delimiter) };
};
