/** Servers, background jobs and the web from the shell, in the built app on the real Linux: offer, preview, end, allow, axe. */
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import type { Page } from "playwright";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Visit } from "./visit.ts";

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
/** A machine that many share may take its time. */
const PATIENCE = { timeout: 120_000 };
const visit = new Visit("ports");
let web: Server;
let webHost: string;

beforeAll(async () => {
  web = createServer((_request, response) => {
    response.setHeader("Access-Control-Allow-Origin", "*");
    response.end("from the web\n");
  });
  await new Promise<void>((resolve) => web.listen(0, "127.0.0.1", resolve));
  webHost = `127.0.0.1:${(web.address() as AddressInfo).port}`;
});
afterAll(() => {
  web.close();
});

async function newNotebook(): Promise<Page> {
  const page = await visit.open();
  await page.getByRole("button", { name: "New notebook" }).click();
  await page.locator("[data-cell]").waitFor();
  return page;
}

/** Runs `%%bash` in the last cell, and waits for the text among its outputs. */
async function shell(page: Page, code: string, output: string): Promise<void> {
  const cell = page.locator("[data-cell]").last();
  await cell.locator(".cm-content").click();
  await page.keyboard.insertText(`%%bash\n${code}`);
  await page.keyboard.press("Shift+Enter");
  await page.locator("[data-output]").filter({ hasText: output }).last().waitFor(PATIENCE);
}

async function violations(page: Page): Promise<unknown> {
  await page.evaluate(axeSource);
  return page.evaluate(
    "axe.run({ include: [['.bottom-panel'], ['.status-bar'], ['.banners']].filter(([part]) => document.querySelector(part)) }).then(({ violations }) => violations.map(({ id, nodes }) => id + ' ' + nodes[0].html))",
  );
}

const SERVER = `mkdir -p site/css && cd site
echo '<!doctype html><title>Home</title><link rel=stylesheet href=css/a.css><h1>Home page</h1><a href=two.html>second</a><p id=p></p><script src=a.js></script>' > index.html
echo '<!doctype html><title>Two</title><h1>Second page</h1><a href=./>back home</a>' > two.html
echo 'h1 { color: rgb(1, 2, 3) }' > css/a.css
echo 'fetch("data.json").then((r) => r.json()).then((d) => { p.textContent = "answer " + d.a })' > a.js
echo '{"a": 42}' > data.json
busybox httpd -f -p 8000 &
cd ..; echo served`;

/** A page with a frame, events that come one by one, a WebSocket that answers, and a file to be kept. */
const TALKING = `cat > talk.pl <<'END'
use strict; use Socket; use Digest::SHA 'sha1_base64';
$SIG{CHLD} = 'IGNORE';
my $page = <<'PAGE';
<!doctype html><title>Talk</title><p id=e></p><p id=s></p><a href=file>keep</a><iframe src=inner></iframe><script>
const events = new EventSource("events"), socket = new WebSocket("ws://" + location.host + "/ws");
socket.onopen = () => { events.onmessage = ({ data }) => { e.textContent += data; socket.send(data); }; };
socket.onmessage = ({ data }) => { s.textContent += data; };
</script>
PAGE
sub give { my ($out, $type, $body) = @_; syswrite $out, "HTTP/1.1 200 OK\\r\\nContent-Type: $type\\r\\n\\r\\n$body"; }
socket(my $server, PF_INET, SOCK_STREAM, 0); setsockopt($server, SOL_SOCKET, SO_REUSEADDR, 1);
bind($server, sockaddr_in(8002, INADDR_LOOPBACK)) or die $!; listen($server, 9);
while (accept(my $c, $server)) {
  if (fork) { close $c; next; }
  my $head = ''; while ($head !~ /\\r\\n\\r\\n/) { sysread $c, $head, 1000, length $head or exit; }
  my ($path) = $head =~ /^GET (\\S+)/;
  if ($path eq '/') { give $c, 'text/html', $page; }
  elsif ($path eq '/inner') { give $c, 'text/html', '<h2>Inside</h2>'; }
  elsif ($path eq '/file') { give $c, "text/plain\\r\\nContent-Disposition: attachment; filename=kept.txt", 'kept'; }
  elsif ($path eq '/events') {
    give $c, 'text/event-stream', '';
    sleep 1 while syswrite $c, "data: event\\n\\n";
  } elsif ($head =~ /Sec-WebSocket-Key: (\\S+)/) {
    my $accept = sha1_base64($1 . '258EAFA5-E914-47DA-95CA-C5AB0DC85B11') . '=';
    syswrite $c, "HTTP/1.1 101 Switching\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\nSec-WebSocket-Accept: $accept\\r\\n\\r\\n";
    while (sysread $c, my $frame, 100) {
      my ($kind, $size, $mask, $text) = unpack 'CCa4a*', $frame;
      last if ($kind & 15) != 1;
      $text ^= substr($mask x 30, 0, length $text);
      syswrite $c, pack('CCa*', 0x81, length $text, uc $text);
    }
  }
  exit;
}
END
perl talk.pl &
echo talking`;

