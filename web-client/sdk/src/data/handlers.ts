/** Who is told of what comes: everything, or what is about one topic. */

export class Handlers<T extends { topic: string }> {
  readonly #entries = new Set<{ topic: string | undefined; handle: (one: T) => void }>();

  /** Topics that somebody handles, some of them several times. */
  topics(): string[] {
    return [...this.#entries].flatMap(({ topic }) => (topic === undefined ? [] : [topic]));
  }

  /** Without a topic it is told everything. Returns the function that ends it. */
  add(topic: string | undefined, handle: (one: T) => void): () => void {
    const entry = { topic, handle };
    this.#entries.add(entry);
    return () => this.#entries.delete(entry);
  }

  /** Tells everybody whom it concerns. */
  tell(one: T): void {
    for (const entry of [...this.#entries]) this.#offer(entry, one);
  }

  /** Tells the first whom it concerns. False if there is none. */
  offer(one: T): boolean {
    return [...this.#entries].some((entry) => this.#offer(entry, one));
  }

  #offer({ topic, handle }: { topic: string | undefined; handle: (one: T) => void }, one: T): boolean {
    if (topic !== undefined && topic !== one.topic) return false;
    try {
      handle(one);
    } catch (error) {
      // As with events: it harms no other handler.
      queueMicrotask(() => {
        throw error;
      });
    }
    return true;
  }
}
