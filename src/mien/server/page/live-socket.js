// The WebSocket of a session: hello, sound and pictures out, rows in.

const KEY = 'mien-key';
const [SOUND, PICTURE] = [1, 2];
// Bytes that may wait in the browser before pictures are left out.
const WAITING = 400000;

export function storedKey() {
  try { return sessionStorage.getItem(KEY) || ''; } catch { return ''; }
}

export function storeKey(key) {
  try { sessionStorage.setItem(KEY, key); } catch { /* it lasts as long as the page */ }
}

export class Session {
  constructor(rate, options, told, closed) {
    this.ready = false;
    this.dropped = 0;
    this.reason = '';
    const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:';
    this.socket = new WebSocket(`${scheme}//${location.host}/v1/live`);
    this.socket.binaryType = 'arraybuffer';
    this.socket.addEventListener('open', () => {
      this.socket.send(JSON.stringify({ type: 'hello', key: storedKey(), rate, format: 'int16', options }));
    });
    this.socket.addEventListener('message', (event) => {
      const row = JSON.parse(event.data);
      if (row.kind === 'ready') this.ready = true;
      if (row.kind === 'closed') { this.reason = row.reason; return; }
      told(row);
    });
    this.socket.addEventListener('close', (event) => {
      this.ready = false;
      closed(event.code, this.reason || event.reason);
    });
  }

  send(kind, at, bytes) {
    const message = new Uint8Array(9 + bytes.byteLength);
    message[0] = kind;
    new DataView(message.buffer).setFloat64(1, at, true);
    message.set(new Uint8Array(bytes.buffer || bytes, bytes.byteOffset || 0, bytes.byteLength), 9);
    this.socket.send(message);
  }

  sound(at, samples) {
    if (this.ready) this.send(SOUND, Math.max(0, at), samples);
  }

  // Whether there was room for the picture.
  picture(at, bytes) {
    if (!this.ready) return false;
    if (this.socket.bufferedAmount > WAITING) { this.dropped += 1; return false; }
    this.send(PICTURE, at, bytes);
    return true;
  }

  end() {
    if (this.ready) this.socket.send(JSON.stringify({ type: 'end' }));
    else this.socket.close();
    this.ready = false;
  }
}
