// What a test suite does with testcontainers for Node, without the container that it starts to clean up.
'use strict';

const { createHash } = require('node:crypto');
const { mkdtempSync, rmSync, writeFileSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const { GenericContainer, Network, Wait } = require('testcontainers');

const IMAGE = 'busybox:latest';

// Some megabytes that do not repeat within any buffer on the way.
const BULK = Buffer.concat(
  Array.from({ length: 100_000 }, (_, n) => createHash('sha256').update(String(n)).digest()),
);

const DOCKERFILE = 'FROM busybox\nCOPY data /data\nRUN wc -c /data && echo built >/made\nCMD ["sh", "-c", "cat /made; exec sleep 1000"]\n';

const SERVICE = ['sh', '-c', 'echo starting; sleep 0.3; echo warned >&2; echo ready $WHO; exec sleep 1000'];

function say(step, ...values) {
  const line = [`${step}:`, ...values.map((value) => JSON.stringify(value))].join(' ');
  console.log(line.replace(/[0-9a-f]{64}/g, 'ID'));
}

function service() {
  const ready = Wait.forLogMessage('ready you').withStartupTimeout(60_000);
  return new GenericContainer(IMAGE).withCommand(SERVICE).withEnvironment({ WHO: 'you' }).withWaitStrategy(ready);
}

async function all(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

// The lines up to this one, whose streams the engine may report in either order.
async function lines(container, last) {
  const seen = [];
  for await (const chunk of await container.logs()) {
    seen.push(...String(chunk).trim().split('\n'));
    if (seen.includes(last)) return seen.sort();
  }
  return seen;
}

async function aContainer() {
  const container = await service().withName('tcn-one').withLabels({ a: 'b' }).start();
  say('started', container.getName(), container.getLabels().a);
  say('logs', await lines(container, 'ready you'));
  const done = await container.exec(['sh', '-c', 'echo out; echo err >&2; exit 4']);
  say('exec', done.exitCode, done.stdout, done.stderr);
  await container.copyContentToContainer([{ content: BULK, target: '/tmp/bulk' }]);
  say('its digest', (await container.exec(['sha256sum', '/tmp/bulk'])).output.slice(0, 16));
  say('copied back', (await all(await container.copyArchiveFromContainer('/tmp/bulk'))).includes(BULK));
  await container.restart();
  say('restarted', (await container.exec(['wc', '-c', '/tmp/bulk'])).output);
  await container.stop({ remove: true });
}

async function strategies() {
  const check = { test: ['CMD', 'true'], interval: 1000, timeout: 1000, retries: 3, startPeriod: 0 };
  const healthy = await new GenericContainer(IMAGE).withCommand(['sleep', '1000'])
    .withHealthCheck(check).withWaitStrategy(Wait.forHealthCheck()).start();
  say('waited for health', (await healthy.exec(['echo', 'healthy'])).output);
  await healthy.stop();
  const command = await new GenericContainer(IMAGE).withCommand(['sh', '-c', 'touch /tmp/up; exec sleep 1000'])
    .withWaitStrategy(Wait.forSuccessfulCommand('test -e /tmp/up')).start();
  say('waited for a command', (await command.exec(['ls', '/tmp'])).output);
  await command.stop();
  const once = await new GenericContainer(IMAGE).withCommand(['sh', '-c', 'echo once'])
    .withWaitStrategy(Wait.forOneShotStartup()).start();
  say('waited for an end', await lines(once, 'once'));
  await once.stop();
  const absent = new GenericContainer('127.0.0.1:1/no-such-image:1').start();
  await absent.then(() => say('absent image', 'no error'), (error) => say('absent image', error.statusCode, error.reason));
}

async function together() {
  const network = await new Network().start();
  const one = await service().withNetwork(network).withNetworkAliases('one').start();
  const two = await service().withNetwork(network).start();
  say('in one network', (await two.exec(['grep', 'nameserver', '/etc/resolv.conf'])).output);
  await two.stop();
  await one.stop();
  await network.stop();
}

async function built() {
  const folder = mkdtempSync(join(tmpdir(), 'tcn-'));
  writeFileSync(join(folder, 'Dockerfile'), DOCKERFILE);
  writeFileSync(join(folder, 'data'), BULK);
  const image = await GenericContainer.fromDockerfile(folder).build('tcn-image:1', { deleteOnExit: false });
  rmSync(folder, { recursive: true });
  const container = await image.withWaitStrategy(Wait.forLogMessage('built')).start();
  say('built and run', await lines(container, 'built'));
  await container.stop();
}

(async () => {
  // As a test suite does, because the connections on which testcontainers reads logs keep nothing alive.
  const awake = setInterval(() => {}, 1000);
  for (const step of [aContainer, strategies, together, built]) await step();
  clearInterval(awake);
})();
