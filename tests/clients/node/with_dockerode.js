// Uses dockerode as programs do.
'use strict';

const { createHash } = require('node:crypto');
const { once } = require('node:events');
const { PassThrough, Readable } = require('node:stream');
const Docker = require('dockerode');
const tar = require('tar-stream');

const docker = new Docker();
const IMAGE = 'busybox:latest';

// Some megabytes that do not repeat within any buffer on the way.
const BULK = Buffer.concat(
  Array.from({ length: 100_000 }, (_, n) => createHash('sha256').update(String(n)).digest()),
);

const DOCKERFILE = 'FROM busybox\nCOPY data /data\nRUN wc -c /data && echo built >/made\nCMD ["cat", "/made"]\n';

function say(step, ...values) {
  const line = [`${step}:`, ...values.map((value) => JSON.stringify(value))].join(' ');
  console.log(line.replace(/[0-9a-f]{64}/g, 'ID'));
}

// The error that a program gets.
async function refused(step, promise) {
  await promise.then(
    (value) => say(step, 'no error', value),
    (error) => say(step, error.statusCode, error.reason, error.json?.message),
  );
}

async function all(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function digest(data) {
  return `${data.length} bytes, sha256 ${createHash('sha256').update(data).digest('hex').slice(0, 16)}`;
}

function archive(files) {
  const pack = tar.pack();
  for (const [name, data] of Object.entries(files)) pack.entry({ name, mtime: new Date(0) }, data);
  pack.finalize();
  return pack;
}

async function contents(stream) {
  const files = {};
  const extract = stream.pipe(tar.extract());
  extract.on('entry', async (header, entry, next) => {
    files[header.name] = digest(await all(entry));
    next();
  });
  await once(extract, 'finish');
  return files;
}

// Both streams of a container without a terminal, until the other side ends.
async function demultiplexed(stream) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  docker.modem.demuxStream(stream, stdout, stderr);
  stream.on('end', () => [stdout, stderr].forEach((side) => side.end()));
  const [out, err] = await Promise.all([all(stdout), all(stderr)]);
  return { out: out.toString(), err: err.toString() };
}

function finished(stream) {
  return new Promise((resolve, reject) => {
    docker.modem.followProgress(stream, (error, lines) => (error ? reject(error) : resolve(lines)));
  });
}

async function engine() {
  say('ping', (await docker.ping()).toString());
  say('version', (await docker.version()).ApiVersion);
  say('info', (await docker.info()).OSType);
  say('disk use', Object.keys(await docker.df()).sort());
}

async function images() {
  const image = docker.getImage(IMAGE);
  say('images', (await docker.listImages()).map((found) => found.RepoTags));
  say('history', (await image.history()).length);
  await image.tag({ repo: 'node-tag', tag: '1' });
  const saved = await all(await docker.getImage('node-tag:1').get());
  say('untag', await docker.getImage('node-tag:1').remove());
  say('load', await finished(await docker.loadImage(Readable.from([saved]))));
  await docker.getImage('node-tag:1').remove();
  await finished(await docker.importImage(archive({ made: BULK }), { repo: 'node-import' }));
  say('import', (await docker.getImage('node-import').inspect()).RepoTags);
  await docker.getImage('node-import').remove();
  await refused('absent image', docker.getImage('no-such-image').inspect());
  await refused('pull from nowhere', docker.pull('127.0.0.1:1/no-such-image:1'));
}

async function build() {
  const context = { Dockerfile: DOCKERFILE, data: BULK };
  const options = { t: 'node-build', nocache: true, networkmode: 'none' };
  const lines = await finished(await docker.buildImage(archive(context), options));
  const ids = /^( ---> |Removing intermediate|Successfully built|\n)/;
  say('build', lines.map((line) => line.stream).filter((line) => line && !ids.test(line)));
  await docker.getImage('node-build').remove();
  // BuildKit, which opens a session that the engine calls back through.
  const kit = await docker.buildImage(archive(context), { ...options, version: '2' });
  say('build by BuildKit', (await all(kit)).includes('moby.image.id'));
  say('its image', (await docker.getImage('node-build').inspect()).Config.Cmd);
  await docker.getImage('node-build').remove();
  await docker.pruneBuilder();
}

async function run() {
  const out = new PassThrough();
  const done = docker.run(IMAGE, ['sh', '-c', 'echo ran; exit 7'], out, { name: 'node-run' });
  const [{ StatusCode }, container] = await done;
  say('run', StatusCode, out.read()?.toString());
  await container.remove();
}

