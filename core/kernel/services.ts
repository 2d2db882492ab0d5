/**
 * What plugins do for the code in cells, whatever its language: `kroma.ml` runs models through the service "ml". A service
 * lives outside of the kernels, beside them at the same host, so that it outlives their restarts and they share it.
 *
 * A kernel's worker asks its own outside part (ServiceRequest), which asks the host and answers (ServiceReply):
 * R1  Every service_request gets one service_reply, unless it was given up by service_cancel: then none comes.
 * R2  Buffers move: who sends them has them no more.
 * R3  Who asks is known by a name for as long as the worker lives. What was opened for it is let go when it ends. Its end is
 *     told before the signals of its requests abort: so a service can tell what was given up from what nobody asks any more.
 * R4  A failure is a WireError, whose sentence is for the person.
 * R5  Before its reply a request may get any number of service_progress: how far it is, in a form that is the service's.
 */
import type { WireError } from "../base/errors.ts";
import type { FilePeers, HubToken } from "../store/fetched.ts";
import { Facet } from "../plugin/facet.ts";
import type { KernelWorker } from "./kernel.ts";

/** What is asked of a service. `value` is plain data. */
export interface ServiceCall {
  /** Who asks (R3). */
  readonly client: string;
  readonly method: string;
  readonly value: unknown;
  readonly buffers: readonly ArrayBuffer[];
  /** The asker does not wait any more. */
  readonly signal: AbortSignal;
  /** Told how far it is (R5). */
  readonly onProgress?: (value: unknown) => void;
}

/** What comes back. */
export interface ServiceAnswer {
  readonly value: unknown;
  readonly buffers?: readonly ArrayBuffer[];
}

/** A service that has been started. */
export interface RunningService {
  /** Rejects with a KromaError whose sentence is for the person. */
  call(call: ServiceCall): Promise<ServiceAnswer>;
  /** A client has ended (R3). */
  leave(client: string): void;
  close(): void;
}

/** Content that is asked for by its CID. */
export interface AskedContent {
  readonly cid: string;
  /** Of a file below it; "" is what the CID stands for itself. */
  readonly path: string;
  /** Gateways and peers that may have it, beside those that are known. */
  readonly from: readonly string[];
}

/** What has content by its CID: it is here, or fetched now, and kept. Every block of it was checked. */
export interface ContentSource {
  /** Rejects with a KromaError: `missing`, `unavailable`, `exhausted`, `corrupt`, or `invalid` when it is no file. */
  get(
    asked: AskedContent,
    options: { readonly signal: AbortSignal; readonly onProgress?: (bytes: number, total: number) => void },
  ): Promise<Uint8Array<ArrayBuffer>>;
}

/** What a service may use of where it runs. */
export interface ServicePlace {
  /** Starts a worker program that the host knows by this name. */
  spawn(program: string): KernelWorker;
  /** Absolute URL of a shipped file. */
  asset(path: string): string;
  /** The notebook's files, as a kernel gets them. */
  readonly workspace: SharedArrayBuffer | undefined;
  /** The notebook came from elsewhere and is not trusted: it gets nothing of what other notebooks left. */
  readonly foreign: boolean;
  /** True: what the notebook's code asks for must not reach the network. */
  readonly isOffline?: boolean | undefined;
  /** Address of the model hub as the person has set it; "" or none: there is none. */
  readonly modelHub?: string | undefined;
  /** What the person signs in with at model hubs; only for services that fetch from them. */
  readonly modelTokens?: readonly HubToken[] | undefined;
  /** The people of the notebook, who may have files of the web. */
  readonly peers?: FilePeers | undefined;
  /** Absent: nothing is had by its CID here. */
  readonly content?: ContentSource | undefined;
}

/** A service as a plugin gives it; it is started when it is first asked for. */
export interface Service {
  /** How it is asked for: "ml". */
  readonly name: string;
  start(place: ServicePlace): Promise<RunningService>;
}

/** The services of a program, by name. */
export const services: Facet<Service, ReadonlyMap<string, Service>> = Facet.define(
  "services",
  (inputs: readonly Service[]) => new Map(inputs.map((service) => [service.name, service])),
);

/** From a kernel's worker to its outside part. */
export interface ServiceRequest {
  readonly type: "service_request";
  readonly id: string;
  readonly service: string;
  readonly method: string;
  readonly value: unknown;
  readonly buffers: readonly ArrayBuffer[];
}

/** The worker does not wait for a request's answer any more. */
export interface ServiceCancel {
  readonly type: "service_cancel";
  readonly request: string;
}

/** How far a request is (R5). */
export interface ServiceProgress {
  readonly type: "service_progress";
  readonly parent: string;
  readonly value: unknown;
}

/** The answer: a value or an error. */
export interface ServiceReply {
  readonly type: "service_reply";
  readonly parent: string;
  readonly value?: unknown;
  readonly buffers?: readonly ArrayBuffer[];
  readonly error?: WireError;
}
