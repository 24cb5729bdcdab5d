// The page of live analysis: states, devices, recording.

import { byId, clock, el } from './dom.js';
import { Session, storeKey, storedKey } from './live-socket.js';
import * as view from './live-view.js';

const SIDE = 576; // Pixels of the longer side of a picture: the detector looks at no more.
const QUALITY = 0.85;
const PATIENCE = [1, 2, 4, 8, 15]; // Seconds before each attempt to connect again.
const [MALFORMED, UNAUTHORISED, BUSY] = [4400, 4401, 4429];
const STATES = {
  idle: 'Not started', asking: 'Asking for permission', starting: 'Starting the models', running: 'Analysing', lost: 'Connection lost', ending: 'Ending',
  ended: 'Stopped',
};

let devices = null;
let session = null;
let tries = 0;
let retry = 0;
let wanted = { audio: true, video: true };
let offset = 0; // Seconds of the devices at which the session began,
let base = null; // and the first session, where the axis of the page begins.
const sent = new Map();

function state(name) {
  document.body.dataset.state = name;
  byId('state').textContent = STATES[name];
  byId('stop').hidden = !['running', 'starting', 'lost'].includes(name);
  byId('record').hidden = name !== 'running' && !recorder;
  byId('again').hidden = name !== 'ended';
}

function trouble(text, act) {
  const place = byId('trouble');
  place.hidden = !text;
  place.replaceChildren(...(text ? [text, act].filter(Boolean) : []));
}

function hint(text) {
  byId('hint').hidden = !text;
  byId('hint').textContent = text || '';
}

// --- devices -----------------------------------------------------------------------------------

const WHY = {
  NotAllowedError: 'The browser does not allow it. Allow camera and microphone for this page (the sign left of the address), then start again.',
  NotFoundError: 'There is none. Connect one, then start again.',
  NotReadableError: 'Another program uses it. Close that program, then start again.',
};

async function open(kinds) {
  const video = { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 30 } };
  const audio = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  return navigator.mediaDevices.getUserMedia({ audio: kinds.audio && audio, video: kinds.video && video });
}

// The stream that can be had; what cannot is said, and the other goes on alone.
async function obtain() {
  if (!navigator.mediaDevices) throw new Error('A browser gives camera and microphone to pages over https or on this machine only. Open this page as https://... or http://localhost.');
  try {
    return await open(wanted);
  } catch (error) {
    if (!(wanted.audio && wanted.video)) throw error;
    for (const kind of ['audio', 'video']) {
      try {
        const stream = await open({ [kind]: true });
        const gone = kind === 'audio' ? 'camera' : 'microphone';
        hint(`No ${gone}: ${kind === 'audio' ? 'sound' : 'pictures'} only. ${WHY[error.name] || error.message}`);
        return stream;
      } catch { /* neither */ }
    }
    throw error;
  }
}

async function start(kinds) {
  wanted = kinds;
  trouble('');
  hint('');
  state('asking');
  try {
    devices = await connectDevices(await obtain());
  } catch (error) {
    state('idle');
    const what = kinds.audio && kinds.video ? 'Camera and microphone' : kinds.audio ? 'The microphone' : 'The camera';
    trouble(`${what} cannot be used. ${WHY[error.name] || error.message}`);
    return;
  }
  byId('consent').hidden = true;
  for (const id of ['view', 'now', 'time', 'said-card', 'pace']) byId(id).hidden = false;
  byId('said-card').hidden = !devices.sound;
  byId('no-camera').hidden = devices.pictures;
  byId('stage').classList.toggle('deaf', !devices.pictures);
  view.clear();
  base = null;
  tries = 0;
  connect();
  byId('stop').focus();
}

