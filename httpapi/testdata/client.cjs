// Calls every method of the client in durable-functions, and checks what comes of it.
//
//   NODE_PATH=.../node_modules node client.cjs BASE MODE
//
// BASE is the root of the test's server: the API below /runtime/webhooks/durabletask (with a key) and below /durabletask
// (without), and what plays the worker below /worker. MODE is "webhook" or "rpc": how a client finds the API.
'use strict';
const assert = require('node:assert/strict');
const { DurableClient } = require('durable-functions/lib/src/durableClient/DurableClient.js');
const { EntityId } = require('durable-functions');
const { HttpRequest } = require('@azure/functions');

const [base, mode] = process.argv.slice(2);
const hub = 'GHttpApi';
const key = 'a key/with+odd=characters&';
const api = `${base}/runtime/webhooks/durabletask`;
const code = `code=${encodeURIComponent(key)}`;
const query = `taskHub=${hub}&connection=Storage&${code}`;
const client = new DurableClient({
  taskHubName: hub,
  creationUrls: {
    createNewInstancePostUri: `${api}/orchestrators/{functionName}[/{instanceId}]?${code}`,
    createAndWaitOnNewInstancePostUri:
      `${api}/orchestrators/{functionName}[/{instanceId}]?timeout={timeoutInSeconds}&pollingInterval={intervalInSeconds}&${code}`,
  },
  managementUrls: {
    id: 'INSTANCEID',
    statusQueryGetUri: `${api}/instances/INSTANCEID?${query}`,
    sendEventPostUri: `${api}/instances/INSTANCEID/raiseEvent/{eventName}?${query}`,
    terminatePostUri: `${api}/instances/INSTANCEID/terminate?reason={text}&${query}`,
    rewindPostUri: `${api}/instances/INSTANCEID/rewind?reason={text}&${query}`,
    purgeHistoryDeleteUri: `${api}/instances/INSTANCEID?${query}`,
    restartPostUri: `${api}/instances/INSTANCEID/restart?${query}`,
    suspendPostUri: `${api}/instances/INSTANCEID/suspend?reason={text}&${query}`,
    resumePostUri: `${api}/instances/INSTANCEID/resume?reason={text}&${query}`,
  },
  baseUrl: api,
  requiredQueryStringParameters: code,
  ...(mode === 'rpc' ? { rpcBaseUrl: `${base}/durabletask/` } : {}),
});

// worker lets the worker do something and returns what it says.
async function worker(verb, id, params = {}) {
  const q = new URLSearchParams({ id, ...params });
  const response = await fetch(`${base}/worker/${verb}?${q}`, { method: 'POST' });
  assert.equal(response.status, 200, `worker: ${verb} ${id}: ${await response.clone().text()}`);
  return response.json();
}

