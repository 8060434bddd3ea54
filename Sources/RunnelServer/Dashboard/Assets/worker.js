// The shared worker: one stream for all tabs, because HTTP/1.1 allows a browser six connections to a server.
import { LiveConnection } from "./live.js";

const connection = new LiveConnection();
const seen = new Map(); // port -> { subscriber, at }
const silence = 180_000;

self.onconnect = ({ ports: [port] }) => {
  const subscriber = (message) => port.postMessage(message);
  port.onmessage = ({ data }) => {
    seen.set(port, { subscriber, at: Date.now() });
    if (data.type === "subscribe") connection.subscribe(subscriber, data.run, data.next, data.beats);
    if (data.type === "leave") leave(port);
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
