// The recording beside the table: plays one row at a time.

import { el } from './dom.js';

export class Player {
  // `fresh` gives a new address of the recording when the old one is not good any more.
  constructor(rows, name, address, fresh) {
    this.node = el('section', { class: 'card flush player', 'aria-label': 'Recording' });
    this.media = null;
    this.until = null;
    this.ended = () => {};
    if (rows.kind === 'text') { this.node.hidden = true; return; }
    if (rows.kind === 'picture') { this.node.append(el('img', { src: address, alt: name })); return; }
    this.media = el(rows.picture ? 'video' : 'audio', { controls: true, preload: 'auto', playsinline: true, src: address, 'aria-label': name });
    let renewed = 0;
    this.media.addEventListener('error', async () => {
      if (Date.now() - renewed > 10_000) {
        renewed = Date.now();
        const at = this.media.currentTime;
        try { this.media.src = await fresh(); } catch { return; }
        this.media.currentTime = at;
        return;
      }
      this.media.remove();
      this.node.append(el('p', { class: 'notice' }, `This browser cannot play ${name}. Rows, words and answers are here all the same.`));
      this.media = null;
    });
    this.media.addEventListener('timeupdate', () => this.stopAtEnd());
    this.node.append(this.media);
  }

  stopAtEnd() {
    if (this.until === null || !this.media || this.media.currentTime < this.until - 0.02) return;
    this.media.pause();
    this.until = null;
    this.ended();
  }

  show([start, end]) {
    if (!this.media || this.playing) return;
    this.media.currentTime = Math.min(end, start + 0.01);
  }

  get playing() { return Boolean(this.media) && !this.media.paused; }

  async play([start, end]) {
    if (!this.media) return;
    this.media.currentTime = start;
    this.until = end;
    const watch = () => { this.stopAtEnd(); if (this.playing) requestAnimationFrame(watch); };
    try { await this.media.play(); requestAnimationFrame(watch); } catch { this.until = null; }
  }

  pause() { this.until = null; this.media?.pause(); }
}
