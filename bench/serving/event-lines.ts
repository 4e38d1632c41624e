const NEWLINE = 10;
const CARRIAGE_RETURN = 13;

/** Cuts a stream of bytes into lines. Lines stay bytes: most of them are looked at, few are parsed. */
export class LineReader {
  private rest: Buffer | null = null;

  constructor(private readonly onLine: (line: Buffer) => void) {}

  push(chunk: Buffer): void {
    const data = this.rest === null ? chunk : Buffer.concat([this.rest, chunk]);
    let begin = 0;
    for (let end = data.indexOf(NEWLINE); end >= 0; end = data.indexOf(NEWLINE, begin)) {
      const length = data[end - 1] === CARRIAGE_RETURN && end > begin ? end - 1 : end;
      this.onLine(data.subarray(begin, length));
      begin = end + 1;
    }
    this.rest = begin < data.length ? data.subarray(begin) : null;
  }
}
