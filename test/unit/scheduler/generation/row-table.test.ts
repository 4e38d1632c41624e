import * as fc from 'fast-check';
import { RowTable } from '../../../../src/scheduler/generation/row-table';
import { makeRequest } from './support';
import type { Request } from '../../../../src/scheduler/generation/request';

/** A store that holds one number a row: which request's tokens are there. */
class Rows {
  readonly owner: (string | null)[];

  constructor(readonly rows: number) {
    this.owner = new Array<string | null>(rows).fill(null);
  }

  move(from: number, to: number): void {
    this.owner[to] = this.owner[from] ?? null;
    this.owner[from] = null;
  }

  vacate(row: number): void {
    this.owner[row] = null;
  }
}

/** Every request's tokens are where it thinks they are, and the decode batch is dense. */
function check(table: RowTable, store: Rows): void {
  table.decoding.forEach((request, row) => expect(request.row).toBe(row));
  const rows = table.requests.map(({ row }) => row);
  expect(new Set(rows).size).toBe(rows.length);
  for (const request of table.requests) expect(store.owner[request.row]).toBe(request.rid);
}

it('keeps decoding rows dense and every request’s tokens in its own row', () => {
  const action = fc.oneof(
    fc.constant({ do: 'admit' as const, at: 0 }),
    fc.record({ do: fc.constant('promote' as const), at: fc.nat(20) }),
    fc.record({ do: fc.constant('release' as const), at: fc.nat(20) }),
    fc.constant({ do: 'compact' as const, at: 0 }),
  );
  fc.assert(
    fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
      const store = new Rows(6);
      const table = new RowTable(store);
      let count = 0;
      for (const { do: verb, at } of actions) {
        const pick = (list: readonly Request[]) => list[at % Math.max(1, list.length)];
        if (verb === 'admit' && table.free > 0) {
          const request = makeRequest({ rid: String(count++) });
          table.admit(request);
          store.owner[request.row] = request.rid;
        }
        // Prompts complete in order of admission, as the scheduler computes them.
        const first = table.prefilling[0];
        if (verb === 'promote' && first) table.promote(first);
        const leaving = pick(table.requests);
        if (verb === 'release' && leaving) table.release(leaving);
        if (verb === 'compact') table.compact();
        check(table, store);
      }
    }),
  );
});

it('refuses more requests than rows, and to release twice', () => {
  const table = new RowTable(new Rows(1));
  const request = makeRequest();
  table.admit(request);
  expect(() => table.admit(makeRequest())).toThrow(/this is a bug/);
  table.release(request);
  expect(() => table.release(request)).toThrow(/this is a bug/);
});
