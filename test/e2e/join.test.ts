/** The address of a link to a shared notebook: read once, gone from the bar, and what is there when it is not good. */
import { expect, it } from "vitest";
import { Visit } from "./visit.ts";

const visit = new Visit("join");

it("says what is wrong with a link that was cut off, keeps it out of the address, and goes on to the library", async () => {
  const page = await visit.open("/#join=eyJhZGRyZXNz");
  await page.getByRole("heading", { name: "This link opens nothing" }).waitFor();
  await page.getByText("This link is not whole").waitFor();
  expect(new URL(page.url()).hash).toBe("");
  await page.getByRole("button", { name: "Go on without it" }).click();
  await page.getByRole("searchbox").waitFor();
});

it("takes a link that is put into the address of an open page", async () => {
  const page = await visit.open("/");
  await page.getByRole("searchbox").waitFor();
  await page.evaluate("location.hash = 'join=eyJhZGRyZXNz'");
  await page.getByRole("heading", { name: "This link opens nothing" }).waitFor();
  expect(new URL(page.url()).hash).toBe("");
  // Other fragments are none of its business.
  await page.getByRole("button", { name: "Go on without it" }).click();
  await page.getByRole("searchbox").waitFor();
  await page.evaluate("location.hash = 'some-heading'");
  await page.getByRole("searchbox").waitFor();
  expect(new URL(page.url()).hash).toBe("#some-heading");
});
