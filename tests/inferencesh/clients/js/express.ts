/* The reference's Express server, and its client. Added: a JSON body, a user, a port. */

import express from 'express';
import { inference } from '@inferencesh/sdk';

const app = express();
const client = inference({ apiKey: process.env.INFERENCE_API_KEY ?? 'inf_...', baseUrl: process.argv[2] });
app.use(express.json());
app.use((req: any, _res, next) => {
  req.user = { id: req.headers['x-user'] };
  next();
});

// Store sessions per user
const userSessions: Map<string, string> = new Map();

app.post('/api/browser/start', async (req: any, res) => {
  const userId = req.user.id;

  const result = await client.run({
    app: 'browser-automation',
    input: { action: 'start', url: req.body.url },
    session: 'new',
    session_timeout: 300
  });

  userSessions.set(userId, result.session_id);
  res.json({ sessionId: result.session_id });
});

app.post('/api/browser/action', async (req: any, res) => {
  const userId = req.user.id;
  const sessionId = userSessions.get(userId);

  if (!sessionId) {
    return res.status(400).json({ error: 'No active session' });
  }

  try {
    const result = await client.run({
      app: 'browser-automation',
      input: req.body,
      session: sessionId
    });
    res.json(result.output);
  } catch (e: any) {
    if (e.message?.includes('session')) {
      userSessions.delete(userId);
      res.status(400).json({ error: 'Session expired' });
    } else {
      throw e;
    }
  }
});

app.post('/api/browser/end', (req: any, res) => {
  const userId = req.user.id;
  userSessions.delete(userId);
  res.json({ ok: true });
});

app.use((error: any, _req: any, res: any, _next: any) => {
  res.status(500).json({ thrown: error.message });
});
const server = app.listen(0, '127.0.0.1');
await new Promise((resolve) => server.once('listening', resolve));
const origin = `http://127.0.0.1:${(server.address() as any).port}`;

async function post(path: string, user: string, body: any = {}) {
  const headers = { 'content-type': 'application/json', 'x-user': user };
  const answer = await fetch(`${origin}${path}`, {
    method: 'POST',
    headers,
    body: JSON.stringify(body)
  });
  return { status: answer.status, body: await answer.json() };
}

const told: any = {};
told.before = await post('/api/browser/action', 'ann', { action: 'click' });
told.ann = await post('/api/browser/start', 'ann', { url: 'https://example.com' });
told.bob = await post('/api/browser/start', 'bob', { url: 'https://example.org' });
told.action = await post('/api/browser/action', 'ann', { action: 'click' });
told.failed = await post('/api/browser/action', 'ann', { status: 500, text: 'Session of the model' });
told.after = await post('/api/browser/action', 'ann', { action: 'type' });
await client.sessions.end(told.ann.body.sessionId);
told.expired = await post('/api/browser/action', 'ann', { action: 'click' });
told.again = await post('/api/browser/action', 'ann', { action: 'click' });
told.end = await post('/api/browser/end', 'bob');
console.log(JSON.stringify(told));
process.exit(0);
