//! How warm a device is: `dumpsys thermalservice`, and the kernel's thermal zones where the shell may read them.

use serde::Deserialize;
use serde::Serialize;

/// Degrees that a sensor can mean; what is beyond is broken or switched off.
const SENSIBLE: std::ops::RangeInclusive<f64> = -40.0..=150.0;

/// How warm a device is; empty where it doesn't tell.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Thermal {
    /// How much the system throttles; `None` where it doesn't tell.
    pub status: Option<Status>,
    /// Its sensors, those of the service before the kernel's.
    pub sensors: Vec<Sensor>,
}

/// A temperature.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sensor {
    /// The device's name for it.
    pub name: String,
    /// What it sits on.
    pub kind: Kind,
    /// What it says.
    pub celsius: f64,
}

/// What a sensor sits on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The processor's cores.
    Cpu,
    /// The graphics processor.
    Gpu,
    /// The battery.
    Battery,
    /// What a hand feels; what decides on throttling on most phones.
    Skin,
    /// The neural processor.
    Npu,
    /// Something else, or unknown.
    Other,
}

impl Kind {
    /// Android's numbers (`Temperature.TYPE_…`).
    fn of_number(number: i64) -> Self {
        match number {
            0 => Self::Cpu,
            1 => Self::Gpu,
            2 => Self::Battery,
            3 => Self::Skin,
            9 => Self::Npu,
            _ => Self::Other,
        }
    }

    /// What makers call zones.
    fn of_name(name: &str) -> Self {
        let name = name.to_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
        if has(&["batt"]) {
            Self::Battery
        } else if has(&["skin", "shell", "quiet"]) {
            Self::Skin
        } else if has(&["gpu", "g3d"]) {
            Self::Gpu
        } else if has(&["npu", "tpu"]) {
            Self::Npu
        } else if has(&["cpu", "soc", "big", "mid", "little", "cluster", "apc"]) {
            Self::Cpu
        } else {
            Self::Other
        }
    }
}

/// How much the system throttles (`PowerManager.THERMAL_STATUS_…`), mildest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Not at all.
    None,
    /// So that nobody should notice.
    Light,
    /// So that it can be noticed.
    Moderate,
    /// Much.
    Severe,
    /// Everything that can be.
    Critical,
    /// Parts are switched off.
    Emergency,
    /// It is about to switch off.
    Shutdown,
}

impl Status {
    const ALL: [Self; 7] = [
        Self::None,
        Self::Light,
        Self::Moderate,
        Self::Severe,
        Self::Critical,
        Self::Emergency,
        Self::Shutdown,
    ];

    /// The word in reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Light => "light",
            Self::Moderate => "moderate",
            Self::Severe => "severe",
            Self::Critical => "critical",
            Self::Emergency => "emergency",
            Self::Shutdown => "shutdown",
        }
    }
}

impl Thermal {
    /// Reads both texts. The service lists cached temperatures before fresh ones; a later reading of a sensor replaces an earlier.
    pub(super) fn parse(service: &str, zones: &str) -> Self {
        let status = service
            .lines()
            .find_map(|line| line.trim().strip_prefix("Thermal Status:"))
            .and_then(|number| number.trim().parse::<usize>().ok())
            .and_then(|number| Status::ALL.get(number).copied());
        let mut sensors: Vec<Sensor> = Vec::new();
        let read = service
            .lines()
            .filter_map(temperature)
            .chain(zones.lines().filter_map(zone));
        for sensor in read.filter(|sensor| SENSIBLE.contains(&sensor.celsius)) {
            match sensors.iter_mut().find(|known| known.name == sensor.name) {
                Some(known) => *known = sensor,
                None => sensors.push(sensor),
            }
        }
        Self { status, sensors }
    }

    /// The warmest sensor of a kind, in °C.
    pub fn warmest(&self, kind: Kind) -> Option<f64> {
        let of_kind = self.sensors.iter().filter(|sensor| sensor.kind == kind);
        of_kind.map(|sensor| sensor.celsius).max_by(f64::total_cmp)
    }

    /// By how much the sensor of processor, skin or battery that changed most is warmer `later`, and its name. `None` where there is none.
    pub fn rise(&self, later: &Self) -> Option<(f64, &str)> {
        let tells = |sensor: &&Sensor| matches!(sensor.kind, Kind::Cpu | Kind::Skin | Kind::Battery);
        self.sensors
            .iter()
            .filter(tells)
            .filter_map(|before| {
                let after = later.sensors.iter().find(|after| after.name == before.name)?;
                Some((after.celsius - before.celsius, before.name.as_str()))
            })
            .max_by(|one, other| one.0.total_cmp(&other.0))
    }
}

