//! What a device says of itself: what it is, its battery, how warm it is.

mod battery;
mod identity;
mod thermal;

use serde::Deserialize;
use serde::Serialize;

pub use battery::Battery;
pub use identity::Identity;
pub use thermal::Kind;
pub use thermal::Sensor;
pub use thermal::Status;
pub use thermal::Thermal;

use crate::device::error::DeviceError;
use crate::device::opened::Device;
use crate::device::wire::Patience;

/// The kernel's thermal zones, a line each: type and temperature. Zones that the shell's user may not read say nothing.
const ZONES: &str = "for zone in /sys/class/thermal/thermal_zone*; do \
                     echo \"$(cat $zone/type 2>/dev/null) $(cat $zone/temp 2>/dev/null)\"; done";

/// How a device is at one moment.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Condition {
    /// Its battery.
    pub battery: Battery,
    /// How warm it is.
    pub thermal: Thermal,
}

impl Device {
    /// What it is.
    pub fn identity(&self, patience: Patience<'_>) -> Result<Identity, DeviceError> {
        let properties = self.shell("getprop", patience)?;
        let cores = self.shell("cat /sys/devices/system/cpu/possible", patience)?;
        Ok(Identity::parse(&properties.stdout, &cores.stdout))
    }

    /// How it is now. What it doesn't tell is left out: phones differ in what the shell may see.
    pub fn condition(&self, patience: Patience<'_>) -> Result<Condition, DeviceError> {
        let battery = self.shell("dumpsys battery", patience)?;
        let service = self.shell("dumpsys thermalservice", patience)?;
        let zones = self.shell(ZONES, patience)?;
        Ok(Condition {
            battery: Battery::parse(&battery.stdout),
            thermal: Thermal::parse(&service.stdout, &zones.stdout),
        })
    }
}
