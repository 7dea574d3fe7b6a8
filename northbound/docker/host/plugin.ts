/**
 * The process on a Docker host: it answers at a socket that Docker finds by itself, makes the devices of containers, and passes everything
 * else on to Weft. It keeps nothing but what waits for Weft, so that it may be killed and started again at any time.
 */
import { chmod, mkdir, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { dirname } from 'node:path';
import { Backlog } from './backlog.js';
import { type Body, ControllerLink, refusal, type Reply } from './controller-link.js';
import { deviceNames, Devices, type DeviceWish } from './devices.js';

export interface PluginOptions {
  readonly url: string;
  readonly token: string | null;
  /** Null: what Open vSwitch says. */
  readonly hypervisor: string | null;
  /** Null: what Open vSwitch says. */
  readonly bridge: string | null;
  /** veth: this process makes devices. internal: Weft does, and this process only passes requests on. */
  readonly attach: 'internal' | 'veth';
  readonly scope: 'local' | 'global';
  readonly socket: string;
  /** Where it keeps what waits for Weft. */
  readonly stateDirectory: string;
  readonly vsctlArguments: readonly string[];
  readonly log: (line: string) => void;
}

const contentType = 'application/vnd.docker.plugins.v1.2+json';
const bodyLimit = 1024 * 1024;
/** How often it looks whether what waits can be sent. */
const drainEveryMs = 5_000;

/** What is answered without Weft: a Docker that starts, or lists its containers, need not wait for it. */
const constants = (scope: string): Readonly<Record<string, Body>> => ({
  'Plugin.Activate': { Implements: ['NetworkDriver', 'IpamDriver'] },
  'NetworkDriver.GetCapabilities': { Scope: scope, ConnectivityScope: 'global' },
  'IpamDriver.GetCapabilities': { RequiresMACAddress: false, RequiresRequestReplay: false },
  'IpamDriver.GetDefaultAddressSpaces': {
    LocalDefaultAddressSpace: 'weft-local',
    GlobalDefaultAddressSpace: 'weft-global',
  },
  'NetworkDriver.EndpointOperInfo': { Value: {} },
  'NetworkDriver.Leave': {},
  'NetworkDriver.ProgramExternalConnectivity': {},
  'NetworkDriver.RevokeExternalConnectivity': {},
  'NetworkDriver.DiscoverNew': {},
  'NetworkDriver.DiscoverDelete': {},
});

export class Plugin {
  readonly #options: PluginOptions;
  readonly #devices: Devices;
  readonly #link: ControllerLink;
  readonly #constants: Readonly<Record<string, Body>>;
  readonly #server: Server;
  #timer: NodeJS.Timeout | null = null;

  private constructor(options: PluginOptions, devices: Devices, link: ControllerLink) {
    this.#options = options;
    this.#devices = devices;
    this.#link = link;
    this.#constants = constants(options.scope);
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }

  /** Listens at the socket. What a process that was killed has left there goes first. */
  static async start(options: PluginOptions): Promise<Plugin> {
    const { bridge, vsctlArguments, socket } = options;
    const devices = new Devices({ bridge, vsctlArguments });
    const hypervisor = options.hypervisor ?? (await devices.hypervisorName());
    if (options.attach === 'veth') await removeLeftovers(devices, options.log);
    const backlog = await Backlog.open(`${options.stateDirectory}/backlog`);
    const plugin = new Plugin(options, devices, new ControllerLink({ ...options, hypervisor, backlog }));
    await mkdir(dirname(socket), { recursive: true });
    await rm(socket, { force: true });
    await new Promise<void>((resolve, reject) => {
      plugin.#server.once('error', reject);
      plugin.#server.listen(socket, resolve);
    });
    await chmod(socket, 0o600);
    plugin.#timer = setInterval(() => void plugin.#link.drain().catch(() => undefined), drainEveryMs);
    options.log(`${hypervisor}: listens at ${socket} for Weft at ${options.url}`);
    return plugin;
  }

  async stop(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    await new Promise<void>(resolve => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const method = (request.url ?? '/').slice(1);
    let reply: Reply;
    try {
      reply = await this.#answer(method, await readBody(request));
    } catch (error) {
      const { message } = error as Error;
      this.#options.log(`${method}: ${message}`);
      reply = refusal(method, message);
    }
    response.writeHead(reply.status, { 'content-type': contentType }).end(JSON.stringify(reply.body));
  }

  async #answer(method: string, body: Body): Promise<Reply> {
    const constant = this.#constants[method];
    if (constant !== undefined) return { status: 200, body: constant };
    if (this.#options.attach === 'internal') return this.#link.ask(method, body);
    const names = deviceNames(typeof body['EndpointID'] === 'string' ? body['EndpointID'] : '');
    if (method === 'NetworkDriver.Join') return this.#join(method, body);
    // Docker goes on whatever is answered: that the device is still there must not keep the port.
    if (method === 'NetworkDriver.DeleteEndpoint')
      await this.#devices.remove(names).catch((error: unknown) => {
        this.#options.log(
          `${names.host} is left over until this process is started again: ${(error as Error).message}`,
        );
      });
    return this.#link.ask(method, body);
  }

  async #join(method: string, body: Body): Promise<Reply> {
    const reply = await this.#link.ask(method, body);
    const { Device: device, ...answer } = reply.body;
    if (device === undefined) return reply;
    const names = deviceNames(String(body['EndpointID']));
    await this.#devices.make(names, wishOf(device));
    return { status: 200, body: { ...answer, InterfaceName: { SrcName: names.container, DstPrefix: 'eth' } } };
  }
}

async function removeLeftovers(devices: Devices, log: (line: string) => void): Promise<void> {
  try {
    for (const name of await devices.removeLeftovers()) log(`${name} was left over, and is removed`);
  } catch (error) {
    // Containers that are there do not need it, and one that is started is told.
    log(`it is not known whether devices are left over: ${(error as Error).message}`);
  }
}

function wishOf(device: unknown): DeviceWish {
  const { port_id: portId, mac, mtu } = device as Readonly<Record<string, unknown>>;
  if (typeof portId !== 'string' || typeof mac !== 'string' || typeof mtu !== 'number')
    throw new Error('Weft has another version than this process: it does not say what device to make');
  return { portId, mac, mtuBytes: mtu };
}

async function readBody(request: IncomingMessage): Promise<Body> {
  let text = '';
  request.setEncoding('utf8');
  for await (const chunk of request as AsyncIterable<string>) {
    text += chunk;
    if (text.length > bodyLimit) throw new Error('the request is too large');
  }
  const value: unknown = text.trim() === '' ? {} : JSON.parse(text);
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Body) : {};
}
