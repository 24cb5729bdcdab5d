// Takes the microphone's sound block by block and hands it on as 16-bit samples, with its time.

const BLOCK = 2048;

class Tap extends AudioWorkletProcessor {
  constructor() {
    super();
    this.samples = new Int16Array(BLOCK);
    this.filled = 0;
    this.first = -1;
  }

  process(inputs) {
    const input = inputs[0];
    if (!input || input.length === 0) return true;
    if (this.first < 0) this.first = currentFrame;
    if (this.filled === 0) this.begun = currentFrame;
    const count = input[0].length;
    for (let i = 0; i < count; i += 1) {
      let sum = 0;
      for (const channel of input) sum += channel[i];
      const value = Math.max(-1, Math.min(1, sum / input.length));
      this.samples[this.filled + i] = Math.round(value * 32767);
    }
    this.filled += count;
    if (this.filled + 128 > BLOCK) this.hand();
    return true;
  }

  hand() {
    const part = this.samples.slice(0, this.filled);
    this.port.postMessage({ at: (this.begun - this.first) / sampleRate, first: this.first / sampleRate, part }, [part.buffer]);
    this.filled = 0;
  }
}

registerProcessor('mien-tap', Tap);
