//! Tokens that are good, and those that only look so.

use std::sync::PoisonError;

use proptest::prelude::*;

use super::*;

#[tokio::test]
async fn what_is_signed_is_read_until_it_runs_out() {
    let tokens = tokens(&Arc::default());
    let claims = claims();
    let token = tokens.sign(&claims).await.unwrap();
    let header = jsonwebtoken::decode_header(&token).unwrap();
    assert_eq!((header.typ.as_deref(), header.alg), (Some("at+jwt"), Algorithm::RS256));
    assert_eq!(tokens.verify(&token, claims.issued_at).await.unwrap(), Some(claims.clone()));
    assert_eq!(tokens.verify(&token, claims.expires_at).await.unwrap(), None);
    let long_before = claims.issued_at - TimeDelta::minutes(2);
    assert_eq!(tokens.verify(&token, long_before).await.unwrap(), None);
}

#[tokio::test]
async fn what_others_signed_or_changed_is_not_ours() {
    let vault = Arc::default();
    let (ours, now) = (tokens(&vault), claims().issued_at);
    let strangers = tokens(&Arc::default()).sign(&claims()).await.unwrap();
    let for_others = JwtTokens::new(vault.clone(), "issuer".into(), "others".into());
    let for_others = for_others.sign(&claims()).await.unwrap();
    let by_others = JwtTokens::new(vault.clone(), "others".into(), "audience".into());
    let by_others = by_others.sign(&claims()).await.unwrap();

    let token = ours.sign(&claims()).await.unwrap();
    let [header, payload, signature] = token.split('.').collect::<Vec<_>>().try_into().unwrap();
    let kid = jsonwebtoken::decode_header(&token).unwrap().kid.unwrap();
    let unsigned = text(&json!({ "alg": "none", "typ": "at+jwt", "kid": kid }));
    // The public key as the secret of a MAC: what careless verifiers take.
    let mut confused = Header::new(Algorithm::HS256);
    (confused.typ, confused.kid) = (Some("at+jwt".to_owned()), Some(kid.clone()));
    let modulus = ours.public_keys().await.unwrap()["keys"][0]["n"].to_string();
    let body: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
    let secret = EncodingKey::from_secret(modulus.as_bytes());
    let confused = jsonwebtoken::encode(&confused, &body, &secret).unwrap();
    // An ID token, or any other, is no access token.
    let mut untyped = Header::new(Algorithm::RS256);
    untyped.kid = Some(kid);
    let keys = ours.known();
    let (_, pair) = keys.0.first_key_value().unwrap();
    let untyped = jsonwebtoken::encode(&untyped, &body, &pair.private).unwrap();
    let changed = text(&json!({ "sub": Uuid::nil() }));

    for odd in [
        strangers,
        for_others,
        by_others,
        confused,
        untyped,
        format!("{unsigned}.{payload}."),
        format!("{unsigned}.{payload}.{signature}"),
        format!("{header}.{changed}.{signature}"),
        format!("{header}.{payload}"),
        format!("{header}.{payload}.{signature}."),
        String::new(),
    ] {
        assert_eq!(ours.verify(&odd, now).await.unwrap(), None, "{odd}");
    }
    assert!(ours.verify(&token, now).await.unwrap().is_some());
}

