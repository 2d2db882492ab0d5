/** The microphone in the built app: refused, allowed, and what was said found by the model that hears, in any language. */
import type { Page } from "playwright";
import { expect, it } from "vitest";
import { Visit } from "./visit.ts";

const visit = new Visit("hear");

async function run(page: Page, cell: string): Promise<void> {
  const place = page.locator(`[data-cell="${cell}"]`);
  await place.getByRole("textbox").click();
  await page.keyboard.press("Control+Enter");
}

it("records when a person says so and the browser allows it, and the cells find the speech in it", async () => {
  const page = await visit.open("/?path=notebooks/hear.ipynb");
  const elsewhere: string[] = [];
  page.context().on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(visit.url) && !/^(?:data|blob):/.test(url)) elsewhere.push(url);
  });
  const output = (cell: string) => page.locator(`[data-cell="${cell}"] [data-output]`);
  await page.locator("[data-cell=find]").waitFor();
  await run(page, "find");
  await expect
    .poll(() => output("find").allInnerTexts(), { timeout: 120_000 })
    .toEqual([expect.stringContaining("of 15.4 seconds are speech")]);

  await run(page, "record");
  const recorder = output("record");
  const record = recorder.getByRole("button", { name: "Record" });
  // Permissions that are not named are refused.
  await visit.context.grantPermissions(["clipboard-read"], { origin: visit.url });
  await record.click({ timeout: 120_000 });
  await recorder.getByText("The browser does not allow this page to use the microphone.").waitFor();

  await visit.context.grantPermissions(["microphone"], { origin: visit.url });
  await record.click();
  await recorder.getByText(/^0:0[4-9]$/).waitFor();
  await recorder.getByRole("button", { name: "Stop" }).click();
  await recorder.getByText(/^\d+\.\d seconds are in recording\.wav\.$/).waitFor();
  await recorder.getByLabel("Sound of recording.wav").waitFor();

  await run(page, "own");
  await expect
    .poll(() => output("own").allInnerTexts(), { timeout: 120_000 })
    .toEqual([expect.stringMatching(/\d+\.\d\d +\d+\.\d\d +\d+%\n.* seconds are speech/s)]);
  expect(elsewhere).toEqual([]);
}, 600_000);
