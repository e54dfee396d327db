//! Pure tones: making one, and naming the frequency of one.
//!
//! A participant is recognised by its tone, so the measurement answers two questions: which
//! frequency is strongest, and how much of the sound it is. It knows nothing of codecs.

use std::f64::consts::TAU;

/// Samples per second everywhere in this crate: Opus' own clock (RFC 7587 §4.1).
pub const SAMPLE_RATE: u32 = 48_000;

/// The lowest frequency that [`dominant`] looks at, in hertz.
pub const LOWEST: f64 = 100.0;

/// The highest frequency that [`dominant`] looks at, in hertz.
pub const HIGHEST: f64 = 8_000.0;

/// Quieter than this (root mean square, full scale is 1) is silence: -60 dBFS.
const SILENCE: f64 = 0.001;

/// How closely the strongest frequency is pinned down between two bins, in hertz.
const RESOLUTION: f64 = 0.01;

/// Frequencies that are tried side by side.
const LANES: usize = 8;

/// A sine wave without end.
#[derive(Debug, Clone)]
pub struct Oscillator {
    step: f64,
    phase: f64,
    amplitude: f64,
}

impl Oscillator {
    /// A wave of `hertz` whose peaks reach `amplitude` (full scale is 1).
    pub fn new(hertz: f64, amplitude: f64) -> Self {
        Oscillator { step: TAU * hertz / f64::from(SAMPLE_RATE), phase: 0.0, amplitude }
    }

    /// Writes the next samples of the wave; it goes on where the last call ended.
    pub fn fill(&mut self, samples: &mut [f32]) {
        for sample in samples {
            *sample = (self.amplitude * self.phase.sin()) as f32;
            self.phase = (self.phase + self.step) % TAU;
        }
    }
}

/// The strongest frequency in a sound.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tone {
    /// The frequency.
    pub hertz: f64,
    /// The share of the sound's energy that a sine of this frequency explains, 0 to 1.
    pub purity: f64,
}

/// The strongest frequency between [`LOWEST`] and [`HIGHEST`] in one channel of sound, or `None` for
/// silence and for fewer samples than one period of [`LOWEST`].
///
/// A Goertzel filter is run on the Hann-windowed samples at every bin, then between the neighbours of
/// the strongest bin. Two tones are told apart when they are four bins apart (40 Hz for 100 ms).
pub fn dominant(samples: &[f32]) -> Option<Tone> {
    let rate = f64::from(SAMPLE_RATE);
    let count = samples.len() as f64;
    if count * LOWEST < rate {
        return None;
    }
    let energy: f64 = samples.iter().map(|&sample| f64::from(sample).powi(2)).sum();
    if (energy / count).sqrt() < SILENCE {
        return None;
    }
    let window = |index: usize| 0.5 - 0.5 * (TAU * index as f64 / count).cos();
    let windowed: Vec<f64> = samples
        .iter()
        .enumerate()
        .map(|(index, &sample)| f64::from(sample) * window(index))
        .collect();

    let bin = rate / count;
    let (first, last) = ((LOWEST / bin).ceil() as usize, (HIGHEST / bin).floor() as usize);
    let strongest = (first..=last)
        .step_by(LANES)
        .map(|index| std::array::from_fn(|lane| (index + lane).min(last) as f64 * bin))
        .flat_map(|bins: [f64; LANES]| bins.into_iter().zip(powers(&windowed, bins)))
        .max_by(|(_, one), (_, other)| one.total_cmp(other))?;
    let hertz = peak(&windowed, strongest.0 - bin, strongest.0 + bin);

    // The windowed energy of a sine of amplitude a is a²/2 · Σw², and its power here (a/2 · Σw)².
    // For the Hann window Σw = n/2 and Σw² = 3n/8.
    let explained = 3.0 * power(&windowed, hertz) / count;
    let windowed_energy: f64 = windowed.iter().map(|sample| sample.powi(2)).sum();
    Some(Tone { hertz, purity: (explained / windowed_energy).clamp(0.0, 1.0) })
}

/// The squared magnitude of the samples' Fourier transform at one frequency.
fn power(samples: &[f64], hertz: f64) -> f64 {
    let [power] = powers(samples, [hertz]);
    power
}

