import { canShareScreen, type Room } from '@oriel/client';
import { html, nothing, type TemplateResult } from 'lit';
import { classMap } from 'lit/directives/class-map.js';
import type { Device } from '../doctor/judge.ts';
import { RoomPart } from '../element/room-part.ts';
import { RoomController } from '../element/room-controller.ts';
import { icon, type IconName } from '../icons/icon.ts';
import { baseStyles } from '../styles/base.styles.ts';
import { menuStyles } from '../styles/menu.styles.ts';
import { controlsStyles } from './controls.styles.ts';
import { isOn, mayPublish, setOn } from './switches.ts';

/** A side panel of the room. */
export type Panel = 'chat' | 'people';

const SWITCHES: Readonly<Record<Device, { on: IconName; off: IconName; key: string }>> = {
  microphone: { on: 'microphone', off: 'microphone-off', key: 'M' },
  camera: { on: 'camera', off: 'camera-off', key: 'V' },
  screen: { on: 'screen-off', off: 'screen', key: 'D' },
};

/**
 * The bar below a room: microphone, camera, screen share, leave, panels and more.
 *
 * @fires oriel-device-error - Switching failed. `detail` is `{device, error}`.
 * @fires oriel-toggle-panel - `detail` is `chat` or `people`.
 * @fires oriel-leave - Leave was pressed.
 * @fires oriel-toggle-hand - Raise or lower our hand.
 * @fires oriel-open-steering - A moderator asked for the settings of the room.
 * @fires oriel-open-settings - Devices were asked for.
 * @fires oriel-send-files - Files are to be sent to everybody.
 * @fires oriel-open-help - The keyboard shortcuts were asked for.
 * @csspart toolbar - The bar.
 * @csspart button - Each button.
 * @slot toolbar-start - Before the first button.
 * @slot toolbar-end - After the last button.
 */
export class ControlsElement extends RoomPart {
  static override styles = [baseStyles, menuStyles, controlsStyles];
  static override properties = {
    room: { attribute: false },
    panel: {},
    unread: { type: Number },
    busy: { state: true },
    menuOpen: { state: true },
  };

  /** The room that is controlled. */
  declare room: Room | undefined;
  /** The panel that is open. */
  declare panel: Panel | undefined;
  /** Chat messages that nobody has looked at. */
  declare unread: number;
  private declare busy: ReadonlySet<Device>;
  private declare menuOpen: boolean;

  constructor() {
    super();
    this.unread = 0;
    this.busy = new Set();
    this.menuOpen = false;
    new RoomController(this, {
      connectionStateChanged: undefined,
      handLowered: undefined,
      handRaised: undefined,
      lobbyChanged: undefined,
      localTrackPublished: undefined,
      localTrackUnpublished: undefined,
      participantConnected: undefined,
      participantDisconnected: undefined,
      participantUpdated: undefined,
      trackMuted: undefined,
      trackUnmuted: undefined,
    });
  }

  /** Switches the microphone on or off. */
  toggleMicrophone(): Promise<void> {
    return this.#toggle('microphone');
  }

  /** Switches the camera on or off. */
  toggleCamera(): Promise<void> {
    return this.#toggle('camera');
  }

  /** Starts or ends sharing the screen. */
  toggleScreenShare(): Promise<void> {
    return this.#toggle('screen');
  }

  override render(): TemplateResult {
    const { room } = this;
    if (room === undefined) return html``;
    const people = room.remoteParticipants.size + 1;
    const words = this.texts.controls;
    return html`
      <div class="bar" part="toolbar" role="group" aria-label=${words.bar}>
        <slot name="toolbar-start"></slot>
        <div class="middle">
          ${this.#switch(room, 'microphone')} ${this.#switch(room, 'camera')}
          ${canShareScreen() ? this.#switch(room, 'screen') : nothing} ${this.#hand(room)}
          <button
            type="button"
            class="control leave"
            part="button"
            data-testid="leave"
            aria-label=${words.leave}
            title=${words.leave}
            @click=${() => this.tell('oriel-leave')}
          >
            ${icon('leave')}<span class="words">${words.leave}</span>
          </button>
        </div>
        <div class="end">
          ${this.#panelButton('chat', words.chatUnread(this.unread), this.unread, 'C')}
          ${this.#panelButton('people', words.peopleCount(people, room.waiting.length), people, 'P')}
          <button
            type="button"
            class=${classMap({ control: true, open: this.menuOpen })}
            part="button"
            data-testid="more"
            aria-label=${words.more}
            title=${words.more}
            aria-expanded=${this.menuOpen}
            popovertarget="menu"
          >
            ${icon('more')}<span class="words">${words.more}</span>
          </button>
          <slot name="toolbar-end"></slot>
        </div>
      </div>
      ${this.#menu(room)}
    `;
  }

