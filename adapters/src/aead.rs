//! Seals and opens boxes with ChaCha20-Poly1305 (RFC 8439): nonce, ciphertext, tag.

use aws_lc_rs::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use domain::kernel::{CryptError, Key, Sealer};

const TAG_LEN: usize = 16;

/// The sealer of aws-lc-rs. Each box has a nonce of its own, from the system's randomness: a key
/// may seal 2³² boxes before two equal nonces become as likely as 2⁻³³.
#[derive(Debug, Clone, Copy, Default)]
pub struct ChaCha20Poly1305;

impl Sealer for ChaCha20Poly1305 {
    fn seal(&self, key: &Key, bound_to: &[u8], clear: &[u8]) -> Result<Vec<u8>, CryptError> {
        // One buffer, written once: nothing is moved after it was encrypted.
        let mut sealed = vec![0; NONCE_LEN + clear.len() + TAG_LEN];
        let (nonce, rest) = sealed.split_at_mut(NONCE_LEN);
        let (ciphertext, tag) = rest.split_at_mut(clear.len());
        let failed = |_| CryptError::Vault("the cryptographic library failed".into());
        aws_lc_rs::rand::fill(nonce).map_err(failed)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(failed)?;
        ready(key)
            .and_then(|key| {
                let bound_to = Aad::from(bound_to);
                key.seal_out_of_place_scatter(nonce, bound_to, clear, ciphertext, &[], tag)
            })
            .map_err(failed)?;
        Ok(sealed)
    }

    fn open(&self, key: &Key, bound_to: &[u8], sealed: &[u8]) -> Result<Vec<u8>, CryptError> {
        let forged = |_| CryptError::Forged;
        let (nonce, rest) = sealed.split_at_checked(NONCE_LEN).ok_or(CryptError::Forged)?;
        let length = rest.len().checked_sub(TAG_LEN).ok_or(CryptError::Forged)?;
        let (ciphertext, tag) = rest.split_at(length);
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(forged)?;
        let mut clear = vec![0; length];
        ready(key)
            .and_then(|key| {
                let bound_to = Aad::from(bound_to);
                key.open_separate_gather(nonce, bound_to, ciphertext, tag, &mut clear)
            })
            .map_err(forged)?;
        Ok(clear)
    }
}

fn ready(key: &Key) -> Result<LessSafeKey, aws_lc_rs::error::Unspecified> {
    UnboundKey::new(&CHACHA20_POLY1305, key.bytes()).map(LessSafeKey::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 32] = [7; 32];

    #[test]
    fn what_was_sealed_opens_again() {
        for clear in [&b""[..], b"x", &[9; 5000]] {
            let sealed = ChaCha20Poly1305.seal(&Key::new(KEY), b"event", clear).unwrap();
            assert_eq!(sealed.len(), clear.len() + 28);
            assert_eq!(open(&sealed).unwrap(), clear);
        }
    }

    #[test]
    fn two_boxes_of_the_same_text_differ() {
        assert_ne!(sealed(), sealed());
    }

    #[test]
    fn no_bit_of_a_box_can_be_changed() {
        let sealed = sealed();
        for bit in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(matches!(open(&changed), Err(CryptError::Forged)), "bit {bit}");
        }
    }

    #[test]
    fn a_shortened_or_lengthened_box_does_not_open() {
        let mut sealed = sealed();
        for length in 0..sealed.len() {
            assert!(matches!(open(&sealed[..length]), Err(CryptError::Forged)), "{length} bytes");
        }
        sealed.push(0);
        assert!(matches!(open(&sealed), Err(CryptError::Forged)));
    }

    #[test]
    fn another_key_opens_nothing() {
        let other = Key::new([8; 32]);
        let opened = ChaCha20Poly1305.open(&other, b"event", &sealed());
        assert!(matches!(opened, Err(CryptError::Forged)));
    }

    #[test]
    fn a_box_moved_to_another_place_does_not_open() {
        let opened = ChaCha20Poly1305.open(&Key::new(KEY), b"other event", &sealed());
        assert!(matches!(opened, Err(CryptError::Forged)));
    }

    /// The example of RFC 8439, section 2.8.2.
    #[test]
    fn the_form_is_that_of_the_standard() {
        let key: [u8; 32] = std::array::from_fn(|n| 0x80 + u8::try_from(n).unwrap());
        let bound_to = [0x50, 0x51, 0x52, 0x53, 0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7];
        let sealed = hex(
            "070000004041424344454647d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee\
             62d63dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c\
             9803aee328091b58fab324e4fad675945585808b4831d7bc3ff4def08e4b7a9de576d26586cec64b6116\
             1ae10b594f09e26a7e902ecbd0600691",
        );
        let clear = ChaCha20Poly1305.open(&Key::new(key), &bound_to, &sealed).unwrap();
        assert!(clear.starts_with(b"Ladies and Gentlemen of the class of '99"));
    }

    fn sealed() -> Vec<u8> {
        ChaCha20Poly1305.seal(&Key::new(KEY), b"event", b"in confidence").unwrap()
    }

    fn open(sealed: &[u8]) -> Result<Vec<u8>, CryptError> {
        ChaCha20Poly1305.open(&Key::new(KEY), b"event", sealed)
    }

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
            .collect()
    }
}
