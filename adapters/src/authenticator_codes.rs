//! One-time codes as authenticator apps show them (RFC 6238): HMAC-SHA-1, six digits, thirty seconds.

use chrono::{DateTime, Utc};
use commands::CommandError;
use commands::ports::{Enrollment, Totp};
use png::{BitDepth, ColorType, Compression};
use qrcode::{Color, EcLevel, QrCode};
use totp_rs::{Algorithm, Builder};
use zeroize::Zeroizing;

/// As long as the hash: more would not make it stronger (RFC 4226, 4).
const SECRET: usize = 20;

/// How many codes before and after the present one are accepted, for clocks that differ.
const WINDOW: u16 = 1;

/// The edge of one square of a QR code in pixels, and how many of them are left white around it.
const SQUARE: usize = 6;
const MARGIN: usize = 4;

/// The codes of `totp-rs`.
#[derive(Debug, Clone, Copy, Default)]
pub struct AuthenticatorCodes;

impl Totp for AuthenticatorCodes {
    fn enroll(&self, product: &str, account: &str) -> Result<Enrollment, CommandError> {
        let mut secret = Zeroizing::new([0; SECRET]);
        aws_lc_rs::rand::fill(&mut *secret).map_err(|_| failed("no randomness"))?;
        // A colon would part the name of the product from that of the account.
        let (product, account) = (product.replace(':', " "), account.replace(':', " "));
        let totp = codes(&*secret).with_issuer(Some(product)).with_account_name(account);
        // The error may name the account.
        let totp = totp.build().map_err(|_| failed("a name does not fit a setup URI"))?;
        let uri = totp.to_url().map_err(|_| failed("a name does not fit a setup URI"))?;
        Ok(Enrollment {
            secret: secret.to_vec(),
            shown: totp.secret().to_base32(),
            qr_code: qr_code(&uri)?,
            uri,
        })
    }

    fn step(&self, secret: &[u8], code: &str, now: DateTime<Utc>) -> Option<u64> {
        let code: String = code.chars().filter(|it| !it.is_whitespace()).collect();
        if code.len() != 6 || !code.bytes().all(|it| it.is_ascii_digit()) {
            return None;
        }
        let totp = codes(secret).build().ok()?;
        totp.check(&code, now.timestamp().try_into().ok()?)
    }
}

fn codes(secret: &[u8]) -> Builder {
    Builder::new()
        .with_algorithm(Algorithm::SHA1)
        .with_digits(6)
        .with_skew(WINDOW)
        .with_step_duration(30)
        .with_secret(secret.to_vec())
}

/// A PNG of one bit a pixel.
fn qr_code(text: &str) -> Result<Vec<u8>, CommandError> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M);
    let code = code.map_err(CommandError::unavailable)?;
    let squares = code.width();
    let edge = (squares + 2 * MARGIN) * SQUARE;
    let colors = code.to_colors();
    let mut pixels = vec![0xff; edge * edge.div_ceil(8)];
    for (at, _) in colors.iter().enumerate().filter(|(_, color)| **color == Color::Dark) {
        let (left, top) = ((at % squares + MARGIN) * SQUARE, (at / squares + MARGIN) * SQUARE);
        for y in top..top + SQUARE {
            for x in left..left + SQUARE {
                pixels[y * edge.div_ceil(8) + x / 8] &= !(0x80_u8 >> (x % 8));
            }
        }
    }
    let mut image = Vec::new();
    let size = u32::try_from(edge).map_err(CommandError::unavailable)?;
    let mut encoder = png::Encoder::new(&mut image, size, size);
    encoder.set_color(ColorType::Grayscale);
    encoder.set_depth(BitDepth::One);
    encoder.set_compression(Compression::Balanced);
    let mut writer = encoder.write_header().map_err(CommandError::unavailable)?;
    writer.write_image_data(&pixels).map_err(CommandError::unavailable)?;
    writer.finish().map_err(CommandError::unavailable)?;
    Ok(image)
}

fn failed(why: &'static str) -> CommandError {
    CommandError::unavailable(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The secret of the examples in RFC 6238, appendix B; their last six digits.
    const SECRET: &[u8] = b"12345678901234567890";

    #[test]
    fn the_codes_are_those_of_the_standard() {
        for (second, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            let step = u64::try_from(second / 30).unwrap();
            assert_eq!(AuthenticatorCodes.step(SECRET, code, at(second)), Some(step), "{second}");
        }
    }

    #[test]
    fn a_code_is_good_for_one_step_more_on_either_side() {
        let step =
            |second: i64| AuthenticatorCodes.step(SECRET, "005924", at(1_234_567_890 + second));
        assert_eq!([step(-60), step(-30), step(0), step(30), step(60)], {
            let it = Some(1_234_567_890 / 30);
            [None, it, it, it, None]
        });
        assert_eq!(AuthenticatorCodes.step(SECRET, "005 924", at(1_234_567_890)), step(0));
        for wrong in ["", "5924", "0005924", "00592a", "٠٠٥٩٢٤"] {
            assert_eq!(AuthenticatorCodes.step(SECRET, wrong, at(1_234_567_890)), None, "{wrong}");
        }
    }

    #[test]
    fn an_app_learns_all_it_needs() {
        let made = AuthenticatorCodes.enroll("Pal: the bot", "ana@acme.com").unwrap();
        assert_eq!(made.secret.len(), 20);
        assert_eq!(made.shown.len(), 32);
        let expected = format!(
            "otpauth://totp/Pal%20%20the%20bot:ana%40acme.com?secret={}&issuer=Pal%20%20the%20bot",
            made.shown
        );
        assert_eq!(made.uri, expected);
        let mut reader =
            png::Decoder::new(std::io::Cursor::new(&made.qr_code)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let frame = reader.next_frame(&mut pixels).unwrap();
        assert_eq!(frame.width, frame.height);
        // Three of its corners are dark, the margin is white.
        let dark =
            |x: usize, y: usize| pixels[y * frame.line_size + x / 8] & (0x80 >> (x % 8)) == 0;
        let (first, last) = (MARGIN * SQUARE, frame.width as usize - MARGIN * SQUARE - 1);
        assert!(dark(first, first) && dark(last, first) && dark(first, last) && !dark(0, 0));
    }

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }
}