/// `Temperature{mValue=30.7, mType=3, mName=SKIN, mStatus=0}`.
fn temperature(line: &str) -> Option<Sensor> {
    let fields = line.trim().strip_prefix("Temperature{")?.strip_suffix('}')?;
    let field = |key: &str| {
        fields
            .split(',')
            .find_map(|field| field.trim().strip_prefix(key)?.strip_prefix('='))
            .map(str::trim)
    };
    Some(Sensor {
        name: field("mName").filter(|name| !name.is_empty())?.to_owned(),
        kind: field("mType")?.parse().map(Kind::of_number).ok()?,
        celsius: field("mValue")?.parse().ok()?,
    })
}

/// `cpu-0-0-usr 41300`: thousandths of a degree, or degrees on some kernels.
fn zone(line: &str) -> Option<Sensor> {
    let (name, number) = line.trim().rsplit_once(char::is_whitespace)?;
    let number: f64 = number.parse().ok()?;
    let celsius = if number.abs() >= 1000.0 {
        number / 1000.0
    } else {
        number
    };
    let name = name.trim();
    // A zone at exactly nothing is one that is switched off.
    (!name.is_empty() && celsius != 0.0).then(|| Sensor {
        name: name.to_owned(),
        kind: Kind::of_name(name),
        celsius,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SERVICE: &str = "IsStatusOverride: false\nThermalEventListeners:\n\tcallbacks: 4\nThermal Status: 1\nCached temperatures:\n\
        \tTemperature{mValue=20.0, mType=3, mName=SKIN, mStatus=0}\nHAL Ready: true\nCurrent temperatures from HAL:\n\
        \tTemperature{mValue=33.5, mType=3, mName=SKIN, mStatus=0}\n\
        \tTemperature{mValue=41.25, mType=0, mName=CPU0, mStatus=0}\n\
        \tTemperature{mValue=-274.0, mType=0, mName=CPU9, mStatus=0}\n\
        Current cooling devices from HAL:\n\tCoolingDevice{mValue=0, mType=2, mName=cpufreq}\n";

    #[test]
    fn reads_what_phones_say() {
        let thermal = Thermal::parse(
            SERVICE,
            "battery 29000\ncpu-0-0-usr 41300\n 12000\nmodem 0\nxo-therm -40001\nquiet-therm 31\n",
        );
        assert_eq!(thermal.status, Some(Status::Light));
        let told: Vec<(&str, Kind, f64)> = thermal
            .sensors
            .iter()
            .map(|sensor| (sensor.name.as_str(), sensor.kind, sensor.celsius))
            .collect();
        assert_eq!(
            told,
            [
                ("SKIN", Kind::Skin, 33.5),
                ("CPU0", Kind::Cpu, 41.25),
                ("battery", Kind::Battery, 29.0),
                ("cpu-0-0-usr", Kind::Cpu, 41.3),
                ("quiet-therm", Kind::Skin, 31.0),
            ]
        );
        assert_eq!(thermal.warmest(Kind::Cpu), Some(41.3));
        assert_eq!(thermal.warmest(Kind::Npu), None);
    }

    #[test]
    fn the_largest_rise_counts() {
        let before = Thermal::parse(SERVICE, "");
        let after = Thermal::parse(&SERVICE.replace("41.25", "47.5").replace("33.5", "34.0"), "");
        assert_eq!(before.rise(&after), Some((6.25, "CPU0")));
        assert_eq!(after.rise(&before), Some((-0.5, "SKIN")));
        assert_eq!(Thermal::default().rise(&after), None);
    }

    #[test]
    fn an_old_phone_tells_nothing() {
        assert_eq!(
            Thermal::parse("Can't find service: thermalservice\n", ""),
            Thermal::default()
        );
        assert_eq!(Thermal::parse("Thermal Status: 9\n", "").status, None);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(
            service in "(\t?Temperature\\{(m(Value|Type|Name)=[0-9a-zA-Z.-]{0,6},? ?){0,4}\\}\n|Thermal Status: [0-9-]{0,20}\n){0,4}",
            zones in "([a-z]{0,5} -?[0-9]{0,9}\n|\\PC{0,12}\n){0,4}",
        ) {
            let thermal = Thermal::parse(&service, &zones);
            prop_assert!(thermal.sensors.iter().all(|sensor| SENSIBLE.contains(&sensor.celsius)));
        }
    }
}
