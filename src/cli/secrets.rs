//! Takes secrets out of what people type, before it is kept: users and passwords in addresses, values of what is called a token, key
//! or password, and texts in the form of well-known keys.

/// What stands in a secret's place.
const MASK: &str = "***";

/// Parts of names whose values are secret.
const SECRET_NAMES: [&str; 6] = ["token", "password", "passwd", "secret", "credential", "api-key"];

/// What keys of well-known services begin with.
const PREFIXES: [&str; 9] = [
    "ghp_",
    "gho_",
    "ghs_",
    "ghu_",
    "ghr_",
    "github_pat_",
    "AKIA",
    "ASIA",
    "xoxb-",
];

/// The least length of a key after its prefix.
const KEY_LENGTH: usize = 12;

/// Arguments as they may be kept.
pub(super) fn masked<T: AsRef<str>>(arguments: impl IntoIterator<Item = T>) -> Vec<String> {
    let mut is_value = false;
    arguments
        .into_iter()
        .map(|argument| {
            let argument = argument.as_ref();
            let secret = std::mem::take(&mut is_value);
            if secret && !argument.starts_with('-') {
                return MASK.to_owned();
            }
            is_value = argument.starts_with("--") && !argument.contains('=') && is_secret_name(argument);
            mask(argument)
        })
        .collect()
}

/// One argument.
fn mask(argument: &str) -> String {
    let text = without_user(argument);
    let mut shown = String::with_capacity(text.len());
    // Parameters of addresses, and words of a text.
    for part in text.split_inclusive(['&', '?', ' ', ',', ';', '\n']) {
        let end = part.trim_end_matches(['&', '?', ' ', ',', ';', '\n']);
        let separator = &part[end.len()..];
        match end.split_once('=') {
            Some((name, value)) if !value.is_empty() && is_secret_name(name) => {
                shown.push_str(name);
                shown.push('=');
                shown.push_str(MASK);
            }
            Some((name, value)) if is_key(value) => {
                shown.push_str(name);
                shown.push('=');
                shown.push_str(MASK);
            }
            _ if is_key(end) => shown.push_str(MASK),
            _ => shown.push_str(end),
        }
        shown.push_str(separator);
    }
    shown
}

/// An address without its user and password.
fn without_user(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else {
        return text.to_owned();
    };
    let authority = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..authority].rfind('@') {
        Some(at) => format!("{scheme}://{MASK}{}", &rest[at..]),
        None => text.to_owned(),
    }
}

fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace('_', "-");
    SECRET_NAMES.iter().any(|secret| name.contains(secret))
        || name.ends_with("access-key")
        || name.ends_with("signature")
}

/// A key of a well-known service, or 40 characters of base 64 that are no digest (an AWS secret).
fn is_key(text: &str) -> bool {
    let text = text.trim_matches(['"', '\'']);
    let has_prefix = PREFIXES
        .iter()
        .filter_map(|prefix| text.strip_prefix(prefix))
        .any(|rest| {
            rest.len() >= KEY_LENGTH
                && rest
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
        });
    let is_aws = text.len() == 40
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'+'))
        && text.bytes().any(|byte| byte.is_ascii_uppercase())
        && text.bytes().any(|byte| byte.is_ascii_lowercase())
        && text.bytes().any(|byte| byte.is_ascii_digit());
    has_prefix || is_aws
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn secrets_are_masked_and_the_rest_stays() {
        let typed = [
            "remote",
            "add",
            "https://user:pass@s3.example/bucket?x=1",
            "--token",
            "hunter2",
            "--auth-token=hunter2",
            "key=AKIAIOSFODNN7EXAMPLE",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "https://h/x?token=abc&size=3",
            "AWS_SECRET_ACCESS_KEY=abc",
            "0123456789abcdef0123456789abcdef01234567",
            "--name",
            "tokenizer",
            "a=b",
        ];
        assert_eq!(
            masked(typed),
            [
                "remote",
                "add",
                "https://***@s3.example/bucket?x=1",
                "--token",
                "***",
                "--auth-token=***",
                "key=***",
                "***",
                "https://h/x?token=***&size=3",
                "AWS_SECRET_ACCESS_KEY=***",
                "0123456789abcdef0123456789abcdef01234567",
                "--name",
                "tokenizer",
                "a=b",
            ]
        );
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,60}", tail in "[=&? @:/a-z]{0,20}") {
            let _ = masked([&text, &tail, &format!("{text}://{tail}@{text}")]);
        }
    }
}
