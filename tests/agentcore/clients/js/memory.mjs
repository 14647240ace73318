// The JavaScript SDK @aws-sdk/client-bedrock-agentcore, unmodified: one line of JSON per scenario.
import assert from "node:assert/strict";
import { createRequire } from "node:module";

// Its packages are where the installer put them, not beside this file.
const require = createRequire(`${process.env.JS_CLIENTS}/index.js`);
const sdk = require("@aws-sdk/client-bedrock-agentcore");

const memoryId = process.env.MEMORY_ID;
const client = new sdk.BedrockAgentCoreClient({ region: "us-west-2" });
const send = (name, input) => client.send(new sdk[`${name}Command`]({ memoryId, ...input }));
const said = (text) => ({ conversational: { content: { text }, role: "USER" } });
const key = (sessionId) => ({ actorId: "js/user", sessionId });

const scenarios = {
  async "events come back"() {
    const when = new Date(1760000000123);
    const metadata = { place: { stringValue: "shop" } };
    const made = await send("CreateEvent", {
      ...key("s1"), eventTimestamp: when, payload: [said("hello"), { blob: { a: [1, null] } }],
      metadata,
    });
    assert.equal(made.$metadata.httpStatusCode, 201);
    assert.equal(made.event.eventTimestamp.getTime(), when.getTime());
    assert.deepEqual(made.event.payload[1], { blob: { a: [1, null] } });
    assert.deepEqual(made.event.branch, { name: "main" });
    const { event } = await send("GetEvent", { ...key("s1"), eventId: made.event.eventId });
    assert.deepEqual(event, made.event);
  },

  async "pages are complete and in order"() {
    for (let number = 0; number < 45; number += 1) {
      await send("CreateEvent", {
        ...key("s2"), eventTimestamp: new Date(), payload: [said(`${number}`)],
      });
    }
    const found = [];
    const pages = sdk.paginateListEvents({ client, pageSize: 20 }, { memoryId, ...key("s2") });
    for await (const page of pages) {
      found.push(...page.events.map((event) => event.payload[0].conversational.content.text));
    }
    assert.deepEqual(found, Array.from({ length: 45 }, (_, number) => `${44 - number}`));
  },

  async "one event for one token"() {
    const wish = { ...key("s3"), payload: [said("once")], clientToken: "t".repeat(36) };
    const first = await send("CreateEvent", { ...wish, eventTimestamp: new Date(1) });
    const again = await send("CreateEvent", { ...wish, eventTimestamp: new Date(2) });
    assert.deepEqual(again.event, first.event);
    assert.equal((await send("ListEvents", key("s3"))).events.length, 1);
  },

  async "branches and deletions"() {
    const time = { eventTimestamp: new Date(5) };
    const { event } = await send("CreateEvent", { ...key("s4"), ...time, payload: [said("root")] });
    const branch = { name: "other", rootEventId: event.eventId };
    await send("CreateEvent", { ...key("s4"), ...time, payload: [said("fork")], branch });
    const filter = { branch: { name: "other", includeParentBranches: true } };
    const both = await send("ListEvents", { ...key("s4"), filter });
    assert.equal(both.events.length, 2);
    await send("DeleteEvent", { ...key("s4"), eventId: event.eventId });
    const left = await send("ListEvents", { ...key("s4"), includePayloads: false });
    assert.equal(left.events.length, 1);
    assert.equal(left.events[0].payload, undefined);
    assert.deepEqual(left.events[0].branch, branch);
  },

  async "actors and sessions"() {
    await send("CreateEvent", { ...key("s5"), eventTimestamp: new Date(), payload: [] });
    const { actorSummaries } = await send("ListActors", {});
    assert.ok(actorSummaries.some((each) => each.actorId === "js/user"));
    const { sessionSummaries } = await send("ListSessions", { actorId: "js/user" });
    const mine = sessionSummaries.find((each) => each.sessionId === "s5");
    assert.ok(mine.createdAt instanceof Date);
  },

  async "records"() {
    const records = [{
      requestIdentifier: "r", namespaces: ["/js"], content: { text: "fact" },
      timestamp: new Date(1760000000123), metadata: { n: { numberValue: 1 } },
    }];
    const { successfulRecords } = await send("BatchCreateMemoryRecords", { records });
    const { memoryRecordId } = successfulRecords[0];
    const { memoryRecord } = await send("GetMemoryRecord", { memoryRecordId });
    assert.ok(memoryRecord.createdAt instanceof Date);
    assert.deepEqual(memoryRecord.metadata, records[0].metadata);
    const found = await send("ListMemoryRecords", { namespacePath: "/js" });
    assert.equal(found.memoryRecordSummaries.length, 1);
    await send("DeleteMemoryRecord", { memoryRecordId });
  },

  async "errors have names"() {
    const unknown = { ...key("s1"), eventId: "0000000000000000001#00000001" };
    await assert.rejects(send("GetEvent", unknown), (error) => {
      assert.equal(error.name, "ResourceNotFoundException");
      assert.equal(error.$metadata.httpStatusCode, 404);
      assert.match(error.$metadata.requestId, /^[0-9a-f-]{36}$/);
      return true;
    });
    await assert.rejects(send("ListEvents", { ...key("s1"), maxResults: 101 }), (error) => {
      assert.equal(error.name, "ValidationException");
      assert.equal(error.reason, "FieldValidationFailed");
      assert.deepEqual(error.fieldList.map((each) => each.name), ["maxResults"]);
      return true;
    });
    const search = { namespace: "/js", searchCriteria: { searchQuery: "cats" } };
    await assert.rejects(send("RetrieveMemoryRecords", search), (error) => {
      assert.equal(error.name, "UnsupportedOperationException");
      assert.equal(error.$metadata.httpStatusCode, 501);
      assert.equal(error.$metadata.attempts, 1);
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
