/**
 * Program, run inside a network namespace by management-relay.ts: opens listening sockets there and hands each over to
 * its parent. Arguments: ADDRESS PORT,PORT,...
 */
import { once } from 'node:events';
import { createServer } from 'node:net';

const [address = '', portList = ''] = process.argv.slice(2);

for (const port of portList.split(',').map(Number)) {
  const server = createServer({ allowHalfOpen: true });
  server.listen(port, address);
  await once(server, 'listening');
  const taken = once(process, 'message');
  process.send?.({ port }, server);
  await taken;
}
// The parent holds the sockets now. Staying would share their connections with it.
process.exit(0);
