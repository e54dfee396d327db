/** One transfer as the page shows it. */
import type { Receiving, Sending } from '@oriel/drop';
import { icon } from '../icons/icon.ts';
import { html, nothing, type TemplateResult } from 'lit';
import { bytesInWords, percentOf, secondsInWords } from './amounts.ts';
import { saveAs } from './saving.ts';
import type { Language } from './texts/texts.ts';

type Transfer = Sending | Receiving;

/** Files that are listed by name; of more, an archive is made. */
const LISTED = 12;

/** A transfer with somebody of that name. `failed` hears what could not be saved. */
export function transferRow(transfer: Transfer, title: string, language: Language, failed: (error: unknown) => void): TemplateResult {
  const { texts, code } = language;
  const percent = percentOf(transfer.bytes, transfer.total);
  const isMoving = transfer.state === 'active';
  return html`<li class="transfer" data-testid="transfer" data-state=${transfer.state} data-bytes=${transfer.bytes}>
    <div class="line">
      <strong>${title}</strong>
      <span class="soft">${texts.files(transfer.manifest.files.length)}, ${bytesInWords(transfer.manifest.size, code)}</span>
    </div>
    ${isMoving
      ? html`<div class="line">
          <progress max="100" .value=${percent} aria-label=${title}></progress>
          <span class="percent">${new Intl.NumberFormat(code, { style: 'percent' }).format(percent / 100)}</span>
        </div>`
      : nothing}
    <p class="soft" data-testid="transfer-status">${status(transfer, language)}</p>
    ${isReceiving(transfer) ? whereabouts(transfer, texts) : nothing}
    <div class="actions">${isMoving ? steering(transfer, language) : nothing}${isReceiving(transfer) ? saving(transfer, language, failed) : nothing}</div>
  </li>`;
}

function isReceiving(transfer: Transfer): transfer is Receiving {
  return 'accept' in transfer;
}

function status(transfer: Transfer, language: Language): string {
  const { texts, code } = language;
  const { state, bytes, total, bytesPerSecond, secondsLeft } = transfer;
  if (state === 'done') {
    if (isReceiving(transfer) && transfer.isDiscarded) return texts.discarded;
    return isReceiving(transfer) ? texts.doneReceived(transfer.acceptedFiles.count) : texts.doneSent(transfer.acceptedFiles);
  }
  if (state === 'declined') return texts.declinedState;
  if (state === 'ended') return whyEnded(transfer, language);
  if (transfer.isInterrupted) return texts.interrupted;
  if (state === 'offered') return texts.offeredState;
  if (transfer.pausedHere) return texts.pausedHere;
  if (transfer.pausedThere) return texts.pausedThere;
  const parts = [texts.progress(bytesInWords(bytes, code), bytesInWords(total, code))];
  if (bytesPerSecond > 0) parts.push(texts.speed(bytesInWords(bytesPerSecond, code)));
  if (secondsLeft !== undefined) parts.push(texts.left(secondsInWords(secondsLeft, code)));
  return parts.join(' · ');
}

function whyEnded(transfer: Transfer, { texts, code }: Language): string {
  const { endReason, endedByThem } = transfer;
  if (isReceiving(transfer) && transfer.isLost) return texts.placeLost;
  if (isReceiving(transfer) && transfer.limit !== undefined) return texts.tooMuch(bytesInWords(transfer.limit, code));
  switch (endReason) {
    case 'source':
      return texts.source;
    case 'unverified':
      return texts.unverified;
    case 'space':
      return endedByThem ? texts.spaceThere : texts.spaceHere;
    case 'protocol':
      return texts.protocol;
    default:
      return endedByThem ? texts.stoppedThere : texts.stoppedHere;
  }
}

/** What one has to know about where the files go. */
function whereabouts({ state, keptIn }: Receiving, texts: Language['texts']): TemplateResult | typeof nothing {
  const isThere = state === 'done';
  if (keptIn === 'place' && isThere) return html`<p data-testid="whereabouts">${texts.inPlace}</p>`;
  if (keptIn === 'download' && isThere) return html`<p data-testid="whereabouts">${texts.inDownloads}</p>`;
  if (state !== 'active' || keptIn === 'browser') return nothing;
  return html`<p class="notice" data-testid="whereabouts">${keptIn === 'download' ? texts.toDownloads : ''} ${texts.keepOpen}</p>`;
}

function steering(transfer: Transfer, { texts }: Language): TemplateResult {
  const paused = transfer.pausedHere;
  return html`<button type="button" class="button" data-testid="pause" @click=${() => (paused ? transfer.resume() : transfer.pause())}>
      ${icon(paused ? 'play' : 'pause')} ${paused ? texts.resume : texts.pause}
    </button>
    <button type="button" class="button" data-testid="cancel" @click=${() => transfer.cancel()}>${icon('close')} ${texts.cancel}</button>`;
}

function saving(receiving: Receiving, { texts }: Language, failed: (error: unknown) => void): TemplateResult | typeof nothing {
  const isOurs = receiving.keptIn === 'browser' || receiving.keptIn === 'memory';
  if (receiving.state !== 'done' || receiving.isDiscarded || !isOurs) return nothing;
  const { files } = receiving.manifest;
  const accepted = files.map((_, number) => number).filter((number) => receiving.acceptedFiles.has(number));
  const saveOne = (number: number): void => void receiving.file(number).then(({ file }) => saveAs(file, file.name), failed);
  const saveAll = (): void => void receiving.archive().then((archive) => saveAs(archive, 'oriel.zip'), failed);
  const isFlat = accepted.length <= LISTED && !accepted.some((number) => files[number]!.path.includes('/'));
  return html`${isFlat
    ? accepted.map(
        (number) =>
          html`<button type="button" class="button" data-testid="save-file" @click=${() => saveOne(number)}>
            ${icon('save')} <bdi>${texts.saveFile(files[number]!.path)}</bdi>
          </button>`,
      )
    : nothing}
  ${accepted.length > 1 || !isFlat
    ? html`<button type="button" class="button primary" data-testid="save-archive" @click=${saveAll}>${icon('folder')} ${texts.saveArchive}</button>`
    : nothing}
  <button type="button" class="button" data-testid="discard" @click=${() => receiving.discard().catch(failed)}>${icon('close')} ${texts.discard}</button>
  ${receiving.keptIn === 'memory' ? html`<p class="notice">${texts.inMemory}</p>` : nothing}`;
}
