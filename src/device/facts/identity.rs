//! `getprop`: which device this is.

use serde::Deserialize;
use serde::Serialize;

/// A device, as its properties describe it; what it doesn't tell is `None`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Identity {
    /// `Google`.
    pub manufacturer: Option<String>,
    /// `Pixel 8`.
    pub model: Option<String>,
    /// The chip, where the device names it: `Tensor G3`; otherwise its board's platform.
    pub chip: Option<String>,
    /// Android's version: `14`.
    pub android: Option<String>,
    /// The build of the system, which says more than the version.
    pub build: Option<String>,
    /// Which programs it runs, the best first: `arm64-v8a`.
    pub abis: Vec<String>,
    /// How many cores the chip has.
    pub cores: Option<usize>,
}

impl Identity {
    /// Reads lines of `[name]: [value]`, and the kernel's list of cores (`0-7`).
    pub(super) fn parse(properties: &str, cores: &str) -> Self {
        let value = |key: &str| {
            properties.lines().find_map(|line| {
                let (name, value) = line.trim().strip_prefix('[')?.split_once("]: [")?;
                let value = value.strip_suffix(']')?.trim();
                (name == key && !value.is_empty()).then(|| value.to_owned())
            })
        };
        let abis = value("ro.product.cpu.abilist").or_else(|| value("ro.product.cpu.abi"));
        Self {
            manufacturer: value("ro.product.manufacturer"),
            model: value("ro.product.model"),
            chip: value("ro.soc.model").or_else(|| value("ro.board.platform")),
            android: value("ro.build.version.release"),
            build: value("ro.build.fingerprint").or_else(|| value("ro.build.id")),
            abis: abis
                .map(|list| list.split(',').map(|abi| abi.trim().to_owned()).collect())
                .unwrap_or_default(),
            cores: count(cores.trim()),
        }
    }

    /// `Google Pixel 8 (Tensor G3, Android 14)`.
    pub fn describe(&self) -> String {
        let name: Vec<&str> = [&self.manufacturer, &self.model]
            .into_iter()
            .flatten()
            .map(String::as_str)
            .collect();
        let name = if name.is_empty() {
            "a device that does not say what it is".to_owned()
        } else {
            name.join(" ")
        };
        let mut details: Vec<String> = self.chip.iter().cloned().collect();
        details.extend(self.cores.map(|cores| format!("{cores} cores")));
        details.extend(self.android.as_ref().map(|version| format!("Android {version}")));
        if details.is_empty() {
            return name;
        }
        format!("{name} ({})", details.join(", "))
    }
}

/// `0-7` and `0,2-3` as how many.
fn count(list: &str) -> Option<usize> {
    let mut count = 0_usize;
    for part in list.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (usize, usize) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        count = count.checked_add(last.checked_sub(first)?.checked_add(1)?)?;
    }
    Some(count).filter(|count| *count <= 4096)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_what_phones_say() {
        let identity = Identity::parse(
            "[ro.build.version.release]: [14]\n[ro.product.cpu.abilist]: [arm64-v8a,armeabi-v7a,armeabi]\n\
             [ro.product.manufacturer]: [Google]\n[ro.product.model]: [Pixel 8]\n[ro.soc.model]: [Tensor G3]\n\
             [ro.board.platform]: []\n[persist.odd]: [a]: [b]]\n",
            "0-8\n",
        );
        assert_eq!(identity.abis, ["arm64-v8a", "armeabi-v7a", "armeabi"]);
        assert_eq!(identity.cores, Some(9));
        assert_eq!(identity.describe(), "Google Pixel 8 (Tensor G3, 9 cores, Android 14)");
        assert_eq!(
            Identity::parse("", "").describe(),
            "a device that does not say what it is"
        );
    }

    #[test]
    fn counts_cores() {
        assert_eq!(count("0"), Some(1));
        assert_eq!(count("0,2-3"), Some(3));
        assert_eq!(count("3-0"), None);
        assert_eq!(count("cat: /sys: Permission denied"), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(properties in "(\\[?[a-z.]{0,8}\\]?:? ?\\[?\\PC{0,8}\\]?\n){0,4}", cores in "[0-9,-]{0,24}") {
            let _ = Identity::parse(&properties, &cores);
        }
    }
}
