//! Clips: encoded media that is played over and over, cut into packets ahead of time.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Codec;
use super::packets::{Frame, nal_units};

/// The RTP clock of video (RFC 3551 §5).
const VIDEO_CLOCK: u32 = 90_000;

/// Pictures a second of a file that does not say (Annex B has no times).
const ANNEX_B_RATE: u32 = 30;

/// The largest file that is read.
const LARGEST_FILE: u64 = 64 << 20;

/// Bytes of the headers of an IVF file and of each of its frames.
const IVF_HEADER: usize = 32;
const IVF_FRAME_HEADER: usize = 12;

/// Reads a file, or says what is wrong with it.
type Parse = fn(&[u8]) -> Result<Clip, &'static str>;

/// Why there is no clip.
#[derive(Debug, thiserror::Error)]
pub enum ClipError {
    /// No file of that name.
    #[error("there is no clip `{name}` in {}; make the clips with `make clips`", folder.display())]
    Missing {
        /// What was looked for.
        name: String,
        /// Where.
        folder: PathBuf,
    },
    /// The file cannot be read.
    #[error("cannot read {}: {reason}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: std::io::Error,
    },
    /// The file is not what its name says.
    #[error("{} is not a clip: {reason}; make it anew with `make clips`", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: &'static str,
    },
}

/// Media that can be played: a frame, or a pause, for each tick.
#[derive(Debug)]
pub struct Clip {
    /// How it is encoded.
    pub codec: Codec,
    /// From one tick to the next.
    pub tick: Duration,
    /// The same on the RTP clock.
    pub step: u32,
    /// What is sent at each tick; `None` for nothing, as in a pause of talk.
    pub frames: Vec<Option<Frame>>,
}

impl Clip {
    /// Reads the clip `name` from a folder: `NAME.ivf` (VP8, AV1) or `NAME.h264` (Annex B, with
    /// access unit delimiters).
    ///
    /// # Errors
    ///
    /// When there is no such file, or it holds no video that begins with a keyframe.
    pub fn read(folder: &Path, name: &str) -> Result<Clip, ClipError> {
        let file = |extension: &str| folder.join(format!("{name}.{extension}"));
        let (path, parse): (_, Parse) =
            if file("ivf").exists() { (file("ivf"), ivf) } else { (file("h264"), annex_b) };
        let unreadable = |reason| ClipError::Read { path: path.clone(), reason };
        let size = match std::fs::metadata(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(ClipError::Missing {
                    name: name.to_owned(),
                    folder: folder.to_owned(),
                });
            }
            found => found.map_err(unreadable)?.len(),
        };
        if size > LARGEST_FILE {
            return Err(ClipError::Damaged { path, reason: "it is larger than 64 MiB" });
        }
        let data = std::fs::read(&path).map_err(unreadable)?;
        let clip =
            parse(&data).map_err(|reason| ClipError::Damaged { path: path.clone(), reason })?;
        if !matches!(clip.frames.first(), Some(Some(frame)) if frame.keyframe) {
            return Err(ClipError::Damaged { path, reason: "it does not begin with a keyframe" });
        }
        Ok(clip)
    }
}

/// A clip of video in which every tick has a picture.
fn video<'a>(
    codec: Codec,
    tick: Duration,
    pictures: impl Iterator<Item = &'a [u8]>,
) -> Result<Clip, &'static str> {
    let frames: Option<Vec<_>> =
        pictures.map(|picture| Frame::cut(codec, picture).map(Some)).collect();
    Ok(Clip {
        codec,
        tick,
        step: (tick.as_secs_f64() * f64::from(VIDEO_CLOCK)).round() as u32,
        frames: frames.ok_or("a frame makes no sense")?,
    })
}

fn ivf(data: &[u8]) -> Result<Clip, &'static str> {
    const CUT: &str = "it ends too early";
    let (header, mut rest) = data.split_first_chunk::<IVF_HEADER>().ok_or(CUT)?;
    let codec = match &header[8..12] {
        b"VP80" => Codec::Vp8,
        b"AV01" => Codec::Av1,
        _ => return Err("its codec is neither VP8 nor AV1"),
    };
    let number = |at: usize| header[at..at + 4].try_into().map(u32::from_le_bytes).unwrap_or(0);
    let (rate, scale) = (number(16), number(20));
    if rate == 0 || scale == 0 || rate / scale > 1_000 || scale / rate > 10 {
        return Err("its frame rate makes no sense");
    }
    let mut pictures = Vec::new();
    while let Some((header, more)) = rest.split_first_chunk::<IVF_FRAME_HEADER>() {
        let length = u32::from_le_bytes([header[0], header[1], header[2], header[3]]) as usize;
        let (picture, more) = more.split_at_checked(length).ok_or(CUT)?;
        pictures.push(picture);
        rest = more;
    }
    let tick = Duration::from_secs(scale.into()) / rate;
    video(codec, tick, pictures.into_iter())
}

