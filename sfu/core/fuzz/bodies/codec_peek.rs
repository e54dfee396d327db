//! Whatever a payload is, looking into it ends with an answer. The input is the codec (a byte) and
//! the payload.

use crate::codec::{Codec, vp8};

pub(crate) fn run(data: &[u8]) {
    let Some((codec, payload)) = data.split_first() else { return };
    let codecs = [Codec::Vp8, Codec::Vp9, Codec::H264, Codec::H265, Codec::Av1];
    let codec = codecs[usize::from(*codec) % codecs.len()];
    let starts = codec.starts_keyframe(payload);
    if payload.is_empty() {
        assert!(!starts, "{codec:?}: nothing starts no keyframe");
    }
    let descriptor = vp8::Descriptor::parse(payload);
    if codec == Codec::Vp8 {
        assert_eq!(starts, descriptor.is_some_and(|descriptor| descriptor.starts_keyframe));
    }
}
