// Turns with the JavaScript SDK @aws-sdk/client-bedrock-agentcore: one line of JSON per scenario.
import assert from "node:assert/strict";
import { createRequire } from "node:module";

// Its packages are where the installer put them, not beside this file.
const require = createRequire(`${process.env.JS_CLIENTS}/index.js`);
const sdk = require("@aws-sdk/client-bedrock-agentcore");

const agentRuntimeArn =
  "arn:aws:bedrock-agentcore:us-west-2:123456789012:runtime/chat-AbCdEf0123";
const client = new sdk.BedrockAgentCoreClient({ region: "us-west-2" });
const send = (name, input) => client.send(new sdk[`${name}Command`]({ agentRuntimeArn, ...input }));
const invoke = (runtimeSessionId, payload) =>
  send("InvokeAgentRuntime", { runtimeSessionId, payload: JSON.stringify(payload) });
const said = async (answer) => JSON.parse(await answer.response.transformToString());

const scenarios = {
  async "turns of a session"() {
    for (const count of [1, 2]) {
      const answer = await invoke("conv1", {});
      assert.equal(answer.runtimeSessionId, "conv1"); // this SDK checks no lengths
      assert.equal(answer.contentType, "application/json");
      assert.deepEqual(await said(answer), { session_id: "conv1", count });
    }
  },

  async "an id of its own where none is given"() {
    const answer = await invoke(undefined, {});
    assert.equal((await said(answer)).session_id, answer.runtimeSessionId);
  },

  async "a stream comes event by event"() {
    const answer = await invoke("stream", { do: "stream", count: 3, every: 0.3 });
    const times = [];
    let text = "";
    for await (const piece of answer.response) {
      times.push(Date.now());
      text += Buffer.from(piece).toString();
    }
    assert.equal(text.match(/data: /g).length, 3);
    assert.ok(times.at(-1) - times[0] > 400);
  },

  async "a stop, and a session that there is not"() {
    await said(await invoke("stopped", {}));
    const answer = await send("StopRuntimeSession", { runtimeSessionId: "stopped" });
    assert.equal(answer.statusCode, 200);
    assert.equal(answer.runtimeSessionId, "stopped");
    const again = send("StopRuntimeSession", { runtimeSessionId: "stopped" });
    await assert.rejects(again, (error) => {
      assert.equal(error.name, "ResourceNotFoundException");
      assert.match(error.$metadata.requestId, /^[0-9a-f-]{36}$/);
      return true;
    });
  },

  async "the agent's error"() {
    await assert.rejects(invoke("fails", { do: "fail", words: "its words" }), (error) => {
      assert.equal(error.name, "RuntimeClientError");
      assert.equal(error.$metadata.httpStatusCode, 424);
      assert.equal(error.$metadata.attempts, 1);
      assert.match(error.message, /its words/);
      return true;
    });
  },

  async "what is refused"() {
    await assert.rejects(invoke("x".repeat(257), {}), (error) => {
      assert.equal(error.name, "ValidationException");
      assert.deepEqual(error.fieldList.map((each) => each.name), ["runtimeSessionId"]);
      return true;
    });
  },
};

for (const [scenario, show] of Object.entries(scenarios)) {
  let fault = null;
  try {
    await show();
  } catch (error) {
    fault = error.stack;
  }
  console.log(JSON.stringify({ scenario, fault }));
}
