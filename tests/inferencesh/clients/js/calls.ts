/* Scenarios of the JavaScript SDK; prints what came of them as one JSON object. */

import { inference } from '@inferencesh/sdk';

const baseUrl = process.argv[2];
const client = inference({ apiKey: 'inf_mine', baseUrl });
const run = (input: any, more: any = {}, options: any = {}) =>
  client.run({ app: 'my-app', input, ...more }, options);
const failure = (call: Promise<any>) => call.then(() => 'nothing failed', (e: any) => e.message);

const opened = await run({ action: 'init' }, { session: 'new' });
const session = opened.session_id;
const told: any = {};

const gathered = await Promise.all(
  [...Array(10).keys()].map((number) => run({ number, sleep: 0.02 }, { session }))
);
told.gathered = gathered.map((each) => each.output.given.number);

const large = await run({ size: 3_000_000 });
told.large = large.output.bytes.length;

const polled = await run({ sleep: 0.3 }, { session }, { stream: false, pollIntervalMs: 100 });
told.polled = [polled.status, polled.session_id === session];
// One whose task is over before the first look.
told.quick = (await run({}, {}, { stream: false, pollIntervalMs: 300 })).status;

const words: string[] = [];
const spoken = await run({ words: ['a', 'b', 'c'] }, {}, { onDelta: (d: any) => words.push(d.response) });
told.words = [words, spoken.output];
told.numbers = (await run({ content_type: 'application/json', body: '{"a": NaN}' })).output;

const updates: number[] = [];
const task = await run({ sleep: 60 }, { session }, { wait: false });
const following = failure(client.tasks.watch(task, { onUpdate: (t: any) => updates.push(t.status) }).done);
while (!updates.includes(7)) await new Promise((resolve) => setTimeout(resolve, 10));
await client.tasks.cancel(task.id);
told.cancelled = [await following, (await client.tasks.get(task.id)).data.status];

// The terminal event of an EventSource, also for a task that is over.
const source = await client.streamTask(task.id);
told.events = await new Promise((resolve) => {
  source.onmessage = (event: any) => {
    source.close();
    resolve(JSON.parse(event.data).status);
  };
});

const given = { file: new Blob(['hi'], { type: 'text/plain' }), data: 'data:image/png;base64,aGk=' };
told.files = (await run(given)).output.given;

told.refused = [
  await failure(run({}, { session: 'nope' })),
  await failure(run({}, { session, session_timeout: 5 })),
  await failure(run({ status: 500, text: 'bad' }, { session })),
  await failure(client.agents.list()),
  await failure(inference({ apiKey: 'inf_other', baseUrl }).sessions.get(session))
];
await client.sessions.end(session);
await client.sessions.end(session);
told.ended = await failure(run({}, { session }));
console.log(JSON.stringify(told));
process.exit(0);
