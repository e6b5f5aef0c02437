//! Whether a phone was too warm for what was measured in between to count.

use std::time::Duration;

use serde::Deserialize;
use serde::Serialize;

use crate::device::facts::Condition;
use crate::device::facts::Status;

/// From this status on a phone's clocks are held down.
const THROTTLING: Status = Status::Moderate;

/// A battery below this makes many phones slow down, unless it is charging.
const LOW_BATTERY: f64 = 15.0;

/// How warm is too warm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// A sensor of processor, skin or battery may rise by this many °C in a restart.
    pub most_rise: f64,
    /// How long to wait at most for a phone that was too warm.
    pub cool_down: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            most_rise: 5.0,
            cool_down: Duration::from_secs(60),
        }
    }
}

/// What the heat means for a restart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "verdict", content = "reason")]
pub enum Heat {
    /// Nothing of note, or nothing known.
    Fine,
    /// It counts, and a reader should know this.
    Warm(String),
    /// It does not count.
    TooWarm(String),
}

impl Limits {
    /// Judges what was measured between two conditions.
    pub fn judge(&self, before: &Condition, after: &Condition) -> Heat {
        let (first, last) = (before.thermal.status, after.thermal.status);
        if let Some(status) = first.max(last).filter(|status| *status >= THROTTLING) {
            return Heat::TooWarm(format!("the phone throttled: thermal status {}", status.word()));
        }
        if let (Some(first), Some(last)) = (first, last)
            && last > first
        {
            return Heat::TooWarm(format!(
                "the phone began to throttle: thermal status {} after {}",
                last.word(),
                first.word()
            ));
        }
        if let Some((rise, name)) = before.thermal.rise(&after.thermal) {
            let text = format!("sensor `{name}` rose by {rise:.1} °C");
            if rise > self.most_rise {
                return Heat::TooWarm(format!("{text}, more than {:.1}", self.most_rise));
            }
            if rise > self.most_rise / 2.0 {
                return Heat::Warm(text);
            }
        }
        let battery = before.battery.celsius.zip(after.battery.celsius);
        if let Some((first, last)) = battery
            && last - first > self.most_rise
        {
            return Heat::TooWarm(format!("the battery warmed by {:.1} °C", last - first));
        }
        match last {
            Some(status) if status > Status::None => Heat::Warm(format!(
                "the phone throttles a little: thermal status {}",
                status.word()
            )),
            _ => Heat::Fine,
        }
    }

    /// True where a phone that was like `begin` and like `now` after some rest may go on.
    pub fn is_cool(&self, begin: &Condition, now: &Condition) -> bool {
        let status = now.thermal.status.unwrap_or(Status::None);
        let is_calm = status < THROTTLING && status <= begin.thermal.status.unwrap_or(Status::None).max(Status::Light);
        let rise = begin.thermal.rise(&now.thermal).map_or(0.0, |(rise, _)| rise);
        is_calm && rise <= self.most_rise / 2.0
    }
}

/// What a reader should know about a battery.
pub fn remarks_on_battery(condition: &Condition) -> Option<String> {
    let battery = &condition.battery;
    let level = battery.level_percent.filter(|level| *level < LOW_BATTERY)?;
    battery
        .powered_by
        .is_empty()
        .then(|| format!("the battery is at {level:.0} % and does not charge; many phones slow down then"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::facts::Kind;
    use crate::device::facts::Sensor;
    use crate::device::facts::Thermal;

    fn at(status: Option<Status>, celsius: f64) -> Condition {
        Condition {
            thermal: Thermal {
                status,
                sensors: vec![Sensor {
                    name: "SKIN".to_owned(),
                    kind: Kind::Skin,
                    celsius,
                }],
            },
            ..Condition::default()
        }
    }

    #[test]
    fn what_throttles_or_warms_up_does_not_count() {
        let limits = Limits::default();
        let none = Some(Status::None);
        assert_eq!(limits.judge(&at(none, 30.0), &at(none, 31.0)), Heat::Fine);
        assert_eq!(
            limits.judge(&at(none, 30.0), &at(none, 33.0)),
            Heat::Warm("sensor `SKIN` rose by 3.0 °C".to_owned())
        );
        assert_eq!(
            limits.judge(&at(none, 30.0), &at(none, 36.0)),
            Heat::TooWarm("sensor `SKIN` rose by 6.0 °C, more than 5.0".to_owned())
        );
        let begins = limits.judge(&at(none, 30.0), &at(Some(Status::Light), 30.0));
        assert!(matches!(begins, Heat::TooWarm(_)), "{begins:?}");
        let light = limits.judge(&at(Some(Status::Light), 30.0), &at(Some(Status::Light), 30.0));
        assert!(matches!(light, Heat::Warm(_)), "{light:?}");
        // Throttling all the time is even, and still not what users of a cool phone get.
        let hot = limits.judge(&at(Some(Status::Severe), 44.0), &at(Some(Status::Severe), 44.0));
        assert!(matches!(hot, Heat::TooWarm(_)), "{hot:?}");
        assert_eq!(limits.judge(&at(None, 30.0), &at(None, 30.0)), Heat::Fine);
        assert_eq!(limits.judge(&Condition::default(), &Condition::default()), Heat::Fine);
    }

    #[test]
    fn rest_ends_when_it_is_as_cool_as_before() {
        let limits = Limits::default();
        let begin = at(Some(Status::None), 30.0);
        assert!(!limits.is_cool(&begin, &at(Some(Status::Moderate), 30.0)));
        assert!(!limits.is_cool(&begin, &at(Some(Status::None), 34.0)));
        assert!(limits.is_cool(&begin, &at(Some(Status::None), 32.0)));
        assert!(limits.is_cool(&Condition::default(), &Condition::default()));
    }

    #[test]
    fn a_low_battery_is_told() {
        let mut condition = at(None, 30.0);
        assert_eq!(remarks_on_battery(&condition), None);
        condition.battery.level_percent = Some(9.0);
        assert!(remarks_on_battery(&condition).unwrap().contains("at 9 %"));
        condition.battery.powered_by = vec!["USB".to_owned()];
        assert_eq!(remarks_on_battery(&condition), None);
    }
}