async function connectDevices(stream) {
  const made = { stream, sound: stream.getAudioTracks().length > 0, pictures: stream.getVideoTracks().length > 0, rate: 48000 };
  const begun = performance.now();
  made.now = () => (performance.now() - begun) / 1000;
  if (made.sound) {
    made.context = new AudioContext();
    made.rate = made.context.sampleRate;
    await made.context.audioWorklet.addModule('/page/live-audio-worklet.js');
    const tap = new AudioWorkletNode(made.context, 'mien-tap', { numberOfOutputs: 0 });
    made.context.createMediaStreamSource(stream).connect(tap);
    tap.port.onmessage = ({ data }) => {
      if (made.first === undefined) {
        made.first = data.first;
        made.now = () => made.context.currentTime - data.first;
      }
      if (session) session.sound(data.at - offset, data.part);
    };
    await made.context.resume();
  }
  for (const track of stream.getTracks()) track.addEventListener('ended', () => hint(`The ${track.kind === 'audio' ? 'microphone' : 'camera'} was disconnected.`));
  if (made.pictures) {
    const video = byId('video');
    video.srcObject = new MediaStream(stream.getVideoTracks());
    await video.play();
    made.canvas = document.createElement('canvas');
    made.pen = made.canvas.getContext('2d', { alpha: false });
  }
  return made;
}

function release() {
  if (!devices) return;
  for (const track of devices.stream.getTracks()) track.stop();
  if (devices.context) devices.context.close();
  byId('video').srcObject = null;
  devices = null;
}

// --- pictures ----------------------------------------------------------------------------------

let timer = 0;
let encoding = false;

function takePictures(rate) {
  clearInterval(timer);
  if (devices.pictures) timer = setInterval(picture, 1000 / rate);
}

async function picture() {
  const video = byId('video');
  if (!session || !session.ready || encoding || !video.videoWidth || !devices) return;
  const scale = Math.min(1, SIDE / Math.max(video.videoWidth, video.videoHeight));
  const { canvas, pen } = devices;
  const [wide, high] = [Math.round(video.videoWidth * scale), Math.round(video.videoHeight * scale)];
  if (canvas.width !== wide || canvas.height !== high) { canvas.width = wide; canvas.height = high; }
  const at = devices.now() - offset;
  if (at <= 0) return;
  const taken = performance.now();
  pen.drawImage(video, 0, 0, wide, high);
  encoding = true;
  const blob = await new Promise((done) => canvas.toBlob(done, 'image/jpeg', QUALITY));
  const bytes = blob && await blob.arrayBuffer();
  encoding = false;
  if (bytes && session && session.picture(at, bytes)) {
    sent.set(at.toFixed(3), taken);
    if (sent.size > 100) sent.delete(sent.keys().next().value);
  }
}

// --- the session -------------------------------------------------------------------------------

function connect() {
  state('starting');
  session = new Session(devices.rate, {}, told, closed);
}

function told(row) {
  const shift = (one) => ({ ...one, start: one.start + offset - base, end: one.end + offset - base });
  if (row.kind === 'ready') {
    tries = 0;
    trouble('');
    offset = devices.now();
    base ??= offset;
    sent.clear();
    state('running');
    takePictures(row.frame_rate);
  } else if (row.kind === 'picture') {
    const taken = sent.get(row.time.toFixed(3));
    if (taken !== undefined) view.delay('face', (performance.now() - taken) / 1000);
    sent.delete(row.time.toFixed(3));
    view.showPicture({ ...row, time: row.time + offset - base });
  } else if (row.kind === 'window') {
    view.showWindow(shift(row));
  } else if (row.kind === 'utterance') {
    // The turn is a tenth of a second wider than the speech.
    if (devices && row.over) view.delay('words', devices.now() - offset - (row.end - 0.1));
    view.showUtterance(shift(row));
  } else if (row.kind === 'counts' || row.kind === 'ended') {
    view.counts(row, session ? session.dropped : 0);
  }
}

function closed(code, reason) {
  clearInterval(timer);
  const was = document.body.dataset.state;
  session = null;
  if (was === 'ending' || was === 'ended' || !devices) { stopped(); return; }
  if (code === UNAUTHORISED) { askKey(reason); return; }
  if (code === BUSY || code === MALFORMED) {
    stopped();
    trouble(`${code === BUSY ? 'The server is busy.' : 'The server refused the session.'} ${reason}`);
    return;
  }
  state('lost');
  const wait = PATIENCE[Math.min(tries, PATIENCE.length - 1)];
  tries += 1;
  trouble(`The connection to the server was lost${reason ? ` (${reason})` : ''}. The next attempt is in ${wait} s; what is said meanwhile is not analysed. `,
    el('button', { class: 'button small', click: again }, 'Connect now'));
  retry = setTimeout(again, wait * 1000);
}

