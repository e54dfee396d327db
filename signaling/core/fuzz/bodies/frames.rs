//! Whatever pieces a stream comes in: the frames are the same, and written again they are the stream.

use signaling_core::framing::{Frames, head};

const MOST: usize = 4096;

pub(crate) fn run(data: &[u8]) {
    let Some((&size, stream)) = data.split_first() else { return };
    let whole = frames(std::iter::once(stream));
    let pieces = frames(stream.chunks(usize::from(size).max(1)));
    assert_eq!(whole, pieces);
    let written: Vec<u8> = whole
        .0
        .iter()
        .flat_map(|frame| [&head(frame.len()).expect("a frame is short")[..], frame].concat())
        .collect();
    assert!(stream.starts_with(&written));
}

/// The frames, and whether there was one that is too long.
fn frames<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<Vec<u8>>, bool) {
    let (mut reader, mut found) = (Frames::new(MOST), Vec::new());
    for mut piece in pieces {
        loop {
            match reader.take(&mut piece) {
                Ok(Some(frame)) => found.push(frame),
                Ok(None) => break,
                Err(_) => return (found, true),
            }
        }
    }
    (found, false)
}
