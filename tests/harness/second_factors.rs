//! What people hold in their hands: an authenticator app, and a security key.
//!
//! Both are written from the standards (RFC 6238, `WebAuthn` 2) and share nothing with the platform.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac::{HMAC_SHA1_FOR_LEGACY_USE_ONLY, Key, sign};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

/// The code an app shows at a time for a secret as people type it.
pub fn code_at(secret: &str, time: DateTime<Utc>) -> String {
    let key = Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, &base32(secret));
    let step = time.timestamp() / 30;
    let mac = sign(&key, &step.to_be_bytes());
    let mac = mac.as_ref();
    let at = usize::from(mac[19] & 0xf);
    let word = u32::from_be_bytes(mac[at..at + 4].try_into().expect("four bytes"));
    format!("{:06}", (word & 0x7fff_ffff) % 1_000_000)
}

fn base32(text: &str) -> Vec<u8> {
    let (mut bytes, mut word, mut bits) = (Vec::new(), 0_u32, 0);
    for letter in text.chars() {
        let at = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".find(letter).expect("a letter of Base32");
        word = word << 5 | u32::try_from(at).expect("small");
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(word >> bits & 0xff).expect("a byte"));
        }
    }
    bytes
}

/// A security key with one passkey, and the browser it is used in.
pub struct SecurityKey {
    pair: EcdsaKeyPair,
    id: [u8; 32],
    owner: Option<String>,
    /// How often it was used.
    pub counter: u32,
    /// Where the browser is.
    pub origin: String,
    /// Whether its owner is asked for his finger.
    pub verifies: bool,
}

impl SecurityKey {
    pub fn at(origin: &str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).expect("a key");
        let id = digest(&SHA256, pair.public_key().as_ref()).as_ref().try_into().expect("its hash");
        Self { pair, id, owner: None, counter: 0, origin: origin.to_owned(), verifies: true }
    }

    /// What `navigator.credentials.create` answers.
    pub fn make(&mut self, options: &Value) -> Value {
        let options = &options["publicKey"];
        self.owner = options["user"]["id"].as_str().map(ToOwned::to_owned);
        let point = self.pair.public_key().as_ref();
        let mut cose = vec![0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20];
        cose.extend(&point[1..33]);
        cose.extend([0x22, 0x58, 0x20]);
        cose.extend(&point[33..65]);

        let mut data = self.data(options["rp"]["id"].as_str().expect("a host"), 0x40);
        data.extend([0; 16]);
        data.extend([0, 32]);
        data.extend(self.id);
        data.extend(cose);
        let mut attestation = vec![0xa3];
        attestation.extend(b"\x63fmt\x64none\x67attStmt\xa0\x68authData\x58");
        attestation.push(u8::try_from(data.len()).expect("short"));
        attestation.extend(&data);
        self.credential(&json!({
            "attestationObject": BASE64.encode(attestation),
            "clientDataJSON": BASE64.encode(self.client_data("webauthn.create", options)),
        }))
    }

    /// What `navigator.credentials.get` answers.
    pub fn show(&mut self, options: &Value) -> Value {
        let options = &options["publicKey"];
        self.counter += 1;
        let data = self.data(options["rpId"].as_str().expect("a host"), 0);
        let client = self.client_data("webauthn.get", options);
        let mut signed = data.clone();
        signed.extend(digest(&SHA256, client.as_bytes()).as_ref());
        let signature = self.pair.sign(&SystemRandom::new(), &signed).expect("a signature");
        self.credential(&json!({
            "authenticatorData": BASE64.encode(data),
            "clientDataJSON": BASE64.encode(client),
            "signature": BASE64.encode(signature.as_ref()),
            "userHandle": self.owner,
        }))
    }

    fn data(&self, host: &str, more: u8) -> Vec<u8> {
        let mut data = digest(&SHA256, host.as_bytes()).as_ref().to_vec();
        data.push(0x01 | if self.verifies { 0x04 } else { 0 } | more);
        data.extend(self.counter.to_be_bytes());
        data
    }

    fn client_data(&self, what: &str, options: &Value) -> String {
        let (challenge, origin) = (&options["challenge"], &self.origin);
        json!({ "type": what, "challenge": challenge, "origin": origin, "crossOrigin": false })
            .to_string()
    }

    fn credential(&self, response: &Value) -> Value {
        let id = BASE64.encode(self.id);
        json!({
            "id": id,
            "rawId": id,
            "type": "public-key",
            "authenticatorAttachment": "cross-platform",
            "clientExtensionResults": {},
            "response": response,
        })
    }
}
