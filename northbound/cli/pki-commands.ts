/** `weft pki`: certificates for those who have no authority of their own. Runs where the authority's keys are; asks no controller. */
import { hostname, networkInterfaces } from 'node:os';
import { Command, Option } from 'commander';
import { type CertificateFiles, defaultCertificateDays, PkiDirectory } from '../../src/trust/pki-directory.js';
import { formatTable } from './table.js';

const say = (...lines: readonly string[]): void => {
  process.stdout.write(`${lines.join('\n')}\n`);
};

const directoryOption = (): Option =>
  new Option('--directory <path>', 'where the certificates are').env('WEFT_PKI_DIR').default('pki');
const daysOption = (): Option =>
  new Option('--days <days>', 'how long the certificate is good').default(String(defaultCertificateDays));

interface Flags {
  readonly directory: string;
  readonly days: string;
  readonly address?: string;
  readonly encapIp?: string;
}

const pkiOf = ({ directory }: Pick<Flags, 'directory'>): PkiDirectory => new PkiDirectory(directory, () => new Date());

function daysOf({ days }: Pick<Flags, 'days'>): number {
  const count = Number(days);
  if (!Number.isInteger(count) || count < 1 || count > 3_650) throw new Error(`--days ${days} is not 1 to 3650`);
  return count;
}

/** How this machine is reached, where nobody says it: what others can use first. */
function ownAddresses(): readonly string[] {
  const all = Object.values(networkInterfaces()).flatMap(list => list ?? []);
  const reachable = all.filter(({ internal, scopeid }) => !internal && !scopeid).map(({ address }) => address);
  return [...reachable, hostname(), 'localhost', '127.0.0.1', '::1'];
}

const addressesOf = ({ address }: Flags): readonly string[] =>
  (address ?? '')
    .split(',')
    .map(each => each.trim())
    .filter(each => each !== '');

const inTarget = (address: string): string => (address.includes(':') ? `[${address}]` : address);

function sayController({ files, addresses }: PkiDirectory): void {
  const { controller, hostsAuthority, controllersAuthority, revoked } = files;
  const [address = 'localhost'] = addresses;
  say(
    `The controller is reached at ${addresses.join(', ')}. Start it with`,
    '',
    `  export WEFT_TLS_CERT=${controller.certificate} WEFT_TLS_KEY=${controller.key}`,
    `  export WEFT_TLS_CA=${hostsAuthority} WEFT_TLS_CRL=${revoked}`,
    '  export WEFT_OVSDB_LISTEN=ssl:0.0.0.0:6640 WEFT_OPENFLOW_LISTEN=ssl:0.0.0.0:6653 WEFT_PUNT_LISTEN=ssl:0.0.0.0:6654',
    '  export WEFT_AUTH=token WEFT_HTTP_LISTEN=0.0.0.0:8443',
    '  npm start',
    '',
    'and the client with',
    '',
    `  export WEFT_URL=https://${inTarget(address)}:8443 NODE_EXTRA_CA_CERTS=${controllersAuthority}`,
    '',
    'Next, for each host: weft pki host NAME',
  );
}

function sayHost(pki: PkiDirectory, name: string, files: CertificateFiles, encapIp: string): void {
  const address = inTarget(pki.addresses[0] ?? 'CONTROLLER');
  const at = '/etc/openvswitch';
  say(
    `Copy to ${name}, into ${at}:`,
    '',
    `  scp ${files.key} ${files.certificate} ${pki.files.controllersAuthority} root@${name}:${at}/`,
    '',
    `and there run, with its own address in the network of the tunnels${encapIp === 'ENCAP_IP' ? ' for ENCAP_IP' : ''}:`,
    '',
    `  ovs-vsctl set-ssl ${at}/${name}.key ${at}/${name}.pem ${at}/controllers-authority.pem`,
    `  ovs-vsctl set Open_vSwitch . external_ids:system-id=${name} external_ids:weft-encap-ip=${encapIp} -- set-manager ssl:${address}:6640`,
  );
}

export function pkiCommand(): Command {
  const pki = new Command('pki').description('make and revoke the certificates of controllers and hosts');
  const address = (): Option =>
    new Option(
      '--address <list>',
      'names and addresses that controllers are reached by, comma separated, the first for hosts',
    );

  pki
    .command('init')
    .description('make the authorities and the certificate of the controller')
    .addOption(directoryOption())
    .addOption(address())
    .addOption(daysOption())
    .action(async (flags: Flags) => {
      const directory = pkiOf(flags);
      const given = addressesOf(flags);
      await directory.init(given.length > 0 ? given : ownAddresses(), daysOf(flags));
      sayController(directory);
    });

  pki
    .command('controller')
    .description('make a new certificate of the controller; a running one takes it by itself')
    .addOption(directoryOption())
    .addOption(address())
    .addOption(daysOption())
    .action(async (flags: Flags) => {
      const directory = pkiOf(flags);
      const { certificate } = await directory.controller(addressesOf(flags), daysOf(flags));
      say(`${certificate} is new, for ${directory.addresses.join(', ')}.`);
    });

  pki
    .command('host')
    .description('make a certificate of a host, and print what to run there')
    .argument('<name>', 'its system-id')
    .addOption(directoryOption())
    .addOption(daysOption())
    .option('--encap-ip <address>', 'its address in the network of the tunnels, for the commands', 'ENCAP_IP')
    .action(async (name: string, flags: Flags) => {
      const directory = pkiOf(flags);
      sayHost(directory, name, await directory.host(name, daysOf(flags)), flags.encapIp ?? 'ENCAP_IP');
    });

  pki
    .command('revoke')
    .description('take back every certificate of a host; a running controller ends its connections')
    .argument('<name>', 'its system-id')
    .addOption(directoryOption())
    .action(async (name: string, flags: Flags) => {
      const directory = pkiOf(flags);
      const count = await directory.revoke(name);
      say(`${count} certificates of ${name} are revoked, in ${directory.files.revoked}.`);
    });

  pki
    .command('list')
    .description('what was issued, and what was taken back')
    .addOption(directoryOption())
    .action((flags: Flags) => {
      const rows = pkiOf(flags).list();
      const state = (revokedAt: string | null): string => (revokedAt === null ? 'good' : `revoked ${revokedAt}`);
      const cells = rows.map(each => [each.name, each.role, each.serialNumber, each.notAfter, state(each.revokedAt)]);
      say(formatTable(['name', 'role', 'serial', 'expires', 'state'], cells));
    });
  return pki;
}
