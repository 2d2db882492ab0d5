/** Asks for the token of a hub that wants one to be signed in. */
import type { JSX } from "solid-js";
import { FieldForm } from "./field-form.tsx";

export function TokenForm(props: {
  /** The hub's origin. */
  readonly hub: string;
  readonly onToken: (token: string) => void;
}): JSX.Element {
  const host = (): string => URL.parse(props.hub)?.host ?? props.hub;
  return (
    <FieldForm
      label={`Token for ${host()}`}
      help={`You make it on your account’s page there. It is kept in this browser only, and sent to ${host()} only.`}
      button="Use it"
      field={{ type: "password" }}
      onGiven={(token) => props.onToken(token)}
    />
  );
}
