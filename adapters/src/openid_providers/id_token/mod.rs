//! ID tokens (`OpenID` Connect Core 1.0, 3.1.3.7): everything about one is looked at before any of it is believed.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{Algorithm as Hash, SHA256, SHA512, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation};
use serde_json::Value;

/// The longest token that is looked at, in bytes.
const LONGEST: usize = 32 * 1_024;

/// How far the clocks of an issuer and of ours may be apart, in seconds.
const SKEW_S: f64 = 60.0;

/// The algorithms that are ever taken: all with keys that only the issuer has.
const ALGORITHMS: [(&str, Algorithm); 4] = [
    ("ES256", Algorithm::ES256),
    ("EdDSA", Algorithm::EdDSA),
    ("PS256", Algorithm::PS256),
    ("RS256", Algorithm::RS256),
];

/// What a token has to say.
pub(super) struct Expected<'a> {
    pub(super) client_id: &'a str,
    pub(super) nonce: &'a str,
    pub(super) access_token: &'a str,
    pub(super) now: DateTime<Utc>,
}

/// What a token says of how it is signed, when that can be right: by an algorithm that the issuer names and that is
/// taken here. A token never chooses another.
pub(super) fn header(token: &str, supported: &[String]) -> Result<Header, &'static str> {
    if token.len() > LONGEST {
        return Err("the ID token is too long");
    }
    let header = jsonwebtoken::decode_header(token).map_err(|_| "the ID token is malformed")?;
    if header.crit.is_some() {
        return Err("the ID token wants something that is not understood");
    }
    let named = |name: &str| match supported {
        [] => name == "RS256",
        names => names.iter().any(|it| it == name),
    };
    let taken = ALGORITHMS.iter().find(|(_, algorithm)| *algorithm == header.alg);
    if taken.is_some_and(|(name, _)| named(name)) {
        return Ok(header);
    }
    Err("the ID token is signed by an algorithm that is not taken")
}

/// Whether a token with this header could be signed with this key.
pub(super) fn fits(key: &Jwk, header: &Header) -> bool {
    let named = header.kid.is_none() || header.kid == key.common.key_id;
    let signs = key.common.public_key_use.as_ref().is_none_or(|it| *it == PublicKeyUse::Signature);
    let algorithm = key.common.key_algorithm.as_ref();
    let meant = algorithm
        .is_none_or(|it| it.to_string().parse().is_ok_and(|it: Algorithm| it == header.alg));
    let kind = match (&key.algorithm, header.alg) {
        (AlgorithmParameters::RSA(_), Algorithm::RS256 | Algorithm::PS256) => true,
        (AlgorithmParameters::EllipticCurve(it), Algorithm::ES256) => {
            it.curve == EllipticCurve::P256
        }
        (AlgorithmParameters::OctetKeyPair(it), Algorithm::EdDSA) => {
            it.curve == EllipticCurve::Ed25519
        }
        _ => false,
    };
    named && signs && meant && kind
}

/// The claims of a token that one of these keys signed.
pub(super) fn opened(token: &str, header: &Header, keys: &[Jwk]) -> Result<Value, &'static str> {
    let mut validation = Validation::new(header.alg);
    // What it says is looked at below, by the platform's own clock.
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = false;
    for key in keys {
        let Ok(key) = DecodingKey::from_jwk(key) else { continue };
        if let Ok(read) = jsonwebtoken::decode::<Value>(token, &key, &validation) {
            return Ok(read.claims);
        }
    }
    if keys.is_empty() {
        return Err("the ID token is signed with an unknown key");
    }
    Err("the signature of the ID token is wrong")
}

/// Whether the claims are for us, now and for this very visit. `issuer` is who must have made them.
pub(super) fn check(
    claims: &Value,
    algorithm: Algorithm,
    issuer: Option<&str>,
    expected: &Expected<'_>,
) -> Result<String, &'static str> {
    if issuer.is_none() || claims["iss"].as_str() != issuer {
        return Err("the ID token is of another issuer");
    }
    let Expected { client_id, nonce, access_token, now } = expected;
    let (ours, several) = match &claims["aud"] {
        Value::String(it) => (it == client_id, false),
        Value::Array(all) => (all.iter().any(|it| it == client_id), all.len() > 1),
        _ => (false, false),
    };
    let party = &claims["azp"];
    let party_fits = if party.is_null() { !several } else { party == client_id };
    if !ours || !party_fits {
        return Err("the ID token is for somebody else");
    }

    // Exact until the year 285 million.
    #[expect(clippy::cast_precision_loss, reason = "said above")]
    let now = now.timestamp() as f64;
    let time = |name: &str| claims[name].as_f64().filter(|it| it.is_finite());
    match time("exp") {
        Some(exp) if now < exp + SKEW_S => {}
        _ => return Err("the ID token has run out"),
    }
    match time("iat") {
        Some(iat) if iat <= now + SKEW_S => {}
        _ => return Err("the ID token does not say when it was made, or was made in the future"),
    }
    if !claims["nbf"].is_null() && time("nbf").is_none_or(|nbf| nbf > now + SKEW_S) {
        return Err("the ID token is not good yet");
    }

    let said = claims["nonce"].as_str().unwrap_or_default();
    if verify_slices_are_equal(said.as_bytes(), nonce.as_bytes()).is_err() {
        return Err("the ID token is of another visit");
    }
    let hash = &claims["at_hash"];
    if !hash.is_null() && hash.as_str() != Some(&half_hash(algorithm, access_token)) {
        return Err("the ID token belongs to another access token");
    }
    match claims["sub"].as_str() {
        Some(subject) if (1..=255).contains(&subject.len()) => Ok(subject.to_owned()),
        _ => Err("the ID token does not say who it is about"),
    }
}

/// The left half of a hash (3.1.3.6).
fn half_hash(algorithm: Algorithm, text: &str) -> String {
    let hash: &'static Hash = if algorithm == Algorithm::EdDSA { &SHA512 } else { &SHA256 };
    let hash = digest(hash, text.as_bytes());
    URL_SAFE_NO_PAD.encode(&hash.as_ref()[..hash.as_ref().len() / 2])
}
