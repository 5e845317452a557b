//! Bytes as hexadecimal digits.

use std::fmt::Write as _;

/// Two digits for each byte, in lower case.
pub(crate) fn write(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Exactly so many bytes, or none.
pub(crate) fn read<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != N * 2 {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |at: u8| char::from(at).to_digit(16).and_then(|it| u8::try_from(it).ok());
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_the_same_and_nothing_else_does() {
        assert_eq!(write(&[0, 0x0f, 0xa5, 0xff]), "000fa5ff");
        assert_eq!(read("000fa5FF"), Some([0, 0x0f, 0xa5, 0xff]));
        for no in ["", "000fa5f", "000fa5ff0", "000fa5fg", "+00fa5ff", "00 fa5ff", "000fa5é"] {
            assert_eq!(read::<4>(no), None, "{no}");
        }
    }
}
