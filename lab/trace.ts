/** What `ofproto/trace` says, as data. */

export interface Trace {
  readonly text: string;
  /** Lookups in the flow tables of the traced bridge. */
  readonly tableVisits: number;
  /** The datapath actions at the end: `drop`, `5`, `tnl_push(...)`. */
  readonly datapathActions: string;
}

/** Reads a trace's text; lookups of other bridges that the packet passes (the lab's `br-phy`) are not counted. */
export function parseTrace(text: string, bridge: string): Trace {
  // Bridges that the packet is in, outermost first. One ends where the text is indented less than its heading.
  const within = [{ bridge, indentation: 0 }];
  let tableVisits = 0;
  let datapathActions = '';
  for (const line of text.split('\n')) {
    if (line.startsWith('Datapath actions: ')) datapathActions = line.slice('Datapath actions: '.length);
    if (line.trim() === '') continue;
    const indentation = line.length - line.trimStart().length;
    while (within.length > 1 && indentation < (within.at(-1)?.indentation ?? 0)) within.pop();
    const entered = /^\s*bridge\("([^"]+)"\)/.exec(line);
    if (entered?.[1] !== undefined) within.push({ bridge: entered[1], indentation });
    else if (/^\s*\d+\. /.test(line) && within.at(-1)?.bridge === bridge) tableVisits += 1;
  }
  return { text, tableVisits, datapathActions };
}
