//! What a participant hears of one track: packets counted, Opus decoded, tones measured.

use std::time::Duration;

use opus::{Channels, Decoder};

use crate::tone::{SAMPLE_RATE, Tone, dominant};

/// Samples that one measurement looks at: 100 ms.
const WINDOW: usize = SAMPLE_RATE as usize / 10;

/// From one measurement to the next.
pub const INTERVAL: Duration = Duration::from_millis(500);

/// Samples from one measurement to the next.
const STRIDE: usize = SAMPLE_RATE as usize * INTERVAL.as_millis() as usize / 1_000;

/// Measurements that are kept: ten seconds.
pub const REMEMBERED: usize = 20;

/// The longest Opus packet, 120 ms (RFC 6716 §3.2.5).
const LONGEST_PACKET: usize = SAMPLE_RATE as usize * 120 / 1_000;

/// What was heard of one track so far.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Heard {
    /// RTP packets that came, late ones included.
    pub packets: u64,
    /// RTP packets that sequence numbers say are missing.
    pub lost: u64,
    /// Packets that libopus refused.
    pub damaged: u64,
    /// The last [`REMEMBERED`] measurements, oldest first: one for each [`INTERVAL`] of unbroken
    /// sound; `None` where it was silent.
    pub tones: Vec<Option<Tone>>,
}

/// Decodes one track.
#[derive(Debug)]
pub struct Listener {
    decoder: Decoder,
    /// The sequence number and the RTP time that continue the stream.
    next: Option<(u16, u32)>,
    /// The unbroken sound since the last measurement.
    sound: Vec<f32>,
    heard: Heard,
}

impl Listener {
    /// A listener that has heard nothing.
    ///
    /// # Errors
    ///
    /// When libopus cannot make a decoder.
    pub fn new() -> Result<Self, opus::Error> {
        Ok(Listener {
            decoder: Decoder::new(SAMPLE_RATE, Channels::Mono)?,
            next: None,
            sound: Vec::with_capacity(STRIDE + LONGEST_PACKET),
            heard: Heard::default(),
        })
    }

    /// What was heard so far.
    pub fn heard(&self) -> &Heard {
        &self.heard
    }

    /// Takes one RTP packet in the order of arrival: its sequence number, its timestamp (48 kHz) and
    /// its Opus payload. Empty payloads (padding that probes the path) count and make no sound.
    pub fn receive(&mut self, sequence: u16, timestamp: u32, payload: &[u8]) {
        self.heard.packets += 1;
        let (next_sequence, next_timestamp) = self.next.unwrap_or((sequence, timestamp));
        let ahead = sequence.wrapping_sub(next_sequence);
        if ahead > u16::MAX / 2 {
            // It was counted as lost when its successor came; its sound comes too late.
            self.heard.lost = self.heard.lost.saturating_sub(1);
            return;
        }
        self.heard.lost += u64::from(ahead);
        if timestamp != next_timestamp {
            // The wave is broken here: a window across the break would measure the break.
            self.sound.clear();
        }
        let samples = if payload.is_empty() { 0 } else { self.decode(payload) };
        self.next = Some((sequence.wrapping_add(1), timestamp.wrapping_add(samples)));
    }

    /// Decodes one packet, measures when it is time, and returns the samples that it held.
    fn decode(&mut self, payload: &[u8]) -> u32 {
        let mut samples = [0.0; LONGEST_PACKET];
        let count = match self.decoder.decode_float(payload, &mut samples, false) {
            Ok(count) => count,
            Err(_) => {
                self.heard.damaged += 1;
                self.sound.clear();
                return 0;
            }
        };
        self.sound.extend_from_slice(&samples[..count]);
        if self.sound.len() >= STRIDE {
            if self.heard.tones.len() == REMEMBERED {
                self.heard.tones.remove(0);
            }
            self.heard.tones.push(dominant(&self.sound[self.sound.len() - WINDOW..]));
            self.sound.clear();
        }
        count as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bot::source::{PACKET_SAMPLES, Source};

    /// Plays `packets` packets of a tone to a listener, those for which `keep` says yes.
    fn play(listener: &mut Listener, hertz: f64, packets: u16, keep: impl Fn(u16) -> bool) {
        let mut source = Source::new(hertz).expect("an encoder");
        // Both numbers wrap on the way.
        let (sequence, timestamp) = (u16::MAX - 20, u32::MAX - 10_000);
        for index in 0..packets {
            let payload = source.next_packet().expect("a packet");
            if keep(index) {
                listener.receive(
                    sequence.wrapping_add(index),
                    timestamp.wrapping_add(u32::from(index) * PACKET_SAMPLES),
                    &payload,
                );
            }
        }
    }

    fn near(tone: &Option<Tone>, hertz: f64) -> bool {
        tone.is_some_and(|tone| (tone.hertz - hertz).abs() < 2.0 && tone.purity > 0.9)
    }

    #[test]
    fn a_tone_survives_opus() {
        for hertz in [300.0, 440.0, 1_234.5, 4_000.0] {
            let mut listener = Listener::new().expect("a decoder");
            play(&mut listener, hertz, 150, |_| true);
            let heard = listener.heard();
            assert_eq!((heard.packets, heard.lost, heard.damaged), (150, 0, 0));
            assert_eq!(heard.tones.len(), 6);
            assert!(heard.tones.iter().all(|tone| near(tone, hertz)), "{hertz}: {heard:?}");
        }
    }

    #[test]
    fn missing_packets_are_counted_and_not_measured_across() {
        let mut listener = Listener::new().expect("a decoder");
        play(&mut listener, 440.0, 100, |index| !(10..13).contains(&index) && index != 60);
        let heard = listener.heard();
        assert_eq!((heard.packets, heard.lost), (96, 4));
        // 13 to 37 and 61 to 85 are half a second without a break; 38 to 59 and 86 to 99 are less.
        assert_eq!(heard.tones.len(), 2);
        assert!(heard.tones.iter().all(|tone| near(tone, 440.0)), "{heard:?}");
    }

    #[test]
    fn a_late_packet_is_not_lost() {
        let mut listener = Listener::new().expect("a decoder");
        let mut source = Source::new(440.0).expect("an encoder");
        let packets: Vec<_> = (0..4).map(|_| source.next_packet().expect("a packet")).collect();
        for index in [0_u16, 2, 1, 3] {
            listener.receive(
                index,
                u32::from(index) * PACKET_SAMPLES,
                &packets[usize::from(index)],
            );
        }
        assert_eq!((listener.heard().packets, listener.heard().lost), (4, 0));
    }

    #[test]
    fn silence_is_measured_as_silence() {
        let mut encoder = opus::Encoder::new(SAMPLE_RATE, Channels::Mono, opus::Application::Audio)
            .expect("an encoder");
        let mut listener = Listener::new().expect("a decoder");
        for index in 0..50_u16 {
            let payload =
                encoder.encode_vec_float(&[0.0; PACKET_SAMPLES as usize], 1_275).expect("a packet");
            listener.receive(index, u32::from(index) * PACKET_SAMPLES, &payload);
        }
        assert_eq!(listener.heard().tones, [None, None]);
    }

    #[test]
    fn damage_is_counted() {
        let mut listener = Listener::new().expect("a decoder");
        // Code 3 with a frame count of zero (RFC 6716 §3.2.5, requirement R5).
        listener.receive(0, 0, &[0b0000_0011, 0]);
        listener.receive(1, 960, &[]);
        assert_eq!((listener.heard().packets, listener.heard().damaged), (2, 1));
    }
}