function again() {
  clearTimeout(retry);
  if (devices && !session) connect();
}

function stop() {
  clearTimeout(retry);
  clearInterval(timer);
  if (recorder) recorder.stop();
  if (session) { state('ending'); session.end(); release(); } else stopped();
}

function stopped() {
  clearTimeout(retry);
  release();
  state('ended');
  trouble('');
}

function askKey(reason) {
  const dialog = byId('key');
  if (storedKey()) trouble(reason);
  dialog.showModal();
  dialog.addEventListener('close', () => {
    storeKey(byId('key-input').value.trim());
    if (byId('key-input').value.trim()) again(); else stopped();
  }, { once: true });
}

// --- recording ---------------------------------------------------------------------------------

let recorder = null;

function record() {
  if (recorder) { recorder.stop(); return; }
  if (!devices) return;
  const parts = [];
  const begun = Date.now();
  recorder = new MediaRecorder(devices.stream);
  recorder.addEventListener('dataavailable', (event) => parts.push(event.data));
  recorder.addEventListener('stop', () => {
    recorder = null;
    byId('record').setAttribute('aria-pressed', 'false');
    byId('record').textContent = 'Record';
    upload(new Blob(parts, { type: 'video/webm' }), begun);
  });
  recorder.start(1000);
  byId('record').setAttribute('aria-pressed', 'true');
  byId('record').textContent = 'Stop recording';
  const tick = setInterval(() => {
    if (!recorder) { clearInterval(tick); return; }
    byId('recording').textContent = `Recording ${clock((Date.now() - begun) / 1000, false)}`;
  }, 500);
}

async function upload(blob, begun) {
  const place = byId('recording');
  place.textContent = 'Sending the recording';
  const form = new FormData();
  const name = `live ${new Date(begun).toISOString().slice(0, 19).replace('T', ' ')}`;
  form.append('name', name);
  form.append('options', JSON.stringify({ segmentation: { by: 'window' }, portraits: 200 }));
  form.append('file', blob, `${name.replaceAll(':', '-')}.webm`);
  try {
    const headers = storedKey() ? { Authorization: `Bearer ${storedKey()}` } : {};
    const response = await fetch('/v1/jobs', { method: 'POST', body: form, headers });
    const body = await response.json();
    if (!response.ok) throw new Error(body.error ? body.error.message : `status ${response.status}`);
    place.replaceChildren('The recording is a job now: ', el('a', { href: '/' }, name), '.');
  } catch (error) {
    const link = el('a', { href: URL.createObjectURL(blob), download: `${name.replaceAll(':', '-')}.webm` }, 'Save it on this machine');
    place.replaceChildren(`The recording could not be sent (${error.message}). `, link);
  }
}

// --- begin -------------------------------------------------------------------------------------

byId('agree').addEventListener('change', (event) => {
  for (const id of ['start', 'start-sound', 'start-pictures']) byId(id).disabled = !event.target.checked;
});
byId('start').addEventListener('click', () => start({ audio: true, video: true }));
byId('start-sound').addEventListener('click', () => start({ audio: true, video: false }));
byId('start-pictures').addEventListener('click', () => start({ audio: false, video: true }));
byId('stop').addEventListener('click', stop);
byId('again').addEventListener('click', () => start(wanted));
byId('record').addEventListener('click', record);
addEventListener('pagehide', () => { if (session) session.end(); release(); });
view.legend();
state('idle');

function tick() {
  if (devices && session && session.ready) view.history.now = Math.max(view.history.now, devices.now() - base);
  if (!document.hidden && !byId('time').hidden) view.drawTime();
  setTimeout(() => requestAnimationFrame(tick), 100);
}
tick();
