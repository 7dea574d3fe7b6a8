/**
 * Makes a machine that has only Node.js and npm ready for `npm run demo`, `npm test`, `npm run bench` and `npm start`:
 * dependencies, build, and, as root on Debian, the missing packages. Says what it does; what is there already is left alone,
 * so that a second run does nothing. Plain Node without dependencies, for it runs before there are any.
 *
 *   node lab/prepare.mjs start|demo|test|long|integrations|kernel|bench
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const toolPackages = JSON.parse(readFileSync(join(root, 'lab/tools.json'), 'utf8'));
const labTools = [
  'ovs-vswitchd',
  'ovsdb-server',
  'ovs-vsctl',
  'ovs-ofctl',
  'ovs-appctl',
  'ovsdb-tool',
  'ovsdb-client',
].concat(['ip', 'ethtool', 'ping', 'busybox', 'dig', 'curl']);
/** What only the tests with virtual machines need. */
const guestTools = ['qemu-system-x86_64', 'depmod'];
/** What only the tests with other people's clients need. */
const clientTools = ['openstack', 'containerd', 'runc', 'podman', 'host-local', 'nft'].concat([
  'dockerd',
  'docker',
  'iptables',
  'nsenter',
  'unshare',
  'tar',
]);
/** What only the long tests need: other people's routers. */
const routerTools = ['bird'];
const elsewhere = [...guestTools, ...clientTools, ...routerTools];
const testTools = Object.keys(toolPackages).filter(tool => !elsewhere.includes(tool));
const toolsOf = {
  start: [],
  demo: labTools,
  test: testTools,
  long: [...testTools, ...routerTools],
  integrations: [...testTools, ...clientTools],
  kernel: [...testTools, ...guestTools],
  bench: labTools.filter(tool => tool.startsWith('ovs')).concat('initdb'),
};

const say = text => process.stderr.write(`prepare: ${text}\n`);

function fail(text) {
  say(text);
  process.exit(1);
}

function run(command, args, options = {}) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2], ...options });
  if (error) fail(`${command}: ${error.message}`);
  return status;
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19))
    fail(`Node.js 20.19 or later is needed; this is ${process.versions.node}`);
}

function readJson(path) {
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : null;
}

/** Whether npm's own record of node_modules has every package of the lock file in its version. */
function dependenciesAreCurrent() {
  const wanted = readJson(join(root, 'package-lock.json'))?.packages ?? {};
  const installed = readJson(join(root, 'node_modules/.package-lock.json'))?.packages ?? {};
  return Object.entries(wanted).every(
    ([path, entry]) => path === '' || entry.optional === true || installed[path]?.version === entry.version,
  );
}

function installDependencies() {
  if (dependenciesAreCurrent()) return;
  say('installing the dependencies (npm ci)');
  const args = ['ci', '--include=dev', '--no-audit', '--no-fund'];
  const npm = process.env.npm_execpath;
  const status = npm === undefined ? run('npm', args) : run(process.execPath, [npm, ...args]);
  if (status !== 0) fail('npm ci failed');
}

/** Files below `folder` whose name ends so, as paths relative to the project; [] when there is no such folder. */
function filesBelow(folder, ending) {
  const path = join(root, folder);
  if (!existsSync(path)) return [];
  return readdirSync(path, { withFileTypes: true, recursive: true })
    .filter(entry => entry.isFile() && entry.name.endsWith(ending))
    .map(entry => relative(root, join(entry.parentPath, entry.name)));
}

/** npx sets the mode when it links a package, and does not again after a later build. */
function makeProgramsExecutable() {
  for (const program of Object.values(readJson(join(root, 'package.json')).bin)) chmodSync(join(root, program), 0o755);
}

