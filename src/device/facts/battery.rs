//! `dumpsys battery`.

use serde::Deserialize;
use serde::Serialize;

/// Android's numbers for what a battery does (`BatteryManager.BATTERY_STATUS_…`).
const STATES: [&str; 5] = ["unknown", "charging", "discharging", "not charging", "full"];

/// Where power can come from, as `dumpsys battery` names it.
const SOURCES: [&str; 4] = ["AC", "USB", "Wireless", "Dock"];

/// A battery at one moment; what the device doesn't tell is `None`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Battery {
    /// How full it is, in per cent.
    pub level_percent: Option<f64>,
    /// Its temperature in °C.
    pub celsius: Option<f64>,
    /// `charging`, `discharging`, `not charging`, `full` or `unknown`.
    pub state: Option<String>,
    /// Where power comes from: `AC`, `USB`, `Wireless`, `Dock`.
    pub powered_by: Vec<String>,
}

impl Battery {
    /// Reads `key: value` lines.
    pub(super) fn parse(text: &str) -> Self {
        let value = |key: &str| {
            text.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                (name.trim() == key).then(|| value.trim())
            })
        };
        let number = |key: &str| value(key)?.parse::<f64>().ok().filter(|number| number.is_finite());
        let scale = number("scale").filter(|scale| *scale > 0.0).unwrap_or(100.0);
        let state = value("status").and_then(|text| text.parse::<usize>().ok());
        Self {
            level_percent: number("level")
                .map(|level| 100.0 * level / scale)
                .filter(|level| (0.0..=100.0).contains(level)),
            // In tenths of a degree.
            celsius: number("temperature")
                .map(|tenths| tenths / 10.0)
                .filter(|celsius| (-50.0..=150.0).contains(celsius)),
            state: state
                .and_then(|state| STATES.get(state.checked_sub(1)?))
                .map(|state| (*state).to_owned()),
            powered_by: SOURCES
                .iter()
                .filter(|source| value(&format!("{source} powered")) == Some("true"))
                .map(|source| (*source).to_owned())
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_what_phones_say() {
        let battery = Battery::parse(
            "Current Battery Service state:\n  AC powered: false\n  USB powered: true\n  Wireless powered: false\n  \
             Max charging current: 500000\n  status: 2\n  health: 2\n  present: true\n  level: 85\n  scale: 100\n  \
             voltage: 4212\n  temperature: 285\n  technology: Li-ion\n",
        );
        assert_eq!(battery.level_percent, Some(85.0));
        assert_eq!(battery.celsius, Some(28.5));
        assert_eq!(battery.state.as_deref(), Some("charging"));
        assert_eq!(battery.powered_by, ["USB"]);
    }

    #[test]
    fn what_is_not_told_is_not_known() {
        assert_eq!(Battery::parse("Can't find service: battery\n"), Battery::default());
        let odd = Battery::parse("level: 85\nscale: 0\ntemperature: 999999\nstatus: 0\n");
        assert_eq!(odd.level_percent, Some(85.0));
        assert_eq!(odd.celsius, None);
        assert_eq!(odd.state, None);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "((level|scale|status|temperature): -?[0-9a-z.]{0,12}\n){0,6}\\PC{0,20}") {
            let battery = Battery::parse(&text);
            prop_assert!(battery.level_percent.is_none_or(|level| (0.0..=100.0).contains(&level)));
        }
    }
}
