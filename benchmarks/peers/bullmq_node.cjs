// BullMQ on Node: the command line of `__main__.py`, and `work`, which is its worker.
'use strict';

const { Queue, QueueEvents, Worker } = require('bullmq');
const fs = require('node:fs');

const NAME = 'bench';
const TICK_GAP_MS = 5;
const ASK_TIMEOUT_MS = 30000;
const url = new URL(process.env.BENCH_URL || 'redis://127.0.0.1:6379');
const connection = { host: url.hostname, port: Number(url.port || 6379), maxRetriesPerRequest: null };
const concurrency = Number(process.env.BENCH_CONCURRENCY || 1);

// The clock that Python's perf_counter reads, in seconds.
const nowS = () => Number(process.hrtime.bigint()) / 1e9;
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function spec() {
  const workers = (atOnce, copies = 1) => ({
    command: [process.execPath, __filename, 'work'], concurrency: atOnce, copies,
  });
  return {
    workers: {
      'process-1': workers(1), 'process-10': workers(10), 'process-100': workers(100), 'fleet-2': workers(100, 2),
    },
    outcomes: { kind: 'done', command: ['ZCARD', `bull:${NAME}:completed`], pattern: '' },
    sends_many: true,
  };
}

function work() {
  const goal = Number(process.env.BENCH_TICKS || 0);
  const path = process.env.BENCH_MARKS || '/dev/null';
  const seen = [];
  const worker = new Worker(NAME, async (job) => {
    if (job.name !== 'tick') return job.data;
    if (seen.push((nowS() - job.data.t) * 1000) === goal) {
      fs.writeFileSync(`${path}.new`, JSON.stringify(seen));
      fs.renameSync(`${path}.new`, path);
    }
    return null;
  }, { connection, concurrency });
  process.on('SIGTERM', () => worker.close(true).then(() => process.exit(0)));
}

async function send(queue, count, batch) {
  await queue.waitUntilReady();
  const start = nowS();
  for (let first = 0; first < count; first += batch) {
    if (batch === 1) {
      await queue.add('echo', { i: first });
    } else {
      const size = Math.min(batch, count - first);
      await queue.addBulk(Array.from({ length: size }, (_, at) => ({ name: 'echo', data: { i: first + at } })));
    }
  }
  return nowS() - start;
}

async function ask(queue, count) {
  const events = new QueueEvents(NAME, { connection });
  await events.waitUntilReady();
  const took = [];
  for (let i = 0; i < count; i += 1) {
    const start = nowS();
    const job = await queue.add('echo', { i });
    const found = await job.waitUntilFinished(events, ASK_TIMEOUT_MS);
    took.push((nowS() - start) * 1000);
    if (!found || found.i !== i) throw new Error(`the job that was to return ${i} returned ${JSON.stringify(found)}`);
  }
  await events.close();
  return took;
}

async function tick(queue, count) {
  await queue.waitUntilReady();
  for (let sent = 0; sent < count; sent += 1) {
    await queue.add('tick', { t: nowS() });
    await pause(TICK_GAP_MS);
  }
  return count;
}

async function main() {
  const [verb, ...numbers] = process.argv.slice(2);
  if (verb === 'work') return work();
  if (verb === 'spec') return console.log(JSON.stringify(spec()));
  const queue = new Queue(NAME, { connection });
  console.log(JSON.stringify(await { send, ask, tick }[verb](queue, ...numbers.map(Number))));
  return queue.close();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