async function life() {
  const talker = ['sh', '-c', 'echo out; echo err >&2; cat; exit 3'];
  const config = { Image: IMAGE, Cmd: talker, name: 'node-life', OpenStdin: true, StdinOnce: true };
  const container = await docker.createContainer(config);
  await refused('a second of that name', docker.createContainer(config));
  const both = { stream: true, stdout: true, stderr: true };
  const stream = await container.attach({ ...both, stdin: true, hijack: true });
  const watched = demultiplexed(await container.attach(both));
  await container.start();
  const waiting = container.wait();
  const seen = demultiplexed(stream);
  stream.end('typed\n');
  say('attached', await seen);
  say('attached to the output only', await watched);
  say('wait', await waiting);
  const logs = await container.logs({ follow: true, stdout: true, stderr: true });
  say('followed', await demultiplexed(logs));
  say('logs', (await container.logs({ stdout: true })).toString('hex'));
  await container.rename({ name: 'node-renamed' });
  say('renamed', (await container.inspect()).Name, (await container.inspect()).State.ExitCode);
  say('export', Object.keys(await contents(await container.export())).length > 1);
  await container.remove();
  await refused('absent container', container.inspect());
}

async function running() {
  const since = Math.floor(Date.now() / 1000);
  const config = { Image: IMAGE, Cmd: ['sleep', '1000'], name: 'node-sleep', Tty: true };
  const container = await docker.createContainer(config);
  await container.start();
  say('list', (await docker.listContainers()).map((found) => found.Names));
  say('top', (await container.top()).Processes.map((process) => process.at(-1)));
  await container.resize({ h: 40, w: 100 });
  say('update', await container.update({ CpuShares: 512 }));
  await executions(container);
  await bytes(container);
  await statistics(container);
  await container.pause();
  say('paused', (await container.inspect()).State.Status);
  await container.unpause();
  await container.restart({ t: 0 });
  await container.kill();
  say('killed', await container.wait());
  await refused('kill what has ended', container.kill());
  await container.remove({ v: true });
  const until = Math.floor(Date.now() / 1000) + 1;
  const events = await docker.getEvents({ since, until, filters: { container: [container.id] } });
  const actions = (await all(events)).toString().trim().split('\n').map((line) => JSON.parse(line).Action);
  say('events', actions.filter((action) => !/^(exec|pause|unpause|stop)/.test(action)));
}

async function executions(container) {
  const Cmd = ['sh', '-c', 'echo out; cat; echo err >&2; exit 5'];
  const output = { AttachStdout: true, AttachStderr: true };
  let exec = await container.exec({ Cmd, ...output, AttachStdin: true });
  const stream = await exec.start({ hijack: true, stdin: true });
  const seen = demultiplexed(stream);
  stream.end('typed\n');
  say('exec with input', await seen, (await exec.inspect()).ExitCode);
  exec = await container.exec({ Cmd, ...output });
  say('exec', await demultiplexed(await exec.start({})), (await exec.inspect()).ExitCode);
  exec = await container.exec({ Cmd: ['wc', '-c'], ...output, AttachStdin: true });
  const counted = await exec.start({ hijack: true, stdin: true });
  const count = demultiplexed(counted);
  counted.end(BULK);
  say('much input', await count);
  exec = await container.exec({ Cmd: ['true'] });
  say('exec detached', (await all(await exec.start({ Detach: true }))).length);
  exec = await container.exec({ Cmd: ['sh', '-c', 'test -t 1 && echo terminal'], ...output, Tty: true });
  say('exec in a terminal', (await all(await exec.start({ Tty: true }))).toString());
  await refused('absent exec', docker.getExec('no-such-exec').start({}));
}

async function bytes(container) {
  await container.putArchive(archive({ bulk: BULK }), { path: '/tmp' });
  say('get archive', await contents(await container.getArchive({ path: '/tmp/bulk' })));
  const exec = await container.exec({ Cmd: ['cat', '/tmp/bulk'], AttachStdout: true, Tty: false });
  const out = new PassThrough();
  const stream = await exec.start({});
  docker.modem.demuxStream(stream, out, out);
  stream.on('end', () => out.end());
  say('cat', digest(await all(out)));
  await refused('get what is absent', container.getArchive({ path: '/no-such-file' }));
}

async function statistics(container) {
  say('stats', Object.keys(await container.stats({ stream: false })).sort());
  const stream = await container.stats();
  let samples = 0;
  for await (const _ of stream) if (++samples === 2) break;
  say('streamed stats', samples);
}

async function networksAndVolumes() {
  const IPAM = { Config: [{ Subnet: '10.1.4.0/24' }] };
  const network = await docker.createNetwork({ Name: 'node-net', Internal: true, IPAM });
  const container = await docker.createContainer({ Image: IMAGE, name: 'node-net' });
  await network.connect({ Container: container.id });
  say('network', (await network.inspect()).Name, (await network.inspect()).IPAM.Config);
  await network.disconnect({ Container: container.id });
  await container.remove();
  await network.remove();
  await refused('absent network', docker.getNetwork('node-net').inspect());
  await docker.createVolume({ Name: 'node-vol', Labels: { a: 'b' } });
  const volume = docker.getVolume('node-vol');
  say('volume', (await volume.inspect()).Labels, (await docker.listVolumes()).Volumes.length);
  await volume.remove();
  await refused('absent volume', volume.inspect());
}

(async () => {
  for (const step of [engine, images, build, run, life, running, networksAndVolumes]) await step();
})();
