// Sounds of equal length that play simultaneously, with one of them audible.

const FADE = 0.01; // seconds, for switching, pausing and seeking
const AHEAD = 0.02; // seconds until sounds start, so that all of them start at the same sample

/** The bytes of a base64 string. */
function bytes(encoded) {
  return Uint8Array.from(atob(encoded), (letter) => letter.charCodeAt(0));
}

/** An audio context at this rate, or at the device's rate if the browser does not support it. */
function contextOf(sampleRate) {
  try {
    return new AudioContext({ sampleRate });
  } catch {
    return new AudioContext();
  }
}

class Player {
  #sampleRate;
  #onChange;
  #context = null;
  #master = null;
  #encoded = [];
  #decoded = null; // a promise of audio buffers, once needed
  #duration = 0;
  #gains = [];
  #heard = 0;
  #offset = 0; // position at the start of the take, or the current position while paused
  #take = null; // the current playback: its sources, their gains and its start time
  #wanted = false; // whether it is playing, or will be once sounds are decoded
  #loop = false;
  #volume = 1;

  constructor(sampleRate, onChange) {
    this.#sampleRate = sampleRate;
    this.#onChange = onChange;
  }

  /** Load other sounds, as base64-encoded FLAC files; they are decoded when first played. */
  load(encoded, duration) {
    this.pause();
    this.#encoded = encoded;
    this.#decoded = null;
    this.#duration = duration;
    this.#gains = encoded.map(() => 1);
    this.#heard = 0;
    this.#offset = 0;
    this.#onChange();
  }

  get state() {
    return this.#take ? "playing" : this.#wanted ? "loading" : "paused";
  }

  get duration() {
    return this.#duration;
  }

  get heard() {
    return this.#heard;
  }

  get loop() {
    return this.#loop;
  }

  /** Seconds from the beginning of the sounds. */
  get position() {
    if (!this.#take) return this.#offset;
    const passed = Math.max(this.#context.currentTime - this.#take.start, 0);
    const position = this.#offset + passed;
    return this.#loop ? position % this.#duration : Math.min(position, this.#duration);
  }

  /** The node through which all sound passes, once something has been played. */
  get output() {
    return this.#master;
  }

  async play() {
    if (this.#wanted) return;
    this.#wanted = true;
    this.#onChange();
    const encoded = this.#encoded;
    try {
      this.#openContext();
      this.#decoded ??= this.#decode(encoded);
      const [buffers] = await Promise.all([this.#decoded, this.#context.resume()]);
      if (!this.#wanted || this.#take || encoded !== this.#encoded) return;
      this.#begin(buffers);
    } catch (error) {
      this.#wanted = false;
      this.#decoded = null;
      throw error;
    } finally {
      this.#onChange();
    }
  }

  pause() {
    this.#wanted = false;
    if (this.#take) {
      this.#offset = this.position;
      this.#end();
    }
    this.#onChange();
  }

  seek(position) {
    const buffers = this.#take?.buffers;
    if (buffers) this.#end();
    this.#offset = Math.min(Math.max(position, 0), this.#duration);
    const isAtEnd = this.#offset === this.#duration && !this.#loop;
    if (buffers && isAtEnd) this.#wanted = false;
    else if (buffers) this.#begin(buffers);
    this.#onChange();
  }

  /** Switch to another sound. */
  select(index) {
    this.#heard = index;
    this.#mix();
    this.#onChange();
  }

  /** Set the gain of each sound. */
  setGains(gains) {
    this.#gains = gains;
    this.#mix();
  }

  setVolume(volume) {
    this.#volume = volume;
    if (this.#master) this.#fade(this.#master.gain, volume);
  }

  setLoop(loop) {
    const position = this.position;
    if (this.#take) {
      this.#take.start = Math.max(this.#context.currentTime, this.#take.start);
      for (const source of this.#take.sources) source.loop = loop;
    }
    this.#offset = position;
    this.#loop = loop;
    this.#onChange();
  }

  #openContext() {
    if (this.#context) return;
    this.#context = contextOf(this.#sampleRate);
    this.#master = new GainNode(this.#context, { gain: this.#volume });
    this.#master.connect(this.#context.destination);
  }

  #decode(encoded) {
    const decoder = new OfflineAudioContext(1, 1, this.#context.sampleRate);
    return Promise.all(encoded.map((sound) => decoder.decodeAudioData(bytes(sound).buffer)));
  }

  #begin(buffers) {
    if (this.#offset >= this.#duration) this.#offset = 0;
    const start = this.#context.currentTime + AHEAD;
    const bus = new GainNode(this.#context, { gain: 1 });
    if (this.#offset > 0) {
      bus.gain.setValueAtTime(0, start);
      bus.gain.linearRampToValueAtTime(1, start + FADE);
    }
    bus.connect(this.#master);
    const gains = buffers.map(
      (_, index) => new GainNode(this.#context, { gain: this.#gainOf(index) }),
    );
    const sources = buffers.map((buffer, index) => {
      const source = new AudioBufferSourceNode(this.#context, { buffer, loop: this.#loop });
      source.connect(gains[index]).connect(bus);
      source.start(start, this.#offset);
      return source;
    });
    const take = { buffers, bus, gains, sources, start };
    sources[0].onended = () => {
      if (this.#take !== take) return;
      this.#take = null;
      this.#wanted = false;
      this.#offset = 0;
      this.#onChange();
    };
    this.#take = take;
  }

  #end() {
    const { bus, sources } = this.#take;
    this.#take = null;
    this.#fade(bus.gain, 0);
    for (const source of sources) source.stop(this.#context.currentTime + 2 * FADE);
  }

  #gainOf(index) {
    return index === this.#heard ? this.#gains[index] : 0;
  }

  #mix() {
    this.#take?.gains.forEach((node, index) => this.#fade(node.gain, this.#gainOf(index)));
  }

  #fade(parameter, value) {
    const now = this.#context.currentTime;
    parameter.cancelScheduledValues(now);
    parameter.setValueAtTime(parameter.value, now);
    parameter.linearRampToValueAtTime(value, now + FADE);
  }
}
