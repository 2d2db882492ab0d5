/** The Pins tab: a mirror's pinning service is added, and something that is published here is kept there. */
import type { Page } from "playwright";

export interface PinningService {
  /** Address of the mirror's gateway. */
  readonly gateway: string;
  readonly token: string;
}

/** Resolves when the mirror has all of it; the panel of what is published is open, `name` is its title and version. */
export async function pinAtMirror(page: Page, { gateway, token }: PinningService, name: string): Promise<void> {
  await page.getByRole("tab", { name: "Pins" }).click();
  await page.getByText(/Machines that are always on/).click();
  await page.getByLabel("Address of the service").fill(`${gateway}/pinning`);
  await page.getByLabel("Its token").fill(token);
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await page.getByText("Machines that are always on: 1").waitFor();
  await page.getByRole("button", { name: `Actions for ${name}` }).click();
  await page.getByRole("menuitem", { name: /^Pin at / }).click();
  await page
    .locator(".publish-kept-row", { hasText: name })
    .getByText(/: pinned$/)
    .waitFor();
}
