/** One reading of `/metrics`, in Prometheus' text format. */
export class Metrics {
  readonly #samples = new Map<string, number>();

  constructor(text: string) {
    for (const line of text.split('\n')) {
      if (line === '' || line.startsWith('#')) continue;
      const space = line.lastIndexOf(' ');
      this.#samples.set(line.slice(0, space), Number(line.slice(space + 1)));
    }
  }

  /** Packets handed to receivers since the server started. */
  forwarded(kind: 'audio' | 'video'): number {
    return this.#value(`oriel_sfu_packets_forwarded_total{kind="${kind}"}`);
  }

  /** Rooms that there are. */
  rooms(): number {
    return this.#value('oriel_rooms');
  }

  /** Participants in all rooms. */
  participants(): number {
    return this.#value('oriel_participants');
  }

  #value(series: string): number {
    const value = this.#samples.get(series);
    if (value === undefined) throw new Error(`/metrics has no ${series}, only ${[...this.#samples.keys()].join(', ')}`);
    return value;
  }
}