#[tokio::test]
async fn processes_that_start_at_once_know_each_others_tokens() {
    let vault = Arc::default();
    let (one, other) = (tokens(&vault), tokens(&vault));
    let both = futures_util::join!(async { one.sign(&claims()).await.unwrap() }, async {
        other.sign(&claims()).await.unwrap()
    });
    let now = claims().issued_at;
    for token in [both.0, both.1] {
        assert!(one.verify(&token, now).await.unwrap().is_some());
        assert!(other.verify(&token, now).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn a_key_is_followed_in_time_and_verifies_a_while_longer() {
    let vault: Arc<Memory> = Arc::default();
    let days = |count| now() - TimeDelta::days(count);
    vault.keep_made(days(31)).await;
    let (ours, others) = (tokens(&vault), tokens(&vault));
    let old = others.sign(&claims()).await.unwrap();

    ours.rotate(now()).await.unwrap();
    assert_eq!(ours.public_keys().await.unwrap()["keys"].as_array().map(Vec::len), Some(2));
    let kid = |token: &str| jsonwebtoken::decode_header(token).unwrap().kid;
    // The new one is shown, and signs only later.
    assert_eq!(kid(&ours.sign(&claims()).await.unwrap()), kid(&old));
    let later = Claims { issued_at: now() + TimeDelta::minutes(11), ..claims() };
    let new = ours.sign(&later).await.unwrap();
    assert_ne!(kid(&new), kid(&old));
    assert!(ours.verify(&old, claims().issued_at).await.unwrap().is_some());

    ours.rotate(now() + TimeDelta::hours(25)).await.unwrap();
    assert!(ours.verify(&old, claims().issued_at).await.unwrap().is_some());
    ours.rotate(now() + TimeDelta::hours(27)).await.unwrap();
    assert_eq!(ours.verify(&old, claims().issued_at).await.unwrap(), None);
    ours.rotate(now() + TimeDelta::days(5)).await.unwrap();
    assert_eq!(vault.secrets(PREFIX).await.unwrap().len(), 1);
}

#[tokio::test]
async fn the_public_keys_verify_and_hold_nothing_else() {
    let ours = tokens(&Arc::default());
    let token = ours.sign(&claims()).await.unwrap();
    let keys = ours.public_keys().await.unwrap();
    let set: jsonwebtoken::jwk::JwkSet = serde_json::from_value(keys.clone()).unwrap();
    let kid = jsonwebtoken::decode_header(&token).unwrap().kid.unwrap();
    let key = DecodingKey::from_jwk(set.find(&kid).unwrap()).unwrap();
    assert!(jsonwebtoken::decode::<Value>(&token, &key, &ours.validation()).is_ok());
    let fields: Vec<_> = keys["keys"][0].as_object().unwrap().keys().cloned().collect();
    assert_eq!(fields.len(), 6, "{fields:?}");
    assert!(!fields.iter().any(|it| ["d", "p", "q", "dp", "dq", "qi"].contains(&it.as_str())));
}

proptest! {
    #[test]
    fn no_text_breaks_the_reader(text in "[\\PC.]{0,60}(\\.[A-Za-z0-9_=-]{0,40}){0,3}") {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let tokens = JwtTokens::new(Arc::new(Memory::default()), "i".into(), "a".into());
        let read = runtime.block_on(tokens.verify(&text, now()));
        prop_assert!(matches!(read, Ok(None)));
    }
}

fn tokens(vault: &Arc<Memory>) -> JwtTokens {
    JwtTokens::new(vault.clone(), "issuer".into(), "audience".into())
}

fn claims() -> Claims {
    let issued_at = DateTime::from_timestamp(now().timestamp() / 60 * 60, 0).unwrap();
    Claims {
        id: Uuid::nil(),
        user: UserId(Uuid::nil()),
        email: "ana@example.com".into(),
        name: "Ana".into(),
        roles: vec!["user".into()],
        organization: None,
        session: SessionId(Uuid::nil()),
        issued_at,
        expires_at: issued_at + TimeDelta::minutes(15),
    }
}

fn text(json: &Value) -> String {
    URL_SAFE_NO_PAD.encode(json.to_string())
}

/// Secrets in memory.
#[derive(Default)]
struct Memory(std::sync::Mutex<BTreeMap<String, Vec<u8>>>);

impl Memory {
    fn held(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A key that was made at another time.
    async fn keep_made(&self, at: DateTime<Utc>) {
        let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
        let seconds = at.timestamp().unsigned_abs();
        let time = uuid::Timestamp::from_unix(uuid::NoContext, seconds, 0);
        let name = format!("{PREFIX}{}", Uuid::new_v7(time));
        self.put_secret(&name, der.as_ref()).await.unwrap();
    }
}

#[async_trait]
impl Vault for Memory {
    async fn put_secret(&self, name: &str, secret: &[u8]) -> Result<(), CommandError> {
        self.held().insert(name.to_owned(), secret.to_vec());
        Ok(())
    }

    async fn secret(&self, name: &str) -> Result<Option<Vec<u8>>, CommandError> {
        Ok(self.held().get(name).cloned())
    }

    async fn delete_secret(&self, name: &str) -> Result<(), CommandError> {
        self.held().remove(name);
        Ok(())
    }

    async fn secrets(&self, prefix: &str) -> Result<Vec<String>, CommandError> {
        Ok(self.held().keys().filter(|it| it.starts_with(prefix)).cloned().collect())
    }

    fn index(&self, kind: &str, value: &str) -> String {
        format!("{kind}{value}")
    }

    fn seal(&self, _: &str, clear: &[u8]) -> Result<Vec<u8>, CommandError> {
        Ok(clear.to_vec())
    }

    fn open(&self, _: &str, sealed: &[u8]) -> Result<Vec<u8>, CommandError> {
        Ok(sealed.to_vec())
    }

    fn sign(&self, _: &str) -> (String, String) {
        (String::new(), String::new())
    }

    fn public_key(&self) -> String {
        String::new()
    }

    fn verifies(&self, _: &str, _: &str, _: &str) -> bool {
        false
    }
}

fn now() -> DateTime<Utc> {
    domain::kernel::Clock::now(&crate::SystemClock)
}