  #switch(room: Room, device: Device): TemplateResult {
    const { on, off, key } = SWITCHES[device];
    const words = this.texts.switches[device];
    const active = isOn(room, device);
    const allowed = mayPublish(room, device);
    const label = allowed ? words[active ? 'on' : 'off'] : words.forbidden;
    const classes = {
      control: true,
      share: device === 'screen',
      off: device !== 'screen' && !active,
      active: device === 'screen' && active,
    };
    return html`<button
      type="button"
      class=${classMap(classes)}
      part="button"
      data-testid="toggle-${device}"
      aria-label=${label}
      aria-pressed=${active}
      aria-busy=${this.busy.has(device)}
      title=${this.texts.controls.withKey(label, key)}
      ?disabled=${!allowed}
      @click=${() => this.#toggle(device)}
    >
      ${icon(active ? on : off)}<span class="words">${words.short}</span>
    </button>`;
  }

  #hand(room: Room): TemplateResult {
    const raised = room.localParticipant.hand !== undefined;
    const words = this.texts.controls;
    const label = raised ? words.lower : words.raise;
    return html`<button
      type="button"
      class=${classMap({ control: true, hand: true, active: raised })}
      part="button"
      data-testid="toggle-hand"
      aria-label=${label}
      aria-pressed=${raised}
      title=${words.withKey(label, 'H')}
      @click=${() => this.tell('oriel-toggle-hand')}
    >
      ${icon('hand')}<span class="words">${words.hand}</span>
    </button>`;
  }

  #panelButton(panel: Panel, label: string, count: number, key: string): TemplateResult {
    const open = this.panel === panel;
    return html`<button
      type="button"
      class=${classMap({ control: true, open })}
      part="button"
      data-testid="toggle-${panel}"
      aria-label=${label}
      aria-expanded=${open}
      title=${this.texts.controls.withKey(label, key)}
      @click=${() => this.tell('oriel-toggle-panel', panel)}
    >
      ${icon(panel)}<span class="words">${this.texts.controls[panel]}</span>
      ${count === 0
        ? nothing
        : html`<span class=${classMap({ badge: true, count: panel === 'people' })} aria-hidden="true">${count > 99 ? '99+' : count}</span>`}
    </button>`;
  }

  #menu(room: Room): TemplateResult {
    const choose = (act: () => void) => () => {
      this.renderRoot.querySelector<HTMLElement>('#menu')?.hidePopover();
      // What opens now gives the focus back to the button that is still there then.
      this.renderRoot.querySelector<HTMLElement>('[popovertarget]')?.focus();
      act();
    };
    const sharing = isOn(room, 'screen');
    const { stopSharing, devices, controls: words } = this.texts;
    const onToggle = (event: ToggleEvent) => {
      this.menuOpen = event.newState === 'open';
      if (!this.menuOpen) return;
      const choices = [...this.renderRoot.querySelectorAll<HTMLElement>('#menu button')];
      choices.find((choice) => choice.checkVisibility())?.focus();
    };
    return html`<div class="menu" id="menu" popover part="menu" @toggle=${onToggle}>
      ${canShareScreen() && mayPublish(room, 'screen')
        ? html`<button type="button" class="in-menu" @click=${choose(() => void this.#toggle('screen'))}>
            ${icon(sharing ? 'screen-off' : 'screen')} ${sharing ? stopSharing : words.share}
          </button>`
        : nothing}
      <button type="button" class="in-menu" @click=${choose(() => this.tell('oriel-toggle-hand'))}>
        ${icon('hand')} ${room.localParticipant.hand === undefined ? words.raise : words.lower}
      </button>
      ${room.localParticipant.isModerator
        ? html`<button type="button" data-testid="open-steering" @click=${choose(() => this.tell('oriel-open-steering'))}>
            ${icon('lock')} ${words.steering}
          </button>`
        : nothing}
      ${room.localParticipant.canChat
        ? html`<button type="button" data-testid="open-files" @click=${choose(() => this.tell('oriel-send-files'))}>
            ${icon('file')} ${words.files}
          </button>`
        : nothing}
      <button type="button" data-testid="open-settings" @click=${choose(() => this.tell('oriel-open-settings'))}>
        ${icon('settings')} ${devices}
      </button>
      <button type="button" data-testid="open-help" @click=${choose(() => this.tell('oriel-open-help'))}>
        ${icon('keyboard')} ${words.help} <kbd>?</kbd>
      </button>
    </div>`;
  }

  async #toggle(device: Device): Promise<void> {
    const { room } = this;
    if (room === undefined || this.busy.has(device) || !mayPublish(room, device)) return;
    this.busy = new Set([...this.busy, device]);
    try {
      await setOn(room, device, !isOn(room, device));
    } catch (error) {
      this.tell('oriel-device-error', { device, error });
    } finally {
      this.busy = new Set([...this.busy].filter((other) => other !== device));
    }
  }
}
