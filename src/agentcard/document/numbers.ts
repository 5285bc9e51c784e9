/** The digits that tell every double from the next. */
const mostDigits = 17;
/** Below this doubles have fewer digits. */
const leastNormal = 2 ** -1022;

/**
 * The double of a JSON number, where it keeps the number: written again by RFC 8785 it has the same value. Of a fraction only the
 * digits that no double has may differ, as in RFC 8785's own examples. Undefined: other readers would see another number.
 */
export function keptNumber(token: string): number | undefined {
  const number = Number(token);
  if (!Number.isFinite(number)) return undefined;
  const written = decimal(token);
  if (written.text === decimal(String(number)).text) return number;
  const isFraction = !Number.isInteger(number) && Math.abs(number) >= leastNormal;
  return isFraction && written.digits <= mostDigits ? number : undefined;
}

/** A number in its one spelling: significant digits and a power of ten. Time is linear, whatever zeros it carries. */
function decimal(token: string) {
  const [, sign, whole = '', fraction = '', power = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/.exec(token.toLowerCase()) ?? [];
  const digits = (whole + fraction).replace(/^0+/, '');
  let end = digits.length;
  while (digits[end - 1] === '0') end -= 1;
  const exponent = Number(power) - fraction.length + digits.length - end;
  return { text: end === 0 ? '0' : `${sign}${digits.slice(0, end)}e${exponent}`, digits: end };
}