describe("the machine's servers", () => {
  it("are offered, previewed with all they hold, left and ended", async () => {
    const page = await newNotebook();
    await shell(page, SERVER, "served");
    await page.getByRole("button", { name: "Port 8000 is open · Preview" }).click(PATIENCE);
    const frame = page.frameLocator("iframe.ports-frame");
    await frame.getByText("answer 42").waitFor(PATIENCE);
    expect(await frame.locator("h1").evaluate((element) => getComputedStyle(element as never).color)).toBe(
      "rgb(1, 2, 3)",
    );
    expect(await page.locator("iframe.ports-frame").getAttribute("sandbox")).not.toContain("same-origin");
    const address = page.getByRole("textbox", { name: "Address on the machine" });
    await frame.getByRole("link", { name: "second" }).click();
    await frame.getByRole("heading", { name: "Second page" }).waitFor(PATIENCE);
    expect(await address.inputValue()).toBe("localhost:8000/two.html");
    expect(await violations(page)).toEqual([]);
    await page.getByRole("button", { name: "Back", exact: true }).click();
    await frame.getByRole("heading", { name: "Home page" }).waitFor(PATIENCE);
    await address.fill("8000/nothing");
    await address.press("Enter");
    await frame.getByText("404").first().waitFor(PATIENCE);
    await address.fill("9999");
    await address.press("Enter");
    await page.getByText("Nothing listens at port 9999 of the Linux machine.").waitFor(PATIENCE);

    await page.setViewportSize({ width: 390, height: 800 });
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(390);
    await page.locator(".ports-bar").getByRole("button", { name: "Ports", exact: true }).click();
    await page.getByRole("button", { name: "Preview port 8000" }).waitFor(PATIENCE);
    expect(await violations(page)).toEqual([]);
    await page.getByRole("button", { name: /^End busybox httpd/ }).click();
    await page.getByText("No port is open.").waitFor(PATIENCE);
    await page.getByText("Nothing that a cell has left running").waitFor(PATIENCE);
  });

  it("are shown when a program asks, and programs use Python and the web when they may", async () => {
    const page = await newNotebook();
    await shell(
      page,
      "mkdir s; echo '<h1>Asked for</h1>' > s/index.html; busybox httpd -p 8001 -h s; kroma open 8001; kroma ts '6 * 7'; kroma py 1 2>&1 || true",
      "42",
    );
    await page.frameLocator("iframe.ports-frame").getByRole("heading", { name: "Asked for" }).waitFor(PATIENCE);
    await page.getByRole("button", { name: "Hide ports" }).click();

    await shell(page, `kroma fetch http://${webHost}/ || true`, "may not reach");
    await page.getByText(`The shell wants to reach ${webHost}.`).waitFor(PATIENCE);
    expect(await violations(page)).toEqual([]);
    await page.getByRole("button", { name: "Allow" }).click();
    await shell(page, `kroma fetch http://${webHost}/`, "from the web");
    await page.getByRole("button", { name: "Settings" }).click();
    await page.getByRole("button", { name: `Remove ${webHost}` }).click();
    await shell(page, `kroma fetch http://${webHost}/ 2>&1 | sed s/may/MAY/ || true`, "MAY not reach");
  });

  it("talk to their pages while they are shown, fill their frames and hand out files", async () => {
    const page = await newNotebook();
    await shell(page, TALKING, "talking");
    await page.getByRole("button", { name: "Port 8002 is open · Preview" }).click(PATIENCE);
    const frame = page.frameLocator("iframe.ports-frame");
    await frame.frameLocator("iframe").getByRole("heading", { name: "Inside" }).waitFor(PATIENCE);
    await frame
      .locator("#s")
      .filter({ hasText: /EVENTEVENT/ })
      .waitFor(PATIENCE);
    const saving = page.waitForEvent("download", PATIENCE);
    await frame.getByRole("link", { name: "keep" }).click();
    const saved = await saving;
    expect(saved.suggestedFilename()).toBe("kept.txt");
    expect(readFileSync(await saved.path(), "utf8")).toBe("kept");
    expect(await page.getByRole("textbox", { name: "Address on the machine" }).inputValue()).toBe("localhost:8002/");
    await frame
      .locator("#e")
      .filter({ hasText: /eventevent/ })
      .waitFor(PATIENCE);
  });
});