fn annex_b(data: &[u8]) -> Result<Clip, &'static str> {
    /// Puts a start code before a unit again.
    fn append(picture: &mut Vec<u8>, unit: &[u8]) {
        picture.extend_from_slice(&[0, 0, 1]);
        picture.extend_from_slice(unit);
    }
    let mut pictures: Vec<Vec<u8>> = Vec::new();
    for unit in nal_units(data) {
        if unit[0] & 0x1f == 9 {
            pictures.push(Vec::new());
        } else {
            append(pictures.last_mut().ok_or("it has no access unit delimiters")?, unit);
        }
    }
    let tick = Duration::from_secs(1) / ANNEX_B_RATE;
    video(Codec::H264, tick, pictures.iter().map(Vec::as_slice))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ivf_file(fourcc: &[u8; 4], frames: &[&[u8]]) -> Vec<u8> {
        let mut file = b"DKIF\0\0\x20\0".to_vec();
        file.extend_from_slice(fourcc);
        file.extend_from_slice(&[0; 4]);
        file.extend_from_slice(&25_u32.to_le_bytes());
        file.extend_from_slice(&1_u32.to_le_bytes());
        file.extend_from_slice(&[0; 8]);
        for frame in frames {
            file.extend_from_slice(&(frame.len() as u32).to_le_bytes());
            file.extend_from_slice(&[0; 8]);
            file.extend_from_slice(frame);
        }
        file
    }

    fn written(name: &str, data: &[u8]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join(name), data).expect("a file");
        folder
    }

    #[test]
    fn ivf_tells_codec_and_rate() {
        let folder = written("small.ivf", &ivf_file(b"VP80", &[&[0x10, 1, 2], &[0x11, 1]]));
        let clip = Clip::read(folder.path(), "small").expect("a clip");
        assert_eq!(
            (clip.codec, clip.tick, clip.step),
            (Codec::Vp8, Duration::from_millis(40), 3_600)
        );
        let keyframes: Vec<_> = clip.frames.iter().flatten().map(|frame| frame.keyframe).collect();
        assert_eq!(keyframes, [true, false]);
    }

    #[test]
    fn access_units_are_told_by_their_delimiters() {
        let data = [
            0, 0, 0, 1, 9, 0x10, 0, 0, 0, 1, 0x67, 1, 0, 0, 1, 0x68, 2, 0, 0, 1, 0x65,
            3, // a keyframe
            0, 0, 0, 1, 9, 0x30, 0, 0, 1, 0x41, 4,
        ];
        let folder = written("h264.h264", &data);
        let clip = Clip::read(folder.path(), "h264").expect("a clip");
        let frames: Vec<_> =
            clip.frames.iter().flatten().map(|frame| (frame.keyframe, frame.packets())).collect();
        assert_eq!(frames, [(true, 4), (false, 2)]);
    }

    #[test]
    fn what_is_no_clip_is_refused_with_what_to_do() {
        let cut = ivf_file(b"VP80", &[&[0x10, 1]]);
        for (data, reason) in [
            (&cut[..cut.len() - 1], "too early"),
            (&ivf_file(b"VP90", &[])[..], "neither"),
            (&ivf_file(b"VP80", &[&[0x11, 1]])[..], "keyframe"),
            (&ivf_file(b"VP80", &[])[..], "keyframe"),
        ] {
            let folder = written("clip.ivf", data);
            let error = Clip::read(folder.path(), "clip").expect_err("no clip").to_string();
            assert!(error.contains(reason) && error.contains("make clips"), "{error}");
        }
        let folder = written("other.ivf", &[]);
        let error = Clip::read(folder.path(), "clip").expect_err("no clip");
        assert!(matches!(error, ClipError::Missing { .. }), "{error}");
    }

    proptest! {
        #[test]
        fn any_bytes_are_borne(data: Vec<u8>) {
            let _ = (ivf(&ivf_file(b"AV01", &[&data])), ivf(&data), annex_b(&data));
        }
    }
}
