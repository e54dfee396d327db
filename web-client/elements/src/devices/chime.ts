/** A short sound of two notes, to hear whether a loudspeaker works. */

const NOTES = [
  { frequency: 523.25, at: 0 },
  { frequency: 783.99, at: 0.18 },
];
/** Seconds from the first note to silence. */
const LENGTH = 1;

/** Plays it on the loudspeaker of that id, or on the default one. Resolves when it has faded. */
export async function playChime(speakerId: string | undefined): Promise<void> {
  const context = new AudioContext();
  const output = context.createMediaStreamDestination();
  for (const { frequency, at } of NOTES) {
    const volume = context.createGain();
    const start = context.currentTime + at;
    volume.gain.setValueAtTime(0, start);
    volume.gain.linearRampToValueAtTime(0.25, start + 0.02);
    volume.gain.exponentialRampToValueAtTime(0.001, start + 0.7);
    const note = new OscillatorNode(context, { frequency });
    note.connect(volume).connect(output);
    note.start(start);
    note.stop(start + 0.75);
  }
  // By an element, since only those can choose a loudspeaker in every browser that can at all.
  const element = new Audio();
  element.srcObject = output.stream;
  try {
    if (speakerId !== undefined) await element.setSinkId(speakerId);
    await element.play();
    await new Promise((resolve) => setTimeout(resolve, LENGTH * 1000));
  } finally {
    element.srcObject = null;
    await context.close();
  }
}