const tests = {
  async startNew() {
    const id = await client.startNew('HelloSequence');
    assert.match(id, /^[0-9a-f]{32}$/);
    assert.equal((await client.getStatus(id)).runtimeStatus, 'Pending');

    const own = `js-start-${mode}`;
    const input = { a: 1, s: 'é' };
    assert.equal(await client.startNew('HelloSequence', { instanceId: own, input, version: '1.0 b' }), own);
    assert.deepEqual((await client.getStatus(own)).input, input);
    const [message] = await worker('messages', own);
    assert.deepEqual(message, { eventType: 'ExecutionStarted', name: 'HelloSequence', input: '{"a":1,"s":"é"}' });
    await assert.rejects(client.startNew('HelloSequence', { instanceId: own }), /409.*status Pending already exists/);
    await assert.rejects(client.startNew('HelloSequence', { instanceId: '@no@entity' }), /400/);
    await client.startNew('HelloSequence', { instanceId: `${own}-null`, input: null });
    assert.equal((await client.getStatus(`${own}-null`)).input, null);
  },

  async getStatus() {
    const id = `js status é@${mode}`;
    await client.startNew('HelloSequence', { instanceId: encodeURIComponent(id), input: 'World' });
    await worker('set', id, { status: 'Completed', output: '["Hello"]' });
    const status = await client.getStatus(encodeURIComponent(id), { showHistory: true, showHistoryOutput: true });
    assert.equal(status.instanceId, id);
    assert.equal(status.runtimeStatus, 'Completed');
    assert.equal(status.input, 'World');
    assert.deepEqual(status.output, ['Hello']);
    assert.ok(status.createdTime instanceof Date && !isNaN(status.createdTime));
    await worker('set', id, { status: 'Failed', output: 'it broke' });
    assert.equal((await client.getStatus(encodeURIComponent(id))).output, 'it broke');
    if (mode === 'webhook') { // otherwise the client does not say it
      assert.equal((await client.getStatus(encodeURIComponent(id), { showInput: false })).input, null);
    }
    await assert.rejects(client.getStatus('nobody'), /404.*nobody/);
  },

  async getStatusAll() {
    const all = await client.getStatusAll(); // three pages
    const ids = all.map((s) => s.instanceId);
    assert.equal(new Set(ids).size, ids.length);
    for (let i = 0; i < 250; i++) assert.ok(ids.includes(`many-${i}`), `many-${i}`);
  },

  async getStatusBy() {
    const id = `js-by-${mode}`;
    await client.startNew('HelloSequence', { instanceId: id });
    await worker('set', id, { status: 'Canceled' });
    const createdTimeFrom = new Date(Date.now() - 3600e3);
    const createdTimeTo = new Date(Date.now() + 3600e3);
    const found = await client.getStatusBy({ createdTimeFrom, createdTimeTo, runtimeStatus: ['Canceled', 'Suspended'] });
    assert.deepEqual(found.map((s) => s.instanceId), [id]);
    assert.deepEqual(await client.getStatusBy({ createdTimeTo: new Date('2001-01-01'), runtimeStatus: ['Canceled'] }), []);
    await assert.rejects(client.getStatusBy({ runtimeStatus: ['Bogus'] }), /400.*Bogus/);
    await client.purgeInstanceHistory(id);
  },

  async raiseEvent() {
    const id = `js-event-${mode}`;
    await client.startNew('WaitForApproval', { instanceId: id });
    await worker('set', id, { status: 'Running' });
    await worker('messages', id);
    await client.raiseEvent(id, 'My Event', [1, 'é', null]);
    await client.raiseEvent(id, 'NoData');
    await client.raiseEvent(id, 'Named', 'x', { taskHubName: hub, connectionName: 'AzureWebJobsStorage' });
    assert.deepEqual(await worker('messages', id), [
      { eventType: 'EventRaised', name: 'My Event', input: '[1,"é",null]' },
      { eventType: 'EventRaised', name: 'NoData', input: 'null' },
      { eventType: 'EventRaised', name: 'Named', input: '"x"' },
    ]);
    await assert.rejects(client.raiseEvent('nobody', 'E', 1), /No instance with ID 'nobody' found/);
    await assert.rejects(client.raiseEvent(id, 'E', 1, { taskHubName: 'OtherHub' }), /400.*not served/);
    await worker('set', id, { status: 'Completed' });
    await client.raiseEvent(id, 'Late', 1);
    assert.deepEqual(await worker('messages', id), []);
  },

  async terminate() {
    const id = `js-terminate-${mode}`;
    await client.startNew('WaitForApproval', { instanceId: id });
    await worker('set', id, { status: 'Running' });
    await worker('messages', id);
    await client.terminate(id, 'It was time to be done; really.');
    assert.deepEqual(await worker('messages', id), [
      { eventType: 'ExecutionTerminated', name: '', input: 'It was time to be done; really.' },
    ]);
    await worker('set', id, { status: 'Terminated', output: 'It was time to be done; really.' });
    assert.equal((await client.getStatus(id)).output, 'It was time to be done; really.');
    await client.terminate(id, 'again');
    await assert.rejects(client.terminate('nobody', 'x'), /No instance with ID 'nobody' found/);
  },

  async suspendAndResume() {
    const id = `js-suspend-${mode}`;
    await client.startNew('WaitForApproval', { instanceId: id });
    await worker('set', id, { status: 'Running' });
    await client.suspend(id, 'hold on');
    await worker('set', id, { status: 'Suspended', output: 'hold on' });
    assert.equal((await client.getStatus(id)).runtimeStatus, 'Suspended');
    await assert.rejects(client.suspend(id, 'again'), /412.*Cannot suspend/);
    await client.resume(id, 'go on');
    await worker('set', id, { status: 'Completed' });
    await client.suspend(id, 'late');
    await client.resume(id, 'late');
    await assert.rejects(client.suspend('nobody', 'x'), /No instance with ID 'nobody' found/);
    await assert.rejects(client.resume('nobody', 'x'), /No instance with ID 'nobody' found/);
  },

  async rewind() {
    assert.equal((await client.getStatus('http-rewind')).runtimeStatus, 'Failed');
    await client.rewind('http-rewind', 'try again & again');
    assert.equal((await client.getStatus('http-rewind')).runtimeStatus, 'Pending');
    await worker('set', 'http-rewind', { status: 'Running' });
    await assert.rejects(client.rewind('http-rewind', 'x'), /has status Running, but only .* can be rewound/);
    await assert.rejects(client.rewind('nobody', 'x'), /instance ID "nobody" found/);
  },

  async purge() {
    const id = `js-purge-${mode}`;
    await client.startNew('HelloSequence', { instanceId: id });
    await assert.rejects(client.purgeInstanceHistory(id), /412.*has status Pending/);
    await worker('set', id, { status: 'Completed' });
    assert.deepEqual(await client.purgeInstanceHistory(id), { instancesDeleted: 1 });
    assert.deepEqual({ ...await client.purgeInstanceHistory(id) }, { instancesDeleted: 0 });

    for (const n of [1, 2, 3]) {
      await client.startNew('HelloSequence', { instanceId: `${id}-${n}` });
      await worker('set', `${id}-${n}`, { status: n === 3 ? 'Running' : 'Canceled' });
    }
    const createdTimeFrom = new Date(0);
    assert.deepEqual(await client.purgeInstanceHistoryBy({ createdTimeFrom, runtimeStatus: ['Canceled'] }), { instancesDeleted: 2 });
    assert.deepEqual({ ...await client.purgeInstanceHistoryBy({ createdTimeFrom, runtimeStatus: ['Canceled'] }) }, { instancesDeleted: 0 });
    await assert.rejects(client.purgeInstanceHistoryBy({ createdTimeFrom, runtimeStatus: ['Running'] }), /400.*only what has ended/);
    assert.equal((await client.getStatus(`${id}-3`)).runtimeStatus, 'Running');
  },

  async entities() {
    const main = await client.readEntityState(new EntityId('Counter', 'main'));
    assert.equal(main.entityExists, true);
    assert.equal(main.entityState, 34);
    assert.equal((await client.readEntityState(new EntityId('Counter', 'nobody'))).entityExists, false);
    await client.signalEntity(new EntityId('Counter', 'k 1'), 'add', 5);
    await client.signalEntity(new EntityId('Counter', 'k 1'), 'reset');
    const signals = (await worker('messages', '@counter@k 1')).map((m) => JSON.parse(m.input));
    assert.deepEqual(signals.map((s) => [s.op, s.input]), [['add', '5'], ['reset', undefined]]);
    await assert.rejects(client.signalEntity(new EntityId('Counter', 'k'), 'add', 1, { taskHubName: 'OtherHub' }), /400.*not served/);
  },

  async waitForCompletion() {
    const id = `js-wait-${mode}`;
    const request = new HttpRequest({ url: `${base}/api/start`, method: 'POST' });
    await client.startNew('HelloSequence', { instanceId: id });
    const waits = { timeoutInMilliseconds: 60, retryIntervalInMilliseconds: 20 };
    const later = await client.waitForCompletionOrCreateCheckStatusResponse(request, id, waits);
    assert.equal(later.status, 202);
    const polled = await fetch(later.headers.get('Location'));
    assert.equal(polled.status, 202);
    assert.ok(polled.headers.get('Location').startsWith(api));
    await worker('set', id, { status: 'Completed', output: '"done"' });
    const done = await client.waitForCompletionOrCreateCheckStatusResponse(request, id, waits);
    assert.equal(done.status, 200);
    assert.equal(await done.json(), 'done');
  },

  async managementUrls() {
    const id = `js-urls-${mode}`;
    await client.startNew('WaitForApproval', { instanceId: id });
    await worker('set', id, { status: 'Running' });
    const urls = client.createHttpManagementPayload(id);
    const post = (url) => fetch(url, { method: 'POST' }).then((r) => r.status);
    assert.equal((await fetch(urls.statusQueryGetUri)).status, 202);
    assert.equal(await post(urls.suspendPostUri.replace('{text}', 'a b')), 202);
    assert.equal(await post(urls.terminatePostUri.replace('{text}', 'a b')), 202);
    assert.equal((await fetch(urls.statusQueryGetUri.replace(/code=[^&]*/, 'code=wrong'))).status, 401);
    const response = client.createCheckStatusResponse(new HttpRequest({ url: `${base}/api/start`, method: 'POST' }), id);
    assert.equal((await fetch(response.headers.get('Location'))).status, 202);
  },
};

(async () => {
  let failed = 0;
  for (const [name, test] of Object.entries(tests)) {
    try {
      await test();
      console.log(`ok ${name}`);
    } catch (err) {
      failed++;
      console.log(`FAILED ${name}: ${err.stack}`);
    }
  }
  process.exitCode = failed ? 1 : 0;
})();
