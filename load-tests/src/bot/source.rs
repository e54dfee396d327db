//! What a participant sends: real Opus that the `opus` crate makes of a tone.

use bytes::Bytes;
use opus::{Application, Bitrate, Channels, Encoder};

use crate::tone::{Oscillator, SAMPLE_RATE};

/// Samples in one packet: 20 ms.
pub const PACKET_SAMPLES: u32 = SAMPLE_RATE / 50;

/// Peaks at half of full scale: loud, and far from clipping.
const AMPLITUDE: f64 = 0.5;

/// Bits per second, what browsers use for a voice.
const BITRATE: i32 = 32_000;

/// The largest packet that an encoder at this bit rate may make; RFC 6716 §3.2.1 allows 1275 per
/// frame.
const LARGEST_PACKET: usize = 1_275;

/// Encodes a tone without end into Opus packets of 20 ms.
#[derive(Debug)]
pub struct Source {
    encoder: Encoder,
    oscillator: Oscillator,
    samples: Vec<f32>,
}

impl Source {
    /// A source of a sine wave of `hertz`, mono.
    ///
    /// # Errors
    ///
    /// When libopus cannot make or set up an encoder.
    pub fn new(hertz: f64) -> Result<Self, opus::Error> {
        let mut encoder = Encoder::new(SAMPLE_RATE, Channels::Mono, Application::Audio)?;
        encoder.set_bitrate(Bitrate::Bits(BITRATE))?;
        Ok(Source {
            encoder,
            oscillator: Oscillator::new(hertz, AMPLITUDE),
            samples: vec![0.0; PACKET_SAMPLES as usize],
        })
    }

    /// The next 20 ms as one Opus packet.
    ///
    /// # Errors
    ///
    /// When libopus fails to encode.
    pub fn next_packet(&mut self) -> Result<Bytes, opus::Error> {
        self.oscillator.fill(&mut self.samples);
        self.encoder.encode_vec_float(&self.samples, LARGEST_PACKET).map(Bytes::from)
    }
}
