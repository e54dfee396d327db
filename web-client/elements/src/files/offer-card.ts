/** Files that somebody offers: what they are, and which of them are wanted. */
import type { Receiving } from '@oriel/drop';
import { html, nothing, type TemplateResult } from 'lit';
import { bytesInWords } from './amounts.ts';
import { canChoosePlace, choosePlace } from './place.ts';
import type { Language } from './texts/texts.ts';

/** Files that are shown with a box to tick; of more, all are taken or none. */
const LISTED = 200;

/** The card. `failed` hears why accepting did not work. */
export function offerCard(offer: Receiving, name: string, { texts, code }: Language, failed: (error: unknown) => void): TemplateResult {
  const { files, size } = offer.manifest;
  const isListed = files.length <= LISTED;
  const accept = async (form: FormData, chosen: readonly number[]): Promise<void> => {
    if (chosen.length === 0) return;
    if (!form.has('place')) return offer.accept(chosen);
    const place = await choosePlace(chosen.map((number) => offer.paths[number]!));
    if (place) await offer.accept(chosen, place);
  };
  const acceptSome = (event: Event): void => {
    event.preventDefault();
    const form = new FormData(event.target as HTMLFormElement);
    accept(form, form.getAll('file').map(Number)).catch(failed);
  };
  const acceptAll = (event: Event): void => {
    const form = new FormData((event.currentTarget as HTMLButtonElement).form!);
    accept(form, [...files.keys()]).catch(failed);
  };
  return html`<li class="card" data-testid="offer">
    <form @submit=${acceptSome}>
      <h2>${texts.offered(name)}</h2>
      <p class="soft">${texts.files(files.length)}, ${bytesInWords(size, code)}</p>
      ${isListed
        ? html`<ul class="files">
            ${files.map(
              ({ path, size: bytes }, number) =>
                html`<li>
                  <label>
                    <input type="checkbox" name="file" value=${number} checked />
                    <bdi>${path}</bdi><span class="soft">${bytesInWords(bytes, code)}</span>
                  </label>
                </li>`,
            )}
          </ul>`
        : nothing}
      ${canChoosePlace()
        ? html`<label class="check">
            <input type="checkbox" name="place" data-testid="to-place" />
            <span>${texts.toPlace}<br /><span class="soft">${texts.toPlaceHint}</span></span>
          </label>`
        : nothing}
      <div class="actions">
        <button type="button" class="button primary" data-testid="accept-all" @click=${acceptAll}>${texts.acceptAll}</button>
        ${isListed && files.length > 1 ? html`<button class="button" data-testid="accept-some">${texts.acceptSome}</button>` : nothing}
        <button type="button" class="button" data-testid="decline" @click=${() => offer.decline()}>${texts.decline}</button>
      </div>
    </form>
  </li>`;
}
