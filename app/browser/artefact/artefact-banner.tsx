/** What stands above a published notebook that nobody here has trusted yet: that it is only read, and the ways on. */
import type { JSX } from "solid-js";
import "./artefact.css";

export function ArtefactBanner(props: {
  readonly onTrust: () => void;
  readonly onFork: () => void;
  readonly onDetails: () => void;
}): JSX.Element {
  return (
    <div class="banner info artefact-banner" role="status">
      <span class="banner-text">
        This is a published notebook, as its author left it. You can read it; it runs and changes only once you trust
        it, or in a fork of your own.
      </span>
      <span class="artefact-banner-actions">
        <button type="button" class="button" onClick={() => props.onTrust()}>
          Trust it
        </button>
        <button type="button" class="button" onClick={() => props.onFork()}>
          Fork
        </button>
        <button type="button" class="button" onClick={() => props.onDetails()}>
          Who made it
        </button>
      </span>
    </div>
  );
}
