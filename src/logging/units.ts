/** Figures as SGLang's start-up lines show them. */

/** Seconds since a moment of `performance.now()`. */
export const secondsSince = (moment: number): string => ((performance.now() - moment) / 1000).toFixed(2);

export const gigabytes = (bytes: number): string => (bytes / 2 ** 30).toFixed(2);
