/** Callers who wait for the next value, however many there are. */
export class Waiting<T> {
  #waiters: { resolve(value: T): void; reject(error: Error): void }[] = [];

  /** The next value, or the error that comes instead. */
  next(): Promise<T> {
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }));
  }

  resolve(value: T): void {
    for (const waiter of this.#waiters.splice(0)) waiter.resolve(value);
  }

  reject(error: Error): void {
    for (const waiter of this.#waiters.splice(0)) waiter.reject(error);
  }
}
