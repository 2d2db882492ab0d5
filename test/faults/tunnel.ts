/**
 * `node tunnel.ts PORT HOST HOSTS_PORT`: a loopback port that leads to another host, as `ssh -L` makes one. Browsers
 * trust pages of their own machine without TLS.
 */
import { connect, createServer } from "node:net";

const [port, host, hostsPort] = process.argv.slice(2);
createServer((near) => {
  const far = connect(Number(hostsPort), host ?? "");
  near.pipe(far).pipe(near);
  // One end that breaks takes the other along.
  near.on("error", () => far.destroy()).on("close", () => far.destroy());
  far.on("error", () => near.destroy()).on("close", () => near.destroy());
}).listen(Number(port), "127.0.0.1", () => process.stdout.write("ready\n"));
