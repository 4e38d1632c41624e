/**
 * A number as Python may write it, in JSON's form. Its digits stay: JavaScript's numbers have fewer than Python's.
 * @returns null where it is none
 */
export function numberOf(text: string): string | null {
  const plain = text.replace(/^\+|(?<=\d)_(?=\d)/g, '');
  const decimal = plain.replace(/^(-?)\./, '$10.').replace(/\.(?=$|[eE])/, '.0');
  return /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?$/.test(decimal) ? decimal : null;
}
