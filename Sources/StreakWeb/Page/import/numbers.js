// Numbers of any locale.

/** With the digits of any script as those of ASCII. */
export const plainDigits = (text) => {
  if (!/[^\0-\u007f]/.test(text)) return text;
  return text.replace(/\p{Nd}/gu, (sign) => {
    if (sign <= "9") return sign;
    // The digits of a script follow each other, from its zero.
    let before = 0;
    while (/\p{Nd}/u.test(String.fromCodePoint(sign.codePointAt(0) - before - 1))) before += 1;
    return String(before % 10);
  });
};

/** Most characters of a number with its unit. */
const numberMax = 48;

/** `{body, isNegative, exponent}` of a number, perhaps with a unit; undefined for another text. */
export const readNumber = (source) => {
  if (source.length > numberMax) return undefined;
  const found = /^([-−+]?)([\d.,٫'’\u00a0\u202f٬]*)([^]*)$/u.exec(plainDigits(source));
  const [, sign, digits, rest] = found;
  const body = digits.replace(/['’\u00a0\u202f٬]/g, "").replaceAll("٫", ",");
  if (!/\d/.test(body) || /[.,]$/.test(body)) return undefined;
  const power = /^[eE]([-+]?\d{1,2})$/.exec(rest);
  if (!power && !/^[\p{Alphabetic}\s%°²³./]*$/u.test(rest)) return undefined;
  return { body, isNegative: sign === "-" || sign === "−", exponent: power ? Number(power[1]) : 0 };
};

/** The only decimal sign with which a number is valid; undefined if both are possible. */
export const voteOf = ({ body }) => {
  const last = Math.max(body.lastIndexOf("."), body.lastIndexOf(","));
  if (last < 0) return undefined;
  const [sign, other] = body[last] === "." ? [".", ","] : [",", "."];
  if (body.includes(other)) return sign;
  // A sign that occurs several times separates thousands.
  if (body.indexOf(sign) < last) return other;
  return body.length - last === 4 && last >= 1 && last <= 3 && body.slice(0, last) !== "0" ? undefined : sign;
};

/** The decimal sign that makes the numbers of a whole file valid. */
export const decimalSignOf = (texts, usesSemicolons) => {
  const votes = { ".": 0, ",": 0 };
  for (const text of texts) {
    const number = readNumber(text);
    const vote = number && voteOf(number);
    if (vote) votes[vote] += 1;
  }
  if (votes["."] === votes[","]) return usesSemicolons ? "," : ".";
  return votes["."] > votes[","] ? "." : ",";
};

export const numberIn = ({ body, isNegative, exponent }, decimalSign) => {
  const digits = [...body].filter((sign) => /\d/.test(sign) || sign === decimalSign).join("").replace(",", ".");
  const number = Number(`${digits}e${exponent}`);
  if (!Number.isFinite(number)) return undefined;
  return isNegative ? -number : number;
};

/** With at most three decimals. */
export const amountText = (amount) => String(Math.round(amount * 1000) / 1000);
