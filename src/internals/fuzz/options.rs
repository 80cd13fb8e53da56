//! The options of `sonoran_connect`.

use serde_json::Value;

use crate::config::Options;

/// The input is `options_json`. Whatever it is, the answer is the same the second time, is short, and says nothing of
/// the key or of a proxy's password.
pub fn options(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let options = Options::parse(text);
    let said = match &options {
        Ok(options) => {
            let config = &options.config;
            assert!(config.same_session(config) && config.difference(config).is_none());
            format!("{options:?}")
        }
        Err(error) => {
            let said = error.to_string();
            assert!(said.len() <= 1_000, "{} bytes: {said}", said.len());
            said
        }
    };
    for secret in secrets(text) {
        assert!(!said.contains(&secret), "{secret:?} is in: {said}");
    }
    assert_eq!(
        options.is_ok(),
        Options::parse(text).is_ok_and(|again| options.is_ok_and(|options| options == again))
    );
}

/// The secrets that stand nowhere else in the text, and that are no part of a word.
fn secrets(text: &str) -> Vec<String> {
    let options: Value = serde_json::from_str(text).unwrap_or_default();
    let key = options["apiKey"].as_str();
    let user = options["proxy"].as_str().and_then(|proxy| proxy.split_once("://")?.1.rsplit_once('@'));
    let password = user.and_then(|(user, _)| user.split_once(':')).map(|(_, password)| password);
    let secrets = [key, password].into_iter().flatten().filter(|secret| secret.len() > 12);
    secrets.filter(|secret| text.matches(secret).count() == 1).map(str::to_owned).collect()
}
