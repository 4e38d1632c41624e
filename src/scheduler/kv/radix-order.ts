import type { RadixNode } from './radix-node';

/** A node on the way to some of the sequences being ordered. */
interface Branch {
  /** Sequences that end in this node or below it. */
  weight: number;
  /** Sequences that end here. */
  readonly ends: number[];
  readonly below: Branch[];
}

/**
 * Orders sequences by a depth-first walk of the tree that enters the heaviest branch first and lists those that end in
 * a node after those below it. Equal weights keep the order of first appearance.
 * @param nodes where each sequence ends
 * @returns indices into `nodes`
 */
export function depthFirstByWeight(nodes: readonly RadixNode[]): number[] {
  const order: number[] = [];
  // A branch is left on the stack, emptied of its children, until all below it is listed.
  const open = [gather(nodes)];
  for (let branch = open.at(-1); branch; branch = open.at(-1)) {
    if (branch.below.length > 0) {
      // The stack turns the order round: the heaviest branch must be pushed last.
      open.push(
        ...branch.below
          .splice(0)
          .sort((a, b) => b.weight - a.weight)
          .reverse(),
      );
    } else {
      order.push(...branch.ends);
      open.pop();
    }
  }
  return order;
}

/** The part of the trees that leads to `nodes`, under one common root. */
function gather(nodes: readonly RadixNode[]): Branch {
  const trunk: Branch = { weight: 0, ends: [], below: [] };
  const branches = new Map<RadixNode, Branch>();
  nodes.forEach((node, index) => {
    let below: Branch | null = null;
    for (let at: RadixNode | null = node; at; at = at.parent) {
      const known = branches.get(at);
      const branch: Branch = known ?? { weight: 0, ends: [], below: [] };
      branch.weight++;
      if (at === node) branch.ends.push(index);
      if (below) branch.below.push(below);
      if (!known) branches.set(at, branch);
      // What is below a known branch is attached already.
      below = known ? null : branch;
    }
    if (below) trunk.below.push(below);
  });
  return trunk;
}
