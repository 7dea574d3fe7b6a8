#!/usr/bin/env node
/** The process on a Docker host by itself, without the rest of Weft: what the managed plugin of a swarm runs. */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Plugin } from './plugin.js';

const { values } = parseArgs({
  options: {
    url: { type: 'string' },
    'token-file': { type: 'string' },
    hypervisor: { type: 'string' },
    bridge: { type: 'string' },
    attach: { type: 'string', default: 'internal' },
    scope: { type: 'string', default: 'global' },
    socket: { type: 'string', default: '/run/docker/plugins/weft.sock' },
    'state-directory': { type: 'string', default: '/var/lib/weft/docker-plugin' },
    ovsdb: { type: 'string' },
  },
});
const { url, hypervisor, bridge, ovsdb, attach, scope } = values;
if (url === undefined) throw new Error('--url is missing: the root of Weft, such as https://weft.example:8080');
const tokenFile = values['token-file'];
const plugin = await Plugin.start({
  url,
  token: tokenFile === undefined ? null : readFileSync(tokenFile, 'utf8').trim(),
  hypervisor: hypervisor ?? null,
  bridge: bridge ?? null,
  attach: attach === 'veth' ? 'veth' : 'internal',
  scope: scope === 'local' ? 'local' : 'global',
  socket: values.socket,
  stateDirectory: values['state-directory'],
  vsctlArguments: ovsdb === undefined ? [] : [`--db=${ovsdb}`],
  log: line => void process.stderr.write(`weft docker-plugin: ${line}\n`),
});
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => void plugin.stop().then(() => process.exit(0)));
