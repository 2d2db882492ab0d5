/** What stands for a licence when the author states none: others may read it, no more. */

/** A reference of one's own, as SPDX expressions have them (https://spdx.github.io/spdx-spec/v2.3/other-licensing-information-detected/). */
export const UNSTATED_LICENCE = "LicenseRef-unstated";

/** A licence as a person reads it. */
export function licenceWords(licence: string): string {
  return licence === UNSTATED_LICENCE ? "no licence stated" : licence;
}
