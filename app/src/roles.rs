//! What a process does: all, or some of it.

use std::str::FromStr;

use anyhow::bail;

/// What a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each role is on or off by itself")]
pub struct Roles {
    pub api: bool,
    pub bot: bool,
    pub projector: bool,
    pub reactor: bool,
}

impl Roles {
    pub fn names(self) -> Vec<String> {
        let all = [
            (self.api, "api"),
            (self.bot, "bot"),
            (self.projector, "projector"),
            (self.reactor, "reactor"),
        ];
        all.into_iter().filter(|(on, _)| *on).map(|(_, name)| name.to_owned()).collect()
    }
}

impl FromStr for Roles {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let mut roles = Self { api: false, bot: false, projector: false, reactor: false };
        for name in text.split(',').map(str::trim) {
            match name {
                "all" => roles = Self { api: true, bot: true, projector: true, reactor: true },
                "api" => roles.api = true,
                "bot" => roles.bot = true,
                "projector" => roles.projector = true,
                "reactor" => roles.reactor = true,
                other => {
                    bail!("“{other}” is no role; there are api, bot, projector, reactor and all")
                }
            }
        }
        Ok(roles)
    }
}
