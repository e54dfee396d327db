//! Talk: Opus of a voice that is not there, in spurts and pauses as people make them.
//!
//! Spurts and pauses are exponentially long with the means of ITU-T P.59, so that a speaker is heard
//! 39 % of the time. A spurt is a buzz of a gliding pitch with syllables in it and breath over it:
//! what it costs an encoder, and how large its packets are, is as with speech. Nothing is sent in a
//! pause, save the packet every 400 ms that Opus' discontinuous transmission has (RFC 7587 §3.1.3).

use std::f32::consts::TAU;
use std::time::Duration;

use opus::{Application, Bitrate, Channels, Encoder, Signal};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::Codec;
use super::clip::Clip;
use super::packets::Frame;
use crate::bot::source::PACKET_SAMPLES;
use crate::tone::SAMPLE_RATE;

/// How long a spurt and a pause are on average, in seconds (ITU-T P.59, table 1).
const SPURT: f32 = 1.004;
const PAUSE: f32 = 1.587;

/// From one packet to the next.
const TICK: Duration = Duration::from_millis(20);

/// Packets in a pause: one in so many.
const COMFORT: u32 = 20;

/// Bits per second, what browsers use for a voice.
const BITRATE: i32 = 32_000;

/// Opus packets of 20 ms at this bit rate are smaller.
const LARGEST_PACKET: usize = 1_000;

/// Encodes `length` of talk. The seed decides every spurt and sound.
///
/// # Errors
///
/// When libopus cannot make an encoder or does not encode.
pub fn talk(length: Duration, seed: u64) -> Result<Clip, opus::Error> {
    let mut encoder = Encoder::new(SAMPLE_RATE, Channels::Mono, Application::Voip)?;
    encoder.set_bitrate(Bitrate::Bits(BITRATE))?;
    encoder.set_signal(Signal::Voice)?;
    let mut random = StdRng::seed_from_u64(seed);
    let mut voice = Voice::new(&mut random);
    let mut samples = [0.0; PACKET_SAMPLES as usize];
    let (mut speaks, mut left, mut silent) = (true, ticks(SPURT, &mut random), 0_u32);
    let count = length.as_millis() / TICK.as_millis();
    let mut frames = Vec::with_capacity(count as usize);
    for _ in 0..count {
        if left == 0 {
            speaks = !speaks;
            left = ticks(if speaks { SPURT } else { PAUSE }, &mut random);
            silent = 0;
        }
        left -= 1;
        voice.fill(&mut samples, speaks, &mut random);
        let packet = encoder.encode_vec_float(&samples, LARGEST_PACKET)?;
        let is_sent = speaks || silent.is_multiple_of(COMFORT);
        silent += 1;
        frames.push(is_sent.then(|| Frame::cut(Codec::Opus, &packet)).flatten());
    }
    Ok(Clip { codec: Codec::Opus, tick: TICK, step: PACKET_SAMPLES, frames })
}

/// How many ticks a spurt or pause takes: at least one, exponentially distributed.
fn ticks(mean: f32, random: &mut StdRng) -> u32 {
    let seconds = -mean * (1.0 - random.random::<f32>()).ln();
    (seconds / TICK.as_secs_f32()).ceil().max(1.0) as u32
}

/// Something that sounds like talk from the next room.
struct Voice {
    /// In hertz.
    pitch: f32,
    phase: f32,
    syllable: f32,
}

impl Voice {
    fn new(random: &mut StdRng) -> Voice {
        Voice { pitch: random.random_range(90.0..230.0), phase: 0.0, syllable: 0.0 }
    }

    fn fill(&mut self, samples: &mut [f32], speaks: bool, random: &mut StdRng) {
        let rate = SAMPLE_RATE as f32;
        self.pitch = (self.pitch * random.random_range(0.98..1.02)).clamp(80.0, 300.0);
        for sample in samples {
            self.phase = (self.phase + self.pitch / rate) % 1.0;
            // Four syllables a second.
            self.syllable = (self.syllable + 4.0 / rate) % 1.0;
            let loudness =
                if speaks { 0.3 * (0.5 - 0.5 * (TAU * self.syllable).cos()) } else { 0.0 };
            let buzz: f32 =
                (1..=12_u8).map(|n| (TAU * self.phase * f32::from(n)).sin() / f32::from(n)).sum();
            *sample = loudness * (0.7 * buzz + 0.2 * random.random_range(-1.0..1.0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn talk_has_pauses_and_comes_out_as_its_seed_says() {
        let clip = talk(Duration::from_secs(60), 7).expect("talk");
        assert_eq!(clip.frames.len(), 3_000);
        let sent = clip.frames.iter().flatten().count();
        // 39 % of the time, as the dice fell, and little in the pauses.
        assert!((800..1_900).contains(&sent), "{sent}");
        assert!(clip.frames.windows(10).any(|packets| packets.iter().all(Option::is_none)));
        assert_eq!(talk(Duration::from_secs(60), 7).expect("talk").frames, clip.frames);
        assert_ne!(talk(Duration::from_secs(60), 8).expect("talk").frames, clip.frames);
    }
}
