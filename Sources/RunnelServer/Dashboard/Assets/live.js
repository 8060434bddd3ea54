// One stream of server-sent events for any number of subscribers. It runs in the shared worker, or in the page itself where
// there are no shared workers.
//
// A subscriber follows all changes, with `beats` also heartbeats of workers, or one run from the number of an event on. The
// numbers are kept here, so that after a restart of the server the stream goes on at the right event.
export class LiveConnection {
  #subscribers = new Map(); // subscriber -> { run, next, beats }
  #source = null;
  #retry = 0;
  #timer = 0;
  #next = new Map(); // run -> the number of the next event of the open stream

  subscribe(subscriber, run, next, beats) {
    this.#subscribers.set(subscriber, { run, next, beats });
    if (this.#source?.readyState === EventSource.OPEN) subscriber({ type: "connected", wasLost: false });
    this.#refresh();
  }

  unsubscribe(subscriber) {
    if (this.#subscribers.delete(subscriber)) this.#refresh();
  }

  // Several changes of subscribers at once open one stream.
  #refresh() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (this.#subscribers.size === 0) return this.#close();
      if (!this.#source || this.#needsNewStream()) this.#open();
    }, 20);
  }

  // The lowest next number of each run: a subscriber that is further drops what it has seen.
  #wanted() {
    const wanted = new Map();
    for (const { run, next } of this.#subscribers.values()) {
      if (run) wanted.set(run, Math.min(next, wanted.get(run) ?? next));
    }
    return new Map([...wanted].slice(0, 32));
  }

  // Whether the open stream follows other runs than those that are wanted, or is past an event that a subscriber needs:
  // the page of a second tab may be older than what the first has received.
  #needsNewStream() {
    const wanted = this.#wanted();
    return wanted.size !== this.#next.size || [...wanted].some(([run, next]) => !(this.#next.get(run) <= next));
  }

  #close() {
    this.#source?.close();
    this.#source = null;
  }

  #open() {
    this.#close();
    const wanted = this.#wanted();
    this.#next = wanted;
    const query = [...wanted].map(([run, next]) => `run=${encodeURIComponent(`${run}:${next}`)}`).join("&");
    const source = new EventSource("/live" + (query ? "?" + query : ""));
    this.#source = source;
    source.addEventListener("open", () => {
      const wasLost = this.#retry > 0;
      this.#retry = 0;
      this.#deliver({ type: "connected", wasLost });
    });
    source.addEventListener("change", () => this.#deliver({ type: "change" }));
    source.addEventListener("beat", () => {
      for (const [subscriber, { beats }] of this.#subscribers) if (beats) subscriber({ type: "beat" });
    });
    source.addEventListener("run", (message) => this.#event(JSON.parse(message.data)));
    source.addEventListener("shutdown", () => this.#lost(source));
    source.addEventListener("signed-out", () => this.#signedOut(source));
    source.onerror = () => this.#lost(source);
  }

  // Opened anew instead of by the browser: the address holds the numbers, which have changed.
  #lost(source) {
    if (source !== this.#source) return;
    this.#close();
    this.#deliver({ type: "lost" });
    this.#retry += 1;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (this.#subscribers.size > 0) this.#open();
    }, Math.min(5000, 250 * 2 ** Math.min(this.#retry, 5)) * (0.75 + Math.random() / 2));
  }

  // A page that is loaded after a new sign-in opens the stream again when it subscribes.
  #signedOut(source) {
    if (source !== this.#source) return;
    this.#close();
    this.#retry = 1;
    this.#deliver({ type: "signed-out" });
  }

  #event(event) {
    this.#next.set(event.run, event.number + 1);
    for (const [subscriber, state] of this.#subscribers) {
      if (state.run !== event.run || event.number < state.next) continue;
      state.next = event.number + 1;
      subscriber({ type: "run", event });
    }
  }

  #deliver(message) {
    for (const subscriber of this.#subscribers.keys()) subscriber(message);
  }
}
