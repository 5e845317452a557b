//! What is believed of an ID token, and everything that is not.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RSA_PSS_SHA256};
use proptest::prelude::*;
use serde::Deserialize as _;
use serde_json::json;

use super::*;

const NOW: i64 = 1_800_000_000;

#[test]
fn a_right_token_is_believed() {
    assert_eq!(judged(&right()), Ok("248289761001".to_owned()));
    let several = json!({ "aud": ["us", "others"], "azp": "us" });
    assert!(judged(&with(several)).is_ok());
    let hash = half_hash(Algorithm::RS256, "access");
    assert!(judged(&with(json!({ "at_hash": hash }))).is_ok());
    // Clocks are never quite the same.
    assert!(judged(&with(json!({ "exp": NOW - 59, "iat": NOW + 59 }))).is_ok());
    assert!(judged(&with(json!({ "exp": 1_800_000_000.5, "nbf": NOW }))).is_ok());
}

#[test]
fn what_one_claim_gets_wrong_the_others_do_not_mend() {
    let wrong = [
        json!({ "iss": "https://evil.example" }),
        json!({ "iss": "https://op.example/" }),
        json!({ "iss": ["https://op.example"] }),
        json!({ "iss": null }),
        json!({ "aud": "others" }),
        json!({ "aud": [] }),
        json!({ "aud": ["us", "others"] }),
        json!({ "aud": null }),
        json!({ "azp": "others" }),
        json!({ "azp": 7 }),
        json!({ "nonce": "another" }),
        json!({ "nonce": "" }),
        json!({ "nonce": null }),
        json!({ "exp": NOW - 60 }),
        json!({ "exp": "4000000000" }),
        json!({ "exp": null }),
        json!({ "iat": NOW + 61 }),
        json!({ "iat": null }),
        json!({ "nbf": NOW + 61 }),
        json!({ "nbf": "soon" }),
        json!({ "at_hash": "AAAAAAAAAAAAAAAAAAAAAA" }),
        json!({ "at_hash": 7 }),
        json!({ "sub": "" }),
        json!({ "sub": 7 }),
        json!({ "sub": "x".repeat(256) }),
    ];
    for change in wrong {
        assert!(judged(&with(change.clone())).is_err(), "{change}");
    }
    assert!(check(&right(), Algorithm::RS256, None, &expected()).is_err(), "nobody's token");
}

#[test]
fn signatures_are_looked_at_with_keys_of_the_issuer() {
    let (ours, other) = (Signer::new("one"), Signer::new("one"));
    let keys = [ours.public(&json!({}))];
    let claims = right();
    let token = ours.sign(&json!({ "alg": "RS256", "kid": "one" }), &claims);
    let head = header(&token, &[]).unwrap();
    assert!(fits(&keys[0], &head));
    assert_eq!(opened(&token, &head, &keys), Ok(claims.clone()));

    let forged = other.sign(&json!({ "alg": "RS256", "kid": "one" }), &claims);
    assert!(opened(&forged, &head, &keys).is_err(), "another key of the same name");
    let (front, signature) = token.rsplit_once('.').unwrap();
    let (head_part, _) = front.split_once('.').unwrap();
    let mut changed = claims.clone();
    changed["sub"] = json!("somebody else");
    let changed = format!("{head_part}.{}.{signature}", part(&changed));
    assert!(opened(&changed, &head, &keys).is_err(), "other claims");
    assert!(opened(&format!("{front}."), &head, &keys).is_err(), "no signature");
    assert!(opened(&token, &head, &[]).is_err(), "no key");
}

#[test]
fn a_token_does_not_choose_how_it_is_looked_at() {
    let signer = Signer::new("one");
    let supported = |names: &[&str]| names.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
    for alg in ["none", "None", "HS256", "HS512", "RS512", "ES384", ""] {
        let token = signer.sign(&json!({ "alg": alg, "kid": "one" }), &right());
        let all = supported(&["none", "HS256", "HS512", "RS512", "ES384", "RS256"]);
        assert!(header(&token, &all).is_err(), "{alg:?} is never taken");
    }
    let pss = signer.sign(&json!({ "alg": "PS256", "kid": "one" }), &right());
    assert!(header(&pss, &[]).is_err(), "the issuer does not name it");
    let head = header(&pss, &supported(&["PS256"])).unwrap();
    assert!(opened(&pss, &head, &[signer.public(&json!({}))]).is_ok());
    let critical = json!({ "alg": "RS256", "kid": "one", "crit": ["exp"] });
    assert!(header(&signer.sign(&critical, &right()), &[]).is_err());
    assert!(header(&"a".repeat(LONGEST + 1), &[]).is_err());
}

