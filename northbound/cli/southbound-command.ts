/** `weft southbound`: how the listeners for hypervisors fare, and who is refused. */
import { Command } from 'commander';
import type { SouthboundStatus } from '../rest/southbound-status.js';
import type { JsonObject } from '../client/client.js';
import { printJson, printObjects } from './output.js';
import type { CommandContext } from './verb-commands.js';

export function southboundCommand(context: CommandContext): Command {
  return new Command('southbound')
    .description('the listeners for hypervisors: connections, certificates, who is refused and why')
    .action(async () => {
      const { body } = await context.client().request('GET /v1/southbound');
      if (context.output() === 'json') return printJson(body);
      const status = body as SouthboundStatus;
      const sections: readonly (readonly [readonly string[], readonly JsonObject[]])[] = [
        [['use', 'target', 'encrypted', 'connections'], status.listeners],
        [['what', 'path', 'expires_at'], status.certificates],
        [['listener', 'address', 'certificate_names', 'code', 'count', 'last_at', 'reason'], status.refused],
        [['peer', 'system_id', 'reason'], status.waiting],
      ];
      const shown = sections.filter(([, rows]) => rows.length > 0);
      for (const [index, [columns, rows]] of shown.entries()) {
        if (index > 0) process.stdout.write('\n');
        printObjects(columns, rows, 'table');
      }
      if (status.certificate_fault !== null) process.stdout.write(`\n${status.certificate_fault}\n`);
    });
}
