/** Finding people by name. */

/** Lower case, without accents: `Élodie` is found by `elod`. */
function plain(text: string): string {
  return text.normalize('NFD').replace(/\p{M}/gu, '').toLocaleLowerCase();
}

/** Those in whose name every word of `query` begins a word, in the given order. An empty query finds all. */
export function search<Person extends { readonly name: string }>(people: readonly Person[], query: string): Person[] {
  const wanted = plain(query).split(/\s+/u).filter((word) => word !== '');
  return people.filter((person) => {
    const words = plain(person.name).split(/[\s._-]+/u);
    return wanted.every((start) => words.some((word) => word.startsWith(start)));
  });
}
