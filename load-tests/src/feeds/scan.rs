//! What a reader looks for in the bytes that it gets: the numbers of events, and on a WebSocket the
//! pings that want an answer.

/// Stands before an event's number in its text.
const MARK: &[u8] = b"feed-event-";
/// Digits of the number.
const DIGITS: usize = 8;

/// The text of an event with this number, as long as a short chat message.
pub(super) fn text(number: u64) -> String {
    format!("{}{number:0DIGITS$} {}", String::from_utf8_lossy(MARK), "x".repeat(80))
}

/// Calls `found` with the number of each event in `bytes`, and returns how many bytes at the end may be
/// the beginning of another one.
pub(super) fn numbers(bytes: &[u8], mut found: impl FnMut(u64)) -> usize {
    let mut rest = bytes;
    while let Some(at) = position(rest, MARK) {
        let after = &rest[at + MARK.len()..];
        let Some(digits) = after.get(..DIGITS) else { return rest.len() - at };
        let digit = |sum: u64, byte: &u8| sum * 10 + u64::from(byte.wrapping_sub(b'0'));
        found(digits.iter().fold(0, digit));
        rest = &after[DIGITS..];
    }
    rest.len().min(MARK.len() - 1)
}

/// Where `pattern` begins in `bytes`.
pub(super) fn position(bytes: &[u8], pattern: &[u8]) -> Option<usize> {
    bytes.windows(pattern.len()).position(|window| window == pattern)
}

/// One frame of a WebSocket's server (RFC 6455 §5.2).
pub(super) struct Frame<'a> {
    pub(super) opcode: u8,
    pub(super) payload: &'a [u8],
    /// Bytes of the frame in all.
    pub(super) len: usize,
}

/// The frame that `bytes` begin with, if all of it is there.
pub(super) fn frame(bytes: &[u8]) -> Option<Frame<'_>> {
    let (opcode, short) = (bytes.first()? & 0x0f, usize::from(bytes.get(1)? & 0x7f));
    let (start, length) = match short {
        126 => (4, usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?))),
        127 => {
            let length = u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?);
            (10, usize::try_from(length).ok()?)
        }
        short => (2, short),
    };
    let len = length.checked_add(start)?;
    Some(Frame { opcode, payload: bytes.get(start..len)?, len })
}

/// A client's frame: masked with zeros, which changes nothing. At most 65,535 bytes.
pub(super) fn client_frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x80 | opcode];
    match u16::try_from(payload.len()) {
        Ok(length @ 0..=125) => frame.push(0x80 | length.to_le_bytes()[0]),
        Ok(length) => {
            frame.push(0x80 | 126);
            frame.extend_from_slice(&length.to_be_bytes());
        }
        Err(_) => unreachable!("requests are short"),
    }
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(payload);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_however_the_bytes_are_cut() {
        let all = format!("head {} middle {} end", text(7), text(12_345_678));
        let mut found = Vec::new();
        numbers(all.as_bytes(), |number| found.push(number));
        assert_eq!(found, [7, 12_345_678]);
        for cut in 0..all.len() {
            let (one, other) = all.as_bytes().split_at(cut);
            let mut found = Vec::new();
            let rest = numbers(one, |number| found.push(number));
            let joined = [&one[one.len() - rest..], other].concat();
            numbers(&joined, |number| found.push(number));
            assert_eq!(found, [7, 12_345_678], "cut at {cut}");
        }
    }

    #[test]
    fn frames_are_read_when_they_are_whole() {
        for length in [0_usize, 5, 125, 126, 300, 65_535] {
            let mut server = client_frame(1, &vec![b'x'; length]);
            // What a client sends, without its mask, is what a server sends.
            let header = server.len() - length - 4;
            server.drain(header..header + 4);
            server[1] &= 0x7f;
            for cut in 0..server.len() {
                assert!(frame(&server[..cut]).is_none());
            }
            server.extend_from_slice(b"next");
            let whole = frame(&server).expect("it is whole");
            assert_eq!((whole.opcode, whole.payload.len()), (1, length));
            assert_eq!(server.len() - whole.len, 4);
        }
    }
}
