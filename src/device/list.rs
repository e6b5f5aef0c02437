//! The list of devices, as the adb server gives it to `host:devices-l`.

use serde::Serialize;

/// A device that the server knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// Its serial number; host and port of one that is connected over the network.
    pub serial: String,
    /// Whether it can be used.
    pub state: State,
    /// The server's own word for that.
    pub state_word: String,
    /// The product's name (`ro.product.name`); `None` where the server has not been told.
    pub product: Option<String>,
    /// The model's name (`ro.product.model`), with `_` for blanks.
    pub model: Option<String>,
    /// The device's code name (`ro.product.device`).
    pub device: Option<String>,
    /// The server's number for this connection.
    pub transport: Option<u64>,
}

/// What can be done with a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It can be used.
    Ready,
    /// It waits for its owner to trust this computer.
    Unauthorized,
    /// It doesn't answer.
    Offline,
    /// This user may not open it.
    NoPermissions,
    /// Recovery, bootloader, sideload and whatever else is not a running Android.
    Other,
}

impl State {
    fn of(word: &str) -> Self {
        match word {
            "device" => Self::Ready,
            "unauthorized" | "authorizing" => Self::Unauthorized,
            "offline" | "connecting" => Self::Offline,
            word if word.starts_with("no permissions") => Self::NoPermissions,
            _ => Self::Other,
        }
    }
}

/// Reads the server's list, sorted by serial number. A line that has no serial number and state is passed over.
///
/// A line is `SERIAL STATE key:value …`; the state of a device without permissions is a sentence with blanks of its own.
pub(super) fn parse(text: &str) -> Vec<Listed> {
    let mut found: Vec<Listed> = text.lines().filter_map(line).collect();
    found.sort_by(|one, other| one.serial.cmp(&other.serial));
    found
}

fn line(line: &str) -> Option<Listed> {
    let line = line.trim();
    let (serial, rest) = line.split_once(char::is_whitespace)?;
    let rest = rest.trim_start();
    let is_sentence = rest.starts_with("no permissions");
    let word = if is_sentence {
        "no permissions"
    } else {
        rest.split_whitespace().next()?
    };
    let value = |key: &str| {
        rest.split_whitespace()
            .filter_map(|part| part.strip_prefix(key)?.strip_prefix(':'))
            .find(|value| !value.is_empty())
            .map(str::to_owned)
    };
    Some(Listed {
        serial: serial.to_owned(),
        state: State::of(word),
        state_word: word.to_owned(),
        product: value("product"),
        model: value("model"),
        device: value("device"),
        transport: value("transport_id").and_then(|number| number.parse().ok()),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_what_the_server_says() {
        let listed = parse(
            "emulator-5554          device product:sdk_gphone64 model:Pixel_8 device:husky transport_id:3\n\
             0123456789ABCDEF       unauthorized usb:1-2 transport_id:4\n\
             ????????????           no permissions (user in plugdev group; are your udev rules wrong?); see [http://developer.android.com/tools/device.html] usb:1-3 transport_id:5\n\
             192.168.0.7:5555       offline transport_id:6\n\
             R5                     recovery\n\n",
        );
        let told: Vec<(&str, State, Option<&str>, Option<u64>)> = listed
            .iter()
            .map(|one| (one.serial.as_str(), one.state, one.model.as_deref(), one.transport))
            .collect();
        assert_eq!(
            told,
            [
                ("0123456789ABCDEF", State::Unauthorized, None, Some(4)),
                ("192.168.0.7:5555", State::Offline, None, Some(6)),
                ("????????????", State::NoPermissions, None, Some(5)),
                ("R5", State::Other, None, None),
                ("emulator-5554", State::Ready, Some("Pixel_8"), Some(3)),
            ]
        );
        assert_eq!(listed[3].state_word, "recovery");
        assert_eq!(listed[4].device.as_deref(), Some("husky"));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(\\PC{0,20}[ \t\n]?){0,8}") {
            for listed in parse(&text) {
                prop_assert!(!listed.serial.is_empty() && !listed.state_word.is_empty());
            }
        }
    }
}
