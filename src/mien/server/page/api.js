// The service's API: every request carries the key, if there is one; nothing goes elsewhere.

import { byId } from './dom.js';

const KEY = 'mien-key';
export const news = new EventTarget();
let key = '';
let asking = null;
let reachable = true;
try { key = sessionStorage.getItem(KEY) || ''; } catch { /* no storage: the key lasts as long as the page */ }

export class ApiError extends Error {
  constructor(status, type, message) {
    super(message);
    this.status = status;
    this.type = type;
  }
}

const OFFLINE = 'The server does not answer. What you did is kept here; it goes on when the server is back.';

function heard(is) {
  if (is === reachable) return;
  reachable = is;
  news.dispatchEvent(new Event(is ? 'online' : 'offline'));
}

async function refused(response) {
  const body = await response.json().catch(() => null);
  const error = body?.error;
  return new ApiError(
    response.status, error?.type || 'HTTPError',
    error?.message || `The server answered with status ${response.status}. Try again; its log says more.`,
  );
}

// Ask for a key, once for all requests that wait for one.
function askKey(wrong) {
  asking ||= new Promise((resolve) => {
    const [dialog, input] = [byId('key'), byId('key-input')];
    byId('key-wrong').hidden = !wrong;
    input.value = '';
    const done = () => {
      if (!input.value.trim()) { dialog.showModal(); return; }
      dialog.removeEventListener('close', done);
      key = input.value.trim();
      try { sessionStorage.setItem(KEY, key); } catch { /* kept in memory */ }
      asking = null;
      resolve();
    };
    dialog.addEventListener('close', done);
    dialog.showModal();
    input.focus();
  });
  return asking;
}

const authorization = () => (key ? { Authorization: `Bearer ${key}` } : {});

export async function request(path, { method = 'GET', json, signal, headers = {} } = {}) {
  for (;;) {
    const given = key;
    const init = { method, signal, headers: { ...authorization(), ...headers }, cache: 'no-store' };
    if (json !== undefined) {
      init.body = JSON.stringify(json);
      init.headers['Content-Type'] = 'application/json';
    }
    let response;
    try {
      response = await fetch(path, init);
    } catch (error) {
      if (signal?.aborted) throw error;
      heard(false);
      throw new ApiError(0, 'Offline', OFFLINE);
    }
    heard(true);
    if (response.status === 401) {
      if (given === key) await askKey(given !== '');
    } else if (response.ok) {
      return response;
    } else {
      throw await refused(response);
    }
  }
}

export const get = async (path, signal) => (await request(path, { signal })).json();
export const send = async (method, path, json) => {
  const response = await request(path, { method, json });
  return response.status === 204 ? null : response.json();
};

// Whether the server answers at all.
export async function ping() {
  try {
    heard((await fetch('/health', { cache: 'no-store' })).ok);
  } catch { heard(false); }
  return reachable;
}

const FINAL = new Set(['completed', 'failed', 'cancelled']);
const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

// Follow a job's events until its final state: a stream that breaks is taken up where it broke.
export async function follow(job, act, signal) {
  let last = '0';
  while (!signal.aborted) {
    try {
      const response = await request(`/v1/jobs/${job}/events`, { signal, headers: { 'Last-Event-ID': last } });
      for await (const event of eventsOf(response.body)) {
        if (event.id) last = event.id;
        if (!event.data) continue;
        const data = JSON.parse(event.data);
        act(event.event, data);
        if (event.event === 'state' && FINAL.has(data.state)) return;
      }
    } catch (error) {
      if (signal.aborted || error.status === 404) return;
    }
    await pause(1500);
  }
}

// The events of a stream, as the HTML standard parses them.
async function* eventsOf(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  let event = {};
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const lines = (rest + value).split(/\r\n|\n|\r/);
    rest = lines.pop();
    for (const line of lines) {
      if (line === '') { yield event; event = {}; continue; }
      const colon = line.indexOf(':');
      if (colon === 0) continue;
      const name = colon < 0 ? line : line.slice(0, colon);
      const text = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
      event[name] = name === 'data' && event.data ? `${event.data}\n${text}` : text;
    }
  }
}

// Send a recording; `told` hears of the share that has been sent. Aborts by the signal.
export async function upload(file, fields, idempotency, told, signal) {
  for (;;) {
    const given = key;
    const { status, text } = await posted(file, fields, idempotency, told, signal);
    heard(true);
    let body = null;
    try { body = JSON.parse(text); } catch { /* told below */ }
    if (status === 401) {
      if (given === key) await askKey(given !== '');
    } else if (status >= 200 && status < 300 && body) {
      return body;
    } else {
      throw new ApiError(status, body?.error?.type, body?.error?.message || `The server answered with status ${status}. Try again.`);
    }
  }
}

function posted(file, fields, idempotency, told, signal) {
  return new Promise((resolve, reject) => {
    const data = new FormData();
    for (const [name, value] of Object.entries(fields)) data.append(name, value);
    data.append('file', file, file.name);
    const call = new XMLHttpRequest();
    call.open('POST', '/v1/jobs');
    for (const [name, value] of Object.entries(authorization())) call.setRequestHeader(name, value);
    call.setRequestHeader('Idempotency-Key', idempotency);
    call.upload.addEventListener('progress', (event) => { if (event.lengthComputable) told(event.loaded / event.total); });
    call.addEventListener('load', () => resolve({ status: call.status, text: call.responseText }));
    call.addEventListener('error', () => {
      reject(new ApiError(0, 'Offline', `${file.name} was not sent: the connection broke, or the file cannot be read any more. Try again.`));
      ping();
    });
    call.addEventListener('abort', () => reject(new ApiError(0, 'Aborted', 'The upload was cancelled.')));
    signal.addEventListener('abort', () => call.abort());
    call.send(data);
  });
}

// Save what a path answers as a file.
export async function download(path, name) {
  const response = await request(path);
  const link = document.createElement('a');
  link.href = URL.createObjectURL(await response.blob());
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
