/**
 * A recording from the microphone, as the samples that models of speech want: the browser records and codes it as it likes
 * best, and decodes that again into one channel of 16,000 samples a second.
 */
import { KromaError } from "#core/base/errors.ts";

/** Samples a second of every recording. */
export const RATE = 16_000;

/** A recording that goes on. */
export interface Recording {
  /** How loud it is now, from 0 to 1. */
  level(): number;
  /** Ends it; the samples. Rejects with `unavailable` if the browser could not keep them. */
  stop(): Promise<Float32Array<ArrayBuffer>>;
  /** Called when the microphone ends by itself: it was unplugged, or taken away in the browser's own buttons. */
  onEnd(listener: () => void): void;
}

/** Asks for the microphone and begins. Rejects with `denied`, `missing` or `unavailable`, in words for people. */
export async function record(): Promise<Recording> {
  // Absent where the page's address is not secure, whatever the types say.
  const devices = navigator.mediaDevices as MediaDevices | undefined;
  if (!devices || !("MediaRecorder" in globalThis))
    throw new KromaError(
      "unavailable",
      "The browser gives no microphone to this page. It does on https and on addresses of this machine.",
    );
  let stream: MediaStream;
  try {
    stream = await devices.getUserMedia({ audio: { channelCount: 1 } });
  } catch (error) {
    throw refusal(error);
  }
  const pieces: Blob[] = [];
  const recorder = new MediaRecorder(stream);
  recorder.addEventListener("dataavailable", ({ data }) => pieces.push(data));
  const ended = new Promise<void>((resolve) => recorder.addEventListener("stop", () => resolve(), { once: true }));
  recorder.start();
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  context.createMediaStreamSource(stream).connect(analyser);
  const wave = new Float32Array(analyser.fftSize);
  return {
    level() {
      analyser.getFloatTimeDomainData(wave);
      return Math.min(1, Math.sqrt(wave.reduce((sum, value) => sum + value * value, 0) / wave.length) * 4);
    },
    async stop() {
      if (recorder.state !== "inactive") recorder.stop();
      await ended;
      for (const track of stream.getTracks()) track.stop();
      await context.close();
      return decoded(new Blob(pieces));
    },
    onEnd: (listener) => void ended.then(listener),
  };
}

async function decoded(blob: Blob): Promise<Float32Array<ArrayBuffer>> {
  let sound: AudioBuffer;
  try {
    sound = await new OfflineAudioContext(1, 1, RATE).decodeAudioData(await blob.arrayBuffer());
  } catch (error) {
    throw new KromaError("unavailable", "Nothing was recorded: the microphone gave no sound.", { cause: error });
  }
  const channels = Array.from({ length: sound.numberOfChannels }, (_, index) => sound.getChannelData(index));
  return Float32Array.from({ length: sound.length }, (_, at) => {
    return channels.reduce((sum, channel) => sum + (channel[at] ?? 0), 0) / channels.length;
  });
}

/** Why there is no microphone, by the names of errors in the Media Capture specification. */
function refusal(error: unknown): KromaError {
  const name = error instanceof DOMException ? error.name : "";
  const cause = { cause: error };
  if (name === "NotAllowedError" || name === "SecurityError")
    return new KromaError(
      "denied",
      "The browser does not allow this page to use the microphone. You can allow it beside the page's address.",
      cause,
    );
  if (name === "NotFoundError" || name === "OverconstrainedError")
    return new KromaError("missing", "There is no microphone on this device.", cause);
  return new KromaError("unavailable", "The microphone does not answer; another program may be using it.", cause);
}
