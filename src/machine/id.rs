//! Tells machines apart by a digest that is mlbuild's own: nobody can find the system's identifier out of it, or match it with what other
//! programs derive.

use super::host::Host;
use crate::digest::Hasher;

/// Where Linux keeps a random identifier of each installation (`machine-id(5)`).
const FILES: [&str; 2] = ["/etc/machine-id", "/var/lib/dbus/machine-id"];

/// Hexadecimal digits: enough for the machines of one workspace.
const LENGTH: usize = 16;

/// This machine: a digest of the identifier of its installation, or of its name where the system keeps none.
pub fn machine_id() -> String {
    of(&Host::this(), &host_name())
}

/// The machine's name; `unknown` where it has none.
pub fn host_name() -> String {
    sysinfo::System::host_name()
        .ok()
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "unknown".to_owned())
}

fn of(host: &Host, name: &str) -> String {
    let mut hasher = Hasher::new();
    hasher.part(b"mlbuild machine");
    match FILES
        .iter()
        .filter_map(|path| host.text(path))
        .find(|id| !id.is_empty())
    {
        Some(id) => {
            hasher.part(b"installation");
            hasher.part(id.as_bytes());
        }
        None => {
            hasher.part(b"name");
            hasher.part(name.as_bytes());
        }
    }
    hasher.finish().as_str().chars().take(LENGTH).collect()
}

#[cfg(test)]
mod tests {
    use super::super::host::testing::host;
    use super::*;

    #[test]
    fn tells_installations_apart_without_giving_them_away() {
        let (_one, one) = host(&[("/etc/machine-id", "0123456789abcdef0123456789abcdef\n")]);
        let (_two, two) = host(&[("/etc/machine-id", "\n"), ("/var/lib/dbus/machine-id", "fedcba98\n")]);
        let (_none, none) = host(&[]);
        let ids = [of(&one, "desk"), of(&two, "desk"), of(&none, "desk"), of(&none, "lap")];
        for (index, id) in ids.iter().enumerate() {
            assert_eq!(id.len(), LENGTH);
            assert!(!id.starts_with("0123"));
            assert!(!ids[..index].contains(id));
        }
        assert_eq!(of(&one, "desk"), of(&one, "renamed"));
    }
}
