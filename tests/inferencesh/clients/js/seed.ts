/* The sessions reference for TypeScript, block by block in its order, against `baseUrl`.

   Prints one JSON object: what each block printed and returned. */

import { inference } from '@inferencesh/sdk';

const baseUrl = process.argv[2];
const client = inference({ apiKey: 'inf_...', baseUrl });
let sessionId: string;

async function creatingASession() {
  const client = inference({ apiKey: 'inf_...', baseUrl });

  // Start new session
  const result = await client.run({
    app: 'my-app',
    input: { action: 'initialize' },
    session: 'new'
  });

  const sessionId = result.session_id;
  console.log(`Session: ${sessionId}`);
  return result;
}

async function usingAnExistingSession() {
  // Continue in same session
  const result = await client.run({
    app: 'my-app',
    input: { action: 'process', data: '...' },
    session: sessionId
  });
  return result;
}

async function sessionTimeout() {
  // 5-minute timeout
  const result = await client.run({
    app: 'my-app',
    input: { action: 'init' },
    session: 'new',
    session_timeout: 300
  });
  return (await client.sessions.get(result.session_id)).data;
}

async function modelLoading() {
  const dataBatch = ['a', 'b', 'c'];
  // Initial load (slow)
  const result = await client.run({
    app: 'ml-inference',
    input: { action: 'load_model', model: 'large-model-v2' },
    session: 'new',
    session_timeout: 600
  });
  const sessionId = result.session_id;

  // Fast inference calls
  for (const item of dataBatch) {
    const result = await client.run({
      app: 'ml-inference',
      input: { action: 'predict', data: item },
      session: sessionId
    });
    console.log(result.output);
  }
}

async function browserAutomation() {
  // Start browser session
  const result = await client.run({
    app: 'browser-automation',
    input: { action: 'start', url: 'https://example.com' },
    session: 'new',
    session_timeout: 300
  });
  const sessionId = result.session_id;

  // Navigate
  await client.run({
    app: 'browser-automation',
    input: { action: 'click', selector: '#login-btn' },
    session: sessionId
  });

  // Fill form
  await client.run({
    app: 'browser-automation',
    input: { action: 'type', selector: '#username', text: 'user@example.com' },
    session: sessionId
  });

  // Take screenshot
  const screenshot = await client.run({
    app: 'browser-automation',
    input: { action: 'screenshot' },
    session: sessionId
  });
  return screenshot.output;
}

async function statefulConversations() {
  // Initialize chat context
  const result = await client.run({
    app: 'chat-with-memory',
    input: { action: 'init', system: 'You are a helpful assistant.' },
    session: 'new',
    session_timeout: 1800  // 30 minutes
  });
  const sessionId = result.session_id;

  // Multi-turn conversation
  const messages = [
    'What is quantum computing?',
    'Can you give me a simple example?',
    'How is it different from classical computing?'
  ];

  for (const msg of messages) {
    const result = await client.run({
      app: 'chat-with-memory',
      input: { message: msg },
      session: sessionId
    });
    console.log(`Assistant: ${result.output.response}`);
  }
}

async function dataProcessingPipeline() {
  // Load data once
  const result = await client.run({
    app: 'data-processor',
    input: { action: 'load', dataset: 'large_dataset.parquet' },
    session: 'new',
    session_timeout: 900
  });
  const sessionId = result.session_id;

  // Run multiple analyses
  const analyses = ['summary', 'correlations', 'outliers', 'trends'];

  for (const analysis of analyses) {
    const result = await client.run({
      app: 'data-processor',
      input: { action: 'analyze', type: analysis },
      session: sessionId
    });
    console.log(`${analysis}:`, result.output);
  }
}

class SessionManager {
  private client: any;
  private app: string;
  private timeout: number;
  private sessionId: string | null = null;

  constructor(client: any, app: string, timeout = 300) {
    this.client = client;
    this.app = app;
    this.timeout = timeout;
  }

  private async ensureSession(): Promise<string> {
    if (!this.sessionId) {
      const result = await this.client.run({
        app: this.app,
        input: { action: 'init' },
        session: 'new',
        session_timeout: this.timeout
      });
      this.sessionId = result.session_id;
    }
    return this.sessionId;
  }

  async run(input: any) {
    try {
      return await this.client.run({
        app: this.app,
        input,
        session: await this.ensureSession()
      });
    } catch (e: any) {
      if (e.message?.toLowerCase().includes('session')) {
        // Session expired, create new one
        this.sessionId = null;
        return await this.client.run({
          app: this.app,
          input,
          session: await this.ensureSession()
        });
      }
      throw e;
    }
  }
}

async function sessionRecoveryPattern() {
  // Usage
  const manager = new SessionManager(client, 'my-app', 600);
  const result = await manager.run({ action: 'process', data: '...' });

  await client.sessions.end(result.session_id);
  const again = await manager.run({ action: 'process', data: '...' });
  const failure = await manager.run({ status: 500, text: 'out of memory' }).catch((e) => e.message);
  const after = await manager.run({ action: 'process', data: '...' });
  return { result, again, failure, after };
}

const blocks = [
  creatingASession,
  usingAnExistingSession,
  sessionTimeout,
  modelLoading,
  browserAutomation,
  statefulConversations,
  dataProcessingPipeline,
  sessionRecoveryPattern
];
const told: Record<string, { printed: any[][]; returned: any }> = {};
const log = console.log;
for (const block of blocks) {
  const printed: any[][] = [];
  console.log = (...given) => printed.push(given);
  const returned = await block();
  told[block.name] = { printed, returned };
  sessionId ??= returned.session_id;
}
log(JSON.stringify(told));
process.exit(0);