function build() {
  const stamp = join(root, 'dist/.built');
  const folders = JSON.parse(readFileSync(join(root, 'tsconfig.json'), 'utf8')).include;
  const sources = folders.flatMap(folder => filesBelow(folder, '.ts'));
  removeOrphans(new Set(sources));
  // A list of names beside the times: a removed or renamed source leaves no newer file behind.
  const names = sources.sort().join('\n');
  const builtAt = existsSync(stamp) ? statSync(stamp).mtimeMs : 0;
  const newest = Math.max(
    ...[...sources, 'tsconfig.json', 'package-lock.json'].map(file => statSync(join(root, file)).mtimeMs),
  );
  if (newest < builtAt && readFileSync(stamp, 'utf8') === names) return;
  say('building (tsc)');
  if (run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', '.']) !== 0) fail('the build failed');
  bundlePlugin();
  makeProgramsExecutable();
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, names);
}

/** The CNI plugin as the one file that is installed on hosts: CommonJS, for it has no package beside it there that would say otherwise. */
function bundlePlugin() {
  const folder = join(root, 'dist/cni');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "type": "commonjs" }\n');
  const input = join(root, 'dist/northbound/cni/weft-cni.js');
  const form = ['--bundle', '--platform=node', '--format=cjs', '--target=node20', '--log-level=warning'];
  const program = join(root, 'node_modules/esbuild/bin/esbuild');
  const args = [program, input, ...form, '--banner:js=#!/usr/bin/env node', `--outfile=${join(folder, 'weft-cni')}`];
  if (run(process.execPath, args) !== 0) fail('the CNI plugin cannot be bundled');
}

/** Removes what was built from sources that are gone: a test among them would still be run. */
function removeOrphans(sources) {
  for (const built of filesBelow('dist', '.js')) {
    const source = `${relative('dist', built).slice(0, -'.js'.length)}.ts`;
    if (sources.has(source)) continue;
    rmSync(join(root, built));
    rmSync(join(root, `${built}.map`), { force: true });
  }
}

/** Whether a program is there: in PATH, in the system's sbin directories, or PostgreSQL's own. */
function hasTool(tool) {
  const postgres = '/usr/lib/postgresql';
  const versions = existsSync(postgres) ? readdirSync(postgres).map(version => join(postgres, version, 'bin')) : [];
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin'].concat(
    '/usr/lib/cni',
    versions,
  );
  return folders.some(folder => folder !== '' && existsSync(join(folder, tool)));
}

function missingTools(purpose) {
  return toolsOf[purpose].filter(tool => !hasTool(tool));
}

function packagesOf(tools) {
  return [...new Set(tools.map(tool => toolPackages[tool]))];
}

function installPackages(purpose) {
  const missing = missingTools(purpose);
  if (missing.length === 0) return;
  const packages = packagesOf(missing);
  const isRoot = process.getuid?.() === 0;
  if (isRoot && existsSync('/etc/debian_version')) aptInstall(packages);
  const left = missingTools(purpose);
  if (left.length === 0) return;
  const names = packagesOf(left).join(' ');
  const advice = `missing: ${left.join(', ')}; Debian packages: ${names}. As root: apt-get install ${names}`;
  if (['test', 'long', 'integrations', 'kernel'].includes(purpose))
    say(`${advice}\nprepare: the tests that need them are skipped (an error with CI=1)`);
  else fail(advice);
}

function aptInstall(packages) {
  say(`installing Debian packages: ${packages.join(' ')}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  // Only PostgreSQL's programs are wanted: the tests make clusters of their own, so none is made for the machine.
  const override = '/etc/postgresql-common/createcluster.d/weft.conf';
  const withoutCluster = packages.includes('postgresql') && !existsSync(override);
  if (withoutCluster) {
    mkdirSync(dirname(override), { recursive: true });
    writeFileSync(override, 'create_main_cluster = false\n');
  }
  try {
    if (run('apt-get', ['update', '-q'], { env }) !== 0) say('apt-get update failed; trying with what is known');
    if (run('apt-get', ['install', '-q', '-y', '--no-install-recommends', ...packages], { env }) !== 0)
      say('apt-get install failed');
  } finally {
    if (withoutCluster) rmSync(override);
  }
}

const purpose = process.argv[2] ?? '';
if (!Object.hasOwn(toolsOf, purpose)) fail(`usage: node lab/prepare.mjs ${Object.keys(toolsOf).join('|')}`);
checkNode();
installDependencies();
build();
installPackages(purpose);
