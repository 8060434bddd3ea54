// The shared worker: one stream for all tabs, because HTTP/1.1 allows a browser six connections to a server.
import { LiveConnection } from "./live.js";

const connection = new LiveConnection();
const seen = new Map(); // port -> { subscriber, at }
const silence = 180_000;

self.onconnect = ({ ports: [port] }) => {
  const subscriber = (message) => port.postMessage(message);
  port.onmessage = ({ data }) => {
    if (data.type === "leave") return leave(port);
    // The computer or the tab has slept, and the tab was taken for one that was killed.
    const wasLost = data.type === "here" && !seen.has(port);
    seen.set(port, { subscriber, at: Date.now() });
    if (data.type === "subscribe" || wasLost) connection.subscribe(subscriber, data.run, data.next, data.beats);
    if (wasLost) subscriber({ type: "connected", wasLost });
  };
  port.start();
};

function leave(port) {
  const entry = seen.get(port);
  seen.delete(port);
  if (entry) connection.unsubscribe(entry.subscriber);
}

// A tab that was killed does not say goodbye.
setInterval(() => {
  for (const [port, { at }] of seen) if (Date.now() - at > silence) leave(port);
}, 60_000);