#[test]
fn keys_are_taken_for_what_they_are_meant_for() {
    let signer = Signer::new("one");
    let token = signer.sign(&json!({ "alg": "RS256", "kid": "one" }), &right());
    let head = header(&token, &[]).unwrap();
    let nameless = header(&signer.sign(&json!({ "alg": "RS256" }), &right()), &[]).unwrap();
    assert!(fits(&signer.public(&json!({ "use": "sig", "alg": "RS256" })), &head));
    assert!(fits(&signer.public(&json!({ "kid": "two" })), &nameless));
    for other in [json!({ "kid": "two" }), json!({ "use": "enc" }), json!({ "alg": "PS256" })] {
        assert!(!fits(&signer.public(&other), &head), "{other}");
    }
    let symmetric = json!({ "kty": "oct", "kid": "one", "k": "c2VjcmV0" });
    assert!(!fits(&Jwk::deserialize(symmetric).unwrap(), &head));
}

proptest! {
    #[test]
    fn no_text_breaks_the_reader(text in "\\PC{0,200}", parts in "[a-zA-Z0-9_-]{0,40}(\\.[a-zA-Z0-9_-]{0,40}){0,3}") {
        prop_assert!(header(&text, &[]).is_err());
        if let Ok(head) = header(&parts, &[]) {
            prop_assert_eq!(head.alg, Algorithm::RS256);
        }
    }

    #[test]
    fn only_this_visits_token_is_believed(nonce in "\\PC{0,64}", aud in "\\PC{0,20}") {
        let judged = judged(&with(json!({ "nonce": nonce, "aud": aud })));
        prop_assert_eq!(judged.is_ok(), nonce == "n-0S6_WzA2Mj" && aud == "us");
    }
}

fn right() -> Value {
    json!({
        "iss": "https://op.example",
        "aud": "us",
        "sub": "248289761001",
        "nonce": "n-0S6_WzA2Mj",
        "iat": NOW,
        "exp": NOW + 300,
    })
}

fn with(change: Value) -> Value {
    let mut claims = right();
    for (name, value) in change.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims
}

fn expected() -> Expected<'static> {
    let now = DateTime::from_timestamp(NOW, 0).unwrap();
    Expected { client_id: "us", nonce: "n-0S6_WzA2Mj", access_token: "access", now }
}

fn judged(claims: &Value) -> Result<String, &'static str> {
    check(claims, Algorithm::RS256, Some("https://op.example"), &expected())
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// An issuer's key.
struct Signer {
    pair: KeyPair,
    name: &'static str,
}

impl Signer {
    fn new(name: &'static str) -> Self {
        let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
        Self { pair, name }
    }

    fn public(&self, more: &Value) -> Jwk {
        let public = self.pair.public_key();
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let mut key = json!({
            "kty": "RSA",
            "kid": self.name,
            "n": encode(public.modulus().big_endian_without_leading_zero()),
            "e": encode(public.exponent().big_endian_without_leading_zero()),
        });
        for (name, value) in more.as_object().unwrap() {
            key[name] = value.clone();
        }
        Jwk::deserialize(key).unwrap()
    }

    /// Signed by PSS where the header says so, and by PKCS 1 else.
    fn sign(&self, header: &Value, claims: &Value) -> String {
        let front = format!("{}.{}", part(header), part(claims));
        let how = if header["alg"] == "PS256" { &RSA_PSS_SHA256 } else { &RSA_PKCS1_SHA256 };
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair.sign(how, &SystemRandom::new(), front.as_bytes(), &mut signature).unwrap();
        format!("{front}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}