/// [`power`] at several frequencies: Goertzel's recursion, which holds between bins too. Each step of
/// one recursion waits for the step before; side by side they fill the processor.
fn powers<const N: usize>(samples: &[f64], hertz: [f64; N]) -> [f64; N] {
    let coefficient = hertz.map(|hertz| 2.0 * (TAU * hertz / f64::from(SAMPLE_RATE)).cos());
    let (mut last, mut before) = ([0.0; N], [0.0; N]);
    for sample in samples {
        for lane in 0..N {
            let next = sample + coefficient[lane] * last[lane] - before[lane];
            (before[lane], last[lane]) = (last[lane], next);
        }
    }
    std::array::from_fn(|lane| {
        let (last, before) = (last[lane], before[lane]);
        last * last + before * before - coefficient[lane] * last * before
    })
}

/// Where [`power`] is greatest between two frequencies of one main lobe, by golden-section search.
fn peak(samples: &[f64], mut low: f64, mut high: f64) -> f64 {
    let golden = (5.0_f64.sqrt() - 1.0) / 2.0;
    while high - low > RESOLUTION {
        let (left, right) = (high - golden * (high - low), low + golden * (high - low));
        if power(samples, left) < power(samples, right) {
            low = left;
        } else {
            high = right;
        }
    }
    (low + high) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    /// 100 ms.
    const LENGTH: usize = 4_800;

    fn wave(hertz: f64, amplitude: f64) -> Vec<f32> {
        let mut samples = vec![0.0; LENGTH];
        Oscillator::new(hertz, amplitude).fill(&mut samples);
        samples
    }

    fn noise(amplitude: f32) -> impl Iterator<Item = f32> {
        let mut random = StdRng::seed_from_u64(7);
        std::iter::repeat_with(move || amplitude * random.random_range(-1.0_f32..1.0))
    }

    proptest::proptest! {
        #![proptest_config(proptest::test_runner::Config::with_cases(64))]
        #[test]
        fn any_pure_tone_is_named(hertz in 150.0..7_900.0, amplitude in 0.01..1.0, skip in 0_usize..900) {
            let mut oscillator = Oscillator::new(hertz, amplitude);
            oscillator.fill(&mut vec![0.0; skip]);
            let mut samples = vec![0.0; LENGTH];
            oscillator.fill(&mut samples);
            let tone = dominant(&samples).expect("a tone");
            proptest::prop_assert!((tone.hertz - hertz).abs() < 0.5, "{tone:?} for {hertz}");
            proptest::prop_assert!(tone.purity > 0.99, "{tone:?}");
        }
    }

    #[test]
    fn the_wave_goes_on_where_it_ended() {
        let whole = wave(440.0, 0.5);
        let mut oscillator = Oscillator::new(440.0, 0.5);
        let mut parts = vec![0.0; LENGTH];
        for part in parts.chunks_mut(960) {
            oscillator.fill(part);
        }
        assert_eq!(whole, parts);
    }

    #[test]
    fn silence_has_no_tone() {
        assert_eq!(dominant(&[0.0; LENGTH]), None);
        assert_eq!(dominant(&wave(440.0, 0.001)), None);
    }

    #[test]
    fn too_little_sound_has_no_tone() {
        assert_eq!(dominant(&[]), None);
        assert_eq!(dominant(&wave(440.0, 0.5)[..479]), None);
    }

    #[test]
    fn the_louder_of_two_tones_is_named() {
        let samples: Vec<f32> = wave(600.0, 0.2)
            .iter()
            .zip(wave(1_000.0, 0.4))
            .map(|(one, other)| one + other)
            .collect();
        let tone = dominant(&samples).expect("a tone");
        assert!((tone.hertz - 1_000.0).abs() < 0.5, "{tone:?}");
        // 0.4² of 0.4² + 0.2².
        assert!((tone.purity - 0.8).abs() < 0.02, "{tone:?}");
    }

    #[test]
    fn a_tone_is_found_in_noise() {
        let samples: Vec<f32> =
            wave(440.0, 0.3).iter().zip(noise(0.3)).map(|(wave, noise)| wave + noise).collect();
        let tone = dominant(&samples).expect("a tone");
        assert!((tone.hertz - 440.0).abs() < 1.0, "{tone:?}");
    }

    #[test]
    fn noise_is_not_pure() {
        let samples: Vec<f32> = noise(0.5).take(LENGTH).collect();
        let tone = dominant(&samples).expect("something is strongest");
        assert!(tone.purity < 0.1, "{tone:?}");
    }
}
